"""Orbits: where single images go in a factor's own plane while the factor moves, in order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64
from matplotlib.figure import Figure
from torch import Tensor

from seqjepa.diagnostics import Diagnosis
from seqjepa.report.split import held_out_identities, rests_on
from seqjepa.report.style import COLOURS, CYCLIC, SEQUENTIAL, caption, colour_of, grid, legible, panels, ranged, styled
from seqjepa.sweeps import Sweeps
from seqjepa.types import NotIdentifiable

SHOWN = 6


@dataclass(frozen=True)
class Orbits:
    """Orbits of test identities in the plane of a factor's subspace.

    Attributes:
        who: (N,) the identities' places in the sweeps.
        points: (N, G, 2) their representations at the first base pose, each orbit centred, along the two leading
            directions.
        mean: (G, 2) the mean orbit of all test identities and base poses.
        share: of the factor's variance over test identities, in [0, 1], that lies in the plane.
        values: (G,) the factor's values.
    """

    who: Int64[Tensor, " N"]
    points: Float[Tensor, "N G 2"]
    mean: Float[Tensor, "G 2"]
    share: float
    values: Float[Tensor, " G"]


def orbits_of(diagnosis: Diagnosis, sweeps: Sweeps, factor: str, count: int = SHOWN) -> Orbits:
    """Orbits of the diagnosis' test identities, in the plane that it fitted on the training identities.

    Args:
        diagnosis: with its split and subspaces.
        sweeps: that it was made of.
        factor: whose orbits.
        count: identities at most; the mean is over all.

    Raises:
        NotIdentifiable: the factor has no subspace, or one of a single direction.
    """
    test, subspace = held_out_identities(diagnosis), diagnosis.subspaces.get(factor)
    found = diagnosis.estimates.get("explained_variance", {}).get(factor)
    if subspace is None or found is None or found.value is None:
        raise NotIdentifiable(found.reason if found and found.reason else f"no subspace of {factor} was fitted")
    if factor not in sweeps.values:
        raise NotIdentifiable(f"{factor} was not swept")
    if subspace.shape[1] < 2:
        raise NotIdentifiable("a representation of one dimension has no plane")
    codes = sweeps.values[factor][test].double()
    inside = (codes - codes.mean(2, keepdim=True)) @ subspace[:, :2].double()
    share = sum(found.details["held_out"][:2])
    return Orbits(test[:count], inside[:count, 0], inside.mean((0, 1)), share, sweeps.grids[factor])


@styled
def true_orbits(diagnosis: Diagnosis, sweeps: Sweeps, only: str | None = None) -> Figure:
    """For each factor (or one) a few identities' orbits and the mean orbit of all, coloured by the factor's value."""
    found, reasons = {}, []
    for factor in (f for f in sweeps.axes if only in (None, f.name)):
        try:
            found[factor.name] = orbits_of(diagnosis, sweeps, factor.name)
        except NotIdentifiable as error:  # a factor without effect has no orbit; the page's table says so
            reasons.append(str(error))
    if not found:
        raise NotIdentifiable(reasons[0] if reasons else f"{only} was not swept")
    figure, axes = grid(len(found), 2, width=4.0, height=3.6)
    for axis, (name, orbits) in zip(axes, found.items(), strict=True):
        factor = sweeps.factor(name)
        close = [*range(len(orbits.values)), *([0] if factor.full_circle else [])]
        colours = CYCLIC if factor.full_circle else SEQUENTIAL
        points = orbits.points.numpy()
        for orbit in points:
            axis.plot(*orbit[close].T, color="#b5b5b5", linewidth=0.7, zorder=1)
        shades = np.tile(orbits.values.numpy(), len(points))
        drawn = axis.scatter(*points.reshape(-1, 2).T, c=shades, cmap=colours, s=9, zorder=2)
        axis.plot(*orbits.mean.numpy()[close].T, color="black", linewidth=2, zorder=3, label="mean orbit")
        axis.set_title(f"{legible(name)}: {100 * orbits.share:.0f} % of its variance")
        axis.set_aspect("equal", "datalim")
        axis.set_xlabel("first direction")
        axis.set_ylabel("second direction")
        figure.colorbar(drawn, ax=axis, label=f"{legible(name)} [{factor.unit}]", shrink=0.9)
    axes[0].legend(loc="upper left")
    count, test = len(next(iter(found.values())).who), len(held_out_identities(diagnosis))
    caption(figure, f"{count} test identities at one base pose each; mean and shares of all n = {test}")
    return figure


@styled
def harmonics(diagnosis: Diagnosis) -> Figure:
    """The share of each frequency in the energy of full-circle orbits."""
    found = {n: f for n, f in diagnosis.estimates.get("orbit_leading", {}).items() if f.value is not None}
    if not found:
        raise NotIdentifiable("no factor covers a full circle")
    figure, axes = panels(1, width=4.2)
    axis, colours = axes[0, 0], colour_of([str(name) for name in found])
    for name, of in found.items():
        energy = of.details["energy"]
        axis.bar(
            np.arange(1, len(energy) + 1), energy, color=colours[str(name)], label=f"{legible(str(name))}: {ranged(of)}"
        )
        axis.axhline(of.null, color=COLOURS[1], linestyle="--", label="equal energies")
    axis.set_xlabel("frequency [turns per turn of the image]")
    axis.set_ylabel("share of the orbit's energy")
    axis.set_ylim(0, 1)
    axis.legend(title="share at the leading frequency")
    caption(figure, rests_on(diagnosis))
    return figure
