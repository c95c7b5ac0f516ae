"""Barlow Twins: a dimension agrees with itself in another view, and with no other dimension (Zbontar et al., 2021)."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from seqjepa.model.needs import OBSERVED_PAIR
from seqjepa.objective.coding_rates import at_least_float32
from seqjepa.objective.targets import Target, compares_aggregates, names_of, views_of
from seqjepa.objective.terms import Part, term
from seqjepa.types import Outputs

EPS = 1e-5  # added to the variance, as the paper's batch norm does: the gradient stays finite where a code collapsed

OffDiagonal = Annotated[float, Field(ge=0, description="Off-diagonal correlations beside the diagonal (λ).")]


def cross_correlation(first: Float[Tensor, "B D"], second: Float[Tensor, "B D"]) -> Float[Tensor, "D D"]:
    """C = z̃₁ᵀ z̃₂ / B, each dimension centred and divided by √(Var + 1e-5) over the batch; entries in [-1, 1].

    Raises:
        ValueError: fewer than two representations.
    """
    if len(first) < 2:
        raise ValueError("a correlation needs at least two representations")
    with torch.autocast(first.device.type, enabled=False):
        return _standardised(first).T @ _standardised(second) / len(first)


def barlow_twins_loss(
    first: Float[Tensor, "B D"], second: Float[Tensor, "B D"], off_diagonal: float = 0.0051
) -> Float[Tensor, ""]:
    """(Σ_i (1 - C_ii)² + λ Σ_{i≠j} C²_ij) / D; at least 0, and 1 for a collapsed batch.

    Barlow Twins (Zbontar et al., 2021), eq. 1, here divided by D, so that a weight means the same for every D. A change
    of the representations' norm does not touch it.

    Raises:
        ValueError: fewer than two representations.
    """
    found = cross_correlation(first, second)
    diagonal = found.diagonal()
    off = found.square().sum() - diagonal.square().sum()
    return ((1 - diagonal).square().sum() + off_diagonal * off) / len(found)


@term(weight=0.0, needs=[OBSERVED_PAIR], halves=compares_aggregates)
def barlow_twins(outputs: Outputs, target: Target = "z_agg", off_diagonal: OffDiagonal = 0.0051) -> list[Part]:
    """Barlow Twins, by which the cross-correlation of two views is the identity matrix.

    The two are: for z, an observed view and the next, averaged over such pairs; for z_agg, the aggregates of the first
    and of the second half of the observed views, which share no view. The diagonal asks for invariance over views, so
    of z it works against what a view's pose is to leave there.

    Args:
        outputs: of the whole batch.
        target: of z_agg, of z, or of both, each with the term's weight.
        off_diagonal: λ.
    """
    parts = []
    for name in names_of(target):
        views = views_of(outputs, name).unbind(1)
        found = [barlow_twins_loss(first, second, off_diagonal) for first, second in pairwise(views)]
        parts.append(Part(f"barlow_twins_{name}", torch.stack(found).mean()))
    return parts


def _standardised(z: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
    z = at_least_float32(z)
    centred = z - z.mean(0)
    return centred * (centred.square().mean(0) + EPS).rsqrt()
