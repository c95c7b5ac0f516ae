"""Is the transformation between two views read from their representations? R², and errors in the factors' units."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import MOST_GROUPS, RESAMPLES, Resampled, expanded, identity_weights
from seqjepa.diagnostics.measures.leakage import factor_targets
from seqjepa.diagnostics.measures.principal import principal_directions, rounding_of
from seqjepa.types import Factor, NotIdentifiable

ELEMENTS_AT_ONCE = 2**24  # of resampled errors
MOVING = 16  # directions of which products are formed


def view_pairs(codes: Float[Tensor, "I J D"]) -> Float[Tensor, "I J 2*D"]:
    """[z₁, z₂] of each view of the joint design and the next one of its identity, the last with the first.

    Raises:
        NotIdentifiable: fewer than two views.
    """
    if codes.shape[1] < 2:
        raise NotIdentifiable("the joint design has no two views of an identity")
    return torch.cat([codes, codes.roll(-1, 1)], -1)


def view_products(pairs: Float[Tensor, "I J W"], train: Bool[Tensor, " I"]) -> Float[Tensor, "I J C"]:
    """Products of the two views' coordinates in the directions that tell two views of an identity apart.

    The sine of a difference of two angles is sin b cos a - cos b sin a: of a code that is the angle no linear probe of
    [z₁, z₂] reads it, and a linear one with products does. The ``MOVING`` leading principal directions of z₂ - z₁ over
    the training identities, whitened: what is the same in both views takes no part, however loud. As loud in all as the
    pairs. They do not change when the representation is turned, but for a rotation among themselves.

    Args:
        pairs: [z₁, z₂], as ``view_pairs`` has them.
        train: (I,) identities that say which directions.
    """
    first, second = pairs.double().chunk(2, -1)
    moved = (second - first)[train].flatten(0, 1)
    deviations, directions = principal_directions(moved, rounding_of(pairs))
    if not len(deviations):
        return torch.zeros(*pairs.shape[:2], 1, dtype=torch.float64)
    whitening = (directions / deviations)[:, :MOVING]
    mean = torch.stack([first[train], second[train]]).mean((0, 1, 2))
    products = (((first - mean) @ whitening)[..., :, None] * ((second - mean) @ whitening)[..., None, :]).flatten(2)
    loud = (pairs[train].double() - pairs[train].double().mean((0, 1))).square().sum()
    spread = (products[train] - products[train].mean((0, 1))).square().sum()
    return products * (loud / spread.clamp(min=1e-300)).sqrt()


def relative_values(
    factors: Sequence[Factor], values: Float[Tensor, "I J F"]
) -> dict[str, tuple[Float[Tensor, "I J"], Float[Tensor, "I J _"]]]:
    """For each factor that varies, what lies between the views of ``view_pairs``, and what a probe is to say of it.

    A difference in the factor's own unit, a quotient for a logarithmic one. Sine and cosine of a cyclic factor.
    """
    found = {}
    for i, factor in enumerate(factors):
        here, there = values[..., i].double(), values[..., i].double().roll(-1, 1)
        between = there / here if factor.logarithmic else there - here
        if (here != here[0, 0]).any():
            found[factor.name] = between, factor_targets(factor, between)
    return found


def value_read(factor: Factor, said: Float[Tensor, "M J K"]) -> Float[Tensor, "M J"]:
    """The value in the factor's unit that a probe's answers mean: the angle of (sine, cosine), a logarithm's power."""
    if factor.period is not None:
        return torch.atan2(said[..., 0], said[..., 1]) * factor.period / (2 * math.pi)
    return said[..., 0].exp() if factor.logarithmic else said[..., 0]


def absolute_error(factor: Factor, read: Float[Tensor, "M J"], true: Float[Tensor, "M J"]) -> Float[Tensor, "M J"]:
    """How far apart two values are, in the factor's unit: around the circle; as a ratio of 1 or more if logarithmic."""
    if factor.logarithmic:
        return (read.clamp(min=1e-300).log() - true.log()).abs().exp()
    apart = (read - true).abs()
    if factor.period is None:
        return apart
    apart = apart % factor.period
    return torch.minimum(apart, factor.period - apart)


def constant_value(factor: Factor, fitted: Float[Tensor, "N J"]) -> float:
    """The best that a probe can say without a representation: the mean direction on a circle, the median elsewhere."""
    if factor.period is None:
        return float(fitted.median())
    turn = fitted * 2 * math.pi / factor.period
    return float(torch.atan2(turn.sin().mean(), turn.cos().mean())) * factor.period / (2 * math.pi)


def median_over_identities(errors: Float[Tensor, "M J"], seed: int = 0) -> Resampled:
    """The median of all errors, and in bootstrap resamples of the identities, each with all its errors."""
    flat = errors.double().flatten()
    order = flat.argsort()
    groups = min(len(errors), MOST_GROUPS)
    owner = (order // errors.shape[1]) % groups
    size = torch.bincount(owner, minlength=groups).double()
    draws = []
    for part in identity_weights(groups, RESAMPLES, seed).split(max(1, ELEMENTS_AT_ONCE // len(flat))):
        reached = part[:, owner].cumsum(1) >= (part @ size)[:, None] / 2
        draws.append(flat[order[reached.int().argmax(1)]])
    value = float(flat.median())
    return Resampled(value, expanded(torch.cat(draws), value, groups, 0.0))
