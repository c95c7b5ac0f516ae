"""Which rows are the same up to rounding."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from seqjepa.diagnostics.measures.neighbours import ROUNDING_STEPS
from seqjepa.rng import generator


def first_of_equal(rows: Float[Tensor, "N D"]) -> Int64[Tensor, " N"]:
    """For each row the first that equals it up to the rounding of its number format; itself, where none before does.

    Rows are sorted by their place along a random direction, where equals are neighbours.
    """
    z = rows.double()
    same = ROUNDING_STEPS * torch.finfo(rows.dtype).eps * float(z.square().sum(1).mean().sqrt())
    direction = torch.randn(z.shape[1], generator=generator("equal rows", z.shape[1]), dtype=torch.float64)
    along = z @ (direction / direction.norm())
    first, near = torch.arange(len(z)), []
    for place in along.argsort(stable=True).tolist():
        near = [other for other in near if along[place] - along[other] <= 2 * same]
        equal = next((other for other in near if (z[place] - z[other]).norm() <= same), None)
        if equal is None:
            near.append(place)
        else:
            first[place] = equal
    # The sort takes any of a set first; told is the one that comes first among the rows.
    least = torch.full_like(first, len(first)).scatter_reduce_(0, first, torch.arange(len(first)), "amin")
    return least[first]
