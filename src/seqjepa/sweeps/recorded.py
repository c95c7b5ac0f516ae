"""Sweeps out of records: representations of what was seen at values that nobody can choose again."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from seqjepa.rng import generator
from seqjepa.sweeps.as_given import given_records
from seqjepa.sweeps.sweeps import Sweeps
from seqjepa.types import Factor, InputError
from seqjepa.types.factor import value_columns

MOST_RECORDS = 200  # of an identity in the joint design
MOST_POSES = 5  # sweeps of an identity along one factor
FEWEST_VALUES = 3  # of a sweep; of levels two
FEWEST_RECORDS = 3  # of an identity
PERMUTATIONS = 200
SIGNIFICANT = 0.05
MOST_CELLS = 4  # columns of a target that are halved


def recorded_sweeps(
    codes: Any,
    identities: Any,
    values: Any,
    factors: Any,
    labels: Any = None,
    *,
    check_rows: bool = True,
    seed: int = 0,
    **more: Any,
) -> Sweeps:
    """Sweeps of recorded data, see ``Sweeps.from_recorded``.

    A factor is swept where every identity has records that differ in it alone, at the same values; else it has no
    sweep, and is judged by the joint design, with the other factors partialled out.

    Args:
        codes, identities, values, factors, labels, check_rows, seed, more: as in ``Sweeps.from_recorded``.
    """
    given = given_records(codes, identities, values, factors, labels)
    factors, columns = tuple(factors), value_columns(factors)
    codes, identities, values, labels = given.codes, given.identities, given.values, given.labels
    found, place = identities.unique(return_inverse=True)
    rows = [(place == i).nonzero()[:, 0] for i in range(len(found))]
    fewest = min(len(own) for own in rows)
    if fewest < FEWEST_RECORDS:
        few = int(found[min(range(len(rows)), key=lambda i: len(rows[i]))])
        raise InputError(
            f"recorded: identity {few} has {fewest} records, and {FEWEST_RECORDS} are the least; leave it out"
        )
    if check_rows:
        _check_rows_belong_together(codes, place, values, factors, seed)
    count, random = min(fewest, MOST_RECORDS), generator(seed, "records")
    kept = torch.stack([own[torch.randperm(len(own), generator=random)[:count].sort().values] for own in rows])
    swept: dict[str, Tensor] = {}
    grids: dict[str, Tensor] = {}
    for factor in factors:
        if factor.width > 1:
            continue
        others = torch.cat([values[:, c] for name, c in columns.items() if name != factor.name] or [values[:, :0]], 1)
        least = FEWEST_VALUES if factor.ordered else 2
        matched = _matched(values[:, columns[factor.name]][:, 0], others, rows, least, random)
        if matched is not None:
            grids[factor.name], index = matched
            swept[factor.name] = codes[index]
    own = torch.full((len(rows),), -1)
    if labels is not None:
        own = torch.stack([_one_label(labels[of], int(who)) for of, who in zip(rows, found, strict=True)])
    told = {"records": f"{count} of {fewest} to {max(map(len, rows))} of each identity", **more.pop("metadata", {})}
    return Sweeps(factors, swept, grids, own, codes[kept], values[kept], told, **more)


def _one_label(labels: Int64[Tensor, " K"], who: int) -> Int64[Tensor, ""]:
    if (labels != labels[0]).any():
        raise InputError(f"recorded: identity {who} has records of several classes, {labels.unique().tolist()!s:.80}")
    return labels[0]


def _matched(
    values: Float[Tensor, " N"], others: Float[Tensor, "N O"], rows: list[Tensor], least: int, random: torch.Generator
) -> tuple[Float[Tensor, " G"], Int64[Tensor, "I P G"]] | None:
    """The grid and the records of sweeps in which one factor moves and the others stay; None where there are none."""
    grid = values.unique()
    if len(grid) < least:
        return None
    chosen = []
    for own in rows:
        group = torch.zeros(len(own), dtype=torch.long)
        if others.shape[1]:
            group = others[own].unique(dim=0, return_inverse=True)[1]
        whole = []
        for one in range(int(group.max()) + 1):
            members = own[group == one]
            members = members[values[members].argsort(stable=True)]
            there, counts = values[members].unique_consecutive(return_counts=True)
            if torch.equal(there, grid):
                first = counts.cumsum(0) - counts
                # Where values were recorded several times each time is a sweep of its own.
                whole += [members[first + again] for again in range(int(counts.min()))]
        if not whole:
            return None
        chosen.append(torch.stack(whole))
    poses = min(MOST_POSES, *(len(of) for of in chosen)) if len(chosen) > 1 else min(MOST_POSES, len(chosen[0]))
    picked = [of[torch.randperm(len(of), generator=random)[:poses]] for of in chosen]
    return grid, torch.stack(picked)


def _check_rows_belong_together(
    codes: Float[Tensor, "N D"],
    identities: Int64[Tensor, " N"],
    values: Float[Tensor, "N F"],
    factors: tuple[Factor, ...],
    seed: int,
) -> None:
    """Refuse representations whose rows have nothing to do with those of identities and values.

    The variance between identities, and that between coarse cells of each factor's values, are compared with those of
    permuted rows. Where none stands above 95 % of the permutations (corrected for their number), rows were scrambled,
    or the representation is noise; either way every estimate would be of nothing. Representations that are all the same
    pass.
    """
    z = codes.double() - codes.double().mean(0)
    size = z.square().sum()
    if float(size) <= (1e-7 * float(codes.abs().max())) ** 2 * len(codes):
        return
    random = generator(seed, "rows", len(z))
    groups = [identities]
    for factor, columns in zip(factors, value_columns(factors).values(), strict=True):
        target = factor.kind.target(values[:, columns].double())
        above = (target > target.median(0).values)[:, :MOST_CELLS].long()
        groups.append((above * 2 ** torch.arange(above.shape[1])).sum(1))
    for group in groups:
        cells = group.unique(return_inverse=True)[1]
        if int(cells.max()) == 0:
            continue
        own = _between(z, cells)
        null = torch.stack([_between(z[torch.randperm(len(z), generator=random)], cells) for _ in range(PERMUTATIONS)])
        if float((null >= own).double().mean()) < SIGNIFICANT / len(groups):
            return
    raise InputError(
        "recorded: the rows of representations do not belong to those of identities and values: records of an "
        "identity, or of like values, are no more alike than permuted rows. Were they shuffled, or sorted otherwise? "
        "For a representation that may be noise: check_rows=False"
    )


def _between(z: Float[Tensor, "N D"], cells: Int64[Tensor, " N"]) -> Float[Tensor, ""]:
    """The sum of squares between cells."""
    count = torch.bincount(cells).double()
    sums = torch.zeros(len(count), z.shape[1], dtype=torch.float64).index_add_(0, cells, z)
    return (sums.square().sum(1) / count).sum()
