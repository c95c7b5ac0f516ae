"""The laws of every kind of factor, as properties."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation as SciPy

from seqjepa.types import Factor, InputError
from seqjepa.types.factor import value_columns
from seqjepa.types.rotations import matrix, quaternion, rotate, turn

FACTORS = [
    Factor("position", -3, 5, "m"),
    Factor("zoom", 0.25, 4, "ratio", None, True),
    Factor("hue", -180, 180, "deg", 360.0),
    Factor("time", 0, 24, "h", 24.0),
    Factor.vector("place", -2, 2, 3),
    Factor.rotation("orientation"),
    Factor.direction("light"),
    Factor.levels("background", 4),
    Factor.levels("season", 5, cyclic=True),
]
EACH = pytest.mark.parametrize("factor", FACTORS, ids=lambda f: f.name)
SEEDS = st.integers(0, 2**32 - 1)


def values(factor, seed, count=3):
    random = torch.Generator().manual_seed(seed)
    return factor.drawn(torch.rand(count, factor.uniforms, generator=random, dtype=torch.float64))


def same(factor, one, other):
    zero = 1.0 if factor.logarithmic else 0.0
    error = factor.kind.error(one, other)
    torch.testing.assert_close(error, torch.full_like(error, zero), atol=2e-6, rtol=0)


@EACH
@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_a_difference_leads_from_one_value_to_the_other(factor, seed):
    before, after, _ = values(factor, seed)
    same(factor, factor.kind.act(factor.kind.difference(after, before), before), after)


@EACH
@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_steps_compose_as_they_act_and_the_neutral_one_stays(factor, seed):
    kind, (a, b, c) = factor.kind, values(factor, seed)
    first, second = kind.difference(b, a), kind.difference(c, b)
    same(factor, kind.act(kind.compose(second, first), a), kind.act(second, kind.act(first, a)))
    same(factor, kind.act(kind.neutral(), a), a)
    same(factor, kind.act(kind.compose(kind.neutral(), first), a), b)
    same(factor, kind.act(kind.compose(first, kind.neutral()), a), b)


@EACH
@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_a_step_is_undone_where_steps_are_a_group(factor, seed):
    kind, (a, b, _) = factor.kind, values(factor, seed)
    step = kind.difference(b, a)
    if kind.invertible:
        same(factor, kind.act(kind.inverse(step), b), a)
        same(factor, kind.act(kind.compose(kind.inverse(step), step), a), a)
    else:
        with pytest.raises(TypeError, match="where it came from"):
            kind.inverse(step)


@EACH
@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_composition_is_associative(factor, seed):
    kind, (a, b, c) = factor.kind, values(factor, seed)
    d = values(factor, seed + 1)[0]
    one, two, three = kind.difference(b, a), kind.difference(c, b), kind.difference(d, c)
    left, right = kind.compose(three, kind.compose(two, one)), kind.compose(kind.compose(three, two), one)
    same(factor, kind.act(left, a), kind.act(right, a))


@EACH
@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_a_probes_target_means_its_value_and_has_no_jump(factor, seed):
    kind, value = factor.kind, values(factor, seed)
    same(factor, kind.read(kind.target(value)), value)
    if factor.period is not None and factor.space == "number":
        torch.testing.assert_close(kind.target(value + factor.period), kind.target(value))
    if factor.space == "rotation":
        torch.testing.assert_close(kind.target(-value), kind.target(value))


@EACH
@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_an_error_is_a_distance(factor, seed):
    kind, (a, b, c) = factor.kind, values(factor, seed)
    ab, ba, bc, ac = kind.error(a, b), kind.error(b, a), kind.error(b, c), kind.error(a, c)
    assert float(ab) == pytest.approx(float(ba), abs=1e-6)
    most = float(ab * bc) if factor.logarithmic else float(ab + bc)
    assert float(ac) <= most + 1e-5
    low = 1.0 if factor.logarithmic else 0.0
    assert float(ab) >= low


@EACH
def test_what_a_model_is_told_is_about_one_and_the_same_for_the_same_step(factor):
    kind = factor.kind
    before, after = values(factor, 0, 200), values(factor, 1, 200)
    told = kind.action(kind.difference(after, before))
    assert told.shape[0] == 200
    assert told.isfinite().all()
    if factor.space == "rotation":
        torch.testing.assert_close(kind.action(-kind.difference(after, before)), told)
    if factor.period is not None and factor.space == "number":
        torch.testing.assert_close(kind.action(kind.difference(after + factor.period, before)), told)


@EACH
def test_no_constant_is_better_than_the_best_constant(factor):
    kind = factor.kind
    seen = values(factor, 3, 400)
    seen = torch.cat([seen, seen[:1].expand(300, -1)])  # most are the same, so that there is something to say

    def mean_error(said):
        error = kind.error(said.expand_as(seen), seen)
        return (error.log() if factor.logarithmic else error).mean()

    others = torch.stack([mean_error(v) for v in values(factor, 4, 50)])
    assert mean_error(kind.constant(seen)) <= others.min() * 1.05


@EACH
def test_draws_fill_the_range(factor):
    drawn = values(factor, 5, 4000)
    if factor.space == "rotation":  # no rotation is preferred: the mean matrix vanishes
        assert matrix(drawn).mean(0).abs().max() < 0.05
    elif factor.space == "direction":
        assert drawn.mean(0).abs().max() < 0.05
        torch.testing.assert_close(drawn.norm(dim=-1), torch.ones(4000, dtype=torch.float64))
    elif factor.space == "levels":
        assert sorted(set(drawn.flatten().tolist())) == list(range(factor.size))
    else:
        assert factor.low <= drawn.min() < drawn.max() <= factor.high
        span = (drawn.max() - drawn.min()) / (factor.high - factor.low)
        assert span > 0.98


@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_rotations_are_those_of_scipy(seed):
    one, two, _ = values(FACTORS[5], seed)
    known = [SciPy.from_quat(q.numpy(), scalar_first=True) for q in (one, two)]
    np.testing.assert_allclose(matrix(one), known[0].as_matrix(), atol=1e-12)
    kind = FACTORS[5].kind
    np.testing.assert_allclose(matrix(kind.compose(two, one)), (known[1] * known[0]).as_matrix(), atol=1e-12)
    assert float(kind.error(one, two)) == pytest.approx(math.degrees((known[0] * known[1].inv()).magnitude()), abs=1e-5)
    assert float((quaternion(matrix(one)) * one).sum().abs()) == pytest.approx(1)


def test_a_turn_is_counter_clockwise_and_near_opposite_directions_have_a_shortest_turn():
    z, x, y = torch.eye(3, dtype=torch.float64)[[2, 0, 1]]
    torch.testing.assert_close(rotate(turn(z, torch.tensor(math.pi / 2, dtype=torch.float64)), x), y)
    kind = FACTORS[6].kind
    torch.testing.assert_close(kind.act(kind.difference(-z, z), z), -z)
    torch.testing.assert_close(kind.act(kind.difference(z, z), z), z)


def test_a_noisy_answer_is_read_as_the_nearest_rotation():
    kind, value = FACTORS[5].kind, values(FACTORS[5], 7, 50)
    noisy = kind.target(value) + 0.05 * torch.randn(50, 9, generator=torch.Generator().manual_seed(0)).double()
    read = kind.read(noisy)
    nearest = [
        SciPy.from_matrix(np.linalg.svd(m)[0] @ np.linalg.svd(m)[2]) for m in noisy.unflatten(-1, (3, 3)).numpy()
    ]
    same(FACTORS[5], read, torch.stack([torch.from_numpy(r.as_quat(scalar_first=True)) for r in nearest]))


def test_axes_of_a_rotation_are_turns_from_the_left_and_of_a_vector_its_components():
    orientation, place = FACTORS[5], FACTORS[4]
    assert [a.name for a in orientation.axes] == ["orientation_x", "orientation_y", "orientation_z"]
    assert all(a.full_circle for a in orientation.axes)
    start = values(orientation, 1, 2)
    turned = orientation.moved(start, 2, torch.tensor([0.0, 90.0], dtype=torch.float64))
    torch.testing.assert_close(turned[:, 0], start)
    quarter = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]], dtype=torch.float64)
    torch.testing.assert_close(matrix(turned[:, 1]), quarter @ matrix(start))
    moved = place.moved(values(place, 1, 2), 1, torch.tensor([-2.0, 2.0]))
    assert moved[..., 1].tolist() == [[-2, 2], [-2, 2]]
    assert [a.name for a in place.axes] == ["place_x", "place_y", "place_z"]
    assert Factor("brightness", 0, 1).axes == (Factor("brightness", 0, 1),)
    assert value_columns(FACTORS[3:6]) == {"time": slice(0, 1), "place": slice(1, 4), "orientation": slice(4, 8)}


def test_levels_need_two():
    with pytest.raises(InputError, match="1 levels; 2 are the least"):
        Factor.levels("shape", 1)


@given(seed=SEEDS)
@settings(max_examples=50, deadline=None)
def test_q_and_minus_q_are_one_rotation_in_all_that_is_said_of_it(seed):
    """Half turns, of which neither has the larger w, among them."""
    one, two, _ = values(FACTORS[5], seed)
    half = torch.cat([torch.zeros(1, dtype=torch.float64), torch.nn.functional.normalize(two[1:], dim=0)])
    kind = FACTORS[5].kind
    for q in (one, half):
        assert torch.equal(kind.action(-q), kind.action(q))
        assert torch.equal(kind.target(-q), kind.target(q))
        for other in (-two, two):
            same(FACTORS[5], kind.difference(-q, other), kind.difference(q, two))
            torch.testing.assert_close(kind.error(-q, other), kind.error(q, two))
        assert torch.equal(kind.constant(torch.stack([-q, two])), kind.constant(torch.stack([q, two])))


@given(seed=SEEDS)
@settings(max_examples=50, deadline=None)
def test_the_error_of_a_rotation_is_its_angle_up_to_half_a_turn(seed):
    random = torch.Generator().manual_seed(seed)
    axis = torch.nn.functional.normalize(torch.randn(3, generator=random, dtype=torch.float64), dim=0)
    degrees = 180 * torch.rand(1, generator=random, dtype=torch.float64)
    kind, at = FACTORS[5].kind, values(FACTORS[5], seed)[0]
    moved = kind.act(turn(axis[None], degrees.deg2rad())[0], at)
    assert float(kind.error(moved, at)) == pytest.approx(float(degrees), abs=1e-6)
    further = kind.act(turn(axis[None], (360 - degrees).deg2rad())[0], at)  # as far, the other way
    assert float(kind.error(further, at)) == pytest.approx(float(degrees), abs=1e-6)


def test_the_best_constant_of_any_rotation_is_off_by_what_theory_says():
    """The angle between two random rotations has the density (1 - cos θ)/π: its median solves θ - sin θ = π/2."""
    kind, seen = FACTORS[5].kind, values(FACTORS[5], 0, 40_000)
    off = kind.error(kind.constant(seen).expand_as(seen), seen)
    theta = float(off.median().deg2rad())
    assert theta - math.sin(theta) == pytest.approx(math.pi / 2, abs=0.02)
    assert float(off.mean()) == pytest.approx(math.degrees(math.pi / 2 + 2 / math.pi), abs=1)


def test_directions_that_cancel_have_a_best_constant_that_is_as_far_off_as_any():
    kind, x = FACTORS[6].kind, torch.eye(3, dtype=torch.float64)
    seen = torch.cat([x, -x])
    constant = kind.constant(seen)
    assert float(constant.norm()) == pytest.approx(1)
    assert float(kind.error(constant.expand_as(seen), seen).mean()) == pytest.approx(90, abs=1e-6)
