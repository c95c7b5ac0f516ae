"""Terms that make parts of a code a pose: its origin, and that known actions move it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.factors.transport import transport
from seqjepa.objective.rate import at_least_float32


def origin_loss(z: Float[Tensor, "B D"], parts: Mapping[str, slice]) -> Float[Tensor, ""]:
    """mean ‖pose(z) - pose(identity)‖² of codes of untransformed images: rotation at (1, 0), all else at 0.

    It fixes what equivariance leaves open: where every image's orbit begins. Poses are known actions, not labels.
    """
    found = at_least_float32(z[..., _columns(parts)])
    wanted = torch.zeros(found.shape[-1], dtype=found.dtype, device=found.device)
    if "rotation" in parts:
        wanted[_columns(parts).index(parts["rotation"].start)] = 1.0
    return (found - wanted).square().sum(-1).mean()


def equivariance_loss(
    z: Float[Tensor, "B S D"], actions: Float[Tensor, "B S A"], parts: Mapping[str, slice]
) -> Float[Tensor, ""]:
    """mean ‖ρ(aₜ) pose(zₜ) - pose(zₜ₊₁)‖² over consecutive observed views, with gradient on both sides.

    A homomorphism term (Park et al., Learning Symmetric Embeddings, 2022, eq. 4) with the representation ρ given:
    ``transport``. The last action leads into the target and is left out.
    """
    moved = transport(at_least_float32(z[:, :-1]), actions[:, : z.shape[1] - 1], parts)
    return (moved - z[:, 1:])[..., _columns(parts)].square().sum(-1).mean()


def _columns(parts: Mapping[str, slice]) -> list[int]:
    return [i for name, part in parts.items() if name != "content" for i in range(part.start, part.stop)]
