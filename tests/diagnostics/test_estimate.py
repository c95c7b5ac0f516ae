import math

import pytest
import torch

from seqjepa.diagnostics.estimate import p_against

EVEN = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000


def test_p_of_a_normal_null_is_a_normals():
    null = torch.special.ndtri(EVEN)
    for value in (0.0, 0.5, 1.0, 2.0):
        expected = math.erfc(value / math.hypot(1, 0.5) / math.sqrt(2))
        assert p_against(value, 0.5, null) == pytest.approx(expected, rel=0.02, abs=0.002)
        assert p_against(-value, 0.5, null) == pytest.approx(expected, rel=0.02, abs=0.002)


def test_p_of_a_uniform_null_is_the_share_beyond():
    """Taken as normal the edge of a uniform null has p = 0.08."""
    assert p_against(0.01, 1e-3, EVEN) == pytest.approx(0.02, rel=0.1)
    assert p_against(0.0, 1e-3, EVEN) <= 0.004


def test_p_beyond_all_draws_falls_on_and_is_rather_too_large():
    null = torch.special.ndtri(EVEN)
    last = 4 / len(null)
    for value in (4.0, 6.0, 8.0):
        p = p_against(value, 0.5, null)
        assert math.erfc(value / math.hypot(1, 0.5) / math.sqrt(2)) < p < last
        assert p_against(-value, 0.5, null) == pytest.approx(p, rel=0.01)
        last = p
    assert last < 1e-5


def test_p_of_a_skewed_null_is_no_smaller_than_its_tail():
    """Of an exponential null the largest 2.5 % have p of 0.05; as a normal's of the same middle 95 % it is 0.01."""
    null = -torch.log1p(-EVEN)
    assert p_against(-math.log(0.025), 1e-6, null) == pytest.approx(0.05, rel=0.05)


def test_p_of_a_null_that_is_a_number_is_a_normals():
    assert p_against(1.96, 1.0, torch.zeros(1)) == pytest.approx(0.05, rel=1e-3)
    assert p_against(0.0, 1.0, torch.zeros(1)) == 1.0


def test_pure_noise_gets_even_ps():
    """Values drawn from their null, known exactly: 5 % have p under 0.05, also of few draws."""
    random = torch.Generator().manual_seed(0)
    null = -torch.rand(200, generator=random, dtype=torch.float64).log()
    values = -torch.rand(4000, generator=random, dtype=torch.float64).log()
    ps = torch.tensor([p_against(float(value), 1e-3, null) for value in values])
    assert 0.03 <= float((ps < 0.05).double().mean()) <= 0.075
    assert float((ps < 0.001).double().mean()) <= 0.006
