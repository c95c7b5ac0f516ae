"""Terms that make parts of a representation a pose: where it begins, and that known actions move it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.model.needs import DIFFERENCES, IDENTITY_FIRST, OBSERVED_PAIR, SPLIT_CODE
from seqjepa.model.split.group_action import added, apply_action
from seqjepa.objective.coding_rates import at_least_float32
from seqjepa.objective.terms import term
from seqjepa.types import Outputs


def pose_anchor_loss(
    z: Float[Tensor, "B S D"], actions: Float[Tensor, "B S A"], parts: Mapping[str, slice]
) -> Float[Tensor, ""]:
    """mean ‖ρ(a₁ … aₜ₋₁) e - pose(zₜ)‖² over observed views, the first of which is the untransformed image.

    e is the pose of no transformation: rotation at (1, 0), all else at 0. It fixes what equivariance leaves open,
    where every image's orbit begins. Poses are known actions, not labels; but an image has a slant of its own, so that
    this term, unlike equivariance, cannot reach 0 for images that were not seen.
    """
    origin = torch.zeros_like(at_least_float32(z[:, :1]))
    if "rotation" in parts:
        origin[..., parts["rotation"].start] = 1.0
    steps = added(actions[:, : z.shape[1] - 1], onward=False)
    expected = torch.cat([origin, apply_action(origin.expand(-1, steps.shape[1], -1), steps, parts)], 1)
    return (z - expected)[..., _columns(parts)].square().sum(-1).mean()


def equivariance_loss(
    z: Float[Tensor, "B S D"], actions: Float[Tensor, "B S A"], parts: Mapping[str, slice]
) -> Float[Tensor, ""]:
    """mean ‖ρ(aₜ) pose(zₜ) - pose(zₜ₊₁)‖² over consecutive observed views, with gradient on both sides.

    A homomorphism term (Park et al., Learning Symmetric Embeddings, 2022, eq. 4) with the representation ρ given:
    ``apply_action``. The last action leads into the target and is left out.
    """
    moved = apply_action(at_least_float32(z[:, :-1]), actions[:, : z.shape[1] - 1], parts)
    return (moved - z[:, 1:])[..., _columns(parts)].square().sum(-1).mean()


@term(weight=0.0, needs=[SPLIT_CODE, IDENTITY_FIRST])
def pose_anchor(outputs: Outputs) -> Float[Tensor, ""]:
    """Mean squared distance of observed views' poses from where known actions lead from the neutral pose."""
    return pose_anchor_loss(outputs.z, _known(outputs, "pose_anchor"), outputs.parts)


@term(weight=0.0, needs=[SPLIT_CODE, DIFFERENCES, OBSERVED_PAIR])
def equivariance(outputs: Outputs) -> Float[Tensor, ""]:
    """Mean squared distance of a view's pose, moved by the action, from the next view's."""
    return equivariance_loss(outputs.z, _known(outputs, "equivariance"), outputs.parts)


def _known(outputs: Outputs, name: str) -> Float[Tensor, "B S A"]:
    if outputs.actions is None:
        raise ValueError(f"the term {name!r} needs the outputs' actions")
    return outputs.actions


def _columns(parts: Mapping[str, slice]) -> list[int]:
    return [i for name, part in parts.items() if name != "content" for i in range(part.start, part.stop)]
