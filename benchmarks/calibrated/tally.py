"""What became of an estimate over all draws, and the page's table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from scipy.stats import binomtest

from calibrated.cases import CASES, MEDIAN_OVER_DRAWS, NAMES, Asked
from seqjepa.diagnostics import Estimate

Row = tuple[str, Asked]  # a case, and what is asked of it


@dataclass
class Tally:
    """One row."""

    truth: float
    values: list[float] = field(default_factory=list)
    truths: list[float] = field(default_factory=list)
    intervals: list[tuple[float, float]] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    abstained: int = 0

    def add(self, estimate: Estimate, truth: float) -> None:
        if estimate.value is None or estimate.interval is None:
            self.abstained += 1
            return
        self.values.append(estimate.value)
        self.truths.append(truth)
        self.verdicts.append(estimate.verdict)
        self.intervals.append(estimate.interval)

    @property
    def draws(self) -> int:
        return len(self.values) + self.abstained

    @property
    def targets(self) -> list[float]:
        """The truth of each draw."""
        mean = sum(self.values) / max(1, len(self.values))
        median = torch.tensor(self.values).median().item() if self.values else math.nan
        return [mean if math.isnan(t) else median if t == MEDIAN_OVER_DRAWS else t for t in self.truths]

    @property
    def covered(self) -> int:
        both = zip(self.targets, self.intervals, strict=True)
        return sum(low - 1e-9 <= target <= high + 1e-9 for target, (low, high) in both)

    @property
    def missed(self) -> tuple[int, int]:
        """How often the truth lies under the interval, and how often over it."""
        both = list(zip(self.targets, self.intervals, strict=True))
        return sum(t < low - 1e-9 for t, (low, _) in both), sum(t > high + 1e-9 for t, (_, high) in both)

    @property
    def width(self) -> float:
        widths = [high - low for low, high in self.intervals]
        return torch.tensor(widths).median().item() if widths else math.nan


def miscalibrated(tallies: Mapping[Row, Tally], level: float = 0.05) -> list[Row]:
    """Estimates whose coverage is not within 90 to 99 %, by exact tests corrected after Holm (1979).

    An interval that covers always is let pass: it belongs to an estimate that is exact or counts dimensions, or to one
    at the end of its range, and 200 draws cannot tell 100 % from 99 %. Widths and power show that none is endless.
    """
    tests = []
    for name, tally in tallies.items():
        shown = len(tally.intervals)
        if shown >= 20:
            tests.append((binomtest(tally.covered, shown, 0.90, alternative="less").pvalue, name))
    tests.sort()
    failed = []
    for rank, (p, name) in enumerate(tests):
        if p > level / (len(tests) - rank):
            break
        failed.append(name)
    return failed


def power_of(tally: Tally, row: Row) -> float | None:
    """The share of draws in which an estimate gave the verdict it should; abstaining counts against it."""
    case, asked = row
    expected = CASES[case].expected.get(asked)
    return None if expected is None else tally.verdicts.count(expected) / max(1, tally.draws)


def table(tallies: Mapping[Row, Tally]) -> str:
    """The page's table."""
    lines = [
        "| representation | estimate | truth | mean value | covered | missed under, over | median width | abstained "
        "| power |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row, t in tallies.items():
        case, (metric, key) = row
        of = " · ".join((key,) if isinstance(key, str) else key)
        shown = len(t.intervals)
        mean = f"{sum(t.values) / shown:.4g}" if shown else ""
        truth = "mean of draws" if math.isnan(t.truth) else NAMES.get(t.truth, f"{t.truth:.4g}")
        covered = f"{100 * t.covered / shown:.1f} %" if shown else ""
        width = f"{t.width:.3g}" if shown else ""
        power = power_of(t, row)
        cells = [case, f"{metric}, {of}", truth, mean, covered, "{}, {}".format(*t.missed), width]
        cells += [f"{t.abstained} of {t.draws}", "" if power is None else f"{power:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
