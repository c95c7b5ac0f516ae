"""A factor's leading directions in wide codes, without the covariance: cost and memory grow with D, not with D³ and D².

All in float64, from passes over the codes in parts.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from seqjepa.diagnostics.measures.subspaces import (
    ELEMENTS_AT_ONCE,
    FactorSubspace,
    centre_orbits,
    dimensions_above,
    isotropic_null,
)
from seqjepa.rng import generator
from seqjepa.types import InputError, NotIdentifiable

SPARE = (
    10  # directions more than asked for: where the spectrum falls slowly, the last ones asked for are mixed with them
)
ITERATIONS = 3


def leading_subspace(
    sweep: Float[Tensor, "I P G D"], fit: Bool[Tensor, " I"], most: int, iterations: int = ITERATIONS
) -> FactorSubspace:
    """``factor_subspace`` with its ``most`` leading directions alone, for codes of many more dimensions than that.

    A randomised subspace iteration with a Rayleigh–Ritz step (Halko, Martinsson & Tropp, 2011, algorithm 4.4). A
    direction's error falls with each iteration as the (variance of the first direction left out / its own)², so
    directions that stand above the rest are exact to rounding, while those inside a flat spectrum are mixed among
    themselves: their shares are right, they are not. k_f is at most ``most``.

    Args:
        sweep: codes along the factor's sweep.
        fit: which identities fit the directions; the rest report.
        most: directions, from 1 to D.
        iterations: passes over the fitting codes, of which the last finds the directions' variances.

    Returns:
        The subspace with ``basis`` (D, most), ``fitted`` and ``held_out`` (most,), both shares of all the variance.

    Raises:
        InputError: no identity to fit on, or none to report on; a number of directions or passes that cannot be.
        NotIdentifiable: a factor that does not move the code at all.
    """
    dim = sweep.shape[-1]
    if not 1 <= most <= dim:
        raise InputError(f"{most} leading directions of {dim} dimensions; 1 to {dim} can be had")
    if iterations < 1:
        raise InputError(f"{iterations} iterations; 1 is the least")
    if not fit.any() or fit.all():
        raise InputError("a subspace needs identities to fit on and others to report on")
    start = torch.randn(
        dim, min(dim, most + SPARE), generator=generator("range finder", dim, most), dtype=torch.float64
    )
    inside, moved = torch.linalg.qr(start).Q, start
    projected, fitted_total = torch.eye(1), 0.0
    for _ in range(iterations):
        inside = torch.linalg.qr(moved).Q
        moved, projected, fitted_total = _pass(sweep[fit], inside)
    variances, turn = torch.linalg.eigh(projected)
    basis = inside @ turn.flip(1)[:, :most]
    _, held_out, total = _pass(sweep[~fit], basis)
    if min(fitted_total, total) <= (1e-12 * float(sweep.abs().max())) ** 2:  # rounding, as in ``half_covariances``
        raise NotIdentifiable("the factor does not move the code at all")
    shares, null = held_out.diagonal() / total, isotropic_null(tuple(sweep[~fit].shape))
    fitted = variances.flip(0)[:most].clamp(min=0) / fitted_total
    return FactorSubspace(basis, fitted, shares, null, dimensions_above(shares, null))


def _pass(
    sweep: Float[Tensor, "I P G D"], basis: Float[Tensor, "D K"]
) -> tuple[Float[Tensor, "D K"], Float[Tensor, "K K"], float]:
    """C_f U, Uᵀ C_f U and tr C_f, without C_f."""
    moved, projected = torch.zeros_like(basis), basis.new_zeros(basis.shape[1], basis.shape[1])
    total = torch.zeros((), dtype=torch.float64)
    for centred in _orbits(sweep):
        along = centred @ basis
        moved.addmm_(centred.T, along)
        projected.addmm_(along.T, along)
        total += centred.square().sum()
    count = sweep.shape[:3].numel()
    return moved / count, projected / count, float(total) / count


def _orbits(sweep: Float[Tensor, "I P G D"]) -> Iterator[Float[Tensor, "N D"]]:
    for part in sweep.split(max(1, ELEMENTS_AT_ONCE // max(1, sweep[0].numel()))):
        yield centre_orbits(part).flatten(0, 2)
