import math
from enum import Enum

import pytest
import torch
from torch import nn

from seqjepa.encoders import EncoderError
from seqjepa.encoders.calling import check_encoder, encode
from seqjepa.extraction import represent
from seqjepa.extraction.reading import check_dtype
from seqjepa.factors import affine_factors, warp
from seqjepa.images import load_images
from seqjepa.types import InputError, Pose

FACTORS = affine_factors(rotation=(-180, 180), translate_x=(-4, 4), scale=(0.5, 1.0))
SMALL = dict(identities=5, steps=4, base_poses=2, joint=3, progress=False)


@pytest.fixture(scope="module")
def images():
    return load_images("digits", "test")


def test_raw_pixels_are_the_views_themselves(images):
    sweeps = represent(nn.Flatten(), images, FACTORS, **SMALL)
    assert {name: tuple(codes.shape) for name, codes in sweeps.values.items()} == {
        "rotation": (5, 2, 4, 784),
        "translate_x": (5, 2, 5, 784),
        "scale": (5, 2, 5, 784),
    }
    assert sweeps.joint.shape == (5, 3, 784)
    again = represent(nn.Flatten(), images, FACTORS, **SMALL)
    assert torch.equal(sweeps.values["rotation"], again.values["rotation"])


def test_a_quarter_turn_of_a_sweep_is_a_quarter_turn(images):
    rotation = affine_factors(rotation=(-180, 180))
    sweeps = represent(nn.Flatten(), images, rotation, **SMALL)
    views = sweeps.values["rotation"].reshape(5, 4, 28, 28)
    assert sweeps.grids["rotation"].tolist() == [-180, -90, 0, 90]
    torch.testing.assert_close(views[:, 3], torch.rot90(views[:, 2], 1, (1, 2)), atol=1e-5, rtol=0)


def test_views_are_anti_aliased_down_to_the_smallest_scale_of_the_sweep(images):
    sweeps = represent(nn.Flatten(), images, affine_factors(scale=(0.25, 1.0)), **SMALL)
    smallest = sweeps.values["scale"][0, 0, 0].reshape(28, 28)
    source = sweeps.values["scale"][0, 0, -1].reshape(1, 1, 28, 28)
    pose = Pose(torch.tensor([[[0, 0, 0, math.log(0.25)]]]))
    torch.testing.assert_close(smallest, warp(source, pose, taps=4)[0, 0, 0], atol=1e-5, rtol=0)


def test_a_module_is_put_in_eval_mode_and_restored_untouched(images):
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(784), nn.Dropout(0.5), nn.Linear(784, 4))
    model[3].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    represent(model, images, FACTORS, **SMALL)
    assert [m.training for m in model] == [True, True, True, False]
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def refusing(images):
    raise RuntimeError("expected 3 channels\nbut got 1")


def batch_dependent(images):
    flat = images.flatten(1)
    return flat - flat.mean(0)


@pytest.mark.parametrize(
    ("encoder", "says"),
    [
        (refusing, r"images of shape \(10, 1, 28, 28\), raised RuntimeError: expected 3 channels but got 1"),
        (lambda x: x.flatten(1) * float("nan"), "not finite"),
        (lambda x: x.flatten(1) + torch.rand(len(x), 784), "not deterministic"),
        (batch_dependent, "depends on the batch it sits in"),
        (lambda x: x.flatten(1)[:3], "3 representations for 10 images"),
        (lambda x: x[:, 0, 0, 0], r"shape \(10,\), not .B, D.;"),
        (lambda x: (x.flatten(1), x), "2 outputs; say which is the representation with pick=0"),
        (lambda x: {"z": x.flatten(1), "map": x}, "pick=…, one of 'z', 'map'"),
        (lambda x: "code", "returned str, not a tensor"),
    ],
)
def test_an_encoder_that_cannot_be_diagnosed_is_named_in_one_line(images, encoder, says):
    with pytest.raises(EncoderError, match=says) as caught:
        represent(encoder, images, FACTORS, **SMALL)
    assert "\n" not in str(caught.value)


def test_a_map_is_no_representation_without_pooling(images):
    with pytest.raises(EncoderError, match=r"shape \(10, 1, 28, 28\), not .B, D.; .* pool='mean'"):
        represent(lambda x: x, images, FACTORS, pool="none", **SMALL)


@pytest.mark.parametrize(
    ("encoder", "options", "dim"),
    [
        (lambda x: x.expand(-1, 3, -1, -1), dict(), 3),
        (lambda x: x.expand(-1, 3, -1, -1), dict(pool="mean"), 3),
        (lambda x: x[:, 0], dict(pool="mean"), 28),
        (lambda x: x[:, 0], dict(pool="first"), 28),
        (lambda x: x, dict(pool="flatten"), 784),
        (lambda x: (x, x.flatten(1)), dict(pick=1), 784),
        (lambda x: {"z": x.flatten(1)}, dict(pick="z"), 784),
    ],
)
def test_maps_tokens_tuples_and_dicts_are_pooled_or_picked(images, encoder, options, dim):
    assert represent(encoder, images, FACTORS, **SMALL, **options).dim == dim


def test_preprocess_comes_before_the_encoder(images):
    seen = []

    def encoder(x):
        seen.append(x.shape[1:])
        return x.flatten(1)

    def preprocess(x):
        return nn.functional.interpolate(x, size=(14, 14))

    assert represent(encoder, images, FACTORS, preprocess=preprocess, **SMALL).dim == 196
    assert set(seen) == {torch.Size([1, 14, 14])}


def test_more_identities_than_images(images):
    with pytest.raises(InputError, match="identities: 9999 asked for"):
        represent(nn.Flatten(), images, FACTORS, identities=9999)


@pytest.mark.parametrize("channels", [13, 96])
@pytest.mark.parametrize(("height", "width"), [(28, 28), (20, 40), (33, 17)])
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_the_channels_of_a_map_are_told_by_its_shape(channels, height, width, stride):
    """As of Swin, whose layers return (B, H, W, C): 96 dimensions and not 56."""
    net = nn.Conv2d(1, channels, stride, stride)
    images = torch.rand(3, 1, height, width)
    with torch.no_grad():
        first = net(images)
    wanted = first.mean((2, 3))
    for output in (first, first.movedim(1, -1)):
        found = encode(lambda _, o=output: o, images, None, "mean")
        torch.testing.assert_close(found, wanted)


def test_a_map_that_may_be_either_is_asked_about(images):
    cube = nn.Conv2d(1, 7, 4, 4)  # 7 channels over 7 × 7 places
    with pytest.raises(EncoderError, match="may stand first or last; say which with pool='mean_nchw' or"):
        represent(cube, images, FACTORS, **SMALL)
    first = represent(cube, images, FACTORS, pool="mean_nchw", **SMALL)
    turned = represent(lambda x: cube(x).movedim(1, -1), images, FACTORS, pool="mean_nhwc", **SMALL)
    torch.testing.assert_close(first.joint, turned.joint)


class Said(nn.Module):
    """As timm's models say how their maps lie: a text, or an Enum of texts."""

    def __init__(self, output_fmt):
        super().__init__()
        self.cube, self.output_fmt = nn.Conv2d(1, 7, 4, 4), output_fmt

    def forward(self, x):
        found = self.cube(x)
        return found.movedim(1, -1) if "NHWC" in str(self.output_fmt) else found


@pytest.mark.parametrize("output_fmt", ["NHWC", "NCHW", Enum("Format", [("NHWC", "NHWC")])["NHWC"]])
def test_an_encoder_that_says_where_its_channels_stand_is_believed(images, output_fmt):
    encoder = Said(output_fmt)
    found = represent(encoder, images, FACTORS, **SMALL)
    wanted = represent(lambda x: encoder.cube(x).mean((2, 3)), images, FACTORS, **SMALL)
    torch.testing.assert_close(found.joint, wanted.joint)
    assert "(as told)" in found.metadata["representation"]


def test_tokens_of_an_encoder_that_says_so_are_averaged(images):
    encoder = nn.Sequential(nn.Flatten(), nn.Unflatten(1, (16, 49)))
    encoder.output_fmt = "NHWC"
    assert represent(encoder, images, FACTORS, **SMALL).dim == 49


@pytest.mark.parametrize(
    ("encoder", "options", "says"),
    [
        (lambda x: x.flatten(1), {}, "the output"),
        (lambda x: x[:, 0], {}, "the output: mean over 28 tokens"),
        (lambda x: x[:, 0], {"pool": "first"}, "the output: first"),
        (
            lambda x: {"a": x, "b": x},
            {"pick": "b"},
            "output 'b': mean over 28 × 28 places of 1 channels",
        ),
        (lambda x: x.movedim(1, -1), {}, "28 × 28 places of 1 channels, which stand last (by its shape)"),
    ],
)
def test_what_was_guessed_is_said_and_saved(images, encoder, options, says, caplog):
    with caplog.at_level("INFO", "seqjepa"):
        found = represent(encoder, images, FACTORS, **SMALL, **options)
    assert says in found.metadata["representation"]
    assert (says in caplog.text) == (says != "the output")  # of which nothing was guessed


def test_one_view_that_makes_much_of_rounding_is_no_dependence_on_the_batch():
    """As of an encoder that first turns a view upright, where two ways up are equally near."""
    views = torch.rand(8, 1, 4, 4)

    def moved_in_part_of_the_batch(count):
        def codes(images):
            z = images.flatten(1).double()
            if len(images) < len(views):
                z[:count] += 1
            return {"z": z}

        return codes

    check_encoder(moved_in_part_of_the_batch(1), views)
    with pytest.raises(EncoderError, match="depends on the batch it sits in"):
        check_encoder(moved_in_part_of_the_batch(len(views)), views)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_autocast_computes_in_fewer_bits_and_returns_float32(images, dtype):
    seen = set()
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 8))
    net[1].register_forward_hook(lambda module, inputs, output: seen.add(output.dtype))
    how = dict(identities=4, steps=3, base_poses=1, joint=2, progress=False)
    fewer = represent(net, images, FACTORS, dtype=dtype, **how)
    assert seen == {getattr(torch, dtype)}
    assert fewer.metadata["dtype"] == dtype
    whole = represent(net, images, FACTORS, **how)
    difference = (fewer.joint - whole.joint).abs().max() / whole.joint.abs().max()
    assert fewer.joint.dtype == torch.float32
    assert 0 < difference < 0.02


def test_a_precision_that_there_is_not_is_refused():
    with pytest.raises(InputError, match="dtype: 'int8' is not one of float32, bfloat16, float16"):
        check_dtype("int8")
