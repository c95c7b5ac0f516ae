"""What a known action does to a representation whose named parts are a pose: it moves as the image did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.factors.relative_pose import ACTION_COLUMNS, translation_unit
from seqjepa.types import Factor, Pose

_ADDED = {"translate_x": "translate_x", "translate_y": "translate_y", "scale": "log_scale"}


def pose_parts(factors: Sequence[Factor]) -> dict[str, slice]:
    """The columns of each factor in a pose: two (cosine, sine) for a rotation, one for any other."""
    parts, at = {}, 0
    for factor in factors:
        width = 2 if factor.name == "rotation" else 1
        parts[factor.name] = slice(at, at + width)
        at += width
    return parts


def pose_code(poses: Pose, factors: Sequence[Factor]) -> Float[Tensor, "*batch K"]:
    """A pose as a vector, laid out as ``pose_parts``: rotation as a unit vector, translation in
    ``translation_unit``, the scale's logarithm."""
    columns = []
    for factor in factors:
        if factor.name == "rotation":
            columns += [poses.rotation.cos(), poses.rotation.sin()]
        elif factor.name == "scale":
            columns.append(poses.log_scale)
        else:
            columns.append(poses.translation[..., ("translate_x", "translate_y").index(factor.name)])
            columns[-1] = columns[-1] / translation_unit(factors)
    return torch.stack(columns, -1)


def apply_action(
    z: Float[Tensor, "*batch D"], actions: Float[Tensor, "*batch 5"], parts: Mapping[str, slice]
) -> Float[Tensor, "*batch D"]:
    """ρ(a) z: the part "rotation" turns by the action's angle, parts of shifts and log scale are added to, others stay.

    Actions count by difference, component by component. An action of zeros says nothing, and nothing moves.
    """
    action: dict[str, Tensor] = dict(zip(ACTION_COLUMNS, actions.to(z.dtype).unbind(-1), strict=True))
    moved = z.clone()
    for name, column in _ADDED.items():
        if name in parts:
            moved[..., parts[name].start] += action[column]
    if "rotation" in parts:
        turn = torch.atan2(action["sin_rotation"], action["cos_rotation"])
        cos, sin = z[..., parts["rotation"]].unbind(-1)
        turned = turn.cos() * cos - turn.sin() * sin, turn.sin() * cos + turn.cos() * sin
        moved[..., parts["rotation"]] = torch.stack(turned, -1)
    return moved


def added(actions: Float[Tensor, "*batch S 5"], *, onward: bool = True) -> Float[Tensor, "*batch S 5"]:
    """For each of S consecutive actions what it and all that follow amount to; or, not ``onward``, all up to it."""

    def summed(values: Tensor) -> Tensor:
        return values.flip(-1).cumsum(-1).flip(-1) if onward else values.cumsum(-1)

    sin, cos, *others = actions.unbind(-1)
    turn = summed(torch.atan2(sin, cos))
    return torch.stack([turn.sin(), turn.cos(), *map(summed, others)], -1)
