"""True orbits: where single images go in a factor's own plane while the factor moves, in order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64
from matplotlib.figure import Figure
from torch import Tensor

from seqjepa.diagnostics.context import split_identities
from seqjepa.diagnostics.estimate import Estimate
from seqjepa.diagnostics.measures.subspaces import centre_orbits, factor_subspace
from seqjepa.report.style import CYCLIC, SEQUENTIAL, caption, grid, legible, panels, ranged, styled
from seqjepa.sweeps import Sweeps
from seqjepa.types import NotIdentifiable

SHOWN = 6


@dataclass(frozen=True)
class Orbits:
    """Orbits of images that did not fit the plane.

    Attributes:
        who: (N,) the images' places in the sweeps.
        points: (N, G, 2) their codes at the first base pose, each orbit centred, along the two leading directions.
        mean: (G, 2) the mean orbit of all reporting images and base poses.
        share: how much of the factor's held-out variance the plane holds.
        values: (G,) the factor's values.
    """

    who: Int64[Tensor, " N"]
    points: Float[Tensor, "N G 2"]
    mean: Float[Tensor, "G 2"]
    share: float
    values: Float[Tensor, " G"]


def orbits_of(sweeps: Sweeps, factor: str, count: int = SHOWN, seed: int = 0) -> Orbits:
    """The orbits of some reporting images in the plane that the other half of the images fitted.

    Raises:
        NotIdentifiable: a factor that does not move the code, or a code of one dimension.
    """
    report = split_identities(sweeps.identities, seed)[2]
    codes = sweeps.values[factor]
    if sweeps.dim < 2:
        raise NotIdentifiable("a code of one dimension has no plane")
    subspace = factor_subspace(codes, ~report)
    plane = subspace.directions(2)
    inside = centre_orbits(codes[report]) @ plane
    return Orbits(
        report.nonzero()[:count, 0],
        inside[:count, 0],
        inside.mean((0, 1)),
        float(subspace.held_out[:2].sum()),
        sweeps.grids[factor],
    )


@styled
def true_orbits(sweeps: Sweeps, only: str | None = None) -> Figure:
    """For each factor (or one) a few images' orbits and the mean orbit of all, coloured by the factor's value."""
    found = {}
    for factor in (f for f in sweeps.factors if only in (None, f.name)):
        try:
            found[factor.name] = orbits_of(sweeps, factor.name)
        except NotIdentifiable:
            continue  # a factor without effect has no orbit; the page's table says so
    if not found:
        raise NotIdentifiable(f"{only or 'no factor'} {'does not move' if only else 'moves'} the code")
    figure, axes = grid(len(found), 2, width=4.0, height=3.6)
    for axis, (name, orbits) in zip(axes, found.items(), strict=True):
        factor = sweeps.factor(name)
        close = [*range(len(orbits.values)), *([0] if factor.full_circle else [])]
        colours = CYCLIC if factor.period is not None else SEQUENTIAL
        points = orbits.points.numpy()
        for orbit in points:
            axis.plot(*orbit[close].T, color="#b5b5b5", linewidth=0.7, zorder=1)
        shades = np.tile(orbits.values.numpy(), len(points))
        drawn = axis.scatter(*points.reshape(-1, 2).T, c=shades, cmap=colours, s=9, zorder=2)
        axis.plot(*orbits.mean.numpy()[close].T, color="black", linewidth=2, zorder=3, label="mean of all images")
        axis.set_title(f"{legible(name)}: {100 * orbits.share:.0f} % of its variance")
        axis.set_aspect("equal", "datalim")
        axis.set_xlabel("first direction")
        axis.set_ylabel("second direction")
        figure.colorbar(drawn, ax=axis, label=f"{legible(name)} [{factor.unit}]", shrink=0.9)
    axes[0].legend(loc="upper left")
    count, reporting = len(next(iter(found.values())).who), int(split_identities(sweeps.identities, 0)[2].sum())
    caption(figure, f"{count} images at one base pose each; mean and shares of n = {reporting} held-out images")
    return figure


@styled
def angle_confusion(true: list[float], predicted: list[float], error: Estimate | None = None) -> Figure:
    """Angles between two views as they were, and as a network read them from both codes [degrees].

    Args:
        error: the median error over all pairs of views, of which those drawn can be a part.
    """
    if not true:
        raise NotIdentifiable("no angle was read")
    figure, axes = panels(1, width=3.6, height=3.3)
    axis, apart = axes[0, 0], np.abs((np.array(predicted) - np.array(true) + 180) % 360 - 180)
    axis.scatter(true, predicted, s=6, alpha=0.6, linewidths=0)
    most = max(5.0, 1.05 * max(map(abs, [*true, *predicted])))
    axis.plot([-most, most], [-most, most], color="black", linewidth=0.8, label="right")
    axis.set_xlim(-most, most)
    axis.set_ylim(-most, most)
    axis.set_aspect("equal")
    axis.set_xlabel("true angle between views [°]")
    axis.set_ylabel("angle read from their codes [°]")
    axis.set_title(f"{len(true)} pairs of views, median error {np.median(apart):.1f}°")
    if error is not None and error.value is not None:
        caption(figure, f"over all pairs: {ranged(error, 1)} degrees, 95 % interval over held-out images")
    axis.legend(loc="upper left")
    return figure
