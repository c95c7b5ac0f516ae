"""Several seeds of one configuration: their mean and standard deviation, and Welch's test between two of them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from scipy.stats import ttest_ind


def mean_and_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean over seeds, and standard deviation (n - 1); None for a single seed."""
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None


def welch_test(mine: Sequence[float], others: Sequence[float]) -> tuple[tuple[float, float], float] | None:
    """95 % interval of the difference of means, mine - others, without assuming equal variances (Welch, 1947), and p.

    None where either has a single seed, or where no value varies.
    """
    if min(len(mine), len(others)) < 2 or not (statistics.stdev(mine) or statistics.stdev(others)):
        return None
    tested = ttest_ind(mine, others, equal_var=False)
    low, high = tested.confidence_interval(0.95)
    return (float(low), float(high)), float(tested.pvalue)  # pyright: ignore[reportAttributeAccessIssue]
