"""How wide the intervals would be with other numbers of identities, so that a user can choose."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from seqjepa.diagnostics.diagnosis import Diagnosis, rendered

IDENTITIES = (32, 128, 512)
OTHER = ("class_probe", "health")  # of other images than the identities; in the codes' own unit


def interval_widths(diagnosis: Diagnosis, identities: Sequence[int] = IDENTITIES) -> dict[str, dict[int, float]]:
    """For each metric half the width of a 95 % interval, at the diagnosis' own number of identities and at others.

    Of estimates that are ratios of sums over identities: the variance of such a ratio falls as 1/n with the identities
    that it is taken over, so its interval's width as 1/√n (the delta method), and their number is a fixed share of the
    identities. A metric's width is the median over what it is of. What is fitted on the other identities is held: with
    few identities it is worse as well, and estimates change, not only their intervals.

    Returns:
        By metric, then by number of identities, ascending.
    """
    own = int(diagnosis.metadata["identities"])
    widths: dict[str, dict[int, float]] = {}
    for metric, estimates in diagnosis.estimates.items():
        # Probes on many images have more terms than there are identities.
        ratios = [f for f in estimates.values() if 0 < len(f.samples.numerator) <= own]
        intervals = [f.interval for f in ratios if f.interval is not None]
        if intervals and metric not in OTHER:
            half = statistics.median((high - low) / 2 for low, high in intervals)
            widths[metric] = {n: half * math.sqrt(own / n) for n in sorted({own, *identities})}
    return widths


def identities_table(diagnosis: Diagnosis, identities: Sequence[int] = IDENTITIES) -> str:
    """``interval_widths`` as text, with a sentence that says what it means; empty where no estimate is such a ratio."""
    widths, own = interval_widths(diagnosis, identities), diagnosis.metadata["identities"]
    if not widths:
        return ""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("95 % intervals with", no_wrap=True)
    for n in next(iter(widths.values())):
        table.add_column(f"{n} identities" + " (now)" * (n == own), justify="right", no_wrap=True)
    for metric, by in widths.items():
        table.add_row(metric, *(f"± {half:.3f}" for half in by.values()))
    said = (
        "How wide the intervals would be with other numbers of images (--identities): four times as many halve them.\n"
        "Typical widths, the median over what a metric is of; worked out from these images, not run again."
    )
    return f"{rendered(table)}\n{said}"
