"""Sequences of views: accuracy and R² over their lengths, and how far along a path z_agg keeps where it began."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seqjepa.diagnostics import Diagnosis, Estimate
from seqjepa.report.style import COLOURS, GREY, SEQUENTIAL, fine, legible, panels, ranged, styled
from seqjepa.types import NotIdentifiable

Cells = Mapping[tuple[str, str], Estimate]


@styled
def length_heatmaps(diagnosis: Diagnosis) -> Figure:
    """What a probe of z_agg that was fitted at one length reads at another: the class, and each factor's whole path."""
    drawn: dict[str, Cells] = {}
    for key, of in diagnosis.estimates.get("sequence_accuracy", {}).items():
        if of.value is not None:
            drawn["class accuracy"] = {**drawn.get("class accuracy", {}), (key[0], key[1]): of}
    for key, of in diagnosis.estimates.get("sequence_r2", {}).items():
        if of.value is not None:
            name = f"{legible(key[0])}, R²"
            drawn[name] = {**drawn.get(name, {}), (key[1], key[2]): of}
    if not drawn:
        raise NotIdentifiable("the encoder has no aggregator of these views")
    figure, axes = panels(len(drawn), width=3.6, height=3.4)
    for axis, (name, cells) in zip(axes[0], drawn.items(), strict=True):
        _heatmap(axis, cells)
        axis.set_title(name)
        axis.set_xlabel("views, tested")
    axes[0, 0].set_ylabel("views, fitted")
    return figure


def _heatmap(axis: Axes, cells: Cells) -> None:
    lengths = sorted({int(length) for key in cells for length in key})
    shown = np.full((len(lengths), len(lengths)), np.nan)
    for i, fitted in enumerate(lengths):
        for j, tested in enumerate(lengths):
            estimate = cells.get((str(fitted), str(tested)))
            if estimate is None or estimate.value is None:
                continue
            shown[i, j] = estimate.value
            null = "" if estimate.null is None else f"\nnull {estimate.null:.2f}"
            text = ranged(estimate).replace(" [", "\n[") + null
            colour = "white" if estimate.value < 0.55 else "black"
            axis.text(j, i, text, ha="center", va="center", fontsize=fine(5), color=colour)
    axis.imshow(shown, vmin=0, vmax=1, cmap=SEQUENTIAL)
    axis.set_xticks(range(len(lengths)), [str(n) for n in lengths])
    axis.set_yticks(range(len(lengths)), [str(n) for n in lengths])
    axis.grid(False)


@styled
def path_curves(diagnosis: Diagnosis) -> Figure:
    """R² of each factor's whole path from z_agg over its length: from views and actions, from views, from actions."""
    found: dict[str, dict[str, list[tuple[int, Estimate]]]] = {}
    for key, of in diagnosis.estimates.get("path_integration", {}).items():
        if of.value is not None:
            found.setdefault(key[0], {}).setdefault(key[1], []).append((int(key[2]), of))
    if not found:
        raise NotIdentifiable("the encoder has no aggregator of these views")
    figure, axes = panels(len(found))
    for axis, (name, forms) in zip(axes[0], found.items(), strict=True):
        for colour, (form, points) in zip(COLOURS, forms.items()):
            ordered = sorted(points, key=lambda point: point[0])
            lengths, values = [n for n, _ in ordered], [float(of.value or 0) for _, of in ordered]
            axis.plot(lengths, values, color=colour, marker="o", markersize=3.5, label=form)
            ends = [of.interval or (value, value) for (_, of), value in zip(ordered, values, strict=True)]
            axis.fill_between(lengths, [a for a, _ in ends], [b for _, b in ends], color=colour, alpha=0.2, linewidth=0)
        axis.axhline(0, color=GREY, linewidth=0.8)
        axis.set_ylim(min(-0.1, axis.get_ylim()[0]), 1.06)
        axis.set_title(legible(name))
        axis.set_xlabel("views")
    axes[0, 0].set_ylabel("whole path, R²")
    axes[0, -1].legend()
    return figure
