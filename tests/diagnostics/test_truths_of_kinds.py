"""Known representations (S2 to S17 of those of affine factors) for a line, a circle, a rotation in space and levels.

What needs the group, its orbits or its algebra (S1, S2, S7, S8) stands in ``test_group_truths_of_kinds.py``, S13, all
kinds at once, in ``test_kinds.py``. S11, of ranks, has no factor in it. Of S15 a line has no half: of one direction two
lines share all or nothing (S5). Of S10 a rotation in space has no half: its range is all of SO(3); what was recorded of
a part of it is asked here. Of S17 "the class in a norm or a parity" has no factor in it.
"""

import math

import pytest
import torch

import seqjepa as sj
from seqjepa.diagnostics.measures.probes import Rows, probe_values
from seqjepa.sweeps import Sweeps
from seqjepa.types.rotations import turn
from tests.ground_truths import contents, orthogonal
from tests.kinds import DIMS, KINDS, I, asked, made, noisy, own, placed, swept_of, told


@KINDS
def test_s2_what_moves_each_identity_its_own_way_is_no_common_movement(kind):
    """u(value) through a map of each identity's own, mean-free: of the movement 1/I is common, and that by chance."""
    maps = contents(I, DIMS[kind] * 6, 5).reshape(I, DIMS[kind], 6)
    maps = maps - maps.mean(0)

    def code(who, values):
        return torch.cat([torch.einsum("bk,bkd->bd", own(kind, values["one"]), maps[who]), contents(I, 3, 1)[who]], 1)

    found = asked(code, (made(kind),), ("effects", "contents"))["variance_shares"]
    content, factor, smooth = (found[swept_of(kind), share].value for share in ("content", "factor", "smooth"))
    rest = 1 - content - factor if kind == "levels" else smooth
    assert factor < 0.1 * rest
    assert rest > 0.3


@KINDS
def test_s3_an_invariant_code_tells_nothing(kind):
    fuzz = noisy(1e-3, 6)
    found = asked(
        lambda who, values: contents(I, 6, 0)[who] + fuzz(len(who)), (made(kind),), ("effects", "leakage", "actions")
    )
    assert found["leakage"]["one", "z", "linear"].verdict == "at its null"
    assert found["action"]["one", "linear"].verdict == "at its null"
    assert found["sensitivity"][swept_of(kind)].value < 0.01


@KINDS
def test_s4_noise_is_at_every_null(kind):
    fuzz = noisy(1.0, 6)
    found = asked(
        lambda who, values: fuzz(len(who)), (made(kind),), ("effects", "subspaces", "leakage", "actions", "contents")
    )
    assert found["leakage"]["one", "z", "linear"].verdict == "at its null"
    assert found["action"]["one", "linear"].verdict == "at its null"
    assert found["dimension"]["one"].value == 0


@KINDS
@pytest.mark.parametrize("degrees", [0, 30, 60, 90])
def test_s5_overlap_is_the_squared_cosine_of_the_angle(kind, degrees):
    code, factors = placed(kind, math.radians(degrees))
    found = asked(code, factors, ("subspaces", "shared"))
    assert found["overlap"]["one", "two"].value == pytest.approx(math.cos(math.radians(degrees)) ** 2, abs=0.02)


@KINDS
@pytest.mark.parametrize("size", [0.3, 3.0])
def test_s6_the_same_directions_in_noise_are_never_separate(kind, size):
    code, factors = placed(kind, 0.0)
    fuzz = noisy(size, 2 * DIMS[kind] + 4)
    overlap = asked(lambda who, values: code(who, values) + fuzz(len(who)), factors, ("subspaces", "shared"))
    overlap = overlap["overlap"]["one", "two"]
    assert overlap.value is None or overlap.verdict != "separate"


def bent(kind, values):
    """All that there is to know of a value, and hardly in a straight line."""
    if kind == "line":
        return torch.cat([(0.92 * math.pi * values).sin(), (0.92 * math.pi * values).cos()], 1)
    if kind == "circle":
        return torch.cat([f(k * values.deg2rad()) for k in (2, 3) for f in (torch.sin, torch.cos)], 1)
    if kind == "rotation":
        return values * values[:, :1].sign()
    return values  # the number of a level: those in the middle lie between the others


@KINDS
def test_s9_what_is_bent_a_network_reads_and_a_straight_line_does_not(kind):
    count = 2400
    factor, random = made(kind), torch.Generator().manual_seed(0)
    values = factor.drawn(torch.rand(count, factor.uniforms, generator=random, dtype=torch.float64))
    part = torch.arange(count) % 3
    rows, target = Rows(part == 0, part == 1, part == 2), factor.kind.target(values)
    true = target[rows.test]
    straight, network = (
        1
        - float(
            (probe_values(name, bent(kind, values), target, rows) - true).square().sum()
            / (true - true.mean(0)).square().sum()
        )
        for name in ("linear", "mlp")
    )
    assert network > 0.9
    assert straight < 0.75


def test_s10_half_a_circle_has_its_subspace_and_no_frequencies():
    half = sj.Factor("one", 0, 180, "deg", 360.0)
    code = lambda who, values: torch.cat([own("circle", values["one"]), contents(I, 4, 0)[who]], 1)  # noqa: E731
    found = asked(code, (half,), ("subspaces", "group", "leakage"))
    assert found["frequency"]["one"].value is None
    assert found["dimension"]["one"].value == 2
    assert found["leakage"]["one", "z", "linear"].value > 0.95


@pytest.mark.parametrize("kind", ["line", "circle"])
def test_s10_of_a_constant_factor_nothing_is_answered(kind):
    still = sj.Factor("one", 0, 0) if kind == "line" else sj.Factor("one", 0, 0, "deg", 360.0)
    code = lambda who, values: torch.cat([values["one"], contents(I, 4, 0)[who]], 1)  # noqa: E731
    found = asked(code, (still,), ("effects", "subspaces", "leakage"))
    for metric in ("sensitivity", "dimension", "leakage"):
        for key, of in found[metric].items():
            if key == "one" or key[0] == "one":
                assert of.value is None, (metric, key)


@KINDS
def test_s14_loud_noise_elsewhere_hides_no_subspace(kind):
    code, factors = placed(kind, math.pi / 2)
    fuzz = noisy(2.0, 6, seed=12)  # of 30 draws one finds a direction more, of a rotation as of a circle

    def loud(who, values):
        return torch.cat([code(who, values), fuzz(len(who))], 1) @ orthogonal(2 * DIMS[kind] + 10, 8)

    found = asked(loud, factors, ("subspaces", "shared"), base_poses=4, identities=I)
    for name in ("one", "two"):
        assert found["dimension"][name].value == DIMS[kind]
    assert found["overlap"]["one", "two"].value < 0.05
    assert not found["overlap"]["one", "two"].verdict.startswith("shared")


def recorded(kind, values, seed=0):
    """Records of 30 identities at values (30 * N, W) of a kind and at random ones of a line."""
    who, random = torch.arange(30).repeat_interleave(len(values) // 30), torch.Generator().manual_seed(seed)
    line = 2 * torch.rand(len(values), 1, generator=random, dtype=torch.float64) - 1
    codes = torch.cat([contents(30, 4, 0)[who], own(kind, values), line], 1) @ orthogonal(5 + DIMS[kind], 2)
    factors = [made(kind), made("line", "two")]
    sweeps = sj.Sweeps.from_recorded(codes, who, torch.cat([values, line], 1), factors)
    return told(sweeps, ("subspaces", "leakage", "group"))


def test_s10_a_part_of_all_rotations_is_answered_and_has_no_law():
    random = torch.Generator().manual_seed(1)
    axis = torch.nn.functional.normalize(torch.randn(30 * 40, 3, generator=random, dtype=torch.float64), dim=1)
    found = recorded("rotation", turn(axis, torch.rand(30 * 40, generator=random).double() * math.pi / 2))
    assert found["dimension"]["one"].value == 9
    assert found["leakage"]["one", "z", "linear"].value > 0.95
    assert "no two are a known step" in found["operator"]["one_x"].reason


def test_s10_some_of_the_levels_are_answered():
    drawn = torch.randint(2, (30 * 40, 1), generator=torch.Generator().manual_seed(1)).double() * 2  # 0 and 2 of four
    found = recorded("levels", drawn)
    assert found["dimension"]["one"].value == 1
    assert found["leakage"]["one", "z", "linear"].value > 0.95


@pytest.mark.parametrize("kind", ["rotation", "levels"])
def test_s10_of_a_single_rotation_or_level_nothing_is_answered(kind):
    value = torch.tensor([[0.6, 0, 0.8, 0]] if kind == "rotation" else [[2.0]], dtype=torch.float64)
    sign = torch.where(torch.arange(30 * 40) % 3 == 0, -1.0, 1.0)[:, None] if kind == "rotation" else 1.0
    found = recorded(kind, sign * value.expand(30 * 40, -1))  # q and -q are one rotation
    assert found["dimension"]["one"].reason == found["leakage"]["one", "z", "linear"].reason == "the factor is constant"
    assert found["dimension"]["two"].value == 1


@KINDS
def test_s12_a_factor_that_follows_the_content_is_told_and_drops_on_contents_never_seen(kind):
    """From arrays: the code holds the class alone, and the factor follows the class."""
    count, views, random = 160, 6, torch.Generator().manual_seed(1)
    labels = torch.arange(count) % 4
    joint = torch.nn.functional.one_hot(labels).double()[:, None].expand(count, views, 4)
    joint = joint + 0.05 * torch.randn(count, views, 4, generator=random, dtype=torch.float64)
    factor = made(kind)
    if kind == "levels":
        values = labels[:, None, None].expand(count, views, 1).double()
    else:
        each = factor.drawn(torch.tensor([[0.1] * 3, [0.9] * 3, [0.3] * 3, [0.8] * 3]).double()[:, : factor.uniforms])
        values = each[labels][:, None].expand(count, views, -1)
    sweeps = Sweeps((factor,), {}, {}, labels, joint, values.contiguous())
    found = told(sweeps, ("leakage", "contents"))
    assert found["leakage"]["one", "z", "linear"].value > 0.9
    assert "follows the identities" in found["leakage"]["one", "z", "linear"].verdict
    dropped = found["cross_class_transfer"]["one", "absolute", "linear"]
    assert dropped.details["all_classes"] > 0.6
    assert dropped.verdict == "lower on unseen classes"


@pytest.mark.parametrize(("kind", "shared"), [("circle", 1), ("rotation", 3), ("levels", 1)])
@pytest.mark.parametrize("dim", [24, 48])
def test_s15_what_share_of_directions_two_factors_have_in_common(kind, shared, dim):
    code, factors = placed(kind, 0.0, shared, dim)
    overlap = asked(code, factors, ("subspaces", "shared"))["overlap"]["one", "two"]
    assert overlap.value == pytest.approx(shared / DIMS[kind], abs=0.02)
    assert overlap.verdict != "separate"


@KINDS
def test_s16_a_constant_code_is_answered_nothing_and_an_offset_changes_nothing(kind):
    blocks = ("effects", "subspaces", "leakage")
    still = asked(lambda who, values: torch.full((len(who), 3), 0.1).double(), (made(kind),), blocks)
    for metric in ("sensitivity", "dimension", "explained_variance"):
        for key, of in still[metric].items():
            assert not of.value, (metric, key)  # none, or 0 dimensions
    leakage = still["leakage"]["one", "z", "linear"]
    assert leakage.value is None or abs(leakage.value) < 0.05

    def code(who, values):
        return torch.cat([own(kind, values["one"]), contents(I, 4, 0)[who]], 1)

    plain, far = (asked(lambda w, v, by=by: code(w, v) + by, (made(kind),), blocks) for by in (0.0, 1e8))
    assert far["dimension"]["one"].value == plain["dimension"]["one"].value == DIMS[kind]
    for metric, key in (("leakage", ("one", "z", "linear")), ("explained_variance", "one")):
        assert far[metric][key].value == pytest.approx(plain[metric][key].value, abs=1e-4)


@KINDS
def test_s17_a_mixture_of_those_that_move_and_those_that_do_not_is_told(kind):
    moves = (torch.arange(I) % 2).double()[:, None]

    def code(who, values):
        return torch.cat([moves[who] * own(kind, values["one"]), contents(I, 4, 0)[who]], 1)

    found = asked(code, (made(kind),), ("effects", "contents"), steps=12, base_poses=4)["heterogeneity"]
    mixed = found[swept_of(kind)]
    assert mixed.details["still"] == pytest.approx(0.5)
    assert mixed.value == pytest.approx((I / (I - 1)) ** 0.5, abs=0.05)  # half at 0, half at twice the mean
    assert mixed.verdict == "some images move, others do not"


@KINDS
def test_s17_images_that_move_alike_are_told_so_in_noise(kind):
    fuzz = noisy(0.5, DIMS[kind] + 4)

    def code(who, values):
        return torch.cat([own(kind, values["one"]), contents(I, 4, 0)[who]], 1) + fuzz(len(who))

    found = asked(code, (made(kind),), ("effects", "contents"), steps=12, base_poses=4)["heterogeneity"]
    assert found[swept_of(kind)].verdict == "all alike within noise"
    assert found[swept_of(kind)].details["still"] == 0


def test_s17_levels_around_too_few_base_poses_are_not_told_from_noise():
    code = lambda who, values: torch.cat([own("levels", values["one"]), contents(I, 4, 0)[who]], 1)  # noqa: E731
    found = asked(code, (made("levels"),), ("effects",), base_poses=3)["heterogeneity"]["one"]
    assert "3 base poses; 2 and 4 are the least" in found.reason
