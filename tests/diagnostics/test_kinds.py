"""Known representations of factors of every kind: a rotation in space, a line, a circle, levels."""

import math
from dataclasses import replace

import pytest
import torch

import seqjepa as sj
from seqjepa.diagnostics.blocks.closure import closure_estimates
from seqjepa.diagnostics.blocks.group import group_estimates
from seqjepa.diagnostics.context import Context
from seqjepa.sweeps import Sweeps
from seqjepa.types.rotations import matrix, rotate
from tests.ground_truths import contents, orthogonal

TURN, GLOW = sj.Factor.rotation("orientation"), sj.Factor("glow", -1, 1)
HUE, GROUND = sj.Factor("hue", -180, 180, "deg", 360.0), sj.Factor.levels("ground", 4)
SEASON = sj.Factor.levels("season", 5, cyclic=True)
KINDS = (TURN, GLOW, HUE, GROUND)
FEW = dict(identities=30, steps=9, base_poses=4, joint=12)
SKIP = ["group", "irreps", "literature", "contents", "classes"]


def every_kind(who, values):
    """S1 of four kinds: each factor in coordinates of its own, beside the content."""
    turn, glow, hue, ground = values[:, :4], values[:, 4:5], values[:, 5:6].deg2rad(), values[:, 6].long()
    ground = 1.5 * torch.nn.functional.one_hot(ground, 4).double()
    parts = [contents(30, 5, 0)[who], matrix(turn).flatten(1), 2 * glow, hue.sin(), hue.cos(), ground]
    code = torch.cat(parts, 1)
    return torch.nn.functional.pad(code, (0, 30 - code.shape[1])) @ orthogonal(30, 1).T


def harmonics(who, values):
    """An identity's own points, turned; and the quadratic harmonics of these: so(3) acts linearly, with l = 1 and 2."""
    points = rotate(values[:, None, :4], contents(30, 6, 2).reshape(30, 2, 3)[who])
    x, y, z = points.unbind(-1)
    two = torch.stack([x * y, y * z, x * z, (x**2 - y**2) / 2, (2 * z**2 - x**2 - y**2) / (2 * math.sqrt(3))], -1)
    return torch.cat([points.flatten(1), two.flatten(1)], 1)


@pytest.fixture(scope="module")
def found():
    sweeps = Sweeps.from_function(every_kind, KINDS, **FEW)
    return sj.diagnose(sweeps, skip=SKIP, ideals=False)


def test_each_kind_has_the_dimensions_of_its_own(found):
    dims = {name: found["dimension"][name].value for name in ("orientation", "glow", "hue", "ground")}
    assert dims == {"orientation": 9, "glow": 1, "hue": 2, "ground": 3}
    assert found["dimension"]["orientation_x"].value == 6  # a turn about x leaves x: two rows of three columns


def test_each_kind_is_separate_from_the_others(found):
    for f in ("orientation", "glow", "hue", "ground"):
        for g in ("orientation", "glow", "hue", "ground"):
            if f != g:
                assert found["overlap"][f, g].value < 0.05
                assert found["shared_variance"][f, g].value < 0.05
    assert ("orientation", "orientation_x") not in found["overlap"]
    assert found["overlap"]["orientation_x", "orientation_y"].value > 0.3


def test_each_kind_is_read_in_its_own_unit(found):
    for name in ("orientation", "glow", "hue", "ground"):
        assert found["leakage"][name, "z", "linear"].value > 0.95
    assert found["leakage"]["orientation", "z", "linear"].details["error"] < 8
    assert found["leakage"]["orientation", "z", "linear"].details["constant"] == pytest.approx(126.5, abs=6)
    assert found["leakage"]["ground", "z", "linear"].details["accuracy"] == 1
    assert found["leakage"]["ground", "z", "linear"].details["constant"] == pytest.approx(0.25, abs=0.1)
    assert found["action_error"]["orientation", "linear"].details["unit"] == "deg"
    wrong = found["action_error"]["ground", "linear"]
    assert wrong.details["unit"] == "wrong"
    assert wrong.value < 0.05
    assert wrong.null > 0.5
    turned = found["action_error"]["orientation", "linear"]
    assert turned.null == pytest.approx(132.3, abs=3)  # of any rotation: θ - sin θ = π/2
    assert turned.value < 0.5 * turned.null  # of 144 pairs that train, with products of 15 directions


def test_the_turn_between_two_views_is_read_however_large_it_is():
    """Most are by more than 90°, where a quaternion with w ≥ 0 jumps; a matrix does not."""
    still = contents(60, 4, 0)
    sweeps = Sweeps.from_function(lambda who, q: torch.cat([matrix(q).flatten(1), still[who]], 1), [TURN], 60, joint=20)
    asked = sj.diagnose(sweeps, skip=[*SKIP, "effects", "subspaces", "shared", "health"], ideals=False)
    assert asked["action"]["orientation", "linear"].value > 0.99
    assert asked["action_error"]["orientation", "linear"].value < 3
    assert asked["leakage"]["orientation", "z", "linear"].details["error"] < 0.1


def test_levels_without_an_order_say_what_they_cannot_answer(found):
    assert "near or far" in found["variance_shares"]["ground", "smooth"].reason
    assert found["sensitivity"]["ground"].value > 0.1
    assert found["sensitivity"]["orientation_x"].value > 0.1


def test_q_and_minus_q_are_told_the_same(found):
    """A rotation is written two ways; which, the diagnosis of a code cannot tell."""
    sweeps = Sweeps.from_function(every_kind, KINDS, **FEW)
    minus = torch.rand(30, 12, 1, generator=torch.Generator().manual_seed(0)) < 0.5
    values = torch.cat([torch.where(minus, -1.0, 1.0) * sweeps.joint_values[..., :4], sweeps.joint_values[..., 4:]], -1)
    other = sj.diagnose(replace(sweeps, joint_values=values), skip=SKIP, ideals=False)
    for metric, of in found.estimates.items():
        for key, estimate in of.items():
            assert (other[metric][key].value, other[metric][key].verdict) == (estimate.value, estimate.verdict)


def test_an_axis_of_a_rotation_is_swept_as_a_circle_of_its_own(found):
    sweeps = Sweeps.from_function(every_kind, KINDS, **FEW)
    for axis in ("orientation_x", "orientation_y", "orientation_z"):
        assert sweeps.values[axis].shape[:3] == (30, 4, 9)
        assert sweeps.grids[axis].tolist() == pytest.approx([-160 + 40 * i for i in range(9)])
        assert sweeps.factor(axis).full_circle
        assert found["dimension"][axis].value == 6
        assert found["shared_variance"][axis, "hue"].value < 0.05
        assert (axis, "orientation") not in found["shared_variance"]  # of which it is a part
    whole = found["explained_variance"]["orientation"]  # and jointly, as x and y are
    assert whole.value == pytest.approx(1, abs=1e-6)
    assert whole.details["k"] == 9


def test_noise_has_no_level():
    random = torch.Generator().manual_seed(0)

    def noise(who, values):
        return torch.randn(len(who), 8, generator=random, dtype=torch.float64)

    sweeps = Sweeps.from_function(noise, [GROUND, GLOW], **FEW)
    dims = sj.diagnose(sweeps, skip=[*SKIP, "leakage", "actions", "effects"], ideals=False)["dimension"]
    assert dims["ground"].value <= 1
    assert dims["glow"].value <= 1


def test_so3_closes_on_spherical_harmonics_and_levels_in_a_ring_are_a_group():
    context = replace(
        Context.of(Sweeps.from_function(harmonics, [TURN], **{**FEW, "steps": 25}), 0, []), networks=False
    )
    closure = closure_estimates(context)
    assert set(closure) == {
        ("orientation_x", "orientation_y"), ("orientation_x", "orientation_z"), ("orientation_y", "orientation_z")
    }  # fmt: skip
    for estimate in closure.values():
        assert estimate.value < 0.02
        assert estimate.null > 0.2
    group = group_estimates(context)
    for axis in ("orientation_x", "orientation_y", "orientation_z"):
        assert group["operator"][axis].value > 0.999
        assert group["composition"][axis].value < 1e-3
        assert group["frequency"][axis].value < 0.02
        assert {round(f) for f in group["frequency"][axis].details["frequency"][:4]} <= {1, 2}  # -l to l, l = 1 and 2

    def ring(who, values):
        angle = values[:, :1] * 2 * math.pi / 5
        return torch.cat([angle.cos(), angle.sin(), contents(30, 3, 0)[who]], 1)

    context = Context.of(Sweeps.from_function(ring, [SEASON], **FEW), 0, [])
    group = group_estimates(replace(context, networks=False))
    assert group["operator"]["season"].value > 0.999
    assert group["composition"]["season"].value < 1e-6
    levels = Context.of(Sweeps.from_function(ring, [GROUND], **FEW), 0, [])
    assert "cannot be undone" in group_estimates(replace(levels, networks=False))["operator"]["ground"].reason
