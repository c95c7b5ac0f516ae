"""What acts additively or linearly (S1, S2, S7, S8) for a line, a circle, a rotation in space, levels, and a ring.

Levels without an order have no steps that can be undone: what asks for a group says so. A line has no ellipse. A turn
in space moves each base pose its own way, R(δ) R₀, so that of a perfect code of it, too, the effect is linear and not
additive: base poses differ from identity to identity.
"""

import math
from dataclasses import replace

import pytest
import torch

import seqjepa as sj
from seqjepa.diagnostics.blocks.group import group_estimates
from seqjepa.diagnostics.context import Context
from seqjepa.sweeps import Sweeps
from seqjepa.types.factor import value_columns
from seqjepa.types.rotations import rotate
from tests.ground_truths import contents, orthogonal
from tests.kinds import KINDS, NAMES, I, asked, made, own, placed, swept_of

ADDITIVE, LINEAR = "additive: it moves all images alike", "linear, but not alike for all images"
RING = sj.Factor.levels("one", 5, cyclic=True)


def group(code, factors, **design):
    """What the group block says of a code, without networks."""
    columns = value_columns(factors)

    def f(who, values):
        return code(who, {factor.name: values[:, columns[factor.name]] for factor in factors})

    sweeps = Sweeps.from_function(f, factors, **{**dict(identities=I, steps=12, base_poses=4, joint=0), **design})
    return group_estimates(replace(Context.of(sweeps, 0, []), networks=False))


@KINDS
def test_s1_an_additive_code_has_directions_of_its_own_and_no_interaction(kind):
    code, factors = placed(kind, math.pi / 2)
    found = asked(code, factors, ("effects", "subspaces"), base_poses=4)
    for name in ("one", "two"):
        assert found["explained_variance"][name].value == pytest.approx(1, abs=1e-6)
        share = {key[1]: of.value for key, of in found["variance_shares"].items() if key[0] == swept_of(kind, name)}
        if kind == "levels":  # without an order the interaction is not split
            assert share["content"] + share["factor"] == pytest.approx(1, abs=1e-9)
            assert share["smooth"] is None
        elif kind == "rotation":  # each base pose is moved its own way
            assert share["factor"] < 0.1 * share["smooth"]
        else:
            assert share["smooth"] == pytest.approx(0, abs=1e-9)
            assert share["residual"] == pytest.approx(0, abs=1e-9)
    assert found["overlap"]["one", "two"].value < 1e-6
    assert found["overlap"]["one", "two"].verdict == "separate"


@pytest.mark.parametrize("kind", [*NAMES, "ring"])
def test_s1_a_perfect_code_is_acted_on_exactly(kind):
    def code(who, values):
        at = values["one"] * 2 * math.pi / 5
        moved = torch.cat([at.cos(), at.sin()], 1) if kind == "ring" else own(kind, values["one"])
        return torch.cat([moved, contents(I, 4, 0)[who]], 1)

    found = group(code, (RING if kind == "ring" else made(kind),))
    name = swept_of(kind)
    if kind == "levels":
        assert "cannot be undone" in found["operator"][name].reason
        return
    assert found["operator"][name].value > 0.999
    assert found["operator"][name].verdict == (LINEAR if kind == "rotation" else ADDITIVE)
    assert found["composition"][name].value < 1e-6
    assert found["inverse"][name].value < 1e-6


def multiplicative(kind):
    """What acts on a content of each identity's own, mean-free, and how often it comes around in a turn."""
    held = contents(I, 16, 5)
    held = held - held.mean(0)
    if kind == "rotation":
        return lambda who, v: rotate(v[:, None], held[:, :12].reshape(I, 4, 3)[who]).flatten(1), {1}
    if kind == "ring":  # five numbers in a ring, twice, pushed on by as many places as the level says
        places = torch.arange(5)
        rings = held[:, :10].reshape(I, 2, 5)
        return lambda who, v: rings[who[:, None], :, (places + v.long()) % 5].flatten(1), {1, 2}
    blocks, often = torch.view_as_complex(held[:, :8].reshape(I, 4, 2)), torch.arange(4) % 2 + 1
    unit = math.pi / 180 if kind == "circle" else 1.0
    return lambda who, v: torch.view_as_real(blocks[who] * torch.exp(1j * often * unit * v)).flatten(1), {1, 2}


@pytest.mark.parametrize("kind", ["line", "circle", "rotation", "ring"])
def test_s2_what_acts_linearly_on_contents_is_linear_and_not_alike(kind):
    act, often = multiplicative(kind)
    still = contents(I, 4, 1)
    factor = RING if kind == "ring" else made(kind)
    found = group(lambda who, values: torch.cat([act(who, values["one"]), still[who]], 1), (factor,))
    name = swept_of(kind)
    assert found["operator"][name].value > 0.999
    assert found["operator"][name].verdict == LINEAR
    assert found["composition"][name].value < 1e-6
    if kind != "line":  # which has no frequencies
        assert found["frequency"][name].value < 0.02
        assert {round(f) for f in found["frequency"][name].details["frequency"][:8]} == often


@pytest.mark.parametrize("kind", ["circle", "rotation"])
def test_s7_a_narrow_ellipse_is_flagged_and_turns_once(kind):
    point = torch.tensor([0.6, 0.64, 0.48], dtype=torch.float64)

    def code(who, values):
        moved = own(kind, values["one"]) if kind == "circle" else rotate(values["one"], point.expand(len(who), 3))
        narrow = torch.tensor([1.0, 0.1] if kind == "circle" else [1.0, 1.0, 0.1], dtype=torch.float64)
        return torch.cat([moved * narrow, contents(I, 4, 0)[who]], 1)

    found = group(code, (made(kind),))
    narrow = ["one"] if kind == "circle" else ["one_x", "one_y"]  # about z it goes round in the plane of x and y
    for name in narrow:
        assert found["orbit_aspect"][name].value == pytest.approx(0.1, abs=1e-6)
        assert found["orbit_aspect"][name].verdict == "an ellipse, not a circle"
    for name in [*narrow, "one_z"][: 1 if kind == "circle" else 3]:
        assert found["orbit_leading"][name].value == pytest.approx(1, abs=1e-6)
        assert found["orbit_leading"][name].details["leading"] == 1
    if kind == "rotation":
        assert found["orbit_aspect"]["one_z"].value == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("kind", ["line", "circle", "rotation", "levels"])
def test_s8_generators_close_and_only_turns_are_isometries(kind):
    """Two that commute, each in directions of its own; and the three of one rotation, on key points of an identity."""
    if kind == "rotation":
        factors, points = (made(kind),), contents(I, 9, 1).reshape(I, 3, 3)
        code = lambda who, values: rotate(values["one"][:, None], points[who]).flatten(1)  # noqa: E731
        names = ("one_x", "one_y")
    else:
        code, factors = placed(kind, math.pi / 2)
        names = ("one", "two")
    found = group(code, factors, steps=24)
    if kind == "levels":
        assert "cannot be undone" in found["closure"][names].reason
        assert "cannot be undone" in found["orthogonality"]["one"].reason
        return
    assert found["closure"][names].value < 0.01
    if kind == "rotation":  # two that commute do so by chance as well
        assert found["closure"][names].null > 0.2
    defect = found["orthogonality"][names[0]].value
    assert defect > 0.05 if kind == "line" else defect < 1e-3


def test_renaming_levels_changes_nothing():
    """They have no order, so that no figure may hang on which is called 0."""
    levels, glow = sj.Factor.levels("ground", 5), sj.Factor("glow", -1, 1)
    corners, random = contents(5, 6, 3) @ orthogonal(6, 0), torch.Generator().manual_seed(0)
    noise = torch.randn(30, 4, 12, 12, generator=random, dtype=torch.float64)
    count, base, grid = 30, 4, torch.linspace(-1, 1, 7, dtype=torch.float64)
    drawn = torch.randint(5, (count, 12, 1), generator=random).double()
    lit = 2 * torch.rand(count, 12, 1, generator=random, dtype=torch.float64) - 1
    content = contents(count, 12, 1)

    def diagnosed(order):
        """The same views, with the levels called otherwise."""
        name = order.argsort().double()
        ground = 2 * torch.nn.functional.pad(corners, (0, 6))[order][None, None] + content[:, None, None]
        ground = (ground + 0.3 * noise[:, :, order]).float()
        swept = content[:, None, None] + torch.nn.functional.pad(grid[:, None], (11, 0)) + 0.1 * noise[:, :, 5:]
        joint = content[:, None] + 2 * torch.nn.functional.pad(corners, (0, 6))[drawn[..., 0].long()]
        joint = joint + torch.nn.functional.pad(lit, (11, 0))
        values = torch.cat([name[drawn.long()], lit], -1)
        sweeps = Sweeps.from_arrays(
            {"ground": ground, "glow": swept.float()},
            [levels, glow],
            {"ground": torch.arange(5.0).double(), "glow": grid},
            torch.arange(count) % 4,
            joint.float(),
            values,
        )
        assert ground.shape[:3] == (count, base, 5)
        return sj.diagnose(sweeps, ideals=False, probes=["linear", "knn"])

    plain, renamed = diagnosed(torch.arange(5)), diagnosed(torch.tensor([3, 0, 4, 1, 2]))
    for metric, of in plain.estimates.items():
        for key, estimate in of.items():
            other = renamed[metric][key]
            assert other.reason == estimate.reason, (metric, key)
            if estimate.value is not None:
                assert other.value == pytest.approx(estimate.value, abs=1e-4), (metric, key)
