"""Do two factors share directions? Overlaps between halves of the identities, with nulls, reliability and intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.measures.subspaces import principal_angles, subspace_overlap
from seqjepa.rng import generator
from seqjepa.types import NotIdentifiable

T = TypeVar("T", float, Tensor)
RELIABLE = 0.8
RESOLVED = 1e-9  # eigenvalues of the representations' covariance below this share of the largest hold no direction
MOST_DIMENSIONS = 32  # of a subspace that overlaps are taken of: the leading ones
DRAWS = 200
SMALL = 0.1  # what "separate" must stay under: it is a claim about size
LITTLE = 0.5  # where chance alone reaches so far, not to be above it says little
ROUNDING = 1e-9
IN_PART = "shared in part"
CHANCE = "no more than covariance-matched chance"
SAYS_LITTLE = CHANCE + " (it reaches far here, so this says little)"


@dataclass(frozen=True)
class Halves:
    """A factor's directions as two halves of the identities show them, of one dimension.

    Attributes:
        first, second: (D, k) orthonormal.
        left_out: (2, G, D, k) the same with each group of identities left out of its half; None where not wanted.
        chosen: whether they are the leading ones of more.
    """

    first: Float[Tensor, "D K"]
    second: Float[Tensor, "D K"]
    left_out: tuple[Float[Tensor, "G D K"], Float[Tensor, "G D K"]] | None = None
    chosen: bool = False

    @property
    def reliability(self) -> float:
        """(r - k/D) / (1 - k/D) with r the overlap of the halves: 1 when they agree, 0 when by chance."""
        return float(self._corrected(subspace_overlap(self.first, self.second)))

    def reliability_left_out(self) -> Float[Tensor, " G"]:
        """The same with each group of identities left out."""
        assert self.left_out is not None
        first, second = self.left_out
        return self._corrected((first.mT @ second).square().sum((1, 2)) / first.shape[2])

    def _corrected(self, agreement: T) -> T:
        dim, k = self.first.shape
        if k == dim:
            raise NotIdentifiable(
                "the factor fills the whole representation, so its directions are those of any factor"
            )
        return (agreement - k / dim) / (1 - k / dim)


@dataclass(frozen=True)
class Overlap:
    """How far two factors share directions.

    Attributes:
        value: ‖UᵀV‖²_F / min(k, m), in [0, 1], one factor's directions from one half of the identities and the other's
            from the other half, both ways, averaged: what the halves' images share by accident does not count.
        cosines: (M,) squared cosines of the principal angles, falling, averaged over both ways: their mean is the
            value.
        angles: principal angles [rad], ascending, from the first way.
        chance: max(k, m)/D, the mean of random subspaces.
        reliability: of each factor's subspace, corrected for chance.
        disattenuated: (value - chance)/(1 - chance) / √(product of reliabilities) (Spearman, 1904), what the overlap
            would be with subspaces known exactly; 0 by chance, 1 when one holds the other.
        left_out: (G, M) the cosines with each group of identities left out; None where the halves have none.
    """

    value: float
    cosines: Float[Tensor, " M"]
    angles: Float[Tensor, " M"]
    chance: float
    reliability: tuple[float, float]
    disattenuated: float
    left_out: Float[Tensor, "G M"] | None


def factor_overlap(f: Halves, g: Halves) -> Overlap:
    """The overlap of two factors.

    Args:
        f, g: both factors' directions, of the same halves.

    Raises:
        NotIdentifiable: a subspace whose reliability is below 0.8. Noise would make overlaps smaller than they are, and
            "separate" could be said of one and the same subspace.
    """
    reliability = (f.reliability, g.reliability)
    if min(reliability) < RELIABLE:
        raise NotIdentifiable(f"halves of the identities agree by {min(reliability):.2f} on it, under {RELIABLE}")
    dim, k, m = *f.first.shape, g.first.shape[1]
    cosines = (squared_cosines(f.first, g.second) + squared_cosines(f.second, g.first)) / 2
    left_out = None
    if f.left_out is not None and g.left_out is not None:
        (f1, f2), (g1, g2) = f.left_out, g.left_out
        left_out = (squared_cosines(f1, g2) + squared_cosines(f2, g1)) / 2
    value, chance = float(cosines.mean()), max(k, m) / dim
    corrected = (value - chance) / (1 - chance) / math.sqrt(reliability[0] * reliability[1])
    return Overlap(value, cosines, principal_angles(f.first, g.second), chance, reliability, corrected, left_out)


def squared_cosines(u: Float[Tensor, "*N D K"], v: Float[Tensor, "*N D L"]) -> Float[Tensor, "*N M"]:
    """cos² of the min(K, L) principal angles between two subspaces, falling."""
    return torch.linalg.svdvals(u.mT @ v).square().clamp(max=1)


def matched_subspaces(spread: Float[Tensor, "D D"], k: int, seed: int, draws: int = DRAWS) -> Float[Tensor, "N D K"]:
    """Orthonormal bases of subspaces spanned by k Gaussian vectors of a covariance (Elsayed et al., 2016).

    Args:
        spread: the covariance.
        k: dimension, at most the covariance's rank: what is more is left out.
        seed: of the draws.
        draws: how many.
    """
    values, vectors = torch.linalg.eigh(spread)
    kept = values > RESOLVED * values[-1]  # directions without variance hold no subspace
    root = vectors[:, kept] * values[kept].sqrt()
    random = generator(seed, "matched overlaps", k)
    gaussian = torch.randn(draws, root.shape[1], min(k, root.shape[1]), generator=random, dtype=torch.float64)
    return torch.linalg.qr(root @ gaussian).Q


def sharing_verdict(value: float, interval: tuple[float, float], null: Float[Tensor, " N"], part: bool = False) -> str:
    """What an overlap or a similarity says of two factors, in words.

    "shared" where the interval lies above the null's 97.5 %. "separate" is a claim about size: the interval's upper end
    is small, and the value under the null's median. Anything else is no more than chance, which in few dimensions says
    little, and then the words say so.

    Args:
        value: the estimate.
        interval: of it.
        null: draws for random subspaces of the representations' covariance.
        part: whether the smallest angles alone are smaller than chance makes them.
    """
    low, median, high = null.quantile(torch.tensor([0.025, 0.5, 0.975], dtype=torch.float64)).tolist()
    if interval[0] > high + ROUNDING:
        return "shared"
    if part:
        return IN_PART
    if interval[1] < SMALL and value <= median + ROUNDING:
        return "separate"
    if interval[1] < low - ROUNDING:
        return "less than covariance-matched chance"
    return SAYS_LITTLE if high > LITTLE else CHANCE


def shared_in_part(low: Float[Tensor, " M"], null: Float[Tensor, "N M"]) -> bool:
    """Whether some of the smallest angles are smaller than chance makes them.

    Args:
        low: the lower ends of the squared cosines' intervals.
        null: squared cosines of random pairs of subspaces. Each is held against its own quantile, at 2.5 % over all.
    """
    return bool((low > null.quantile(1 - 0.025 / len(low), dim=0) + ROUNDING).any())
