"""Spectra, overlaps, angles, layers: where factors live, out of a ``Diagnosis``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.ideals import ideal_text
from seqjepa.report.cells import ideal_line, value_of, write_cells
from seqjepa.report.split import rests_on
from seqjepa.report.style import (
    COLOURS,
    GREY,
    SEQUENTIAL,
    caption,
    fine,
    grid,
    legible,
    logarithmic_y,
    panels,
    ranged,
    styled,
)
from seqjepa.types import NotIdentifiable


@styled
def spectra(diagnosis: Diagnosis, logarithmic: bool = False) -> Figure:
    """Each factor's variance along its directions, fitted and held out, beside permuted grids and what is expected."""
    found = {n: f for n, f in diagnosis.estimates.get("explained_variance", {}).items() if f.value is not None}
    if not found:
        raise NotIdentifiable("no factor has a subspace")
    figure, axes = grid(len(found), height=2.7)
    for axis, (name, of) in zip(axes, found.items(), strict=True):
        fitted, held_out = of.details["fitted"], of.details["held_out"]
        places = np.arange(1, len(held_out) + 1)
        axis.plot(places, fitted, color=COLOURS[5], label="fitted")
        axis.plot(places, held_out, color=COLOURS[0], marker="o", markersize=3, label="held out")
        axis.axhline(of.details["null_share"], color=COLOURS[1], linestyle="--", label="permuted grids, 95 %")
        axis.axvline(of.details["k"] + 0.5, color=GREY, linestyle=":", label="expected dimension")
        ideal = ideal_text(of, percent=True)
        told = f"{legible(str(name))}: {ranged(of, percent=True)} in {of.details['k']}"
        axis.set_title(told + (f"\nideal {ideal} %" if ideal else ""))
        axis.set_xlabel("direction")
        if logarithmic:
            logarithmic_y(axis)
            axis.set_ylim(bottom=max(1e-5, min(v for v in held_out if v > 0) / 2))
        else:
            axis.set_ylim(0, max(max(fitted), max(held_out)) * 1.08)
        axis.set_ylabel("share of its variance")
    axes[0].legend(loc="upper right")
    caption(figure, rests_on(diagnosis))
    return figure


@styled
def pair_heatmap(diagnosis: Diagnosis, metric: str = "overlap") -> Figure:
    """One metric of all pairs of factors, "overlap" or "shared_variance"; hatched where it abstains."""
    pairs = diagnosis.estimates.get(metric, {})
    names = list(dict.fromkeys(str(key[0]) for key in pairs))
    if not names:
        raise NotIdentifiable("there are no two factors")
    figure, axes = panels(1, width=1.8 + 0.95 * len(names), height=0.8 + 0.9 * len(names))
    axis, size = axes[0, 0], len(names)
    shown = np.full((size, size), np.nan)
    for i, f in enumerate(names):
        for j, g in enumerate(names):
            estimate = pairs.get((f, g))
            if i == j or estimate is None:
                axis.text(j, i, "·", ha="center", va="center", color=GREY)
            elif estimate.value is None:
                axis.fill_between([j - 0.5, j + 0.5], i - 0.5, i + 0.5, hatch="///", facecolor="none", edgecolor=GREY)
                axis.text(j, i, "?", ha="center", va="center", backgroundcolor="white")
            else:
                shown[i, j] = estimate.value
                note = estimate.verdict if estimate.verdict in ("separate", "shared", "shared in part") else ""
                null = "" if estimate.null is None else f"\nnull {estimate.null:.2f}"
                value = ranged(estimate).replace(" [", "\n[")
                colour = "white" if estimate.value < 0.55 else "black"
                axis.text(
                    j,
                    i,
                    f"{value}{null}{ideal_line(estimate)}\n{note}",
                    ha="center",
                    va="center",
                    fontsize=fine(7),
                    color=colour,
                )
    image = axis.imshow(shown, vmin=0, vmax=1, cmap=SEQUENTIAL)
    axis.set_xticks(range(size), [legible(n) for n in names])
    axis.set_yticks(range(size), [legible(n) for n in names])
    axis.grid(False)
    figure.colorbar(image, ax=axis, label=metric.replace("_", " "), shrink=0.8)
    caption(figure, rests_on(diagnosis))
    return figure


@styled
def principal_angles(diagnosis: Diagnosis) -> Figure:
    """The angles between each pair of subspaces, ascending: 0° is a shared direction, 90° a separate one."""
    pairs: dict[tuple[str, str], Sequence[float]] = {}
    for key, of in diagnosis.estimates.get("overlap", {}).items():
        if of.value is not None and (key[1], key[0]) not in pairs:
            pairs[str(key[0]), str(key[1])] = of.details["angles_deg"]
    if not pairs:
        raise NotIdentifiable("no pair of factors has subspaces that are known well enough")
    figure, axes = panels(1, width=5.2, height=2.8)
    axis = axes[0, 0]
    for number, (pair, angles) in enumerate(pairs.items()):
        style = dict(color=COLOURS[number % len(COLOURS)], linestyle="-" if number < len(COLOURS) else "--")
        label = " · ".join(map(legible, pair))
        axis.plot(np.arange(1, len(angles) + 1), angles, marker="o", markersize=3, label=label, **style)
    axis.set_ylim(0, 92)
    axis.set_yticks([0, 30, 60, 90])
    axis.set_xlabel("pair of directions")
    axis.set_ylabel("principal angle [°]")
    axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    caption(figure, rests_on(diagnosis).partition(";")[0])
    return figure


@styled
def layer_table(layers: Mapping[str, Diagnosis], metric: str = "explained_variance") -> Figure:
    """One metric, layers in rows and factors in columns. Raises NotIdentifiable for fewer than two layers."""
    names = list(dict.fromkeys(str(key) for d in layers.values() for key in d.estimates.get(metric, {})))
    if not names or len(layers) < 2:
        raise NotIdentifiable("there are no several layers with that metric")
    answers = [[d.estimates.get(metric, {}).get(name) for name in names] for d in layers.values()]
    values = np.array([[value_of(answer) for answer in row] for row in answers])
    figure, axes = panels(1, width=1.8 + 0.85 * len(names), height=0.9 + 0.5 * len(layers))
    axis = axes[0, 0]
    image = axis.imshow(values, vmin=0, vmax=max(1.0, np.nanmax(values)), cmap=SEQUENTIAL, aspect="auto")
    write_cells(axis, answers)
    axis.set_xticks(range(len(names)), [legible(name) for name in names])
    axis.set_yticks(range(len(layers)), list(layers))
    axis.grid(False)
    figure.colorbar(image, ax=axis, label=legible(metric))
    caption(figure, rests_on(next(iter(layers.values()))))
    return figure
