"""Estimates stay within the range of their metric, and are finite or not given at all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.metric import Metric

FROM_NULL = ("above its null", "below its null")
NOTHING_TOLD = "not told: the interval is the whole range"


def settled(found: Mapping[Key, Estimate], metric: Metric) -> dict[Key, Estimate]:
    """A metric's estimates as a diagnosis keeps them, see ``within``.

    Args:
        found: as a block gives them.
        metric: its entry, which says its range.
    """
    return {key: within(estimate, metric.low, metric.high) for key, estimate in found.items()}


def within(estimate: Estimate, low: float | None, high: float | None) -> Estimate:
    """The estimate, its interval and its null moved into the range; without a value where that is not finite.

    An unbiased estimate of what is 0 falls under it as often as over, and a jackknife's interval knows no range. What
    they say of the truth is said by their part within the range: an estimate that differs from its null outside of the
    range alone (a score of 0 where permuted ones have −11) is at its null. The samples, from which paired differences
    are made, are of the values as they were.

    Args:
        estimate: as it was computed.
        low, high: the range; None for an end that there is not.
    """
    if estimate.value is None:
        return estimate
    if not math.isfinite(estimate.value):
        return Estimate(None, reason="what it divides by is 0 up to rounding: the value is not finite")
    interval = estimate.interval
    if interval is not None and not all(map(math.isfinite, interval)):
        interval = None
    if interval is not None:
        interval = (_moved(interval[0], low, high), _moved(interval[1], low, high))
    null = estimate.null if estimate.null is not None and math.isfinite(estimate.null) else None
    null = None if null is None else _moved(null, low, high)
    null_interval = estimate.null_interval
    if null_interval is not None and all(map(math.isfinite, null_interval)):
        null_interval = (_moved(null_interval[0], low, high), _moved(null_interval[1], low, high))
    verdict, p = estimate.verdict, estimate.p
    if verdict in FROM_NULL and null is not None and interval is not None and interval[0] <= null <= interval[1]:
        verdict, p = "at its null", 1.0
    if verdict == "at its null" and low is not None and high is not None and interval == (low, high):
        verdict = NOTHING_TOLD
    return replace(
        estimate,
        value=_moved(estimate.value, low, high),
        interval=interval,
        null=null,
        null_interval=null_interval,
        p=p,
        verdict=verdict,
        details={name: _finite(value) for name, value in estimate.details.items()},
    )


def _moved(value: float, low: float | None, high: float | None) -> float:
    value = value if low is None else max(value, low)
    return value if high is None else min(value, high)


def _finite(value: Any) -> Any:
    """Details as a file can keep them: a number that is not finite is none."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if isinstance(value, Mapping):
        return {name: _finite(one) for name, one in value.items()}
    return value
