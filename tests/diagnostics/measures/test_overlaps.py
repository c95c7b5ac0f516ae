"""Overlap between halves of the identities: its nulls, its reliability, and when it says nothing."""

import math

import numpy as np
import pytest
import torch

from seqjepa.diagnostics import Halves, factor_overlap, factor_subspace, principal_angles
from seqjepa.diagnostics.measures.overlaps import (
    leading_directions,
    matched_overlaps,
    random_overlaps,
    resampled_directions,
    resampled_overlaps,
)
from seqjepa.diagnostics.measures.subspaces import within_orbit_covariance
from seqjepa.types import NotIdentifiable
from tests.ground_truths import orthogonal

I, D = 60, 24  # noqa: E741 (identities, as in the formulas)
FIRST = torch.arange(I) % 2 == 0


def sweep_in(directions, noise, seed):
    """Orbits in a subspace, with isotropic noise upon them."""
    random = torch.Generator().manual_seed(seed)
    inside = torch.randn(I, 2, 15, directions.shape[1], generator=random, dtype=torch.float64) @ directions.T
    return inside + noise * torch.randn(I, 2, 15, len(directions), generator=random, dtype=torch.float64)


def halves_of(sweep, k):
    own = within_orbit_covariance(sweep[FIRST]), within_orbit_covariance(sweep[~FIRST])
    return Halves(leading_directions(own[0], k), leading_directions(own[1], k))


@pytest.mark.parametrize("degrees", [0, 30, 60, 90])
def test_s5_overlap_is_the_squared_cosine(degrees):
    phi, q = math.radians(degrees), orthogonal(D, 3)
    f = sweep_in(q[:, :2], 0, 1)
    g = sweep_in(math.cos(phi) * q[:, :2] + math.sin(phi) * q[:, 2:4], 0, 2)
    found = factor_overlap(halves_of(f, 2), halves_of(g, 2), within_orbit_covariance(f) + within_orbit_covariance(g))
    assert found.value == pytest.approx(math.cos(phi) ** 2, abs=1e-9)
    torch.testing.assert_close(found.angles, torch.full((2,), phi, dtype=torch.float64), atol=1e-6, rtol=0)
    assert found.reliability == pytest.approx((1, 1))
    chance = 2 / D
    assert found.disattenuated == pytest.approx((math.cos(phi) ** 2 - chance) / (1 - chance), abs=1e-9)
    assert (
        found.verdict
        == {
            0: "shared",
            30: "no more than covariance-matched chance",
            60: "no more than covariance-matched chance",
            90: "separate",
        }[degrees]
    )


@pytest.mark.parametrize("noise", [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
def test_s6_the_same_plane_is_never_called_separate(noise):
    plane = orthogonal(D, 4)[:, :2]
    f, g = halves_of(sweep_in(plane, noise, 5), 2), halves_of(sweep_in(plane, noise, 6), 2)
    pooled = torch.eye(D, dtype=torch.float64)
    if min(f.reliability, g.reliability) < 0.8:
        with pytest.raises(NotIdentifiable, match="halves of the identities agree by"):
            factor_overlap(f, g, pooled)
        assert noise >= 2
    else:
        found = factor_overlap(f, g, pooled)
        assert found.verdict == "shared"
        assert found.disattenuated == pytest.approx(1, abs=0.05)
        assert noise <= 1


def test_noise_that_both_share_is_no_overlap():
    """Mutation: both factors' directions from the same half would take common noise for a common subspace."""
    q, random = orthogonal(D, 7), torch.Generator().manual_seed(8)
    shared = 3 * torch.randn(I, 2, 15, D, generator=random, dtype=torch.float64)
    f, g = sweep_in(q[:, :1], 0.1, 9) * 8 + shared, sweep_in(q[:, 1:2], 0.1, 10) * 8 + shared
    # Beyond its own one direction each factor's next ones are noise, the same noise in both.
    f, g = halves_of(f, 6), halves_of(g, 6)
    same_half = float((f.first.T @ g.first).square().sum()) / 6
    across = float((f.first.T @ g.second).square().sum() + (f.second.T @ g.first).square().sum()) / 12
    assert same_half > 2 * across


@pytest.mark.parametrize(("dim", "k", "m"), [(10, 2, 3), (10, 7, 6), (10, 2, 9), (40, 5, 5), (30, 1, 4)])
def test_the_random_null_equals_random_subspaces(dim, k, m):
    random = torch.Generator().manual_seed(0)
    u = torch.linalg.qr(torch.randn(4000, dim, k, generator=random, dtype=torch.float64)).Q
    direct = (u[:, :m].square().sum((1, 2)) / min(k, m)).numpy()
    null = random_overlaps(dim, k, m)
    assert null.mean() == pytest.approx(max(k, m) / dim, rel=0.05)
    assert np.quantile(null, 0.95) == pytest.approx(np.quantile(direct, 0.95), rel=0.08)


def test_random_subspaces_that_must_meet():
    assert random_overlaps(6, 6, 2) == pytest.approx(1)
    assert random_overlaps(5, 4, 4).min() >= 3 / 4


def test_the_matched_null_follows_the_codes_spread():
    isotropic = np.quantile(matched_overlaps(torch.eye(D, dtype=torch.float64), 2, 2, 0), 0.95)
    assert isotropic == pytest.approx(np.quantile(random_overlaps(D, 2, 2), 0.95), rel=0.25)
    narrow = torch.diag(torch.tensor([1.0] * 3 + [1e-6] * (D - 3), dtype=torch.float64))
    assert matched_overlaps(narrow, 2, 2, 0).mean() == pytest.approx(2 / 3, abs=0.05)


def test_reliability_is_0_by_chance():
    values = [Halves(orthogonal(D, s)[:, :3], orthogonal(D, 500 + s)[:, :3]).reliability for s in range(200)]
    assert np.mean(values) == pytest.approx(0, abs=0.02)


def test_a_factor_that_fills_the_code():
    whole = torch.eye(4, dtype=torch.float64)
    with pytest.raises(NotIdentifiable, match="fills the whole representation"):
        _ = Halves(whole, whole).reliability


def test_resampled_overlaps_lie_around_the_value():
    q = orthogonal(D, 11)
    tilted = math.cos(0.7) * q[:, :2] + math.sin(0.7) * q[:, 2:4]
    f, g = sweep_in(q[:, :2], 0.5, 12), sweep_in(tilted, 0.5, 13)
    value = factor_overlap(halves_of(f, 2), halves_of(g, 2), torch.eye(D, dtype=torch.float64)).value
    resampled = []
    for sweep in (f, g):
        centred = (sweep - sweep.mean(2, keepdim=True)).flatten(1, 2)
        resampled.append(resampled_directions(centred.mT @ centred, FIRST, 2, 300, 0))
    draws = resampled_overlaps(*resampled)
    assert draws.shape == (300,)
    assert draws.quantile(0.025) <= value <= draws.quantile(0.975)
    assert draws.std() < 0.05


def test_leading_directions_are_the_subspaces():
    covariance = within_orbit_covariance(sweep_in(orthogonal(D, 14)[:, :3] * torch.tensor([3.0, 2.0, 1.0]), 0.01, 15))
    expected = factor_subspace(sweep_in(orthogonal(D, 14)[:, :3] * torch.tensor([3.0, 2.0, 1.0]), 0.01, 15), FIRST)
    assert principal_angles(leading_directions(covariance, 3), expected.directions(3)).max() < 0.01
