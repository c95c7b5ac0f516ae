import math

import numpy as np
import pytest
import scipy.interpolate
import torch

from seqjepa.diagnostics.measures.neighbours import interpolation, lagrange, noise_covariance

GRID = torch.tensor([0.0, 0.4, 1.1, 1.5, 2.3, 2.6, 3.1, 3.8, 4.2, 4.9, 5.5, 6.0], dtype=torch.float64)  # not even


def test_lagranges_weights_equal_scipys_polynomial():
    known, values = GRID[:4], torch.tensor([1.0, -2, 0.5, 3], dtype=torch.float64)
    expected = scipy.interpolate.lagrange(known.numpy(), values.numpy())(1.3)
    assert float(lagrange(torch.tensor(1.3).double(), known) @ values) == pytest.approx(expected)


def test_nothing_is_left_of_a_cubic_on_an_uneven_line():
    weights, gain = interpolation(GRID)
    assert weights.shape == (len(GRID) - 4, len(GRID))
    assert (weights @ (GRID**3 - 5 * GRID + 1)).abs().max() < 1e-9
    np.testing.assert_allclose(gain, weights.square().sum(1))


def test_the_ends_of_a_circle_are_neighbours():
    weights, _ = interpolation(GRID, 2 * math.pi)
    assert weights.shape == (len(GRID), len(GRID))
    assert (weights @ GRID.cos()).abs().max() < 0.1  # of 1: steps of up to 0.8


@pytest.mark.parametrize("period", [None, 2 * math.pi])
def test_the_covariance_of_noise_beside_what_moves_smoothly(period):
    noise = torch.randn(400, 2, len(GRID), 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mixing = torch.tensor([[0.3, 0.1], [0.0, 0.2]], dtype=torch.float64)
    turning = torch.stack([GRID.cos(), GRID.sin()], -1) if period else torch.stack([GRID, GRID**2], -1)
    found = noise_covariance(noise @ mixing + 0.5 * turning, GRID, period)
    torch.testing.assert_close(found, mixing.T @ mixing, rtol=0.1, atol=5e-3)
