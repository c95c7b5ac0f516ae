"""Do two factors share directions? Overlaps between halves of the identities, with nulls, reliability and intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.sparse.linalg
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import identity_weights
from seqjepa.diagnostics.measures.subspaces import principal_angles, subspace_overlap
from seqjepa.rng import generator
from seqjepa.types import NotIdentifiable

RELIABLE = 0.8
MOST_DIMENSIONS = 32  # of a subspace that overlaps are taken of: the leading ones
REDUCED = 64  # leading principal components in which resampled subspaces are refitted
DRAWS = 500


@dataclass(frozen=True)
class Halves:
    """A factor's directions as two halves of the identities show them, of one dimension.

    Attributes:
        first, second: (D, k) orthonormal.
    """

    first: Float[Tensor, "D K"]
    second: Float[Tensor, "D K"]

    @property
    def reliability(self) -> float:
        """(r - k/D) / (1 - k/D) with r the overlap of the halves: 1 when they agree, 0 when by chance."""
        dim, k = self.first.shape
        if k == dim:
            raise NotIdentifiable(
                "the factor fills the whole representation, so its directions are those of any factor"
            )
        return (subspace_overlap(self.first, self.second) - k / dim) / (1 - k / dim)


@dataclass(frozen=True)
class Overlap:
    """How far two factors share directions.

    Attributes:
        value: ‖UᵀV‖²_F / min(k, m), in [0, 1], one factor's directions from one half of the identities and the other's
            from the other half, both ways, averaged: what the halves' images share by accident does not count.
        angles: principal angles [rad], ascending, from the first way.
        chance: max(k, m)/D, the mean of random subspaces.
        null: 95th percentile of random subspaces.
        matched_null: 95th percentile of random subspaces with the representations' covariance: two directions that
            merely follow where representations vary most are not shared by the factors.
        reliability: of each factor's subspace, corrected for chance.
        disattenuated: (value - chance)/(1 - chance) / √(product of reliabilities) (Spearman, 1904), what the overlap
            would be with subspaces known exactly; 0 by chance, 1 when one holds the other.
    """

    value: float
    angles: Float[Tensor, " M"]
    chance: float
    null: float
    matched_null: float
    reliability: tuple[float, float]
    disattenuated: float

    @property
    def verdict(self) -> str:
        """In words.

        "separate" at or below the random null, "shared" above the covariance-matched one as well, "no more than
        covariance-matched chance" between them.
        """
        if self.value <= self.null:
            return "separate"
        return "shared" if self.value > self.matched_null else "no more than covariance-matched chance"


def factor_overlap(f: Halves, g: Halves, pooled: Float[Tensor, "D D"], seed: int = 0) -> Overlap:
    """The overlap of two factors beside its nulls.

    Args:
        f, g: both factors' directions, of the same halves.
        pooled: covariance of the representations, for the matched null.
        seed: of the matched null's subspaces.

    Raises:
        NotIdentifiable: a subspace whose halves agree by less than 0.8, so that not even its own overlap with itself
            could be seen.
    """
    reliability = (f.reliability, g.reliability)
    if min(reliability) < RELIABLE:
        raise NotIdentifiable(f"halves of the identities agree by {min(reliability):.2f} on it, under {RELIABLE}")
    dim, k, m = *f.first.shape, g.first.shape[1]
    value = (subspace_overlap(f.first, g.second) + subspace_overlap(f.second, g.first)) / 2
    chance = max(k, m) / dim
    null = float(np.quantile(random_overlaps(dim, k, m), 0.95))
    matched = float(np.quantile(matched_overlaps(pooled, k, m, seed), 0.95))
    disattenuated = (value - chance) / (1 - chance) / math.sqrt(reliability[0] * reliability[1])
    angles = principal_angles(f.first, g.second)
    return Overlap(value, angles, chance, null, matched, reliability, disattenuated)


def leading_directions(covariance: Float[Tensor, "D D"], k: int) -> Float[Tensor, "D K"]:
    """The k leading eigenvectors, by falling eigenvalue; by Lanczos' iteration where they are few, to rounding."""
    dim = len(covariance)
    if k > dim // 8:
        return torch.linalg.eigh(covariance).eigenvectors[:, dim - k :].flip(1)
    start = generator("lanczos", dim)  # a start of its own, or equal inputs would give unequal estimates
    v0 = torch.randn(dim, generator=start, dtype=torch.float64).numpy()
    values, vectors = scipy.sparse.linalg.eigsh(covariance.numpy(), k, v0=v0)
    return torch.from_numpy(vectors[:, np.argsort(-values)].copy())


@lru_cache(maxsize=256)
def random_overlaps(dim: int, k: int, m: int) -> np.ndarray:
    """Overlaps of pairs of random subspaces, (``DRAWS``,).

    The squared cosines are the eigenvalues of a matrix-variate Beta(m/2, (D - m)/2) of size k (Absil et al., 2006), so
    two k × k Wishart matrices stand for a random (D, k) basis.
    """
    k, m = sorted((k, m))
    if k + m > dim:  # they meet in k + m - D directions at least; the rest follows from the complement
        rest = dim - m
        inside = k - (random_overlaps(dim, rest, k) * min(rest, k) if rest else np.zeros(DRAWS))
        return inside / k
    random = generator("random overlaps", dim, k, m)
    a, b = _wishart(k, m, random), _wishart(k, dim - m, random)
    shares = torch.linalg.solve(a + b, a).diagonal(dim1=-2, dim2=-1).sum(-1) / k
    return shares.numpy()


def _wishart(size: int, degrees: int, random: torch.Generator) -> Float[Tensor, "N K K"]:
    draws = torch.randn(DRAWS, size, degrees, generator=random, dtype=torch.float64)
    return draws @ draws.mT


def matched_overlaps(pooled: Float[Tensor, "D D"], k: int, m: int, seed: int, draws: int = 200) -> np.ndarray:
    """Overlaps of pairs of subspaces spanned by Gaussian vectors of a covariance (Elsayed et al., 2016), (draws,).

    Args:
        pooled: the covariance.
        k, m: dimensions of the two subspaces.
        seed: of the draws.
        draws: how many pairs.
    """
    values = torch.linalg.eigvalsh(pooled)
    root = values.clamp(min=0).sqrt().flip(0)
    root = root[root > 1e-9 * root[0]]  # directions without variance hold no subspace
    k, m = min(k, len(root)), min(m, len(root))
    random = generator(seed, "matched overlaps")
    overlaps = []
    for _ in range(draws):
        u, v = (
            torch.linalg.qr(root[:, None] * torch.randn(len(root), size, generator=random, dtype=torch.float64)).Q
            for size in (k, m)
        )
        overlaps.append(float((u.T @ v).square().sum()) / min(k, m))
    return np.array(overlaps)


def resampled_directions(
    covariances: Float[Tensor, "I M M"], half: Bool[Tensor, " I"], k: int, resamples: int, seed: int
) -> tuple[Float[Tensor, "R M K"], Float[Tensor, "R M K"]]:
    """A factor's k leading directions in each bootstrap resample of the identities, in either half.

    Args:
        covariances: each identity's own, in leading principal components.
        half: which identities are in the first half.
        k: how many directions.
        resamples: how many.
        seed: of the resamples.
    """
    both = []
    for part, name in ((half, 0), (~half, 1)):
        weights = identity_weights(int(part.sum()), resamples, seed + name)
        total = (weights @ covariances[part].flatten(1)).unflatten(1, covariances.shape[1:])
        both.append(torch.linalg.eigh(total).eigenvectors[..., -k:].contiguous())
    return both[0], both[1]


def resampled_overlaps(
    f: tuple[Float[Tensor, "R M K"], Float[Tensor, "R M K"]], g: tuple[Float[Tensor, "R M L"], Float[Tensor, "R M L"]]
) -> Float[Tensor, " R"]:
    """``Overlap.value`` in each resample, from ``resampled_directions`` of the same seed."""
    least = min(f[0].shape[-1], g[0].shape[-1])
    ways = ((f[0], g[1]), (f[1], g[0]))
    return sum(((u.mT @ v).square().sum((1, 2)) / least / 2 for u, v in ways), torch.zeros(len(f[0])))
