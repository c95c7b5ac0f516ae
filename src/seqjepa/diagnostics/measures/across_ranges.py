"""What is read of a factor where its values lie within a range, and where they do not."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.diagnostics.measures.leakage import PERMUTATIONS, ProbeResult
from seqjepa.diagnostics.measures.probes import Rows, probe_values
from seqjepa.rng import generator
from seqjepa.types import NotIdentifiable

FEWEST = 20  # views of each part of the identities
ROUNDING = 1e-6  # of a range, at its ends


def inside(
    values: Float[Tensor, "*batch"], low: float, high: float, period: float | None = None
) -> Bool[Tensor, "*batch"]:
    """Which values lie within a range, ends included.

    Args:
        values: in the factor's unit.
        low, high: the range's ends, in the same unit.
        period: of a cyclic factor, whose values are the same a period on.
    """
    slack = ROUNDING * max(high - low, 1e-300)
    if period is None:
        return (values >= low - slack) & (values <= high + slack)
    return (values - low + slack) % period <= high - low + 2 * slack


def values_within(
    codes: Float[Tensor, "I J D"],
    targets: Float[Tensor, "I J K"],
    among: Bool[Tensor, "I J"],
    split: Rows,
    seed: int = 0,
) -> ProbeResult:
    """How well a target is read by a linear probe that is fitted and tested on some of the views alone.

    The null draws are the same probe's R² of targets that are permuted over those views in each part of the split.

    Args:
        codes: representations of J views of each identity.
        targets: of the same views, see ``Kind.target``.
        among: which views count.
        split: masks (I,) of the identities that train, validate and test.
        seed: of permutations.

    Raises:
        NotIdentifiable: too few views count, or their targets are all the same.
    """
    rows = Rows(*((part[:, None] & among).flatten() for part in split))
    if (fewest := min(int(part.sum()) for part in rows)) < FEWEST:
        raise NotIdentifiable(f"{fewest} views of a part of the identities lie there; {FEWEST} are the least")
    flat, width = targets.flatten(0, 1).double(), targets.shape[-1]
    random = generator(seed, "permuted within a range", len(flat))
    asked = torch.cat([flat, *(flat[_permuted(rows, random)] for _ in range(PERMUTATIONS))], -1)
    read = probe_values("linear", codes.flatten(0, 1), asked, rows, seed, width)
    true = asked[rows.test]
    apart = (read - true).square().unflatten(-1, (-1, width)).sum(-1)  # (M, 1 + P)
    total = (true - true.mean(0)).square().unflatten(-1, (-1, width)).sum(-1)
    if (total.sum(0) <= 0).any():
        raise NotIdentifiable("the factor is constant there")
    scores = 1 - apart.sum(0) / total.sum(0)
    who = torch.arange(len(codes))[:, None].expand_as(among).flatten()[rows.test]
    by_identity = torch.zeros(2, len(codes), dtype=torch.float64)
    by_identity.index_add_(1, who, torch.stack([total[:, 0] - apart[:, 0], total[:, 0]]))
    of_test = by_identity[:, split.test]
    return ProbeResult(Ratio(of_test[0], of_test[1]), scores[1:], read[:, None, :width])


def _permuted(rows: Rows, random: torch.Generator) -> Tensor:
    """Rows permuted within each part; the others stay."""
    order = torch.arange(len(rows.train))
    for part in rows:
        where = part.nonzero()[:, 0]
        order[where] = where[torch.randperm(len(where), generator=random)]
    return order
