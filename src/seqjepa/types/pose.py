"""The group of rotations, translations and uniform scalings.

Conventions, stated once (tests hold them):

* Pixel coordinates are measured from the image's centre (pixel centres, ``align_corners=False``), x to the
  right, y downwards.
* A pose stacks its columns in the order of ``POSE_COLUMNS``: rotation [rad], translate_x [px],
  translate_y [px], log_scale [nat].
* The forward map is ``p' = s R(θ) p + t`` with ``R(θ) = [[cos θ, sin θ], [-sin θ, cos θ]]``, so a positive
  rotation turns the image counter-clockwise as seen on the screen, and +90° is ``torch.rot90(k=1)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

POSE_COLUMNS = ("rotation", "translate_x", "translate_y", "log_scale")


@dataclass(frozen=True)
class Pose:
    """An element (or a batch of elements) of the group of rotations, translations and uniform scalings.

    ``values`` has shape (..., 4) in the column order of ``POSE_COLUMNS``. The group law is that of the forward
    map ``p' = s R(θ) p + t``: ``(a @ b)`` moves a point by ``b`` first, then by ``a``.
    """

    values: Float[Tensor, "*batch 4"]

    @staticmethod
    def identity(*shape: int, dtype: torch.dtype = torch.float32) -> Pose:
        """Neutral poses of this shape: no rotation, no translation, scale 1."""
        return Pose(torch.zeros(*shape, 4, dtype=dtype))

    @property
    def rotation(self) -> Float[Tensor, "*batch"]:
        """In radians, counter-clockwise on the screen."""
        return self.values[..., 0]

    @property
    def translation(self) -> Float[Tensor, "*batch 2"]:
        """In pixels, to the right and downwards."""
        return self.values[..., 1:3]

    @property
    def log_scale(self) -> Float[Tensor, "*batch"]:
        """Natural logarithm of the scale."""
        return self.values[..., 3]

    def linear(self) -> Float[Tensor, "*batch 2 2"]:
        """The linear part ``s R(θ)``."""
        scale = self.log_scale.exp()
        cos, sin = scale * self.rotation.cos(), scale * self.rotation.sin()
        return torch.stack([torch.stack([cos, sin], -1), torch.stack([-sin, cos], -1)], -2)

    def matrix(self) -> Float[Tensor, "*batch 3 3"]:
        """The homogeneous matrix, acting on columns (x, y, 1)."""
        top = torch.cat([self.linear(), self.translation.unsqueeze(-1)], -1)
        bottom = torch.tensor([0.0, 0.0, 1.0], dtype=top.dtype, device=top.device).expand(*top.shape[:-2], 1, 3)
        return torch.cat([top, bottom], -2)

    def __matmul__(self, other: Pose) -> Pose:
        translation = (self.linear() @ other.translation.unsqueeze(-1)).squeeze(-1) + self.translation
        rotation = self.rotation + other.rotation
        log_scale = self.log_scale + other.log_scale
        return Pose(torch.cat([rotation.unsqueeze(-1), translation, log_scale.unsqueeze(-1)], -1))

    def inverse(self) -> Pose:
        """The pose that undoes this one: ``p @ p.inverse()`` is neutral."""
        back = Pose(torch.cat([-self.values[..., :1], torch.zeros_like(self.translation), -self.values[..., 3:]], -1))
        translation = -(back.linear() @ self.translation.unsqueeze(-1)).squeeze(-1)
        return Pose(torch.cat([back.values[..., :1], translation, back.values[..., 3:]], -1))

    def relative_to(self, other: Pose) -> Pose:
        """The pose ``r`` with ``r @ other == self``: what to do after ``other`` to arrive at ``self``."""
        return self @ other.inverse()
