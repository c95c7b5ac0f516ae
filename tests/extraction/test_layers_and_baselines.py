"""Several layers in one pass, what foreign encoders expect, and the encoders that every other is told from."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

import seqjepa as sj
from seqjepa.encoders import EncoderError, PixelPCA, pixels, untrained
from seqjepa.encoders.preprocess import Preprocess, expected_input
from seqjepa.extraction import represent, represent_layers
from seqjepa.extraction.views import Views
from seqjepa.factors import affine_factors
from seqjepa.model import build_encoder
from seqjepa.types import InputError

FACTORS = affine_factors(rotation=(-180, 180), translate_x=(-4, 4))
SMALL = dict(identities=5, steps=4, base_poses=2, joint=3, progress=False)


@pytest.fixture(scope="module")
def images():
    return sj.load_images("digits", "test")


def network(channels=1):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(channels, 3, 5, stride=4), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(3 * 36, 7)
    ).eval()


def test_layers_of_one_pass_are_the_layers(images):
    model = network()
    layers = represent_layers(model, images, FACTORS, ["0", "3"], **SMALL)
    assert {name: sweeps.dim for name, sweeps in layers.items()} == {"0": 3, "3": 7}
    alone = represent(model, images, FACTORS, **SMALL)
    assert torch.equal(layers["3"].values["rotation"], alone.values["rotation"])
    # The activation after it works in place; what was recorded is what the layer returned.
    first = represent(model[0], images, FACTORS, pool="mean", **SMALL)
    torch.testing.assert_close(layers["0"].joint, first.joint)
    assert layers["0"].joint.min() < 0
    assert (layers["0"].metadata["layer"], alone.metadata["layer"]) == ("0", "z")
    assert not any(module._forward_hooks for module in model.modules())
    assert layers["0"].same_design(alone)


def test_a_map_is_pooled_and_not_pooled_in_one_pass(images):
    model, calls = network(), []
    model.register_forward_hook(lambda module, inputs, output: calls.append(len(output)))
    found = represent_layers(model, images, FACTORS, ["0", "0:flatten"], **SMALL)
    both = sum(calls)
    whole, mean = found["0:flatten"], found["0"]
    torch.testing.assert_close(whole.joint.unflatten(-1, (3, 36)).mean(-1), mean.joint)
    assert whole.metadata["representation"] == "the output: flatten"
    assert mean.metadata["representation"].startswith("the output: mean over 6 × 6 places of 3 channels")
    calls.clear()
    represent_layers(model, images, FACTORS, ["0"], **SMALL)
    assert both == sum(calls)
    with pytest.raises(InputError, match="one is given twice in 0, 0"):
        represent_layers(model, images, FACTORS, ["0", "0"], **SMALL)


def test_a_layer_that_is_not_there_is_named(images):
    with pytest.raises(InputError, match="layers: 'fc' is not one of 0, 1, 2, 3"):
        represent_layers(network(), images, FACTORS, ["fc"], **SMALL)


def test_a_layer_that_is_not_reached_is_named(images):
    class Half(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle = nn.Flatten(), nn.Linear(2, 2)

        def forward(self, x):
            return self.used(x)

    with pytest.raises(InputError, match="did not pass through idle"):
        represent_layers(Half(), images, FACTORS, ["used", "idle"], **SMALL)


def test_what_an_encoder_says_that_it_expects():
    model = network(3)
    assert expected_input(model) == Preprocess(channels=3)
    model.pretrained_cfg = {"input_size": (3, 32, 48), "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.2, 0.1)}
    prepare = expected_input(model)
    assert (
        str(prepare) == "channels 3, size (32, 48), mean (0.5, 0.4, 0.3), std (0.2, 0.2, 0.1) (from its pretrained_cfg)"
    )
    grey = torch.full((2, 1, 28, 28), 0.6)
    prepared = prepare(grey)
    assert prepared.shape == (2, 3, 32, 48)
    torch.testing.assert_close(prepared[0, :, 0, 0], torch.tensor([0.5, 1.0, 3.0]))
    assert str(expected_input(lambda x: x)) == "none; assumed: values in [0, 1]"


def test_grey_images_go_into_a_colour_encoder_and_it_is_written_down(images):
    sweeps = represent(network(3), images, FACTORS, **SMALL)
    assert sweeps.metadata["preprocess"] == "channels 3; assumed: values in [0, 1] (from its first convolution)"
    with pytest.raises(EncoderError, match="raised RuntimeError"):
        represent(network(3), images, FACTORS, preprocess=None, **SMALL)


def test_colour_images_do_not_go_into_a_grey_encoder():
    with pytest.raises(EncoderError, match="images of 3 channels, and the encoder expects 1"):
        Preprocess(channels=1)(torch.zeros(2, 3, 8, 8))


def test_pixel_pca_is_scikit_learns(images):
    found = PixelPCA.fit(images, 5)
    flat = images.pixels.flatten(1).double() / 255
    expected = PCA(5).fit(flat.numpy()).transform(flat.numpy())
    got = found(images.pixels.float() / 255).double().numpy()
    np.testing.assert_allclose(np.abs(got), np.abs(expected), atol=1e-4)
    with pytest.raises(InputError, match="dim: 900 components of 355 images of 784 pixels"):
        PixelPCA.fit(images, 900)


def test_pixels_are_pixels(images):
    sweeps = represent(pixels, images, FACTORS, **SMALL)
    assert sweeps.dim == 784
    assert sweeps.metadata["encoder"] == "pixels"


def test_untrained_draws_all_anew_and_leaves_the_encoder_alone():
    encoder = build_encoder("convnet", 1, 4)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    one, again, other = untrained(encoder), untrained(encoder), untrained(encoder, seed=1)
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, before[name])
    changed = [name for name, value in one.named_parameters() if not torch.equal(value, before[name])]
    assert any("0.weight" in name for name in changed)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), again.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_untrained_refuses_what_it_cannot_draw():
    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.by = nn.Parameter(torch.ones(3))

    with pytest.raises(InputError, match="untrained: 0 has parameters, but no reset_parameters"):
        untrained(nn.Sequential(Scale()))


def test_sweeps_over_other_images_are_of_another_design(images):
    one = represent(pixels, images, FACTORS, **SMALL)
    assert one.same_design(represent(nn.Flatten(), images, FACTORS, **SMALL))
    assert not one.same_design(represent(pixels, images, FACTORS, seed=1, **SMALL))
    assert not one.same_design(represent(pixels, images[5:], FACTORS, **SMALL))


@pytest.mark.parametrize("at_once", [1 << 20, 64 << 20])
def test_pixel_pca_of_large_images_finds_the_same_directions(images, monkeypatch, at_once):
    """In several parts the components are scikit-learn's approximation; in one they are exact."""
    exact = PixelPCA.fit(images, 5)
    monkeypatch.setattr("seqjepa.encoders.baselines.EXACT", 100)
    monkeypatch.setattr("seqjepa.encoders.baselines.PCA_BYTES", at_once)
    found = PixelPCA.fit(images, 20)
    cosines = (found.directions[:, :5] * exact.directions).sum(0)
    assert cosines.min() > (0.97 if at_once < 2 << 20 else 0.99999)
    torch.testing.assert_close(found.mean, exact.mean)


def test_pixel_pca_of_few_images_has_fewer_components(images):
    assert PixelPCA.fit(images[:9], fewer=True).directions.shape == (784, 8)
    with pytest.raises(InputError, match="pca: 1 images of 784 pixels"):
        PixelPCA.fit(images[:1], 1)


BOUNDED = """
import resource, torch, seqjepa as sj
pixels = torch.randint(256, (200, 3, 224, 224), dtype=torch.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
images = sj.Images(pixels, torch.full((200,), -1), ())
found = sj.PixelPCA.fit(images, 64)
assert found.directions.shape == (150528, 64)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def test_pixel_pca_of_large_images_takes_bounded_memory():
    """A covariance of these pixels would take 181 GB."""
    done = subprocess.run([sys.executable, "-c", BOUNDED], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1500, "MiB"


def test_what_cannot_fit_into_memory_is_refused_before_it_is_encoded(images, monkeypatch):
    monkeypatch.setattr("seqjepa.io.memory.available_memory", lambda: 10**5)
    calls = []

    def encoder(x):
        calls.append(len(x))
        return x.flatten(1)

    with pytest.raises(
        InputError, match=r"views .5 identities. of 784 dimensions: needs 0\.\d GB .* identities, steps"
    ):
        represent(encoder, images, FACTORS, **SMALL)
    assert sum(calls) < 50
    with pytest.raises(InputError, match="pca: needs"):
        PixelPCA.fit(images, 5)


def test_the_views_of_a_design_are_counted(images, monkeypatch):
    """By hand: as many as the loop encodes."""
    seen = []
    monkeypatch.setattr("seqjepa.extraction.views.check_memory", lambda what, needed, smaller: seen.append(needed))
    views = Views.of(images, FACTORS, 5, 4, 2, 3, 0)
    views.check_memory(784)
    represent(pixels, images, FACTORS, **SMALL)
    assert seen[0] == seen[1] > 0


class Blocks(nn.Module):
    """Layers of every kind: a dict, a 1-tuple, two outputs, tokens, a map with its channels last."""

    def __init__(self):
        super().__init__()
        self.first, self.named, self.alone, self.two = nn.Flatten(), Returning(dict), Returning(tuple), Returning(list)
        self.tokens, self.swin = nn.Unflatten(1, (16, 49)), nn.Unflatten(1, (7, 7, 16))

    def forward(self, x):
        z = self.first(x)
        self.named(z), self.alone(z), self.two(z), self.tokens(z), self.swin(z)
        return z


class Returning(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def forward(self, z):
        return {dict: {"0": z, "h": z[:, :5]}, tuple: (z[:, :3],), list: [z, z[:, :5]]}[self.kind]


def test_a_layer_may_return_anything_that_an_encoder_may(images):
    layers = ["tokens", "alone", "named", "swin", "first"]
    found = represent_layers(Blocks(), images, FACTORS, layers, pick="h", **SMALL)
    assert list(found) == layers
    assert {name: of.dim for name, of in found.items()} == dict(tokens=49, alone=3, named=5, swin=16, first=784)
    said = {name: of.metadata["representation"] for name, of in found.items()}
    assert said["named"] == "output 'h'"
    assert said["tokens"] == "the output: mean over 16 tokens"
    assert "mean over 7 × 7 places of 16 channels, which stand last" in said["swin"]
    assert [of.metadata["layer_index"] for of in found.values()] == [0, 1, 2, 3, 4]
    assert represent_layers(Blocks(), images, FACTORS, ["two"], pick=1, **SMALL)["two"].dim == 5
    assert represent_layers(Blocks(), images, FACTORS, ["named"], pick=0, **SMALL)["named"].dim == 784


@pytest.mark.parametrize(
    ("layer", "pick", "says"),
    [
        ("named", None, r"returned a dict; say which entry .* with pick=…, one of '0', 'h'"),
        ("named", "x", r"returned a dict; say which entry"),
        ("two", None, r"returned 2 outputs; say which"),
        ("first", "h", r"pick='h' was given, but every layer returned a single output"),
    ],
)
def test_of_layers_that_return_several_one_is_asked_for(images, layer, pick, says):
    with pytest.raises(EncoderError, match=says):
        represent_layers(Blocks(), images, FACTORS, [layer], pick=pick, **SMALL)
