"""Nearest neighbours: which views of other images are represented most alike."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure

from seqjepa.diagnostics import Diagnosis
from seqjepa.report.split import held_out_identities
from seqjepa.report.style import fine, panels, styled
from seqjepa.report.views import as_seen, images_of, show, sweep_poses
from seqjepa.sweeps import Sweeps
from seqjepa.types import NotIdentifiable


@styled
def nearest_neighbours(
    diagnosis: Diagnosis, sweeps: Sweeps, factor: str = "rotation", rows: int = 3, count: int = 6
) -> Figure:
    """Views of test identities, and the views of other identities nearest to them: the same angle, or the same class?

    Among all sweeps of the factor at their first base pose, by cosine similarity of representations less their mean.

    Args:
        diagnosis: says which identities are the test's.
        sweeps: that it was made of, with images.
        factor: along which the views move.
        rows: queries, at evenly spaced values of the factor.
        count: neighbours of each, one an identity.

    Raises:
        NotIdentifiable: the factor was not swept, or images, poses or the split are not known.
    """
    if factor not in sweeps.values:
        raise NotIdentifiable(f"{factor} was not swept")
    images, codes = images_of(sweeps), sweeps.values[factor][:, 0]
    poses, unit = sweep_poses(sweeps, factor)[:, 0], sweeps.factor(factor).unit
    asked = held_out_identities(diagnosis)[:rows]
    identities, steps, dim = codes.shape
    flat = F.normalize(codes.reshape(-1, dim).double() - codes.double().mean((0, 1)), dim=-1)
    places = torch.linspace(0, steps - 1, rows + 2).round().long()[1:-1]
    figure, axes = panels(count + 1, rows, 1.2, 1.5)
    for row, (who, place) in enumerate(zip(asked.tolist(), places.tolist(), strict=True)):
        near = (flat @ flat[who * steps + place]).reshape(identities, steps)
        near[who] = -torch.inf
        best = near.max(1)
        order = best.values.argsort(descending=True)[:count]
        shown = [(who, place), *((int(i), int(best.indices[i])) for i in order)]
        for column, (i, at) in enumerate(shown):
            view = as_seen(sweeps, images[i : i + 1], poses[i : i + 1, at : at + 1])[0, 0]
            show(axes[row, column], view)
            angle = f"{float(sweeps.grids[factor][at]):+.0f} {unit}"
            axes[row, column].set_xlabel(f"query, {angle}" if not column else angle, fontsize=fine(7))
    return figure
