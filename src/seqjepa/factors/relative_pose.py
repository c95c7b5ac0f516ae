"""Actions: what happened between one view and the next, as numbers for the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.types import Factor, Pose

ActionConvention = Literal["difference", "group"]
ACTION_COLUMNS = ("sin_rotation", "cos_rotation", "translate_x", "translate_y", "log_scale")
_COLUMNS_OF = {
    "rotation": ("sin_rotation", "cos_rotation"),
    "translate_x": ("translate_x",),
    "translate_y": ("translate_y",),
    "scale": ("log_scale",),
}


def translation_unit(factors: Sequence[Factor]) -> float:
    """Pixels that count as one in an action: the larger absolute bound of the translations, 1 without any."""
    bounds = [abs(b) for f in factors if f.name.startswith("translate") for b in (f.low, f.high)]
    return max(bounds, default=0.0) or 1.0


def action_columns(factors: Sequence[Factor]) -> list[int]:
    """The columns of an action that vary when these factors do."""
    varying = {c for f in factors if f.high > f.low for c in _COLUMNS_OF[f.name]}
    return [i for i, c in enumerate(ACTION_COLUMNS) if c in varying]


def actions(poses: Pose, convention: ActionConvention = "difference", unit: float = 1.0) -> Float[Tensor, "*batch S 5"]:
    """The S = V - 1 actions between V consecutive poses, columns as in ``ACTION_COLUMNS``.

    Args:
        poses: (*batch, V, 4).
        convention: "difference" subtracts component by component (the seed run's); "group" takes
            ``g₂ ∘ g₁⁻¹``, what has to be done to the first view to arrive at the second. They agree on
            rotation and scale, and differ on translation as soon as either of these moves.
        unit: pixels that count as one.
    """
    before, after = Pose(poses.values[..., :-1, :]), Pose(poses.values[..., 1:, :])
    if convention == "difference":
        step = Pose(after.values - before.values)
    elif convention == "group":
        step = after.relative_to(before)
    else:
        raise ValueError(f"convention {convention!r} is not one of 'difference', 'group'")
    return torch.cat(
        [
            step.rotation.sin().unsqueeze(-1),
            step.rotation.cos().unsqueeze(-1),
            step.translation / unit,
            step.log_scale.unsqueeze(-1),
        ],
        -1,
    )
