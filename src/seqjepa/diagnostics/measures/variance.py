"""How far a factor moves the representation, and whether it moves every image the same way.

A sweep is Z of shape (I, P, G, D).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from scipy.special import gammaincinv
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import (
    RESAMPLES,
    Ratio,
    Resampled,
    expanded,
    identity_weights,
    percentile_interval,
)
from seqjepa.diagnostics.measures.neighbours import FEWEST_VALUES, interpolation, negligible
from seqjepa.types import NotIdentifiable

NULL_DRAWS = 1000
FASTER_THAN_NOISE = 1.1  # a residual of more than so much of the interaction is no noise's


def sensitivity(sweep: Float[Tensor, "I P G D"], neutral: int | None) -> Ratio:
    """E‖z(gx) - z(x)‖² / (2 · variance between identities at a pose), over the grid without the neutral pose.

    0 for an invariant representation; about 1 where z(gx) is as unrelated to z(x) as another image's representation.

    Args:
        sweep: representations along the factor's sweep.
        neutral: index of the neutral pose in the grid; None of levels, none of which is neutral: over all pairs.

    Raises:
        NotIdentifiable: fewer than two identities, or identities that all have one representation, up to rounding.
    """
    if len(sweep) < 2:
        raise NotIdentifiable("the variance between identities needs two or more")
    others, steps = [g for g in range(sweep.shape[2]) if g != neutral], sweep.shape[2]
    moved = between = torch.zeros(len(sweep), dtype=torch.float64)
    for pose in sweep.unbind(1):
        z = pose.double()
        if neutral is None:  # the mean over pairs of different values is twice the variance over the values
            apart = 2 * (z - z.mean(1, keepdim=True)).square().sum((1, 2)) / max(1, steps - 1)
        else:
            apart = (z[:, others] - z[:, neutral : neutral + 1]).square().sum(-1).mean(1)
        moved = moved + apart
        between = between + (z - z.mean(0)).square().sum(-1).mean(1) * len(z) / (len(z) - 1)
    if negligible(float(between.mean()) / sweep.shape[1], sweep):
        raise NotIdentifiable("all identities have the same representation")
    return Ratio(moved, 2 * between)


@dataclass(frozen=True)
class VarianceShares:
    """An analysis of variance of Z over identity × grid, shares of the total; they sum to 1.

    Attributes:
        content: what differs between images whatever the factor does.
        factor: what the factor does to all images alike (additive).
        smooth: what it does to each image differently, and predictably from neighbouring grid points; an unbiased
            estimate, so that it may fall a little below 0 where there is none. Of levels, which have no neighbours, 0.
        residual: what is left: noise, or detail finer than the grid. Of levels the whole interaction.
        factor_null: (N,) the factor's share where each orbit's grid is permuted by itself: what content there is stays.
        content_null: (N,) the content's share where the identities are permuted at each grid value by itself.
        too_fast: the interaction changes faster from value to value than noise would; the grid cannot split it.
    """

    content: Resampled
    factor: Resampled
    smooth: Resampled
    residual: Resampled
    factor_null: Float[Tensor, " N"]
    content_null: Float[Tensor, " N"]
    too_fast: bool


def variance_shares(
    sweep: Float[Tensor, "I P G D"], values: Float[Tensor, " G"] | None, period: float | None = None
) -> VarianceShares:
    """The shares of content, factor and their interaction in a sweep's variance, at each base pose, then averaged.

    The interaction is split by cubic interpolation of each grid point from two neighbours on either side, which the
    point itself has no part in: white noise leaves a residual of known variance, a smooth interaction nearly none.

    The bootstrap resamples identities and with them the effect they have in common. The common effect's square grows
    by itself when identities are drawn twice, so it is resampled in its unbiased form, which leaves every
    identity's product with itself out.

    Args:
        sweep: representations along the factor's sweep.
        values: the grid, ascending (a logarithmic factor's in its logarithm); it need not be even. None of levels:
            their interaction is not split.
        period: of a grid that is a full circle, so that its ends are neighbours.

    Raises:
        NotIdentifiable: fewer than two identities or than five grid values (two levels), or a representation that never
            changes, up to rounding.
    """
    identities, poses, steps, _ = sweep.shape
    least = FEWEST_VALUES if values is not None else 2
    if identities < 2 or steps < least:
        raise NotIdentifiable(f"{identities} identities and {steps} grid values; 2 and {least} are the least")
    split = _unsplit(steps) if values is None else interpolation(values, period)
    effects = [_effects(pose.double(), *split) for pose in sweep.unbind(1)]
    content, residual, products = (torch.stack(parts).sum(0) for parts in zip(*effects, strict=True))
    total = float(content.sum() + products.diagonal().sum())
    if negligible(total / (identities * poses * steps), sweep):
        raise NotIdentifiable("the representation never changes")

    def parts(weights: Float[Tensor, "R I"]) -> Float[Tensor, "4 R"]:
        moved, left = weights @ products.diagonal(), weights @ residual
        alike = ((weights @ products) * weights).sum(1)
        twice = weights.square() @ products.diagonal()
        unbiased = (alike - twice) / (identities**2 - weights.square().sum(1)) * identities
        common = float(products.sum()) / identities + unbiased - _unbiased(products)
        return torch.stack([weights @ content, common, moved - common - left, left])

    values_of = parts(torch.ones(1, identities, dtype=torch.float64))[:, 0]
    draws = parts(identity_weights(identities, RESAMPLES, 0))
    interaction = (draws[2] + draws[3]).clamp(min=1e-300)
    faster = percentile_interval(draws[3] / interaction)[0] > 1
    too_fast = faster and float(values_of[3]) > FASTER_THAN_NOISE * float(values_of[2] + values_of[3])
    shares, resampled = values_of / values_of.sum(), draws / draws.sum(0)
    content_share, factor_share, smooth_share, residual_share = (
        Resampled(float(value), expanded(draw, float(value), identities))
        for value, draw in zip(shares, resampled, strict=True)
    )
    nulls = (_chance(sweep, 0) / total, _chance(sweep, 2) / total)
    # An interaction of rounding errors has no smooth part.
    too_fast = too_fast and not negligible(float(values_of[2:].sum()) / (identities * poses * steps), sweep)
    return VarianceShares(content_share, factor_share, smooth_share, residual_share, *nulls, too_fast)


def _unsplit(steps: int) -> tuple[Float[Tensor, "H G"], Float[Tensor, " H"]]:
    """As ``interpolation`` where no value predicts another: the whole interaction is left."""
    centring = torch.eye(steps, dtype=torch.float64) - 1 / steps
    return centring, centring.square().sum(1)


def _unbiased(products: Float[Tensor, "I I"]) -> float:
    """The squared effect that identities have in common, times their number, without each one's product with itself."""
    return float(products.sum() - products.diagonal().sum()) / (len(products) - 1)


def _chance(sweep: Float[Tensor, "I P G D"], mean_over: int) -> Float[Tensor, " N"]:
    """The sum of squares of a main effect where its levels are permuted, in each row of the other side by itself.

    The mean of R rows that are permuted independently is normal for many rows, and its squared length a weighted sum
    of chi-squares, here the gamma distribution of the same mean and variance (Satterthwaite, 1946).

    Args:
        mean_over: the side that the effect is a mean over: 0 (identities) for the factor, 2 (the grid) for content.
    """
    rows, levels = sweep.shape[mean_over], sweep.shape[2 - mean_over]
    scatter, trace = 0.0, 0.0
    for pose in sweep.unbind(1):
        z = pose.double()
        centred = (z - z.mean(1 if mean_over == 0 else 0, keepdim=True)).flatten(0, 1)
        gram = centred.T @ centred if centred.shape[1] <= len(centred) else centred @ centred.T
        scatter, trace = scatter + float(gram.square().sum()) / rows**2, trace + float(gram.trace()) / rows
    return gamma_draws(trace, 2 * scatter / (levels - 1))


def gamma_draws(mean: float, variance: float) -> Float[Tensor, " N"]:
    """Evenly spaced quantiles of the gamma distribution with this mean and variance: draws without chance."""
    if mean <= 0 or variance <= 0:
        return torch.full((NULL_DRAWS,), mean, dtype=torch.float64)
    shape = mean**2 / variance
    places = (torch.arange(NULL_DRAWS, dtype=torch.float64) + 0.5) / NULL_DRAWS
    return torch.from_numpy(gammaincinv(shape, places.numpy())) * mean / shape


def _effects(
    z: Float[Tensor, "I G D"], weights: Float[Tensor, "H G"], gain: Float[Tensor, " H"]
) -> tuple[Float[Tensor, " I"], Float[Tensor, " I"], Float[Tensor, "I I"]]:
    """At one base pose: each identity's content and residual, and the products of the identities' orbits."""
    _, steps, _ = z.shape
    still = z.mean(1)
    orbits = z - still[:, None]
    left = torch.einsum("hg,igd->ihd", weights, orbits - orbits.mean(0)).square().sum(-1)
    # From the residual's variance to noise's sum of squares in an interaction of (I - 1)(G - 1) degrees.
    # Not clamped at the interaction: that would be right for each identity and too small on average.
    residual = (left / gain).mean(1) * (steps - 1)
    flat = orbits.flatten(1)
    return (still - still.mean(0)).square().sum(1) * steps, residual, flat @ flat.T
