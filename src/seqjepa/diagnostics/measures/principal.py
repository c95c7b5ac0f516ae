"""Representations in their principal coordinates, of unit variance where a probe is fitted, without their rounding."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

ROUNDINGS = 8.0  # of the largest entry: what varies by less cannot be distinguished from rounding
LEAST_SHARE = 1e-12  # of the largest standard deviation


@dataclass(frozen=True)
class PrincipalCodes:
    """Three parts of a representation, whitened on the first: what a direction's scale was is kept beside it.

    No figure that is made of them changes when the representation is turned, z → Qz with Q orthogonal.

    Attributes:
        train: (A, R) of unit variance, uncorrelated; R is 0 where nothing differs by more than rounding.
        validation: (B, R) in the same coordinates.
        test: (C, R) in the same coordinates.
        scale: (R,) the standard deviations of the training rows, falling, relative to their mean square over D.
    """

    train: Float[Tensor, "A R"]
    validation: Float[Tensor, "B R"]
    test: Float[Tensor, "C R"]
    scale: Float[Tensor, " R"]

    @staticmethod
    def of(
        codes: Float[Tensor, "N D"],
        train: Bool[Tensor, " N"],
        validation: Bool[Tensor, " N"],
        test: Bool[Tensor, " N"],
    ) -> PrincipalCodes:
        """The principal coordinates of the training rows, for all three parts.

        Args:
            codes: (N, D) representations; their type says how they are rounded.
            train: (N,) the rows that centre and whiten.
            validation: (N,) further rows.
            test: (N,) further rows.
        """
        x = codes.double()
        mean = x[train].mean(0)
        deviations, directions = principal_directions(x[train] - mean, rounding_of(codes))
        whitening = directions / deviations
        typical = (deviations.square().sum() / x.shape[1]).sqrt()
        fitted, further, last = ((x[part] - mean) @ whitening for part in (train, validation, test))
        return PrincipalCodes(fitted, further, last, deviations / typical)

    @property
    def whitened(self) -> tuple[Tensor, Tensor, Tensor]:
        """The parts with every direction as loud as every other."""
        return self.train, self.validation, self.test

    @property
    def proportional(self) -> tuple[Tensor, Tensor, Tensor]:
        """The parts with the directions as loud as the representation has them."""
        return self.train * self.scale, self.validation * self.scale, self.test * self.scale


def principal_directions(
    centred: Float[Tensor, "N D"], rounding: float
) -> tuple[Float[Tensor, " R"], Float[Tensor, "D R"]]:
    """Standard deviations, falling, and directions of centred rows; those that are made of rounding are left out.

    From singular values and not from those of XᵀX, in which what is under 1e-8 of the largest is lost.
    """
    rows = torch.linalg.qr(centred, mode="r").R if len(centred) > centred.shape[1] else centred
    _, values, directions = torch.linalg.svd(rows, full_matrices=False)
    deviations = values / max(1, len(centred)) ** 0.5
    least = max(rounding, LEAST_SHARE * float(deviations.max())) if len(deviations) else rounding
    kept = deviations > least
    return deviations[kept], directions[kept].T


def rounding_of(codes: Float[Tensor, "*batch D"]) -> float:
    """How far a direction may vary by the rounding of the representations' type alone."""
    if not codes.numel():
        return 0.0
    return ROUNDINGS * torch.finfo(codes.dtype).eps * float(codes.abs().max())


def without_rounding(codes: Float[Tensor, "I J D"], rounding: float) -> Float[Tensor, "I J R"]:
    """What was projected, in its principal coordinates; directions that rounding alone would move are left out.

    A projection that leaves nothing leaves the rounding of what it was made from, a function of the pose as well.
    """
    flat = codes.double().flatten(0, 1)
    centred = flat - flat.mean(0)
    _, directions = principal_directions(centred, rounding)
    kept = centred @ directions
    return kept.reshape(*codes.shape[:2], -1) if kept.shape[1] else torch.zeros(*codes.shape[:2], 1).double()
