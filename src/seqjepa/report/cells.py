"""Estimates in the cells of a matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from seqjepa.diagnostics.estimate import Estimate
from seqjepa.diagnostics.ideals import ideal_text
from seqjepa.report.style import fine, ranged


def value_of(estimate: Estimate | None) -> float:
    """The value; not a number where there is none."""
    return np.nan if estimate is None or estimate.value is None else estimate.value


def ideal_line(estimate: Estimate) -> str:
    """A line of a cell with the computed ideal; "" where there is none."""
    text = ideal_text(estimate)
    return f"\nideal {text}" if text else ""


def write_cells(axis: Axes, rows: Sequence[Sequence[Estimate | None]]) -> None:
    """Each value over its interval and its ideal; "–" where it was not asked, "?" where it could not be answered."""
    for i, row in enumerate(rows):
        for j, of in enumerate(row):
            text = "–" if of is None else "?" if of.value is None else ranged(of).replace(" [", "\n[") + ideal_line(of)
            dark = of is not None and of.value is not None and of.value <= 0.55
            axis.text(j, i, text, ha="center", va="center", fontsize=fine(7), color="white" if dark else "black")
