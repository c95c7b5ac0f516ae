"""The irreps of a representation under a factor that goes round: how often each frequency, with how much energy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.blocks.irreps import AT_LEAST
from seqjepa.diagnostics.estimate import Estimate
from seqjepa.report.split import rests_on
from seqjepa.report.style import COLOURS, caption, legible, panels, ranged, styled
from seqjepa.types import NotIdentifiable


def found_irreps(diagnosis: Diagnosis) -> Mapping[str, Mapping[int, Estimate]]:
    """For each factor the multiplicities by frequency, those without a value left out."""
    found: dict[str, dict[int, Estimate]] = {}
    for key, estimate in diagnosis.estimates.get("irreps", {}).items():
        if estimate.value is not None:
            found.setdefault(key[0], {})[int(key[1].removeprefix("k"))] = estimate
    return found


def in_words(diagnosis: Diagnosis, name: str) -> list[str]:
    """ "Under SO(2) these 512 dimensions are 31 × k0 ⊕ 14 × k1, 4 % is no representation of it …"; or nothing."""
    of = found_irreps(diagnosis).get(name)
    if not of:
        return []
    parts = [
        f"{'at least ' * (estimate.verdict == AT_LEAST)}{estimate.value:.0f} × k{k}"
        for k, estimate in of.items()
        if estimate.value
    ]
    dim = diagnosis.metadata.get("dim")
    said = f"under SO(2) {'' if dim is None else f'these {dim} dimensions are '}{' ⊕ '.join(parts) or 'nothing'}"
    for metric, what in (("no_representation", "no representation of it"), ("pixel_grid", "leaks into k ± 4")):
        share = diagnosis.estimates.get(metric, {}).get(name)
        if share is not None and share.value is not None:
            verb = "is " if metric == "no_representation" else ""
            said += f", {_percent(share)} {verb}{what}"
    return [said + " (the pixel grid)" * said.endswith("k ± 4")]


def _percent(share: Estimate) -> str:
    value = 100 * (share.value or 0.0)
    return f"{value:z.0f} %" if value >= 1 else f"{value:z.1f} %"


@styled
def multiplicities(diagnosis: Diagnosis) -> Figure:
    """Bars: how often each frequency is there, with intervals. Below: the share of the movement's energy at it."""
    found = found_irreps(diagnosis)
    if not found:
        raise NotIdentifiable("no factor covers a full circle")
    figure, axes = panels(len(found), 2, width=4.2, height=2.2, sharex="col")
    for (name, of), (above, below) in zip(found.items(), axes.T, strict=True):
        frequencies = np.array(list(of))
        values = np.array([estimate.value for estimate in of.values()])
        ends = np.array([estimate.interval or (estimate.value, estimate.value) for estimate in of.values()])
        off = np.abs(ends.T - values)
        above.bar(frequencies, values, yerr=off, color=COLOURS[0], capsize=2)
        for k, value in zip(frequencies, values, strict=True):
            above.annotate(
                f"{value:.0f}", (k, value), ha="center", va="bottom", xytext=(0, 2), textcoords="offset points"
            )
        above.set_ylabel("multiplicity")
        above.set_title(legible(name))
        moving = [k for k in of if k]
        below.bar(moving, [of[k].details["energy"] for k in moving], color=COLOURS[2])
        below.set_ylim(0, 1)
        below.set_ylabel("share of the movement")
        below.set_xlabel("frequency k [turns per turn of the image]")
        below.set_xticks(frequencies)
        share = diagnosis.estimates.get("no_representation", {}).get(name)
        if share is not None and share.value is not None:
            below.set_title(f"no representation: {ranged(share, percent=True)}")
    caption(figure, rests_on(diagnosis))
    return figure
