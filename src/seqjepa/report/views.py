"""The views that the encoder was shown: warped again as they were, and as sequences with their actions."""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from seqjepa.factors import actions, warp
from seqjepa.factors.relative_pose import ACTION_COLUMNS
from seqjepa.factors.warping import Border
from seqjepa.report.style import fine, legible, panels, plain, styled
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.design import AFFINE
from seqjepa.types import NotIdentifiable, Pose


def show(axis: Axes, image: Float[Tensor, "C H W"]) -> None:
    """An image in [0, 1], grey or in colour."""
    pixels = image.clamp(0, 1).permute(1, 2, 0).numpy()
    axis.imshow(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels, cmap="gray", vmin=0, vmax=1)
    plain(axis)


def images_of(sweeps: Sweeps) -> UInt8[Tensor, "I C H W"]:
    """The source images. Raises NotIdentifiable where the sweeps hold none."""
    if sweeps.images is None:
        raise NotIdentifiable("the sweeps hold no images")
    return sweeps.images


def sweep_poses(sweeps: Sweeps, factor: str) -> Float[Tensor, "I P G 4"]:
    """The poses of one factor's sweep, in the columns of ``Pose``.

    Raises:
        NotIdentifiable: poses were not kept, or images cannot be moved by them.
    """
    return _affine(sweeps, sweeps.poses.get(factor))


def joint_poses(sweeps: Sweeps) -> Float[Tensor, "I J 4"]:
    """The poses of the joint design, in the columns of ``Pose``. Raises NotIdentifiable as ``sweep_poses`` does."""
    return _affine(sweeps, sweeps.joint_poses)


def _affine(sweeps: Sweeps, poses: Tensor | None) -> Tensor:
    if poses is None:
        raise NotIdentifiable("the sweeps hold no poses")
    if not all(factor.name in AFFINE for factor in sweeps.factors):
        raise NotIdentifiable("views are drawn for affine factors only")
    return poses


def border_of(sweeps: Sweeps) -> tuple[Border, bool]:
    """What the encoder saw beyond an image's border, and whether through a circular mask."""
    border: Border = "reflection" if sweeps.metadata.get("border") == "reflection" else "zeros"
    return border, bool(sweeps.metadata.get("circular_mask"))


def as_seen(
    sweeps: Sweeps, images: UInt8[Tensor, "I C H W"], poses: Float[Tensor, "I V 4"]
) -> Float[Tensor, "I V C H W"]:
    """Views of images exactly as the encoder was shown them, in [0, 1]: same border, mask and anti-aliasing.

    Raises:
        NotIdentifiable: the sweeps do not say with how many anti-aliasing samples their views were made.
    """
    taps = sweeps.metadata.get("taps")
    if not isinstance(taps, int):
        raise NotIdentifiable("the sweeps do not say how their views were anti-aliased")
    border, circular_mask = border_of(sweeps)
    return warp(images, Pose(poses.float()), taps=taps, border=border, circular_mask=circular_mask)


@styled
def view_sequences(sweeps: Sweeps, rows: int = 4, views: int = 4) -> Figure:
    """Sequences of views of a few images, with the action that leads to each written under it."""
    images, poses = images_of(sweeps)[:rows], joint_poses(sweeps)[:rows, :views]
    if poses.shape[1] < views:
        raise NotIdentifiable("the joint design is shorter than a sequence")
    seen, steps = as_seen(sweeps, images, poses), actions(Pose(poses.float()))
    figure, axes = panels(views, len(images), 1.3, 1.7)
    for row, (sequence, action) in enumerate(zip(seen, steps, strict=True)):
        for column, view in enumerate(sequence):
            show(axes[row, column], view)
            text = "first view" if not column else _action_text(action[column - 1], sweeps)
            axes[row, column].set_xlabel(text, fontsize=fine(7))
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
