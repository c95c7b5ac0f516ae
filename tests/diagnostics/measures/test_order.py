"""Evidence that a direction moves in order along the grid, against permutations that are really drawn."""

import pytest
import torch

from seqjepa.diagnostics.measures.order import count_above, order_evidence, permuted_signal, permuted_variance
from seqjepa.diagnostics.measures.records import level_orbits, record_orbits
from seqjepa.diagnostics.measures.signal import signal_kernel

LINE = torch.linspace(-1, 1, 9, dtype=torch.float64)


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("heavy", [False, True])
def test_the_variance_over_permutations_is_that_of_drawn_ones(heavy):
    kernel = signal_kernel(LINE)
    orbit = normal(1, 1, 9, 1) ** (3 if heavy else 1)
    orbit = orbit - orbit.mean(2, keepdim=True)
    random = torch.Generator().manual_seed(1)
    drawn = orbit.flatten()[torch.rand(60_000, 9, generator=random).argsort(1)]
    signal = (drawn * (drawn @ kernel)).sum(1)
    assert float(signal.mean()) == pytest.approx(0, abs=4 * float(signal.std()) / 60_000**0.5)
    assert float(permuted_variance(orbit, kernel)) == pytest.approx(float(signal.var()), rel=0.03)


def test_permuted_signals_are_those_of_permuted_orbits():
    kernel, along = signal_kernel(LINE), normal(40, 9, 2)
    along = along - along.mean(1, keepdim=True)
    expected = permuted_variance(along[:, None, :, :1], kernel).sum() ** 0.5 / 40 / 9
    draws = permuted_signal(along[..., :1], kernel, draws=2000)
    assert float(draws.std()) == pytest.approx(float(expected), rel=0.06)
    assert float(draws.mean()) == pytest.approx(0, abs=0.1 * float(expected))


@pytest.mark.parametrize("kind", ["normal", "heavy tails", "each image its own amount", "one image 1000 times"])
def test_noise_has_standard_normal_evidence_whatever_its_shape(kind):
    scores, kernel = [], signal_kernel(LINE)
    for seed in range(40):
        noise = normal(30, 2, 9, 8, seed=seed)
        if kind == "heavy tails":
            noise = noise / normal(30, 2, 9, 3, seed=seed + 500).square().mean(3, keepdim=True).sqrt()
        if kind == "each image its own amount":
            noise = noise * normal(30, 1, 1, 1, seed=seed + 500).exp()
        if kind == "one image 1000 times":
            noise[0] *= 1000
        scores.append(order_evidence(noise, torch.eye(8, dtype=torch.float64), kernel).sum(0) / 30**0.5)
    found = torch.cat(scores)
    assert float(found.mean()) == pytest.approx(0, abs=0.25)
    assert float(found.std()) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(("poses", "levels"), [(5, 2), (4, 4), (3, 8)])
def test_noise_of_levels_has_standard_normal_evidence(poses, levels):
    """Orbits that lose their mean around each base pose; of two levels one direction in ten was found in noise."""
    scores = []
    for seed in range(60):
        orbits, kernel = level_orbits(normal(30, poses, levels, 8, seed=seed))
        scores.append(order_evidence(orbits, torch.eye(8, dtype=torch.float64), kernel).sum(0) / 30**0.5)
    found = torch.cat(scores)
    assert float(found.mean()) == pytest.approx(0, abs=0.15)
    assert float(found.std()) == pytest.approx(1, abs=0.1)


def test_noise_of_records_has_standard_normal_evidence_whatever_the_other_factors_take_away():
    scores = []
    for seed in range(40):
        random = torch.Generator().manual_seed(seed)
        a, b, c = 2 * torch.rand(3, 30, 24, 1, generator=random, dtype=torch.float64) - 1
        orbits, kernel = record_orbits(normal(30, 24, 8, seed=seed), {"a": a, "b": b, "c": c}, "a", frozenset())
        scores.append(order_evidence(orbits, torch.eye(8, dtype=torch.float64), kernel).sum(0) / 30**0.5)
    assert float(torch.cat(scores).std()) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("steps", range(5, 42))
def test_a_grids_orbits_lose_their_mean_alone(steps):
    even = torch.arange(steps).double()
    for kernel in (signal_kernel(even), signal_kernel(even, float(steps)), signal_kernel((even / steps).exp())):
        assert int(torch.linalg.matrix_rank(kernel, rtol=1e-9)) == steps - 1


def test_evidence_is_read_along_filters_and_knows_no_scale():
    kernel, z = signal_kernel(LINE), normal(20, 2, 9, 3)
    z[..., 0] += 3 * LINE
    w = normal(3, 2, seed=4)
    torch.testing.assert_close(
        order_evidence(z, w, kernel),
        order_evidence(z @ w * 7 + 1e6, torch.eye(2).double(), kernel),
        atol=1e-6,
        rtol=1e-6,
    )
    assert float(order_evidence(z, torch.eye(3).double(), kernel)[:, 0].mean()) > 1


def test_one_score_that_is_low_by_chance_hides_none_behind_it():
    assert count_above(torch.tensor([9.0, 2.0, 9, 8, 0, -1]).double()) == 4
    assert count_above(torch.tensor([1.0, 2.5, 1, 0]).double()) == 0
