"""An audit of claims that are true, false, and true but for the resampling."""

import math

import pytest
import torch
from torch import nn

import seqjepa as sj
from seqjepa.types import InputError

TURNS = sj.affine_factors(rotation=(-180, 180))
SHIFTS = sj.affine_factors(translate_x=(-3, 3))


@pytest.fixture(scope="module")
def images():
    """Smooth blobs, so that interpolation is good but not perfect."""
    random = torch.Generator().manual_seed(0)
    x = torch.linspace(-1, 1, 28)
    place = torch.rand(40, 3, 2, generator=random) - 0.5
    size = 0.15 + 0.15 * torch.rand(40, 3, generator=random)
    far = (x - place[..., :1])[:, :, None, :].square() + (x - place[..., 1:])[:, :, :, None].square()
    return (-far / (2 * size[..., None, None].square())).exp().sum(1, keepdim=True).clamp(max=1)


class Radial(nn.Module):
    """Invariant in theory: means over rings."""

    def forward(self, x):
        side = torch.arange(x.shape[-1]) - (x.shape[-1] - 1) / 2
        radius = (side[:, None].square() + side.square()).sqrt()
        rings = [(radius >= r) & (radius < r + 3) for r in range(0, 14, 3)]
        return torch.stack([x[..., ring].mean((1, 2)) for ring in rings], 1)


class Moments(nn.Module):
    """Equivariant in theory: the first moment is a vector that turns with the picture."""

    def forward(self, x):
        side = torch.arange(x.shape[-1]) - (x.shape[-1] - 1) / 2
        total = x.sum((1, 2, 3))
        return torch.stack([(x[:, 0] * side).sum((1, 2)) / total, (x[:, 0] * side[:, None]).sum((1, 2)) / total], 1)


class Lifting(nn.Module):
    """C4-equivariant by construction: one kernel at its four quarter turns, ReLU, then the mean or the map."""

    def __init__(self, pooled=True):
        super().__init__()
        random = torch.Generator().manual_seed(2)
        kernels = torch.randn(5, 1, 3, 3, generator=random)
        turned = torch.stack([kernels.rot90(j, (2, 3)) for j in range(4)], 1).flatten(0, 1)
        self.conv = nn.Conv2d(1, 20, 3, padding=1, bias=False)
        self.conv.weight = nn.Parameter(turned)
        self.pooled = pooled

    def forward(self, x):
        maps = self.conv(x).relu()
        return maps.mean((2, 3)) if self.pooled else maps


def vector(name, degrees):
    assert name == "rotation"
    angle = math.radians(degrees)  # positive is counter-clockwise on the screen, whose y points down
    return torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])


@pytest.mark.parametrize(("encoder", "claim"), [(Radial(), "invariant"), (Moments(), vector)])
def test_a_true_claim_holds_up_to_interpolation(images, encoder, claim):
    row = sj.check_equivariance(encoder, images, TURNS, claim)["z", "rotation"]
    assert row.error.value < 0.02
    assert row.excess.value < 0.005
    sj.assert_equivariant(encoder, images, TURNS, claim)


@pytest.mark.parametrize(("encoder", "claim"), [(Moments(), "invariant"), (Radial(), lambda *_: -torch.eye(5))])
def test_a_false_claim_is_the_networks_fault(images, encoder, claim):
    row = sj.check_equivariance(encoder, images, TURNS, claim)["z", "rotation"]
    assert row.excess.value > 0.3
    assert row.excess.interval[0] > 10 * row.floor.value
    assert row.excess.verdict == "above its null"
    with pytest.raises(AssertionError, match=r"not equivariant as claimed\nz, rotation: .* beyond it, tolerance 0.01"):
        sj.assert_equivariant(encoder, images, TURNS, claim)


def test_the_direction_of_a_turn_matters(images):
    row = sj.check_equivariance(Moments(), images, TURNS, lambda n, v: vector(n, -v))["z", "rotation"]
    assert row.excess.value > 0.3


def test_interpolation_alone_is_told_apart_from_the_network(images):
    pixels = torch.rand(40, 1, 28, 28, generator=torch.Generator().manual_seed(1))  # nothing survives resampling
    rough = sj.check_equivariance(Radial(), pixels, TURNS)["z", "rotation"]
    smooth = sj.check_equivariance(Radial(), images, TURNS)["z", "rotation"]
    assert rough.error.value > 10 * smooth.error.value
    assert rough.floor.value > rough.error.value  # two resamplings cost more than one
    assert rough.excess.value < 0


def test_quarter_turns_are_exact(images):
    row = sj.check_equivariance(Lifting(), images, TURNS, "regular", order=4, circular_mask=False)["z", "rotation"]
    assert row.error.value < 1e-9
    assert row.floor.value < 1e-9
    invariant = sj.check_equivariance(Lifting(), images, TURNS, "invariant", steps=4)["z", "rotation"]
    assert invariant.excess.value > 100 * row.error.value
    assert invariant.excess.verdict == "above its null"


def test_an_order_that_the_network_does_not_have(images):
    with pytest.raises(InputError, match="20 channels are no blocks of 8"):
        sj.check_equivariance(Lifting(), images, TURNS, "regular", order=8)
    row = sj.check_equivariance(Lifting(), images, TURNS, "regular", order=5)["z", "rotation"]
    assert row.excess.value > 0.05


def test_maps_move_with_the_picture(images):
    maps = Lifting(pooled=False)
    for factors, claim, more in ((SHIFTS, "map", {"steps": 7}), (TURNS, "regular map", {"order": 4})):
        found = sj.check_equivariance(maps, images, factors, claim, circular_mask=False, **more)
        assert found.rows[0].excess.value < 1e-3
    wrong = sj.check_equivariance(maps, images, TURNS, "map", steps=4, circular_mask=False)["z", "rotation"]
    assert wrong.excess.value > 0.1


def test_layer_by_layer(images):
    model = nn.Sequential(Lifting(pooled=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(20, 3))
    claims = {"0": "regular map", "2": "regular", "3": "invariant"}
    found = sj.check_equivariance(
        model, images, TURNS, claims, order=4, layers=list(claims), circular_mask=False, preprocess=None
    )
    assert [row.layer for row in found.rows] == ["0", "2", "3"]
    assert max(found[layer, "rotation"].error.value for layer in ("0", "2")) < 1e-9
    assert found["3", "rotation"].excess.verdict == "above its null"
    assert found.table().splitlines()[0].split()[:3] == ["layer", "factor", "error"]
    assert not model[0]._forward_hooks


def test_a_shift_by_whole_pixels_is_no_interpolation(images):
    framed = nn.functional.pad(images, (4, 4, 4, 4))  # or a part of the picture leaves the frame
    row = sj.check_equivariance(nn.Flatten(), framed, SHIFTS, "invariant", steps=7, circular_mask=False).rows[0]
    assert row.floor.value < 1e-9
    assert row.error.value > 0.01
    assert row.excess.value == pytest.approx(row.error.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (dict(representation="equal"), "'equal' is not one of invariant, regular, map, regular map"),
        (dict(representation="regular"), "needs order="),
        (dict(representation="regular", order=4, factors=SHIFTS), "translate_x has no period"),
        (dict(representation="map"), r"of maps \(B, C, H, W\)"),
        (dict(representation=lambda *_: torch.eye(3)), r"matrix of shape \(3, 3\) does not fit"),
        (dict(layers=["nope"]), "'nope' is not one of"),
        (dict(representation={"conv": "invariant"}), "of conv, and the layers are z"),
        (dict(factors=sj.affine_factors(rotation=(0, 0))), "no value but the neutral one"),
        (dict(identities=1), "2 or more"),
    ],
)
def test_mistakes_are_one_line(images, given, message):
    given = {"factors": TURNS} | given
    with pytest.raises(InputError, match=message):
        sj.check_equivariance(Lifting(), images, **given)


def test_a_constant_says_nothing(images):
    with pytest.raises(InputError, match="the same; nothing can be compared"):
        sj.check_equivariance(lambda x: torch.ones(len(x), 4), images, TURNS)
