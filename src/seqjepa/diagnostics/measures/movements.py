"""Does a factor move all images by as much, or some and others not?"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import RESAMPLES, expanded, identity_weights, percentile_interval
from seqjepa.diagnostics.measures.neighbours import FEWEST_VALUES, negligible
from seqjepa.diagnostics.measures.signal import signal_kernel
from seqjepa.rng import generator
from seqjepa.types import NotIdentifiable

STILL = 0.1  # of the mean movement: an image that moves by less stands still
NULL_DRAWS = 1000
FINE = 0.7  # of what all grid values predict every second one must predict, or the frequency is too high for these
FEWEST_POSES = 4  # around which levels are told from noise in two halves
STILL_GRID = "neighbouring grid values predict nothing of the movement: there is none, or the grid is too coarse for it"
STILL_LEVELS = "levels around other base poses predict nothing of the movement: there is none, or each has its own"
RESOLVED = 1e-12  # a variance of less than this share of the squared mean is rounding


@dataclass(frozen=True)
class Movement:
    """How much of each identity's orbit the factor predicts, unbiased by noise.

    Attributes:
        energy: (I,) mean square of the orbit, from products of neighbouring grid values.
        halves: (2, I) the same from every second base pose, and from the others; where there is one base pose, from
            every second grid value, and from the others. No noise is in both.
        alike: the mean product of two different identities' orbits, over the mean energy: 1 where all move alike, 0
            where each moves its own way.
    """

    energy: Float[Tensor, " I"]
    halves: Float[Tensor, "2 I"]
    alike: float


def movement(sweep: Float[Tensor, "I P G D"], values: Float[Tensor, " G"], period: float | None = None) -> Movement:
    """Each identity's movement, from everything and from two halves.

    Args:
        sweep: representations along the factor's sweep.
        values: the grid, ascending (a logarithmic factor's in its logarithm).
        period: of a grid that is a full circle.

    Raises:
        NotIdentifiable: fewer than two identities, or than five grid values (ten around a single base pose), or a
            factor whose neighbouring grid values predict nothing of the movement (noise, an invariant representation,
            or a grid too coarse for it; around a single base pose, too coarse when it is halved).
    """
    several = sweep.shape[1] > 1
    least = FEWEST_VALUES if several else 2 * FEWEST_VALUES
    if len(values) < least or len(sweep) < 2:
        raise NotIdentifiable(f"{len(sweep)} identities and {len(values)} grid values; 2 and {least} are the least")
    energy, smooth = _energies(sweep, values, period)
    check_moves(energy, sweep)
    parts = [(sweep[:, h::2], values) if several else (sweep[:, :, h::2], values[h::2]) for h in (0, 1)]
    halves = torch.stack([_energies(*part, period)[0] for part in parts])
    count, mean = len(energy), float(energy.mean())
    if not several and float(halves.mean()) < FINE * mean:
        raise NotIdentifiable(
            "around a single base pose every second grid value is too coarse to tell how much each image moves"
        )
    together = sum(float((z.mean(0) * k.mean(0)).sum()) for z, k in smooth) * count / sweep.shape[1]
    return Movement(energy, halves, (together / sweep.shape[2] - mean) / (count - 1) / mean)


def level_movement(sweep: Float[Tensor, "I P L D"]) -> Movement:
    """The same of levels without an order, which have no neighbours: from products of a level around two base poses.

    Args:
        sweep: representations at L levels.

    Raises:
        NotIdentifiable: fewer than two identities or four base poses (two a half), or levels that move nothing alike
            around different base poses.
    """
    identities, poses, levels, _ = sweep.shape
    if identities < 2 or poses < FEWEST_POSES:
        raise NotIdentifiable(
            f"its levels have no order, so that a level is told from noise around other base poses alone: {identities} "
            f"identities and {poses} base poses; 2 and {FEWEST_POSES} are the least"
        )
    z = sweep.double()
    z = z - z.mean(2, keepdim=True)
    energy = _repeated(z)
    check_moves(energy, sweep, STILL_LEVELS)
    halves = torch.stack([_repeated(z[:, h::2]) for h in (0, 1)])
    means, mean = z.mean(1), float(energy.mean())
    together = float(means.sum(0).square().sum() - means.square().sum()) / levels
    return Movement(energy, halves, together / (identities * (identities - 1)) / mean)


def _repeated(orbits: Float[Tensor, "I P L D"]) -> Float[Tensor, " I"]:
    """The mean product of a level around two different base poses."""
    poses = orbits.shape[1]
    together = orbits.sum(1).square().sum((1, 2)) - orbits.square().sum((1, 2, 3))
    return together / (poses * (poses - 1) * orbits.shape[2])


def check_moves(energy: Float[Tensor, " I"], sweep: Float[Tensor, "I P G D"], still: str = STILL_GRID) -> None:
    """Raises NotIdentifiable, saying ``still``, where what is predicted is not above 0 beyond doubt, or rounding."""
    weights = identity_weights(len(energy), RESAMPLES, 0)
    if negligible(float(energy.mean()), sweep) or percentile_interval(weights @ energy)[0] <= 0:
        raise NotIdentifiable(still)


def _energies(
    sweep: Float[Tensor, "I P G D"], values: Float[Tensor, " G"], period: float | None
) -> tuple[Float[Tensor, " I"], list[tuple[Tensor, Tensor]]]:
    """Σ z K z over an orbit, and at each base pose z and K z."""
    kernel = signal_kernel(values, period)
    smooth = []
    for pose in sweep.unbind(1):
        z = pose.double()
        z = z - z.mean(1, keepdim=True)
        smooth.append((z, torch.einsum("gh,ihd->igd", kernel, z)))
    total = torch.stack([(z * k).sum((1, 2)) for z, k in smooth]).mean(0)
    return total / len(values), smooth


@dataclass(frozen=True)
class Heterogeneity:
    """How unequally identities move.

    Attributes:
        value: the coefficient of variation over identities of their movement, without noise's part.
        draws: (R,) in bootstrap resamples.
        null: (N,) where the two halves are of different identities, permuted: all alike but for noise.
        still: share of the identities that hardly move, under a tenth of the mean in both halves.
    """

    value: float
    draws: Float[Tensor, " R"]
    null: Float[Tensor, " N"]
    still: float


def heterogeneity(halves: Float[Tensor, "2 I"], seed: int = 0) -> Heterogeneity:
    """√Cov(e, e′) / mean, e and e′ an identity's movement by either half; 0 where all move by as much.

    What only noise makes of an identity's movement is not in both halves, so the covariance is the variance of what
    differs between identities, unbiased.

    Args:
        halves: see ``Movement``.
        seed: of the permutations.
    """
    count = halves.shape[1]
    random = generator(seed, "heterogeneity", count)
    order = torch.stack([torch.randperm(count, generator=random) for _ in range(NULL_DRAWS)])

    def spread(product: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """From means over identities; a bootstrap's and a sample's covariance alike are too small by (I - 1)/I."""
        squared = (first * second).clamp(min=1e-300)
        relative = (product - first * second) * count / (count - 1) / squared
        # One of I that moves alone has √I; what noise alone moves has a mean about 0, and would have no bound.
        return torch.where(relative > RESOLVED, relative, 0.0).clamp(max=count).sqrt()

    weights = torch.cat([torch.ones(1, count, dtype=torch.float64), identity_weights(count, RESAMPLES, 0)]) / count
    found = spread(weights @ (halves[0] * halves[1]), weights @ halves[0], weights @ halves[1])
    null = spread((halves[0] * halves[1][order]).mean(1), *halves.mean(1))
    still = (halves < STILL * halves.mean(1, keepdim=True)).all(0)
    value = float(found[0])
    return Heterogeneity(value, expanded(found[1:], value, count, 0.0), null, float(still.double().mean()))
