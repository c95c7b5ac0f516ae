"""The leading directions by random projections against the exact decomposition."""

import pytest
import torch

from seqjepa.diagnostics import factor_subspace, leading_subspace, subspace_overlap
from seqjepa.types import InputError, NotIdentifiable

IDENTITIES, STEPS, DIM = 24, 12, 160
FIT = torch.arange(IDENTITIES) % 2 == 0


def codes(noise, seed=0):
    """Four directions of falling variance, and isotropic noise."""
    random = torch.Generator().manual_seed(seed)
    inside = torch.randn(IDENTITIES, 2, STEPS, 4, generator=random) * torch.tensor([8.0, 4.0, 2.0, 1.0])
    mix = torch.linalg.qr(torch.randn(DIM, 4, generator=random)).Q.T
    return inside @ mix + noise * torch.randn(IDENTITIES, 2, STEPS, DIM, generator=random)


@pytest.mark.parametrize("noise", [1e-4, 0.01, 0.05])
def test_directions_above_the_noise_are_the_exact_ones(noise):
    exact, ours = factor_subspace(codes(noise), FIT), leading_subspace(codes(noise), FIT, 16)
    assert ours.dim == exact.dim == 4
    assert subspace_overlap(ours.directions(), exact.directions()) == pytest.approx(1, abs=1e-6)
    torch.testing.assert_close(ours.fitted[:4], exact.fitted[:4], atol=1e-7, rtol=1e-6)
    torch.testing.assert_close(ours.held_out[:4], exact.held_out[:4], atol=1e-6, rtol=1e-5)
    assert ours.null == exact.null
    torch.testing.assert_close(ours.basis.T @ ours.basis, torch.eye(16, dtype=torch.float64))


def test_more_iterations_come_closer_inside_a_flat_spectrum():
    z = codes(0.5)
    exact = factor_subspace(z, FIT)
    missing = [float((exact.fitted[:12] - leading_subspace(z, FIT, 12, n).fitted).sum()) for n in (1, 2, 4, 8)]
    assert missing == sorted(missing, reverse=True)
    assert 0 <= missing[-1] < 0.01 < missing[0]


def test_all_directions_are_the_whole_decomposition():
    z = codes(0.3)[..., :20].contiguous()
    exact, ours = factor_subspace(z, FIT), leading_subspace(z, FIT, 20)
    torch.testing.assert_close(ours.fitted, exact.fitted)
    torch.testing.assert_close(ours.held_out, exact.held_out, atol=1e-8, rtol=1e-6)
    assert float(ours.fitted.sum()) == pytest.approx(1)


def test_parts_make_no_difference(monkeypatch):
    whole = leading_subspace(codes(0.05), FIT, 8)
    monkeypatch.setattr("seqjepa.diagnostics.measures.randomised.ELEMENTS_AT_ONCE", 2 * 2 * STEPS * DIM)
    parts = leading_subspace(codes(0.05), FIT, 8)
    torch.testing.assert_close(parts.held_out, whole.held_out)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: leading_subspace(codes(0.1), FIT, 0), "0 leading directions of 160 dimensions"),
        (lambda: leading_subspace(codes(0.1), FIT, 161), "161 leading directions of 160 dimensions"),
        (lambda: leading_subspace(codes(0.1), FIT, 4, 0), "0 iterations"),
        (lambda: leading_subspace(codes(0.1), FIT | True, 4), "others to report on"),
    ],
)
def test_what_cannot_be_is_said(call, says):
    with pytest.raises(InputError, match=says):
        call()


def test_a_constant_code_has_no_directions():
    with pytest.raises(NotIdentifiable, match="does not move"):
        leading_subspace(torch.ones(IDENTITIES, 1, STEPS, 8), FIT, 2)
