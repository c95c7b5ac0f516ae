"""Is the transformation between two views read from their representations? R², and errors in the factors' units."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import MOST_GROUPS, RESAMPLES, Resampled, expanded, identity_weights
from seqjepa.diagnostics.measures.principal import principal_directions, rounding_of
from seqjepa.types import Factor, NotIdentifiable
from seqjepa.types.factor import value_columns

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
) -> dict[str, tuple[Float[Tensor, "I J W"], Float[Tensor, "I J _"]]]:
    """For each factor that varies, what lies between the views of ``view_pairs``, and what a probe is to say of it.

    A difference in the factor's own unit, a ratio, a rotation: see ``Kind.difference``. A direction has no such value
    of its own (the turn between two is a rotation), nor have levels without an order: there it is the second view's.
    """
    found = {}
    for factor, columns in zip(factors, value_columns(factors).values(), strict=True):
        here = values[..., columns].double()
        there = here.roll(-1, 1)
        target = factor.kind.target(here)  # the same for q and -q
        if (target != target[:1, :1]).any():
            between = there if factor.space == "direction" else factor.kind.difference(there, here)
            found[factor.name] = between, factor.kind.target(between)
    return found


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
