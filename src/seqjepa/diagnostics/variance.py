"""How far a factor moves the code, and whether it moves every image the same way.

A sweep is Z of shape (I, P, G, D). Every figure is a ratio of sums over identities, so that a bootstrap over identities
reweights its per-identity terms.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.bootstrap import Ratio
from seqjepa.types import InputError

# Cubic interpolation from two neighbours on either side, and the variance that white noise has in its residual.
CUBIC = ((-2, -1 / 6), (-1, 4 / 6), (1, 4 / 6), (2, -1 / 6))
NOISE_GAIN = 1 + sum(weight**2 for _, weight in CUBIC)


def sensitivity(sweep: Float[Tensor, "I P G D"], identity: int) -> Ratio:
    """E‖z(gx) - z(x)‖² / (2 · variance between identities at a pose), over the grid without the identity.

    0 for an invariant code; about 1 where z(gx) is as unrelated to z(x) as another image's code.

    Args:
        sweep: codes along the factor's sweep.
        identity: index of the identity in the grid.

    Raises:
        InputError: fewer than two identities, or identities that all have one code.
    """
    z = sweep.double()
    if len(z) < 2:
        raise InputError("not identifiable: the variance between identities needs two or more")
    still = z[:, :, identity : identity + 1]
    others = [g for g in range(z.shape[2]) if g != identity]
    moved = (z[:, :, others] - still).square().sum(-1).mean((1, 2))
    between = (z - z.mean(0)).square().sum(-1).mean((1, 2)) * len(z) / (len(z) - 1)
    if between.sum() <= 0:
        raise InputError("not identifiable: all identities have the same code")
    return Ratio(moved, 2 * between)


@dataclass(frozen=True)
class VarianceShares:
    """An analysis of variance of Z over identity × grid, shares of the total; they sum to 1.

    Attributes:
        content: what differs between images whatever the factor does.
        factor: what the factor does to all images alike (additive).
        smooth: what it does to each image differently, and predictably from neighbouring grid points; an unbiased
            estimate, so that it may fall a little below 0 where there is none.
        residual: what is left: noise, or detail finer than the grid.
        factor_null: the factor's share of independent noise, (G - 1) / (IG - 1).
    """

    content: Ratio
    factor: Ratio
    smooth: Ratio
    residual: Ratio
    factor_null: float


def variance_shares(sweep: Float[Tensor, "I P G D"], periodic: bool) -> VarianceShares:
    """The shares of content, factor and their interaction in a sweep's variance, at each base pose, then averaged.

    The interaction is split by cubic interpolation of each grid point from two neighbours on either side, which the
    point itself has no part in: white noise leaves a residual of known variance, a smooth interaction nearly none.

    Args:
        sweep: codes along the factor's sweep.
        periodic: the grid is a full circle, so that its ends are neighbours.

    Raises:
        InputError: fewer than two identities or fewer than five grid values, or a code that never changes.
    """
    z = sweep.double()
    identities, _, steps, _ = z.shape
    if identities < 2 or steps < 5:
        raise InputError(f"not identifiable: {identities} identities and {steps} grid values; 2 and 5 are the least")
    mean = z.mean((0, 2), keepdim=True)
    content = z.mean(2, keepdim=True) - mean
    factor = z.mean(0, keepdim=True) - mean
    interaction = z - mean - content - factor

    def per_identity(effect: Tensor) -> Float[Tensor, " I"]:
        return effect.square().sum(-1).expand(identities, -1, steps).sum(2).mean(1)

    parts = [per_identity(effect) for effect in (content, factor, interaction)]
    total = parts[0] + parts[1] + parts[2]
    if total.sum() <= 0:
        raise InputError("not identifiable: the code never changes")
    error = _interpolation_error(interaction, periodic).square().sum(-1).mean((1, 2))
    # From the residual's variance to noise's sum of squares in an interaction of (I - 1)(G - 1) degrees.
    # Not clamped at the interaction: that would be right for each identity and too small on average.
    residual = error / NOISE_GAIN * (steps - 1)
    shares = [Ratio(part, total) for part in (parts[0], parts[1], parts[2] - residual, residual)]
    return VarianceShares(*shares, factor_null=(steps - 1) / (identities * steps - 1))


def _interpolation_error(effect: Float[Tensor, "I P G D"], periodic: bool) -> Float[Tensor, "I P H D"]:
    """Each grid point less what its neighbours predict; without a full circle only where all four are there."""
    predicted = sum(weight * effect.roll(-offset, 2) for offset, weight in CUBIC)
    error = effect - predicted
    return error if periodic else error[:, :, 2:-2]
