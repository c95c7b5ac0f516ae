"""What a factor predicts of records that nobody can render again, with the other factors partialled out.

The records of an identity differ in all factors at once. So each factor is given smooth functions of its values (what a
probe would predict, and powers of it); what the other factors' functions explain is taken away; and what is left is
compared with what the factor's own functions explain of it. Noise that is independent from record to record adds to
what is explained as much as its degrees of freedom say, and that much is taken off (as in an analysis of variance).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.types import NotIdentifiable

MOST_DEGREE = 3
LEAST = 1e-4  # of a function's size: what is left of it without the others and is less than this is nothing
RESOLVED = 1e-6  # of the largest singular value: less is rounding
SHARE = 0.5  # of an identity's records that all functions together may take
FEWEST_LEFT = 3  # degrees of freedom that must be left for the noise
WIDE = 3  # targets: of more only first and second powers are taken


def smooth_functions(target: Float[Tensor, "I N K"], degree: int) -> Float[Tensor, "I N L"]:
    """Powers of a factor's targets up to a degree, each of size about 1: harmonics of a circle, a line's polynomials.

    Args:
        target: what a probe would predict, see ``Kind.target``.
        degree: of the polynomials in it; of indicators powers are themselves.
    """
    spread = target - target.mean((0, 1))
    scaled = spread / spread.std((0, 1)).clamp(min=1e-12)
    found = [scaled]
    if degree >= 2:
        i, j = torch.triu_indices(scaled.shape[-1], scaled.shape[-1])
        found.append(scaled[..., i] * scaled[..., j])
    if degree >= 3 and scaled.shape[-1] <= WIDE:
        found.append((found[1][..., None] * scaled[..., None, :]).flatten(-2))
    return torch.cat(found, -1)


def record_orbits(
    codes: Float[Tensor, "I N D"], targets: Mapping[str, Float[Tensor, "I N _"]], name: str, levels: frozenset[str]
) -> tuple[Float[Tensor, "I 1 N D"], Float[Tensor, "I 1 N N"]]:
    """Records less what the other factors explain, and each identity's kernel of what the factor itself explains.

    With M what is left of an identity's records without its mean and the other factors, B an orthonormal basis of the
    factor's own functions in it, of rank r, the kernel is BBᵀ - r/m M, where m is the rank of M: E[Nᵀ K N] = 0 for
    noise N that is independent from record to record. As polynomials those of the highest degree are taken, up to
    three, with which all functions together take at most half of an identity's records.

    Args:
        codes: representations of N records of each identity.
        targets: for each factor that varies what a probe would predict of it.
        name: the factor's.
        levels: names of factors whose targets are indicators, of which no powers are taken.

    Raises:
        NotIdentifiable: too few records, or a factor that follows the others within every identity.
    """
    count = codes.shape[1]
    held, held_rank, basis, rank = _apart(targets, name, levels, MOST_DEGREE)
    for degree in range(MOST_DEGREE - 1, 0, -1):
        if float((held_rank + rank).max()) <= SHARE * count:
            break
        held, held_rank, basis, rank = _apart(targets, name, levels, degree)
    left = count - held_rank
    if float((left - rank).min()) < FEWEST_LEFT:
        raise NotIdentifiable(
            f"{count} records of each identity are too few to tell it from the other factors; "
            f"{int((held_rank + rank).max()) + FEWEST_LEFT} are the least"
        )
    if float((rank > 0).double().mean()) < 0.5:
        raise NotIdentifiable("within identities it follows the other factors, or does not vary")
    residual = codes.double()
    residual = residual - held @ (held.mT @ residual)
    maker = torch.eye(count, dtype=torch.float64) - held @ held.mT
    kernel = basis @ basis.mT - (rank / left)[:, None, None] * maker
    return residual[:, None], kernel[:, None]


def _apart(
    targets: Mapping[str, Float[Tensor, "I N _"]], name: str, levels: frozenset[str], degree: int
) -> tuple[Float[Tensor, "I N M"], Float[Tensor, " I"], Float[Tensor, "I N L"], Float[Tensor, " I"]]:
    """Bases of the constant with all other factors' functions, and of the factor's own without these; their ranks."""
    functions = {f: smooth_functions(t.double(), 1 if f in levels else degree) for f, t in targets.items()}
    own = functions[name]
    constant = torch.ones(*own.shape[:2], 1, dtype=torch.float64)
    held, held_rank = _orthonormal(torch.cat([constant, *(of for f, of in functions.items() if f != name)], -1))
    rest = own - held @ (held.mT @ own)
    there = rest.norm(dim=1, keepdim=True) > LEAST * own.norm(dim=1, keepdim=True)
    return held, held_rank, *_orthonormal(torch.where(there, rest, 0.0))


def level_orbits(sweep: Float[Tensor, "I P G D"]) -> tuple[Float[Tensor, "I 1 P*G D"], Float[Tensor, "P*G P*G"]]:
    """Levels without an order have no neighbours that predict them, but they repeat around other base poses.

    The orbits of an identity, each less its mean, one after the other; and the kernel in which a level meets itself
    around other base poses only, so that noise, independent from view to view, does not meet itself.

    Raises:
        NotIdentifiable: a single base pose, so that nothing repeats.
    """
    _, poses, levels, _ = sweep.shape
    if poses < 2:
        raise NotIdentifiable("its levels have no order, and a single base pose has no level twice")
    z = sweep.double()
    orbits = (z - z.mean(2, keepdim=True)).flatten(1, 2)[:, None]
    centring = torch.eye(levels, dtype=torch.float64) - 1 / levels
    others = (1 - torch.eye(poses, dtype=torch.float64)) / (poses - 1)
    return orbits, torch.kron(others, centring)


def _orthonormal(columns: Float[Tensor, "I N L"]) -> tuple[Float[Tensor, "I N M"], Float[Tensor, " I"]]:
    """An orthonormal basis of each identity's columns, filled up with zeros, and how many columns it has."""
    left, size, _ = torch.linalg.svd(columns, full_matrices=False)
    kept = size > RESOLVED * size[:, :1].clamp(min=1e-300)
    kept &= size > 1e-9 * columns.shape[1] ** 0.5
    return left * kept[:, None, :], kept.sum(1).double()
