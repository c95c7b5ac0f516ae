"""Several runs or diagnoses on the same axes: dots with intervals, and training curves. Columns go by letters."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.ideals import DISENTANGLED, EQUIVARIANT
from seqjepa.diagnostics.registry import METRICS
from seqjepa.report.columns import Column
from seqjepa.report.comparison import Comparison
from seqjepa.report.curves import series
from seqjepa.report.entries import NOT_MEASURED
from seqjepa.report.style import COLOURS, GREY, legible, panels, styled
from seqjepa.types import NotIdentifiable

CURVES = {
    "loss": "loss",
    "linacc_test": "class accuracy from z_agg [%]",
    "r2_test": "action, mean R²",
    "subspace_ev_rot_2": "rotation, variance in 2 dims",
}
IDEAL_LINES = {DISENTANGLED: "-", EQUIVARIANT: (0, (1, 1))}
LINE_STYLES = ("-", "--")  # for the columns after the last colour
NEAREST = 0.07  # letters at the ends of curves, in heights of the axes


@dataclass(frozen=True)
class Drawn:
    """A metric that is drawn, a panel a key.

    Attributes:
        of: keys, or last parts of keys, that are drawn; () for every key.
        own_units: each key has a unit of its own, which its estimates' details name, so that panels share no axis.
    """

    name: str
    of: tuple[str, ...] = ()
    own_units: bool = False

    def wants(self, key: Key) -> bool:
        """Whether the key is one that is drawn."""
        return not self.of or (key if isinstance(key, str) else key[-1]) in self.of


PAIRS = ("shared_variance", "overlap")
MAIN = (
    Drawn("explained_variance"),
    Drawn("dimension"),
    Drawn("sensitivity"),
    Drawn("operator"),
    Drawn("orbit_share"),
    Drawn("shared_variance"),
    Drawn("overlap"),
    Drawn("action_error", of=("linear", "mlp"), own_units=True),
    Drawn("retrieval", of=("mrr",)),
    Drawn("class_probe"),
    Drawn("health", of=("sigma_participation", "eigen_entropy")),
)
SHIFTS = ("translate_x", "translate_y", "translation")


def drawn_metrics(compared: Comparison) -> tuple[Drawn, ...]:
    """The main metrics of the package, and every metric of one's own."""
    own = dict.fromkeys(row.metric for row in compared.estimates if row.metric not in METRICS)
    return *MAIN, *map(Drawn, own)


def letter(place: int) -> str:
    """A column's name in figures."""
    return "ABCDEFGHIJ"[place]


def colour(place: int) -> str:
    """A column's colour, the same after every seven."""
    return COLOURS[place % len(COLOURS)]


def keys_of(columns: Sequence[Column], metric: Drawn) -> list[Key]:
    """What there is of the metric in any column, each a panel; of overlaps, those of rotation with shifts.

    Shifts as one factor of two dimensions are left to the overlaps, where they are the question.
    """
    found: dict[Key, None] = {}
    for diagnosis in (entry.diagnosis for column in columns for entry in column.entries if entry.diagnosis):
        for key, answer in diagnosis.estimates.get(metric.name, {}).items():
            if metric.wants(key) and (answer.value is not None or metric.name in PAIRS):
                found.setdefault(key)
    if metric.name in PAIRS:
        return [key for key in found if key[0] == "rotation" and key[1] in SHIFTS]
    return [key for key in found if key != "translation" or "translate_x" not in found]


def answers_of(columns: Sequence[Column], metric: str, key: Key) -> list[list[Estimate]]:
    """For each column the estimate of each of its entries."""
    return [[entry.estimate(metric, key) for entry in column.entries] for column in columns]


def limits_of(compared: Comparison, metric: Drawn, keys: Sequence[Key]) -> tuple[float, float] | None:
    """Limits that the panels of a metric share; None where each panel has its own unit.

    The metric's range, its lower end 0 where it has none, made wider where something lies beyond; else from 0 to the
    most.
    """
    if metric.own_units:
        return None
    of = compared.metric(metric.name)
    limits = None if of.high is None else (of.low or 0.0, of.high)
    ends = list(limits or (0.0,))
    for answer in (a for key in keys for answers in answers_of(compared.columns, metric.name, key) for a in answers):
        ends += [
            v for v in (answer.value, answer.null, *(answer.interval or ()), *answer.ideals.values()) if v is not None
        ]
    low, high = min(ends), max(ends)
    if limits == (low, high):
        return low, high
    return low - 0.05 * (high - low) * (low < 0), high + 0.05 * (high - low)


@styled
def dots(compared: Comparison, metric: Drawn, key: Key, limits: tuple[float, float] | None = None) -> Figure:
    """One estimate in every column, the columns from the top down, each with its interval and its null.

    One entry: its value and the 95 % interval over identities. Several seeds: each as a small dot, the mean as a
    diamond, and a pale bar from the lowest to the highest. A grey tick is the null (the mean over seeds), a green one
    the disentangled ideal, a dotted one the equivariant; "?" stands where the estimate is not identifiable, "–" where
    it was not measured.

    Args:
        compared: with the columns.
        metric, key: what is drawn.
        limits: of the axis.

    Raises:
        NotIdentifiable: no column measured it.
    """
    columns, asked = compared.columns, compared.metric(metric.name)
    answers = answers_of(columns, metric.name, key)
    if all(a.value is None and a.reason == NOT_MEASURED for of in answers for a in of):
        raise NotIdentifiable(f"{metric.name} was not measured")
    figure, axes = panels(1, width=2.5, height=0.72 + 0.25 * len(columns))
    axis: Axes = axes[0, 0]
    for place, of in enumerate(answers):
        _one(axis, place, of)
    axis.set_yticks(range(len(columns)), [letter(place) for place in range(len(columns))])
    axis.set_ylim(len(columns) - 0.5, -0.5)
    axis.grid(False, axis="y")
    if limits is not None:
        axis.set_xlim(*limits)
    else:
        axis.margins(x=0.12)
    axis.set_title(_title(key), loc="left")
    axis.set_xlabel((_own_unit(answers) if metric.own_units else _first(asked.unit)) or asked.in_words)
    return figure


def _one(axis: Axes, place: int, answers: Sequence[Estimate]) -> None:
    values = [answer.value for answer in answers if answer.value is not None]
    nulls = [answer.null for answer in answers if answer.value is not None and answer.null is not None]
    if not values:
        asked = any(answer.reason != NOT_MEASURED for answer in answers)
        axis.text(0.02, place, "?" if asked else "–", transform=axis.get_yaxis_transform(), va="center", color=GREY)
        return
    if nulls:
        axis.plot([statistics.fmean(nulls)] * 2, [place - 0.32, place + 0.32], color=GREY, linewidth=1.4, label="null")
    for name, line in IDEAL_LINES.items():
        known = [answer.ideals[name] for answer in answers if answer.value is not None and name in answer.ideals]
        if known:
            at = [statistics.fmean(known)] * 2
            axis.plot(at, [place - 0.32, place + 0.32], color=COLOURS[2], linewidth=1.6, linestyle=line, label=name)
    own: dict[str, Any] = dict(color=colour(place), label=letter(place))
    if len(answers) > 1:
        axis.plot([min(values), max(values)], [place] * 2, linewidth=6, alpha=0.25, solid_capstyle="round", **own)
        axis.plot(values, [place] * len(values), linestyle="", marker="o", markersize=3.5, **own)
        axis.plot([statistics.fmean(values)], [place], linestyle="", marker="D", markersize=6, **own)
        return
    if answers[0].interval is not None:
        axis.plot(answers[0].interval, [place] * 2, marker="|", markersize=7, linewidth=1.4, **own)
    axis.plot(values, [place], linestyle="", marker="o", markersize=6, **own)


@styled
def overlaid(columns: Sequence[Column], name: str) -> Figure:
    """A logged metric of every column over the epochs; of seeds the mean, in a band from the lowest to the highest.

    A column's letter stands at the end of its curve. Seeds that stopped early drop out of mean and band.

    Raises:
        NotIdentifiable: no run logged it.
    """
    figure, axes = panels(1, width=3.7, height=2.7)
    axis: Axes = axes[0, 0]
    ends: list[tuple[float, float, int]] = []
    for place, column in enumerate(columns):
        logged: dict[float, list[float]] = {}
        for entry in column.entries:
            for epoch, value in zip(*series(entry.rows, name), strict=True):
                logged.setdefault(epoch, []).append(value)
        if not logged:
            continue
        epochs = sorted(logged)
        means = [statistics.fmean(logged[epoch]) for epoch in epochs]
        style = LINE_STYLES[place // len(COLOURS) % len(LINE_STYLES)]
        marker = "o" if len(epochs) < 5 else None
        drawn: dict[str, Any] = dict(
            color=colour(place), label=letter(place), linestyle=style, marker=marker, markersize=3.5
        )
        axis.plot(epochs, means, **drawn)
        if len(column.entries) > 1:
            low, high = ([end(logged[epoch]) for epoch in epochs] for end in (min, max))
            axis.fill_between(epochs, low, high, color=colour(place), alpha=0.18, linewidth=0)
        ends.append((means[-1], epochs[-1], place))
    if not ends:
        raise NotIdentifiable(f"no run logged {name}")
    axis.set_xlabel("epoch")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_ylabel(CURVES.get(name, name))
    axis.margins(x=0.08)
    _letters(axis, ends)
    return figure


def _letters(axis: Axes, ends: Sequence[tuple[float, float, int]]) -> None:
    """A letter beside each curve's end (value, epoch, place), moved aside where letters would lie upon each other."""
    bottom, top = axis.get_ylim()
    ends = sorted(ends)
    heights = [(value - bottom) / (top - bottom) for value, _, _ in ends]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + NEAREST)
    for i in reversed(range(len(heights))):  # and none above the axes
        heights[i] = min(heights[i], 1 - NEAREST * (len(heights) - 1 - i))
    for height, (_, epoch, place) in zip(heights, ends, strict=True):
        text: dict[str, Any] = dict(xytext=(5, 0), textcoords="offset points", va="center", fontweight="bold")
        at = (epoch, bottom + height * (top - bottom))
        axis.annotate(letter(place), at, annotation_clip=False, color=colour(place), **text)


def _title(key: Key) -> str:
    return " · ".join(legible(part) for part in ((key,) if isinstance(key, str) else key))


def _first(units: str) -> str:
    """The first of units that depend on the key: "dimensions" of "dimensions; norm in …"."""
    return units.partition(";")[0].partition(", or ")[0]


def _own_unit(answers: Sequence[Sequence[Estimate]]) -> str:
    units = [str(a.details["unit"]) for of in answers for a in of if "unit" in a.details]
    return {"deg": "degrees", "px": "pixels"}.get(units[0], units[0]) if units else ""
