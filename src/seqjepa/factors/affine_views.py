"""The scene of pictures under rotations, translations and scalings."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from seqjepa.factors.affine import AFFINE_NAMES, checked_affine, pose_column
from seqjepa.factors.scenes import PictureScene
from seqjepa.factors.warping import Border, warp
from seqjepa.types import Factor, InputError, Pose
from seqjepa.types.factor import value_columns


@dataclass(frozen=True)
class AffineViews(PictureScene):
    """Pictures under affine factors, each view in one resampling; ``represent(encoder, images, factors)`` sweeps this.

    Attributes:
        images: the identities.
        factors: see ``affine_factors``.
        border, circular_mask: see ``warp``.
    """

    border: Border = "zeros"
    circular_mask: bool = False

    def __post_init__(self) -> None:
        if any(not isinstance(factor, Factor) or factor.name not in AFFINE_NAMES for factor in self.factors):
            raise InputError("factors: images can be moved by affine factors only; see affine_factors")
        for factor in self.factors:
            checked_affine(factor)

    def pose(self, values: Float[Tensor, "*batch F"]) -> Pose:
        """The pose of values in the factors' units."""
        poses = Pose.identity(*values.shape[:-1], dtype=values.dtype)
        for factor, columns in zip(self.factors, value_columns(self.factors).values(), strict=True):
            own = values[..., columns.start]
            own = own.deg2rad() if factor.name == "rotation" else own.log() if factor.name == "scale" else own
            poses.values[..., pose_column(factor)] = own
        return poses

    def render(self, identities: Int64[Tensor, " B"], values: Float[Tensor, "B F"]) -> Float[Tensor, "B C H W"]:
        """The views."""
        poses = self.pose(values)
        smallest = min(1.0, float(poses.log_scale.exp().min())) if len(values) else 1.0
        taps = max(1, math.ceil(1 / smallest - 1e-6))
        pixels, pose = self.images.pixels[identities], Pose(poses.values[:, None].float())
        views = warp(pixels, pose, taps=taps, border=self.border, circular_mask=self.circular_mask)
        return views[:, 0].to(torch.float32)
