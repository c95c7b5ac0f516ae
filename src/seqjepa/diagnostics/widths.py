"""How wide the intervals would be with other numbers of anchors, so that a user can choose."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from seqjepa.diagnostics.diagnosis import Diagnosis, rendered

ANCHORS = (32, 128, 512)
OTHER = ("class_probe", "health")  # of other images than the anchors; in the codes' own unit


def interval_widths(diagnosis: Diagnosis, anchors: Sequence[int] = ANCHORS) -> dict[str, dict[int, float]]:
    """For each metric half the width of a 95 % interval, at the diagnosis' own number of anchors and at others.

    Of figures that are ratios of sums over identities: the variance of such a ratio falls as 1/n with the identities
    that it is taken over, so its interval's width as 1/√n (the delta method), and their number is a fixed share of the
    anchors. A metric's width is the median over what it is of. What is fitted on the other identities is held: with
    few anchors it is worse as well, and figures change, not only their intervals.

    Returns:
        By metric, then by number of anchors, ascending.
    """
    own = int(diagnosis.about["identities"])
    widths: dict[str, dict[int, float]] = {}
    for metric, figures in diagnosis.figures.items():
        # Probes on many images have more terms than there are anchors.
        ratios = [f for f in figures.values() if 0 < len(f.samples.numerator) <= own]
        intervals = [f.interval for f in ratios if f.interval is not None]
        if intervals and metric not in OTHER:
            half = statistics.median((high - low) / 2 for low, high in intervals)
            widths[metric] = {n: half * math.sqrt(own / n) for n in sorted({own, *anchors})}
    return widths


def anchors_table(diagnosis: Diagnosis, anchors: Sequence[int] = ANCHORS) -> str:
    """``interval_widths`` as text, with a sentence that says what it means; empty where no figure is such a ratio."""
    widths, own = interval_widths(diagnosis, anchors), diagnosis.about["identities"]
    if not widths:
        return ""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("95 % intervals with", no_wrap=True)
    for n in next(iter(widths.values())):
        table.add_column(f"{n} anchors" + " (now)" * (n == own), justify="right", no_wrap=True)
    for metric, by in widths.items():
        table.add_row(metric, *(f"± {half:.3f}" for half in by.values()))
    said = (
        "How wide the intervals would be with other numbers of images (--anchors): four times as many halve them.\n"
        "Typical widths, the median over what a metric is of; worked out from these images, not run again."
    )
    return f"{rendered(table)}\n{said}"
