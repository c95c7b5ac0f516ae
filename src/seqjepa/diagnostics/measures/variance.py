"""How far a factor moves the representation, and whether it moves every image the same way.

A sweep is Z of shape (I, P, G, D).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import RESAMPLES, Ratio, Resampled, identity_weights
from seqjepa.types import NotIdentifiable

# Cubic interpolation from two neighbours on either side, and the variance that white noise has in its residual.
CUBIC = ((-2, -1 / 6), (-1, 4 / 6), (1, 4 / 6), (2, -1 / 6))
NOISE_GAIN = 1 + sum(weight**2 for _, weight in CUBIC)


def sensitivity(sweep: Float[Tensor, "I P G D"], neutral: int) -> Ratio:
    """E‖z(gx) - z(x)‖² / (2 · variance between identities at a pose), over the grid without the neutral pose.

    0 for an invariant representation; about 1 where z(gx) is as unrelated to z(x) as another image's representation.

    Args:
        sweep: representations along the factor's sweep.
        neutral: index of the neutral pose in the grid.

    Raises:
        NotIdentifiable: fewer than two identities, or identities that all have one representation.
    """
    if len(sweep) < 2:
        raise NotIdentifiable("the variance between identities needs two or more")
    others = [g for g in range(sweep.shape[2]) if g != neutral]
    moved = between = torch.zeros(len(sweep), dtype=torch.float64)
    for pose in sweep.unbind(1):
        z = pose.double()
        moved = moved + (z[:, others] - z[:, neutral : neutral + 1]).square().sum(-1).mean(1)
        between = between + (z - z.mean(0)).square().sum(-1).mean(1) * len(z) / (len(z) - 1)
    if between.sum() <= 0:
        raise NotIdentifiable("all identities have the same representation")
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

    content: Resampled
    factor: Resampled
    smooth: Resampled
    residual: Resampled
    factor_null: float


def variance_shares(sweep: Float[Tensor, "I P G D"], periodic: bool) -> VarianceShares:
    """The shares of content, factor and their interaction in a sweep's variance, at each base pose, then averaged.

    The interaction is split by cubic interpolation of each grid point from two neighbours on either side, which the
    point itself has no part in: white noise leaves a residual of known variance, a smooth interaction nearly none.

    The bootstrap resamples identities and with them the effect they have in common. The common effect's square grows
    by itself when identities are drawn twice, so it is resampled in its unbiased form, which leaves every
    identity's product with itself out.

    Args:
        sweep: representations along the factor's sweep.
        periodic: the grid is a full circle, so that its ends are neighbours.

    Raises:
        NotIdentifiable: fewer than two identities or fewer than five grid values, or a representation that never
            changes.
    """
    identities, _, steps, _ = sweep.shape
    if identities < 2 or steps < 5:
        raise NotIdentifiable(f"{identities} identities and {steps} grid values; 2 and 5 are the least")
    effects = [_effects(pose.double(), periodic) for pose in sweep.unbind(1)]
    content, residual, products = (torch.stack(parts).sum(0) for parts in zip(*effects, strict=True))

    def shares(weights: Float[Tensor, "R I"]) -> Float[Tensor, "4 R"]:
        moved, left = weights @ products.diagonal(), weights @ residual
        alike = ((weights @ products) * weights).sum(1)
        twice = weights.square() @ products.diagonal()
        unbiased = (alike - twice) / (identities**2 - weights.square().sum(1)) * identities
        common = float(products.sum()) / identities + unbiased - _unbiased(products)
        parts = torch.stack([weights @ content, common, moved - common - left, left])
        return parts / parts.sum(0)

    total = content.sum() + products.diagonal().sum()
    if total <= 0:
        raise NotIdentifiable("the representation never changes")
    values = shares(torch.ones(1, identities, dtype=torch.float64))[:, 0]
    draws = shares(identity_weights(identities, RESAMPLES, 0))
    found = [Resampled(float(value), draw) for value, draw in zip(values, draws, strict=True)]
    return VarianceShares(*found, factor_null=(steps - 1) / (identities * steps - 1))


def _unbiased(products: Float[Tensor, "I I"]) -> float:
    """The squared effect that identities have in common, times their number, without each one's product with itself."""
    return float(products.sum() - products.diagonal().sum()) / (len(products) - 1)


def _effects(
    z: Float[Tensor, "I G D"], periodic: bool
) -> tuple[Float[Tensor, " I"], Float[Tensor, " I"], Float[Tensor, "I I"]]:
    """At one base pose: each identity's content and residual, and the products of the identities' orbits."""
    _, steps, _ = z.shape
    still = z.mean(1)
    orbits = z - still[:, None]
    error = _interpolation_error(orbits - orbits.mean(0), periodic).square().sum(-1).mean(1)
    # From the residual's variance to noise's sum of squares in an interaction of (I - 1)(G - 1) degrees.
    # Not clamped at the interaction: that would be right for each identity and too small on average.
    residual = error / NOISE_GAIN * (steps - 1)
    flat = orbits.flatten(1)
    return (still - still.mean(0)).square().sum(1) * steps, residual, flat @ flat.T


def _interpolation_error(effect: Float[Tensor, "I G D"], periodic: bool) -> Float[Tensor, "I H D"]:
    """Each grid point less what its neighbours predict; without a full circle only where all four are there."""
    predicted = sum(weight * effect.roll(-offset, 1) for offset, weight in CUBIC)
    error = effect - predicted
    return error if periodic else error[:, 2:-2]
