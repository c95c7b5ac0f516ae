import math

import pytest
import torch

from seqjepa.objective import coding_rate, coding_rate_at_unit_gain, unit_norm_coding_rate


def codes(batch, dim, seed=0):
    return torch.randn(batch, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def reference(z, gain):
    """logdet(I + gain Cov) written independently: numpy's covariance and torch's slogdet, on the D × D side."""
    cov = torch.from_numpy(__import__("numpy").cov(z.T.numpy(), bias=True)).reshape(z.shape[1], z.shape[1])
    return torch.linalg.slogdet(torch.eye(z.shape[1], dtype=torch.float64) + gain * cov).logabsdet


@pytest.mark.parametrize(("batch", "dim"), [(64, 576), (576, 64), (64, 64), (2, 5), (300, 1)])
@pytest.mark.parametrize("alpha", [0.1, 1.0, 30.0])
def test_coding_rate_equals_slogdet(batch, dim, alpha):
    z = 3 * codes(batch, dim) + 5
    torch.testing.assert_close(coding_rate(z, alpha), reference(z, alpha), rtol=1e-6, atol=0)
    torch.testing.assert_close(coding_rate(z.float(), alpha).double(), reference(z, alpha), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("batch", "dim"), [(64, 576), (300, 20)])
@pytest.mark.parametrize("eps", [0.05, 0.5])
def test_unit_norm_rate_equals_slogdet(batch, dim, eps):
    z = codes(batch, dim) + 0.3
    unit = z / z.norm(dim=1, keepdim=True)
    torch.testing.assert_close(unit_norm_coding_rate(z, eps), 0.5 * reference(unit, dim / eps**2), rtol=1e-6, atol=0)


@pytest.mark.parametrize("rate", [coding_rate, unit_norm_coding_rate])
@pytest.mark.parametrize(("batch", "dim"), [(6, 4), (4, 6)])
def test_gradients(rate, batch, dim):
    assert torch.autograd.gradcheck(rate, codes(batch, dim).requires_grad_())


def test_norm_buys_coding_rate_but_not_the_unit_norm_rate():
    z = codes(64, 32)
    assert coding_rate(10 * z) > 2 * coding_rate(z)
    torch.testing.assert_close(unit_norm_coding_rate(10 * z), unit_norm_coding_rate(z))


def test_collapse_has_no_rate():
    assert coding_rate(torch.ones(16, 8)) == 0
    assert unit_norm_coding_rate(torch.ones(16, 8)).abs() < 1e-5


def test_the_bound_at_unit_gain():
    assert coding_rate_at_unit_gain(64, 576) == pytest.approx(146, abs=0.5)  # the seed run's
    assert coding_rate_at_unit_gain(1000, 8, 2.0) == pytest.approx(8 * math.log(3))
    # Reached by orthogonal centred codes of mean square 1, and by nothing with the same mean square.
    basis = torch.linalg.qr(torch.cat([torch.ones(9, 1, dtype=torch.float64), codes(9, 8)], 1)).Q[:, 1:]
    best = basis * math.sqrt(9)
    torch.testing.assert_close(best.square().mean(), torch.tensor(1.0, dtype=torch.float64))
    assert coding_rate(best).item() == pytest.approx(coding_rate_at_unit_gain(9, 8))
    assert coding_rate(codes(9, 8) / codes(9, 8).square().mean().sqrt()) < coding_rate_at_unit_gain(9, 8)


def test_bf16_autocast_does_not_touch_it():
    z = codes(64, 100).float()
    with torch.autocast("cpu", torch.bfloat16):
        inside = coding_rate(z)
    torch.testing.assert_close(inside, coding_rate(z))
    assert coding_rate(z.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e30])
def test_codes_that_are_not_finite_are_named(bad):
    z = codes(8, 4).float()
    z[0, 0] = bad
    with pytest.raises(FloatingPointError, match="not positive definite"):
        coding_rate(z)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: coding_rate(codes(4, 3), 0.0), "alpha must be above 0"),
        (lambda: unit_norm_coding_rate(codes(4, 3), -1.0), "eps must be above 0"),
        (lambda: coding_rate(codes(1, 3)), "at least two representations"),
    ],
)
def test_arguments_out_of_range(call, says):
    with pytest.raises(ValueError, match=says):
        call()
