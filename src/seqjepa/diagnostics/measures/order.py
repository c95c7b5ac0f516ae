"""Does a direction move in order along the grid? Held-out evidence against permutations of the grid in every orbit."""

from __future__ import annotations

from functools import lru_cache

import scipy.optimize
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from seqjepa.rng import generator

SIGNIFICANT = 2.1  # standard deviations: of noise alone a direction is counted in 3 to 4 % of draws
RESOLVED = 1e-9  # of a kernel's largest eigenvalue: less is none
ELEMENTS_AT_ONCE = 2**22  # representations are taken to float64 in parts of this many numbers


def order_evidence(
    sweep: Float[Tensor, "I P G D"], filters: Float[Tensor, "D T"], kernel: Float[Tensor, "*_ G G"]
) -> Float[Tensor, "I T"]:
    """How far each identity's signal variance along each filter lies above its grid permuted, in standard deviations.

    With y an orbit along a filter, yᵀ K y has mean 0 over all permutations of the grid and a variance that is known
    exactly (``permuted_variance``), so no permutation is drawn. Each orbit is divided by its own standard deviation:
    a loud image, or one outlier, weighs no more than any other, and no shape of the noise is assumed. Per identity
    the sum over its P base poses over √P: mean 0 and variance 1 for noise that is independent from point to point.

    Args:
        sweep: orbits that did not fit the filters.
        filters: as columns.
        kernel: see ``signal_kernel``.
    """
    found, place = [], 0
    for part in sweep.split(max(1, ELEMENTS_AT_ONCE // max(1, sweep[0].numel()))):
        z, own = part.double(), kernel_of(kernel, slice(place, place + len(part)))
        place += len(part)
        along = (z - z.mean(2, keepdim=True)) @ filters
        signal = (along * (own @ along)).sum(2)
        spread = permuted_variance(along, own).sqrt()
        found.append((signal / spread.clamp(min=1e-150)).sum(1) / part.shape[1] ** 0.5)
    return torch.cat(found)


def kernel_of(kernel: Float[Tensor, "*_ G G"], identities: slice | Tensor) -> Float[Tensor, "*_ G G"]:
    """The kernel of some identities: the one that all have, or their own of (I, 1, G, G)."""
    return kernel if kernel.ndim == 2 else kernel[identities]


def permuted_variance(orbits: Float[Tensor, "I P G T"], kernel: Float[Tensor, "*_ G G"]) -> Float[Tensor, "I P T"]:
    """The variance of yᵀ K y over all permutations of y, for y of mean 0 and K without diagonal or row sums.

    2 ‖K‖² (E[y_a² y_b²] - 2 E[y_a² y_b y_c] + E[y_a y_b y_c y_d]), different places, as in Mantel's test (1967). Noise
    that is left in fewer dimensions than G - 1 is as much louder in these, see ``_louder``.

    Args:
        orbits: y, along the third axis.
        kernel: K.
    """
    g = orbits.shape[2]
    squares = orbits.square()
    two, four = squares.sum(2), squares.square().sum(2)
    pairs = (two.square() - four) / (g * (g - 1))
    triples = (2 * four - two.square()) / (g * (g - 1) * (g - 2))
    quadruples = (3 * two.square() - 6 * four) / (g * (g - 1) * (g - 2) * (g - 3))
    size = 2 * (kernel.square().sum((-2, -1)) * _louder(kernel).square())[..., None]
    return (size * (pairs - 2 * triples + quadruples)).clamp(min=0)


def _louder(kernel: Float[Tensor, "*batch G G"]) -> Float[Tensor, "*batch"]:
    """How much louder an orbit's noise is in each of its dimensions than over all G - 1 of mean 0: (G - 1) / rank K.

    1 for a grid, whose orbits lose their mean alone. Levels lose it around each base pose, and records all that the
    other factors explain: permutations of the whole orbit would take what is left for evenly spread.
    """
    size = torch.linalg.eigvalsh(kernel).abs()
    rank = (size > RESOLVED * size.amax(-1, keepdim=True)).sum(-1).clamp(min=1)
    return (kernel.shape[-1] - 1) / rank.double()


def permuted_signal(
    along: Float[Tensor, "N G K"], kernel: Float[Tensor, "*_ G G"], seed: int = 0, draws: int = 200
) -> Float[Tensor, " R"]:
    """The mean over orbits of their signal variance along all directions, with the grid permuted in each, drawn anew.

    Args:
        along: N orbits of mean 0 along K directions.
        kernel: see ``signal_kernel``.
        seed: of the permutations.
        draws: how many.
    """
    found, louder = [], _louder(kernel)
    for number in range(draws):
        moved = along.gather(1, _permutation(len(along), along.shape[1], seed, number)[..., None].expand(along.shape))
        signal = (moved * (kernel @ moved)).sum((1, 2)) * louder
        found.append(signal.sum() / along.shape[0] / along.shape[1])
    return torch.stack(found)


@lru_cache(maxsize=400)
def _permutation(orbits: int, steps: int, seed: int, number: int) -> Int64[Tensor, "N G"]:
    random = generator(seed, "permuted grid", orbits, steps, number)
    return torch.rand(orbits, steps, generator=random).argsort(1)


def directions_in_order(first: Float[Tensor, "I T"], second: Float[Tensor, "J T"]) -> int:
    """How many leading directions are in order, from the evidence of both halves (each on the other's filters)."""
    return count_above(combined(first.mean(0) * len(first) ** 0.5, second.mean(0) * len(second) ** 0.5))


def combined(first: Float[Tensor, "*N T"], second: Float[Tensor, "*N T"]) -> Float[Tensor, "*N T"]:
    """Two independent standard scores as one (Stouffer et al., 1949)."""
    return (first + second) / 2**0.5


def count_above(scores: Float[Tensor, " T"], threshold: float = SIGNIFICANT) -> int:
    """How many leading scores stand above chance.

    Scores in the order of the other half's strength fall, but for chance; so they are first made to (isotonic
    regression), or one direction that is low by chance would hide all that follow it.
    """
    falling = scipy.optimize.isotonic_regression(scores.numpy(), increasing=False).x
    return int((falling > threshold).sum())
