"""timm's and Hugging Face's models by name. Nothing here needs the network."""

import json
import sys
from types import SimpleNamespace

import pytest
import torch
import transformers
from torch import nn

import seqjepa as sj
from seqjepa.encoders import Preprocess, untrained
from seqjepa.encoders.hubs import of_image_processor
from seqjepa.encoders.preprocess import expected_input

PROCESSOR = {
    "do_resize": True,
    "size": {"shortest_edge": 32},
    "do_center_crop": True,
    "crop_size": {"height": 28, "width": 28},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.2, 0.2, 0.1],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny vision transformer with random weights, saved as the hub's are."""
    path = tmp_path_factory.mktemp("hub") / "tiny"
    torch.manual_seed(0)
    shape = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=7)
    transformers.Dinov2Model(transformers.Dinov2Config(**shape)).save_pretrained(path)
    (path / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    return path


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def test_a_folder_of_hugging_face_is_an_encoder(folder):
    encoder = sj.open_encoder(f"hf:{folder}")
    original = transformers.Dinov2Model.from_pretrained(folder).eval()
    images = torch.rand(2, 3, 28, 28)
    with torch.no_grad():
        torch.testing.assert_close(encoder(images)["pooler_output"], original(images).pooler_output)
    assert expected_input(encoder) == Preprocess(3, (28, 28), (0.5, 0.4, 0.3), (0.2, 0.2, 0.1))
    sweeps = sj.represent(
        encoder,
        sj.load_images("digits", "test"),
        sj.affine_factors(rotation=(-180, 180)),
        identities=3,
        steps=4,
        joint=2,
        pick=encoder.usual_pick,
        pool="mean",
        progress=False,
    )
    assert sweeps.dim == 16
    assert sweeps.metadata["preprocess"].endswith("(from its image processor)")


def test_it_draws_itself_anew(folder):
    encoder = sj.load_hf(str(folder))
    fresh, again = untrained(encoder, seed=1), untrained(encoder, seed=1)
    name = "model.embeddings.cls_token"  # a bare parameter, which no layer's reset_parameters reaches
    state = fresh.state_dict()
    assert torch.equal(state[name], again.state_dict()[name])
    assert not torch.equal(state[name], encoder.state_dict()[name])


def test_without_an_image_processor_its_configuration_has_to_do(folder, tmp_path):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    told = sj.load_hf(str(tmp_path)).expects
    assert told == Preprocess(3, (28, 28))
    assert str(told) == "channels 3, size (28, 28); assumed: values in [0, 1] (from its configuration)"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"do_center_crop": False}, Preprocess(3, (32, 32), (0.5, 0.4, 0.3), (0.2, 0.2, 0.1))),
        ({"do_resize": False}, Preprocess(3, None, (0.5, 0.4, 0.3), (0.2, 0.2, 0.1))),
        ({"do_normalize": False}, Preprocess(3, (28, 28), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))),
        ({"do_center_crop": False, "size": 24}, Preprocess(3, (24, 24), (0.5, 0.4, 0.3), (0.2, 0.2, 0.1))),
    ],
)
def test_what_an_image_processor_may_say(changes, expected):
    assert of_image_processor(PROCESSOR | changes) == expected


@pytest.mark.parametrize("rescale", [{"rescale_factor": 1 / 127.5}, {"do_rescale": False}])
def test_another_scale_of_values_goes_into_mean_and_std(rescale):
    images = torch.rand(1, 3, 28, 28)
    factor = rescale.get("rescale_factor", 1)
    mean, std = (torch.tensor(PROCESSOR[key])[:, None, None] for key in ("image_mean", "image_std"))
    expected = (255 * images * factor - mean) / std
    torch.testing.assert_close(of_image_processor(PROCESSOR | rescale)(images), expected)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("hf:nobody/nothing", "hf:nobody/nothing: it cannot be loaded"),
        ("hf:EMPTY", "it cannot be loaded"),
    ],
)
def test_a_model_that_is_not_there(tmp_path, name, says):
    with pytest.raises(sj.InputError, match=says) as caught:
        sj.open_encoder(name.replace("EMPTY", str(tmp_path)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("library", "name"), [("timm", "timm:resnet18"), ("transformers", "hf:facebook/dinov2-small")])
def test_a_library_that_is_not_installed(monkeypatch, library, name):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(sj.InputError, match=rf"^{name}: {library} is needed: pip install 'seqjepa\[(timm|hf)\]'"):
        sj.open_encoder(name)


@pytest.fixture
def timm(monkeypatch):
    """A stand-in: timm itself needs torchvision."""

    def create_model(name, pretrained, num_classes):
        assert num_classes == 0
        if pretrained and name == "unfetched":
            raise OSError("no\nnetwork")
        model = nn.Sequential(nn.Conv2d(3, 4, 16), nn.Flatten())
        model.pretrained_cfg = {"input_size": (3, 16, 16), "mean": (0.5,) * 3, "std": (0.5,) * 3}
        model.cls_token = nn.Parameter(torch.rand(4))
        return model

    known = ["resnet18", "resnet34", "unfetched"]
    module = SimpleNamespace(create_model=create_model, is_model=known.__contains__, list_models=lambda: known)
    monkeypatch.setitem(sys.modules, "timm", module)


def test_timm_by_name(timm):
    encoder = sj.open_encoder("timm:resnet18")
    assert encoder(torch.zeros(2, 3, 16, 16)).shape == (2, 4)
    assert not encoder.training
    told = expected_input(encoder)
    assert told == Preprocess(3, (16, 16), (0.5,) * 3, (0.5,) * 3)
    assert told.told_by == "its pretrained_cfg"
    assert not torch.equal(untrained(encoder).cls_token, encoder.cls_token)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("timm:resnet19", r"timm:resnet19: timm knows no such model; it knows resnet18"),
        (
            "timm:unfetched",
            r"timm:unfetched: it cannot be made, or its weights not fetched: timm raised OSError: no network",
        ),
    ],
)
def test_timm_names_that_do_not_work(timm, name, says):
    with pytest.raises(sj.InputError, match=says):
        sj.open_encoder(name)


class Made(nn.Module):
    """As timm makes a model: its record is that of the published weights, whatever it was made with."""

    def __init__(self, channels, size):
        super().__init__()
        self.late = nn.Conv2d(64, 4, 1)  # made first, called last
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(channels, 64, 4, 4)
        self.patch_embed.img_size = (size, size)
        self.pretrained_cfg = {"input_size": (3, 32, 32), "mean": (0.4, 0.5, 0.6), "std": (0.1, 0.2, 0.3)}
        self.pretrained_cfg["first_conv"] = "patch_embed.proj"

    def forward(self, x):
        assert x.shape[-1] == self.patch_embed.img_size[0]
        return self.late(self.patch_embed.proj(x)).mean((2, 3))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [32, 48])
def test_a_stale_record_is_overruled_by_the_model(channels, size):
    told = expected_input(Made(channels, size))
    assert (told.channels, told.size) == (channels, (size, size))
    assert len(told.mean) == len(told.std) == channels
    assert sum(told.mean) / channels == pytest.approx(0.5)
    assert ("as it was made" in told.told_by) == ((channels, size) != (3, 32))
    assert Made(channels, size)(told(torch.rand(2, 1, 28, 28))).shape == (2, 4)


def test_the_first_convolution_is_that_of_images():
    model = Made(3, 32)
    del model.pretrained_cfg
    assert expected_input(model).channels == 3


def test_a_backbone_of_hugging_face_returns_maps(tmp_path):
    torch.manual_seed(0)
    shape = dict(embedding_size=4, hidden_sizes=[4, 6], depths=[1, 1], layer_type="basic", num_channels=1)
    config = transformers.ResNetConfig(**shape, out_features=["stage1", "stage2"])
    transformers.ResNetBackbone(config).save_pretrained(tmp_path)
    encoder = sj.open_encoder(f"hf-backbone:{tmp_path}")
    assert encoder.usual_pick == "feature_maps.1"
    images = sj.load_images("digits", "test")
    found = sj.represent(encoder, images, sj.affine_factors(rotation=(-9, 9)), 4, 3, joint=2, progress=False)
    assert found.dim == 6
    assert "output 'feature_maps.1': mean over" in found.metadata["representation"]


def test_patches_of_hugging_face_leave_class_and_registers_out(tmp_path):
    torch.manual_seed(0)
    shape = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=7)
    config = transformers.Dinov2WithRegistersConfig(**shape, num_register_tokens=3)
    transformers.Dinov2WithRegistersModel(config).save_pretrained(tmp_path)
    encoder = sj.open_encoder(f"hf:{tmp_path}")
    assert encoder.prefix_tokens == 4
    assert encoder(torch.rand(1, 3, 28, 28))["last_hidden_state"].shape[1] == 4 + 16
