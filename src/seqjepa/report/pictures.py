"""Pictures of what goes in: sequences of views with their actions, and the nearest neighbours of a turned image."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from seqjepa.diagnostics.context import split_identities
from seqjepa.factors import actions, warp
from seqjepa.factors.relative_pose import ACTION_COLUMNS
from seqjepa.factors.warping import Border
from seqjepa.report.style import legible, panels, plain, styled
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.design import Design, make_design
from seqjepa.types import NotIdentifiable, Pose


def show(axis: Axes, picture: Float[Tensor, "C H W"]) -> None:
    """A picture in [0, 1], grey or in colour."""
    image = picture.clamp(0, 1).permute(1, 2, 0).numpy()
    axis.imshow(image.squeeze(-1) if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=1)
    plain(axis)


def design_of(sweeps: Sweeps) -> Design:
    """The poses at which these sweeps were taken, which follow from their seed.

    Raises:
        NotIdentifiable: sweeps that were not laid out by a seed, or not of affine factors.
    """
    seed, shape = sweeps.metadata.get("seed"), next(iter(sweeps.values.values())).shape
    if not isinstance(seed, int):
        raise NotIdentifiable("the sweeps come from arrays: their poses are not known")
    joint = sweeps.joint.shape[1]
    design = make_design(sweeps.factors, len(sweeps.labels), steps=3, base_poses=shape[1], joint=joint, seed=seed)
    if not design.affine:
        raise NotIdentifiable("pictures can be moved by affine factors only")
    # Poses do not depend on the steps, and circles and lines can differ in them: the grids are the sweeps' own.
    return replace(design, grids=sweeps.grids)


def border_of(sweeps: Sweeps) -> tuple[Border, bool]:
    """What the encoder saw beyond an image's border, and whether through a circular mask."""
    border: Border = "reflection" if sweeps.metadata.get("border") == "reflection" else "zeros"
    return border, bool(sweeps.metadata.get("circular_mask"))


def as_seen(
    sweeps: Sweeps, pictures: UInt8[Tensor, "I C H W"], poses: Float[Tensor, "I V 4"]
) -> Float[Tensor, "I V C H W"]:
    """Views of pictures as the encoder was shown them, in [0, 1]."""
    border, circular_mask = border_of(sweeps)
    return warp(pictures, Pose(poses), border=border, circular_mask=circular_mask)


def _pictures(sweeps: Sweeps) -> UInt8[Tensor, "I C H W"]:
    if sweeps.images is None:
        raise NotIdentifiable("the sweeps hold no pictures")
    return sweeps.images


@styled
def view_sequences(sweeps: Sweeps, rows: int = 4, views: int = 4) -> Figure:
    """Sequences of views of a few images, with the action that leads to each written under it."""
    pictures, design = _pictures(sweeps)[:rows], design_of(sweeps)
    if sweeps.joint.shape[1] < views:
        raise NotIdentifiable("the joint design is shorter than a sequence")
    poses = design.joint_poses()[:rows, :views].float()
    seen, steps = as_seen(sweeps, pictures, poses), actions(Pose(poses))
    figure, axes = panels(views, len(pictures), 1.3, 1.7)
    for row, (sequence, action) in enumerate(zip(seen, steps, strict=True)):
        for column, view in enumerate(sequence):
            show(axes[row, column], view)
            text = "first view" if not column else _action_text(action[column - 1], sweeps)
            axes[row, column].set_xlabel(text, fontsize=7)
    return figure


def _action_text(action: Float[Tensor, " A"], sweeps: Sweeps) -> str:
    named: dict[str, Tensor] = dict(zip(ACTION_COLUMNS, action, strict=True))
    said = []
    for factor in sweeps.factors:
        if factor.name == "rotation":
            turn = torch.atan2(named["sin_rotation"], named["cos_rotation"]).rad2deg()
            said.append(f"{float(turn):+.0f}°")
        elif factor.name == "scale":
            said.append(f"×{float(named['log_scale'].exp()):.2f}")
        else:
            said.append(f"{legible(factor.name)} {float(named[factor.name]):+.1f}")
    return "\n".join(", ".join(said[i : i + 2]) for i in range(0, len(said), 2))


@styled
def nearest_neighbours(sweeps: Sweeps, factor: str = "rotation", rows: int = 3, count: int = 6) -> Figure:
    """Turned images and the views, of other images, whose codes are most alike: do they share the angle, or the class?

    From all sweeps of the factor at their first base pose, by cosine similarity of codes less their mean.
    """
    if factor not in sweeps.values:
        raise NotIdentifiable(f"{factor} was not swept")
    pictures, design, codes = _pictures(sweeps), design_of(sweeps), sweeps.values[factor][:, 0]
    identities, steps, dim = codes.shape
    flat = F.normalize(codes.reshape(-1, dim).double() - codes.double().mean((0, 1)), dim=-1)
    asked = split_identities(identities, 0)[2].nonzero()[:rows, 0]
    places = torch.linspace(0, steps - 1, rows + 2).round().long()[1:-1]
    poses, unit = design.sweep_poses(factor)[:, 0].float(), sweeps.factor(factor).unit
    figure, axes = panels(count + 1, rows, 1.2, 1.5)
    for row, (who, place) in enumerate(zip(asked.tolist(), places.tolist(), strict=True)):
        near = (flat @ flat[who * steps + place]).reshape(identities, steps)
        near[who] = -torch.inf
        best = near.max(1)
        order = best.values.argsort(descending=True)[:count]
        shown = [(who, place), *((int(i), int(best.indices[i])) for i in order)]
        for column, (i, at) in enumerate(shown):
            view = as_seen(sweeps, pictures[i : i + 1], poses[i : i + 1, at : at + 1])[0, 0]
            show(axes[row, column], view)
            angle = f"{float(sweeps.grids[factor][at]):+.0f} {unit}"
            axes[row, column].set_xlabel(f"query, {angle}" if not column else angle, fontsize=7)
    return figure
