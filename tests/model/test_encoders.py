import pytest
import torch
from torch import nn

from seqjepa.model import ENCODERS, build_encoder
from seqjepa.types import InputError
from tests.model.own import ready


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 32)])
def test_every_encoder_makes_a_code_of_its_dim(name, channels, size):
    encoder = build_encoder(name, channels, 8)
    code = encoder(torch.randn(3, channels, size, size))
    assert code.shape == (3, encoder.dim)


def test_resnet18_is_resnet18():
    encoder = build_encoder("resnet18", 1, 64)
    assert encoder.dim == 512
    assert sum(isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3) for m in encoder.modules()) == 17
    assert not any(isinstance(m, nn.MaxPool2d) for m in encoder.modules())
    # torchvision's resnet18 has 11,689,512 parameters: less the fc layer (513,000), a 7 × 7 × 3 stem for a 3 × 3 × 1
    assert sum(p.numel() for p in encoder.parameters()) == 11_689_512 - 513_000 - 64 * (7 * 7 * 3 - 3 * 3 * 1)


def test_a_residual_block_starts_as_its_shortcut():
    block = build_encoder("resnet18", 1, 8).blocks[1].eval()
    x = torch.rand(2, 8, 7, 7)  # not negative, so that the last ReLU lets it through
    torch.testing.assert_close(block(x), x)


def test_an_encoder_of_ones_own():
    encoder = build_encoder("tests.model.own:make", 1, 5)
    assert encoder(torch.randn(2, 1, 28, 28)).shape == (2, 5)


def test_a_module_of_ones_own_is_copied():
    encoder = build_encoder("tests.model.own:ready", 1, 5)
    assert encoder(torch.randn(2, 1, 28, 28)).shape == (2, 4)
    assert encoder is not ready
    assert torch.equal(encoder[1].weight, ready[1].weight)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("resnet81", "'resnet81' is not one of resnet18, resnet_small, convnet, pkg.mod:factory, ./file.py:factory"),
        ("no_such_package:make", "No module named"),
        ("tests.model.own:missing", "has no attribute 'missing'"),
        ("tests.model.own:not_a_module", "returned int, not an nn.Module"),
    ],
)
def test_encoders_that_cannot_be_built_are_named(name, says):
    with pytest.raises(InputError, match=says):
        build_encoder(name, 1, 5)
