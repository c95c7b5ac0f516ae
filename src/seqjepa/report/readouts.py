"""What probes read: the leakage matrix, and the angle between two views."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.estimate import Estimate
from seqjepa.report.cells import value_of, write_cells
from seqjepa.report.split import rests_on
from seqjepa.report.style import SEQUENTIAL, caption, legible, panels, ranged, styled
from seqjepa.types import NotIdentifiable


@styled
def leakage_matrix(diagnosis: Diagnosis, probe: str = "linear") -> Figure:
    """What one kind of probe reads (columns) from where (rows): R² of factors, accuracy of the class."""
    cells = {(k[1], k[0]): f for k, f in diagnosis.estimates.get("leakage", {}).items() if k[2] == probe}
    if not any(estimate.value is not None for estimate in cells.values()):
        raise NotIdentifiable(f"there are no {probe} probes")
    sources, targets = (list(dict.fromkeys(key[i] for key in cells)) for i in (0, 1))
    figure, axes = panels(1, width=2.2 + 0.95 * len(targets), height=0.9 + 0.5 * len(sources))
    axis = axes[0, 0]
    values = np.array([[value_of(cells.get((s, t))) for t in targets] for s in sources])
    image = axis.imshow(values, vmin=0, vmax=1, cmap=SEQUENTIAL, aspect="auto")
    write_cells(axis, [[cells.get((s, t)) for t in targets] for s in sources])
    axis.set_xticks(range(len(targets)), [f"{legible(t)}\n{'accuracy' if t == 'class' else 'R²'}" for t in targets])
    axis.set_yticks(range(len(sources)), [s if "z_agg" in s else legible(s) for s in sources])
    axis.set_ylabel("read from")
    axis.grid(False)
    figure.colorbar(image, ax=axis, label="R² or accuracy", shrink=0.8)
    caption(figure, rests_on(diagnosis))
    return figure


@styled
def angle_confusion(true: list[float], predicted: list[float], error: Estimate | None = None) -> Figure:
    """Angles between two views as they were, and as an MLP probe read them from both representations, in degrees.

    Args:
        error: the median error over all pairs of views, of which those drawn can be a part.
    """
    if not true:
        raise NotIdentifiable("no probe was asked for an angle")
    figure, axes = panels(1, width=3.6, height=3.3)
    axis, apart = axes[0, 0], np.abs((np.array(predicted) - np.array(true) + 180) % 360 - 180)
    axis.scatter(true, predicted, s=6, alpha=0.6, linewidths=0)
    most = max(5.0, 1.05 * max(map(abs, [*true, *predicted])))
    axis.plot([-most, most], [-most, most], color="black", linewidth=0.8, label="no error")
    axis.set_xlim(-most, most)
    axis.set_ylim(-most, most)
    axis.set_aspect("equal")
    axis.set_xlabel("true angle between views [°]")
    axis.set_ylabel("predicted angle [°]")
    axis.set_title(f"{len(true)} pairs of views, median error {np.median(apart):.1f}°")
    if error is not None and error.value is not None:
        caption(figure, f"over all pairs: {ranged(error, 1)} degrees, 95 % interval over test identities")
    axis.legend(loc="upper left")
    return figure
