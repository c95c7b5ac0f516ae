"""Overlap between halves of the identities: its nulls, its reliability, and when it says nothing."""

import math

import numpy as np
import pytest
import torch

from seqjepa.diagnostics import Halves, factor_overlap, principal_angles, subspace_overlap
from seqjepa.diagnostics.measures.directions import leading_directions
from seqjepa.diagnostics.measures.overlaps import (
    CHANCE,
    SAYS_LITTLE,
    matched_subspaces,
    shared_in_part,
    sharing_verdict,
    squared_cosines,
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
    found = factor_overlap(halves_of(f, 2), halves_of(g, 2))
    assert found.value == pytest.approx(math.cos(phi) ** 2, abs=1e-9)
    torch.testing.assert_close(found.cosines, torch.full((2,), math.cos(phi) ** 2).double(), atol=1e-9, rtol=0)
    torch.testing.assert_close(found.angles, torch.full((2,), phi, dtype=torch.float64), atol=1e-6, rtol=0)
    assert found.reliability == pytest.approx((1, 1))
    chance = 2 / D
    assert found.disattenuated == pytest.approx((math.cos(phi) ** 2 - chance) / (1 - chance), abs=1e-9)


@pytest.mark.parametrize("noise", [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
def test_s6_the_same_plane_is_found_or_abstained_from(noise):
    plane = orthogonal(D, 4)[:, :2]
    f, g = halves_of(sweep_in(plane, noise, 5), 2), halves_of(sweep_in(plane, noise, 6), 2)
    if min(f.reliability, g.reliability) < 0.8:
        with pytest.raises(NotIdentifiable, match="halves of the identities agree by"):
            factor_overlap(f, g)
        assert noise >= 2
    else:
        found = factor_overlap(f, g)
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


@pytest.mark.parametrize(("dim", "k", "m"), [(10, 2, 3), (10, 7, 6), (40, 5, 5), (30, 1, 4)])
def test_the_null_of_white_representations_is_random_subspaces(dim, k, m):
    white = torch.eye(dim, dtype=torch.float64)
    u, v = matched_subspaces(white, k, 0, 2000), matched_subspaces(white, m, 1, 2000)
    torch.testing.assert_close(u.mT @ u, torch.eye(k).double().expand(2000, k, k))
    overlaps = squared_cosines(u, v).mean(1)
    assert float(overlaps.mean()) == pytest.approx(max(k, m) / dim, rel=0.05)
    expected = u[:, :m].square().sum((1, 2)) / min(k, m)  # against a fixed subspace
    assert float(overlaps.quantile(0.975)) == pytest.approx(float(expected.quantile(0.975)), rel=0.08)


def test_the_null_follows_the_codes_spread_wherever_it_points():
    q = orthogonal(D, 2)
    narrow = q @ torch.diag(torch.tensor([1.0] * 3 + [1e-6] * (D - 3), dtype=torch.float64)) @ q.T
    overlaps = squared_cosines(matched_subspaces(narrow, 2, 0), matched_subspaces(narrow, 2, 1)).mean(1)
    assert float(overlaps.mean()) == pytest.approx(2 / 3, abs=0.05)
    assert float((matched_subspaces(narrow, 2, 0).mT @ q[:, :3]).square().sum((1, 2)).mean()) > 1.99
    assert matched_subspaces(narrow[:, :], 9, 0).shape == (200, D, 9)
    flat = torch.diag(torch.tensor([1.0, 1.0, 0.0, 0.0], dtype=torch.float64))
    assert matched_subspaces(flat, 3, 0).shape == (200, 4, 2)  # no more directions than there are


NULL = torch.linspace(0, 0.4, 401, dtype=torch.float64)  # 2.5 %: 0.01, median 0.2, 97.5 %: 0.39


@pytest.mark.parametrize(
    ("value", "interval", "null", "part", "says"),
    [
        (0.6, (0.5, 0.7), NULL, False, "shared"),
        (0.45, (0.3, 0.6), NULL, False, CHANCE),
        (0.45, (0.3, 0.6), NULL, True, "shared in part"),
        (0.05, (0.02, 0.09), NULL, False, "separate"),
        (0.05, (0.0, 0.2), NULL, False, CHANCE),  # small, and not known to be
        (0.05, (0.02, 0.09), NULL / 10, False, CHANCE),  # small, and chance makes it as small
        (0.15, (0.12, 0.18), NULL + 0.3, False, "less than covariance-matched chance"),
        (0.5, (0.4, 0.9), 2 * NULL, False, SAYS_LITTLE),
    ],
)
def test_verdicts(value, interval, null, part, says):
    assert sharing_verdict(value, interval, null, part) == says


def test_s15_two_of_four_directions_shared_are_seen_by_their_angles():
    for dim in (8, 12, 24, 64):
        white = torch.eye(dim, dtype=torch.float64)
        null = squared_cosines(matched_subspaces(white, 4, 0), matched_subspaces(white, 4, 1))
        assert shared_in_part(torch.tensor([1.0, 1.0, 0.0, 0.0]).double(), null)
        seen = [
            shared_in_part(
                squared_cosines(matched_subspaces(white, 4, 50 + s, 1), matched_subspaces(white, 4, 90 + s, 1))[0], null
            )
            for s in range(40)
        ]
        assert sum(seen) <= 5


def test_reliability_is_0_by_chance():
    values = [Halves(orthogonal(D, s)[:, :3], orthogonal(D, 500 + s)[:, :3]).reliability for s in range(200)]
    assert np.mean(values) == pytest.approx(0, abs=0.02)


def test_a_factor_that_fills_the_code():
    whole = torch.eye(4, dtype=torch.float64)
    with pytest.raises(NotIdentifiable, match="fills the whole representation"):
        _ = Halves(whole, whole).reliability


def test_squared_cosines_are_those_of_principal_angles():
    u, v = orthogonal(9, 1)[:, :4], orthogonal(9, 2)[:, :3]
    torch.testing.assert_close(squared_cosines(u, v), principal_angles(u, v).cos().square())
    assert float(squared_cosines(u, v).mean()) == pytest.approx(subspace_overlap(u, v))
