"""An estimate: one answer with its interval, its null and a verdict, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from seqjepa.diagnostics.measures.bootstrap import Ratio, percentile_interval
from seqjepa.diagnostics.measures.health import jackknife_interval
from seqjepa.types import InputError

Key = str | tuple[str, ...]
NORMAL_90, NORMAL_97_5 = 1.2815515655446004, 1.959963984540054
ROUNDING = 1e-9  # relative to what is compared, or to 1: nearer than this is the same


@dataclass(frozen=True)
class Samples:
    """What an estimate's interval was computed from; two estimates of the same identities are paired through it.

    Attributes:
        numerator, denominator: each test identity's terms, where the estimate is a ratio of their sums.
        resampled: the estimate in each bootstrap resample, where it is not.
        left_out: the estimate with each group of identities left out, for ranks.
    """

    numerator: tuple[float, ...] = ()
    denominator: tuple[float, ...] = ()
    resampled: tuple[float, ...] = ()
    left_out: tuple[float, ...] = ()

    def interval_around(self, value: float, level: float = 0.95) -> tuple[float, float] | None:
        """The interval of the estimate; None where nothing was resampled."""
        if self.left_out:
            return jackknife_interval(value, torch.tensor(self.left_out, dtype=torch.float64), level)
        if (ratio := self._ratio()) is not None:
            return ratio.interval(level)
        draws = self.draws()
        return None if draws is None else percentile_interval(draws, level)

    def minus(self, other: Samples) -> Samples | None:
        """The samples of the difference, resample by resample; None where the two cannot be paired."""
        if self.left_out and len(self.left_out) == len(other.left_out):
            return Samples(left_out=tuple(a - b for a, b in zip(self.left_out, other.left_out, strict=True)))
        mine, theirs = self.draws(), other.draws()
        if mine is None or theirs is None or len(self.numerator) != len(other.numerator):
            return None
        return Samples(resampled=tuple((mine - theirs).tolist()))

    def draws(self) -> torch.Tensor | None:
        """The estimate in each bootstrap resample; the same resamples for as many identities."""
        if (ratio := self._ratio()) is not None:
            return ratio.resampled()
        return torch.tensor(self.resampled, dtype=torch.float64) if self.resampled else None

    def _ratio(self) -> Ratio | None:
        if not self.numerator:
            return None
        terms = (torch.tensor(of, dtype=torch.float64) for of in (self.numerator, self.denominator))
        return Ratio(*terms)

    def __post_init__(self) -> None:
        if len(self.numerator) != len(self.denominator):
            raise InputError(f"samples: {len(self.numerator)} numerators and {len(self.denominator)} denominators")


@dataclass(frozen=True)
class Estimate:
    """One answer.

    Attributes:
        value: None where the question cannot be answered; then ``reason`` says why.
        interval: 95 %, over identities.
        null: what the estimate would be without any structure; ``null_is`` says of which kind. The median, where it is
            a distribution.
        null_interval: the middle 95 % of the null, where it is a distribution and not a number.
        p: two-sided, against the null; what the correction for many comparisons is made from.
        ideals: the value for known representations under the same design, by name: "disentangled", "equivariant".
        verdict: in words.
        details: what belongs to it: a curve, angles, N and D.
        samples: what the interval came from.
    """

    value: float | None
    interval: tuple[float, float] | None = None
    null: float | None = None
    null_is: str = ""
    verdict: str = ""
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    samples: Samples = Samples()
    null_interval: tuple[float, float] | None = None
    p: float | None = None
    ideals: Mapping[str, float] = field(default_factory=dict)

    def minus(self, other: Estimate) -> Estimate:
        """The difference, its interval paired over identities; an estimate without a value where either has none."""
        if self.value is None or other.value is None:
            return Estimate(None, reason=self.reason or other.reason)
        value, samples = self.value - other.value, self.samples.minus(other.samples)
        if samples is None:
            return Estimate(value, verdict="not paired")
        interval = samples.interval_around(value)
        if interval is None:
            return Estimate(value, verdict="no difference seen", samples=samples)
        return difference(value, interval, samples, ROUNDING * max(1.0, abs(self.value), abs(other.value)))

    def _repr_html_(self) -> str:
        """As a notebook shows it."""
        from seqjepa.diagnostics.notebook import estimate_html

        return estimate_html(self)

    def __str__(self) -> str:
        if self.value is None:
            return f"not identifiable: {self.reason}"
        interval = f" [{short(self.interval[0])}, {short(self.interval[1])}]" if self.interval else ""
        null = f", null {short(self.null)}" if self.null is not None else ""
        return f"{short(self.value)}{interval}{null}" + (f", {self.verdict}" if self.verdict else "")


def difference(value: float, interval: tuple[float, float], samples: Samples, rounding: float = 0.0) -> Estimate:
    """A difference with its verdict, and with p of the value over its standard deviation, taken as normal.

    Args:
        value: the difference.
        interval: 95 %.
        samples: what the interval came from.
        rounding: what is nearer to 0 is 0.
    """
    differs = interval[0] > rounding or interval[1] < -rounding
    p = normal_p(value, interval, rounding)
    verdict = "differs" if differs else "no difference seen"
    return Estimate(value, interval, 0.0, "no difference", verdict, samples=samples, p=p)


def normal_p(distance: float, interval: tuple[float, float], rounding: float = 0.0) -> float:
    """Two-sided p of a distance with a 95 % interval as wide as this one, taken as normal; 1 within rounding."""
    spread = (interval[1] - interval[0]) / (2 * NORMAL_97_5)
    if abs(distance) <= rounding:
        return 1.0
    return math.erfc(abs(distance) / spread / math.sqrt(2)) if spread > 0 else 0.0


def p_against(value: float, spread: float, null: torch.Tensor) -> float:
    """Two-sided p of a value with this standard deviation against draws of its null.

    The share of the null beyond the value, the two's difference taken: Φ((value - draw) / spread), averaged over the
    draws. A null need not be normal: distances are skewed, and random frequencies uniform. Where fewer than two draws
    lie beyond the value they cannot tell how few, and the null's tail is taken to fall exponentially, as it does from
    its outer 10 to its outer 2.5 %: no tail of a normal or a gamma falls more slowly, so that p is rather too large
    (compare Knijnenburg et al., 2009). Of a null that is a number the value is taken as normal.

    Args:
        value: the estimate.
        spread: its standard deviation; above 0.
        null: draws of its null, or the number.
    """
    draws = null.double().flatten()
    below = float(torch.special.ndtr((value - draws) / spread).mean())
    tail, least = min(below, 1 - below), 2 / len(draws)
    if tail >= least or len(draws) == 1:
        return 2 * tail if len(draws) > 1 else math.erfc(abs(value - float(draws)) / spread / math.sqrt(2))
    outward = draws if below > 0.5 else -draws
    middle, near, far = outward.quantile(torch.tensor([0.5, 0.9, 0.975], dtype=torch.float64)).tolist()
    near, far = (math.hypot(end - middle, z * spread) for end, z in ((near, NORMAL_90), (far, NORMAL_97_5)))
    distance = (value if below > 0.5 else -value) - middle
    return min(2 * least, 0.05 * math.exp(-math.log(4) * (distance - far) / max(far - near, 1e-300)))


def short(value: float) -> str:
    """A value as tables print it: three decimals, one from 10 on."""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
