"""Generators and closure against representations whose algebra is known."""

import math

import pytest
import torch

from seqjepa.diagnostics.blocks.closure import closure_estimates
from seqjepa.diagnostics.context import Context, split_identities
from seqjepa.diagnostics.measures.generators import closure, derivative, fit_generator, random_closures
from seqjepa.factors import affine_factors
from seqjepa.sweeps import Sweeps
from seqjepa.types import NotIdentifiable, Pose
from tests.ground_truths import additive, contents, multiplicative, noise, orthogonal

I = 60  # noqa: E741
PARTS = split_identities(I, 0)
FACTORS = affine_factors(rotation=(-180, 180), translate_x=(-2, 2), translate_y=(-2, 2), scale=(0.5, 2.0))


def key_points(who, pose):
    """S8: four key points of each identity under the whole pose."""
    points = 2 * contents(I, 8, 1).reshape(I, 4, 2, 1)
    moved = Pose(pose)
    return ((moved.linear()[:, None] @ points[who])[..., 0] + moved.translation[:, None]).flatten(1)


def closures(f, **more):
    sweeps = Sweeps.from_function(f, FACTORS, I, **({"steps": 24, "base_poses": 3, "joint": 0} | more))
    return closure_estimates(Context.of(sweeps, 0, ()))


def test_s8_the_affine_algebra_closes_far_under_its_null():
    found = closures(key_points)
    assert len(found) == 6
    for pair, estimate in found.items():
        assert estimate.value < 0.02, pair
    # Scale is about the codes' origin whichever way it is turned, and shifts commute: those pairs close by themselves.
    # What a rotation makes of a shift is the other shift, and there the null is far.
    for shift in ("translate_x", "translate_y"):
        estimate = found["rotation", shift]
        assert estimate.value < estimate.null / 5
        assert estimate.verdict == "below its null"


def test_noise_closes_no_better_than_chance():
    """Generators of noise, which the diagnosis would not show at all, lie anywhere in the null's range."""
    places = []
    for seed in range(4):
        sweeps = Sweeps.from_function(noise(6, seed), FACTORS, I, steps=12, base_poses=3, joint=0)
        matrices = torch.stack(
            [fit_generator(sweeps.values[f.name].double(), 1.0, f.full_circle, PARTS).matrix for f in FACTORS]
        )
        for i, j in ((0, 1), (1, 2), (2, 3)):
            places.append(float((random_closures(matrices, i, j) < closure(matrices, i, j)).double().mean()))
    assert 0.25 < sum(places) / len(places) < 0.8
    assert max(places) > 0.5 > min(places)


def test_noise_is_not_answered():
    for estimate in closures(noise(6)).values():
        assert estimate.reason.startswith("a generator explains")


def test_an_algebra_that_does_not_close_is_found():
    """Rotations of a space about two random axes alone: their commutator turns about a third."""
    x = torch.zeros(2, 4, 4).double()
    x[0, 0, 1], x[0, 1, 0] = -1, 1
    x[1, 1, 2], x[1, 2, 1] = -1, 1
    assert closure(x, 0, 1) == pytest.approx(math.sqrt(2) / 2)
    third = x[0] @ x[1] - x[1] @ x[0]
    assert closure(torch.cat([x, third[None]]), 0, 1) == pytest.approx(0, abs=1e-12)


def test_the_generator_of_a_turning_code_is_its_frequency():
    sweeps = Sweeps.from_function(multiplicative(I, 2), FACTORS[:1], I, steps=36, joint=0)
    found = fit_generator(sweeps.values["rotation"].double(), 2 * math.pi / 36, True, PARTS)
    turns = torch.linalg.eigvals(found.matrix).imag.abs()
    assert {round(float(w)) for w in turns if w > 0.5} == {1, 2}
    assert (turns - turns.round()).abs().max() < 0.01
    assert found.score.value == pytest.approx(1, abs=1e-4)


def test_the_generator_of_a_shift_is_its_offset():
    def f(who, pose):
        return torch.stack([3 * pose[:, 1], contents(I, 1, 2)[who, 0]], 1)

    sweeps = Sweeps.from_function(f, FACTORS[1:2], I, steps=9, joint=0)
    spacing = float(sweeps.grids["translate_x"].diff()[0])
    found = fit_generator(sweeps.values["translate_x"].double(), spacing, False, PARTS)
    torch.testing.assert_close(found.matrix[:, -1], torch.tensor([3.0, 0, 0]).double(), atol=1e-6, rtol=0)
    assert found.left_out.shape == (20, 3, 3)


def test_q_an_orthogonal_map_changes_no_closure():
    q, plain = orthogonal(17, 5), additive(I)
    one, other = closures(plain), closures(lambda who, pose: plain(who, pose) @ q)
    for pair, estimate in one.items():
        assert other[pair].value == pytest.approx(estimate.value, abs=1e-6)


def test_a_derivative_of_fourth_order():
    angle = torch.arange(24).double() * 2 * math.pi / 24
    z = torch.stack([angle.sin(), (2 * angle).cos()], -1)[None, None]
    _, slope = derivative(z, 2 * math.pi / 24, True)
    torch.testing.assert_close(slope[0, 0, :, 0], angle.cos(), atol=2e-4, rtol=0)
    torch.testing.assert_close(slope[0, 0, :, 1], -2 * (2 * angle).sin(), atol=6e-3, rtol=0)


def test_too_few_values_for_a_derivative():
    with pytest.raises(NotIdentifiable, match="3 grid values; a derivative needs 5"):
        derivative(torch.zeros(2, 1, 3, 2).double(), 1.0, False)
