"""Estimates as ratios of sums over identities, with intervals from a bootstrap that reweights identities."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from scipy.special import ndtr, ndtri, stdtrit
from torch import Tensor

from seqjepa.rng import generator
from seqjepa.types import InputError

RESAMPLES = 1000
MOST_GROUPS = 1000


@dataclass(frozen=True)
class Ratio:
    """An estimate that is a ratio of sums over identities.

    Attributes:
        numerator, denominator: (I,) each identity's term, all its poses taken together.
    """

    numerator: Float[Tensor, " I"]
    denominator: Float[Tensor, " I"]

    @property
    def value(self) -> float:
        """The ratio over all identities."""
        return float(self.numerator.sum() / self.denominator.sum())

    def interval(self, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0) -> tuple[float, float]:
        """The bootstrap interval over identities, corrected for bias, skewness (BCa, Efron, 1987) and small samples.

        It covers which identities were drawn to test on, and not how anything fitted on others would vary.

        Raises:
            InputError: fewer than two identities, or a level outside (0, 1).
        """
        return accelerated_interval(self.resampled(resamples, seed), self.value, self.influence(), level)

    def influence(self) -> Float[Tensor, " I"]:
        """How much each identity draws the ratio its way, to first order."""
        numerator, denominator = self.numerator.double(), self.denominator.double()
        return (numerator - self.value * denominator) / denominator.mean()

    def resampled(self, resamples: int = RESAMPLES, seed: int = 0) -> Float[Tensor, " R"]:
        """The estimate in each bootstrap resample, the same resamples for as many identities."""
        weights = identity_weights(len(self.numerator), resamples, seed)
        return (weights @ self.numerator.double()) / (weights @ self.denominator.double())


def grouped(values: Float[Tensor, " I"]) -> Float[Tensor, " G"]:
    """Terms of more than ``MOST_GROUPS`` identities, summed in so many groups, which are then resampled in their place.

    As good for intervals, and what an estimate keeps stays small. The same groups for as many identities.
    """
    group = torch.arange(len(values)) % MOST_GROUPS
    return torch.zeros(min(len(values), MOST_GROUPS), dtype=torch.float64).index_add_(0, group, values.double())


@dataclass(frozen=True)
class Resampled:
    """An estimate that is no ratio of per-identity terms, with its values in bootstrap resamples of the identities.

    Attributes:
        value: of all identities.
        draws: (R,) in each resample.
    """

    value: float
    draws: Float[Tensor, " R"]

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The percentile interval of the draws."""
        return percentile_interval(self.draws, level)


def difference_interval(
    a: Ratio, b: Ratio, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """The interval of a - b, paired: each resample takes the same identities in both.

    Args:
        a, b: of the same identities, in the same order.
        level: of the interval.
        resamples: how many.
        seed: of the resamples.

    Raises:
        InputError: the two are not of as many identities.
    """
    if len(a.numerator) != len(b.numerator):
        raise InputError(
            f"a paired difference needs the same identities, not {len(a.numerator)} and {len(b.numerator)}"
        )
    return percentile_interval(a.resampled(resamples, seed) - b.resampled(resamples, seed), level)


def identity_weights(identities: int, resamples: int, seed: int) -> Float[Tensor, "R I"]:
    """How often each identity is drawn in each resample, a pure function of the arguments."""
    if identities < 2:
        raise InputError("an interval needs two or more identities")
    drawn = torch.randint(identities, (resamples, identities), generator=generator(seed, "bootstrap", identities))
    return torch.zeros(resamples, identities, dtype=torch.float64).scatter_add_(
        1, drawn, torch.ones(drawn.shape, dtype=torch.float64)
    )


def jackknife_draws(
    value: float, left_out: Float[Tensor, " G"], low: float = -math.inf, high: float = math.inf
) -> Float[Tensor, " R"]:
    """Resamples of an estimate from its values with each group of identities left out, kept in its range.

    The groups' influences are resampled, scaled so that their variance is the jackknife's (Kott, 2001) and their
    quantiles are t's of G - 1 degrees. For what would have to be fitted anew in each resample.

    Args:
        value: the estimate.
        left_out: the same without each group.
        low, high: its range.
    """
    groups = len(left_out)
    weights = identity_weights(groups, RESAMPLES, 0)
    wide = float(stdtrit(groups - 1, 0.975) / ndtri(0.975))
    return (value + wide * (weights - 1) @ (left_out.mean() - left_out)).clamp(low, high)


def without_bias(value: float, left_out: Float[Tensor, " G"]) -> float:
    """An estimate less its bias of order 1/I, as leaving groups out shows it (Quenouille, 1956): G v - (G - 1) mean.

    Errors of directions make the squared cosine of two that agree too small, and of two that do not too large. That is
    little, but so are the intervals: of an overlap of 0.5 they held the truth in half of the draws.

    Args:
        value: the estimate.
        left_out: the same without each group.
    """
    groups = len(left_out)
    return groups * value - (groups - 1) * float(left_out.mean())


def jackknife_ratio(
    numerator: float,
    denominator: float,
    left_out: tuple[Float[Tensor, " G"], Float[Tensor, " G"]],
    unbiased: bool = True,
) -> Resampled:
    """A ratio of two estimates, with its values in resamples in which both move, the same groups in both.

    The denominator may be known badly, as a whole signal variance in loud noise is. Taken to first order a ratio that
    it makes too small seems to be known the better for it, and one that it makes too large the worse: of a share of 1
    in noise of 20 times the signal such intervals missed one in eight (Fieller, 1954). Only the numerator's bias is
    taken away: that of a ratio by a noisy denominator is one of its mean and not of its median.

    Args:
        numerator, denominator: means over identities; the second above 0.
        left_out: both without each group.
        unbiased: whether the numerator's bias, as the jackknife shows it, is taken away.
    """
    parts = (without_bias(numerator, left_out[0]) if unbiased else numerator, denominator)
    above, below = (jackknife_draws(part, left) for part, left in zip(parts, left_out, strict=True))
    draws = above / below
    largest = draws[below > 0].max()  # beyond a denominator of 0
    return Resampled(parts[0] / denominator, draws.where(below > 0, largest))


def expanded(
    draws: Float[Tensor, " R"], value: float, identities: int, low: float = -math.inf, high: float = math.inf
) -> Float[Tensor, " R"]:
    """Resamples as much farther from the value as few identities make a bootstrap too narrow (Hesterberg, 2015).

    A sample spreads √((I - 1)/I) as much as what it is drawn of, and an interval from it is Student's and not a
    normal's: plain percentiles of 8 identities cover 90 % instead of 95 %.

    Args:
        draws: the estimate in each resample.
        value: of all identities.
        identities: how many were resampled, I.
        low, high: the range of the estimate.
    """
    wide = float(stdtrit(identities - 1, 0.975) / ndtri(0.975)) * (identities / (identities - 1)) ** 0.5
    return (value + wide * (draws - value)).clamp(low, high)


def percentile_interval(values: Float[Tensor, " R"], level: float = 0.95) -> tuple[float, float]:
    """The middle ``level`` of resampled values."""
    if not 0 < level < 1:
        raise InputError(f"level: {level} is not between 0 and 1")
    tail = (1 - level) / 2
    low, high = values.quantile(torch.tensor([tail, 1 - tail], dtype=torch.float64))
    return float(low), float(high)


def accelerated_interval(
    values: Float[Tensor, " R"], value: float, influence: Float[Tensor, " I"], level: float = 0.95
) -> tuple[float, float]:
    """The BCa interval (Efron, 1987) of resampled values, for a mean or a ratio of few and skewed terms.

    Percentiles are moved by the bias of the median and by the skewness of the terms, and taken as far out as Student's
    distribution is wider than the normal, and a sample's spread smaller than the population's (Hesterberg, 2015,
    "expanded percentile"). Student's has as many degrees of freedom as the terms tell of their own spread: where a few
    hold most of it, fewer than there are (``spread_freedom``).

    Args:
        values: in the resamples.
        value: of all identities.
        influence: each identity's.
        level: of the interval.

    Raises:
        InputError: a level outside (0, 1).
    """
    if not 0 < level < 1:
        raise InputError(f"level: {level} is not between 0 and 1")
    count = len(influence)
    centred = influence - influence.mean()
    skewness = float(centred.pow(3).sum() / (6 * centred.square().sum().pow(1.5)).clamp(min=1e-300))
    under = float((values < value).double().mean() + (values == value).double().mean() / 2)
    bias = float(ndtri(min(max(under, 1 / len(values)), 1 - 1 / len(values))))
    reach = float(stdtrit(spread_freedom(centred), (1 + level) / 2)) * (count / (count - 1)) ** 0.5
    places = []
    for z in (bias - reach, bias + reach):
        # Beyond its pole the correction means nothing: it ends at the farthest resample there.
        stretched = bias + z / (1 - skewness * z) if skewness * z < 1 else math.copysign(math.inf, z)
        places.append(float(ndtr(stretched)))
    low, high = values.quantile(torch.tensor(places, dtype=torch.float64))
    return float(low), float(high)


def spread_freedom(centred: Float[Tensor, " I"]) -> float:
    """Degrees of freedom of a sample's variance by its kurtosis κ: 2 I / (κ - 1), from 2 to I - 1.

    The χ² with a variance's own mean and variance, σ⁴ (κ - 1) / I, has so many (Satterthwaite, 1946).

    Args:
        centred: terms less their mean.
    """
    count = len(centred)
    kurtosis = float(count * centred.pow(4).sum() / centred.square().sum().square().clamp(min=1e-300))
    return min(count - 1.0, max(2.0, 2 * count / max(kurtosis - 1, 1e-300)))
