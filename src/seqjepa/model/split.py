"""An encoder whose code is a pose and a content: it reads the pose, straightens the view by it, reads what is left."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from seqjepa.factors.actions import translation_unit
from seqjepa.factors.affine import pose_bounds, pose_column
from seqjepa.factors.transport import pose_code, pose_parts
from seqjepa.factors.warp import Border, warp
from seqjepa.model.encoders import ResidualBlock
from seqjepa.model.jitter import jitter
from seqjepa.model.quarter_turns import PoseNet
from seqjepa.types import Factor, InputError, Pose


def content_net(channels: int, size: int, width: int, dim: int) -> nn.Module:
    """A strided stem, two residual blocks, and a linear layer that still knows where things are."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 4, 2, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        ResidualBlock(width, 2 * width, 2),
        ResidualBlock(2 * width, 4 * width, 2),
        nn.Flatten(),
        nn.Linear(4 * width * ((size // 2 + 3) // 4) ** 2, dim),
    )


class SplitEncoder(nn.Module):
    """Views to z = [rotation as a unit vector, shifts in ``translation_unit``, log scale, content of norm 1].

    The pose is read by a network that quarter turns cannot confuse (``PoseNet``). The view is warped back by it,
    without gradient (a spatial transformer, Jaderberg et al., 2015, that learns from the known actions instead), and a
    second network reads the content from the straightened view, jittered in training. In evaluation the pose is read
    again from the straightened view and composed with the first, ``refinements`` times: where the straightened view
    looks straight, its own pose is read as none, whichever pose it came from, so errors that depend on the pose vanish.

    Args:
        size: height and width of the views, a multiple of 4.
        factors: those that vary; each is a part of the code.
        background: value of an empty pixel in each channel, after normalisation.
        content_dim: dimensions of the content.
        width: channels of the content network's stem.
        pose_width: maps of the pose network's first layer, each of four orientations.
        refinements: further readings of the pose in evaluation.
        jitter: strength of the deformations in training; 0 switches them off.

    Attributes:
        parts: the named blocks of z: one a factor, and "content".

    Raises:
        InputError: views that are not square or not of a multiple of 4 pixels.
    """

    background: Tensor

    def __init__(
        self,
        channels: int,
        size: tuple[int, int],
        factors: Sequence[Factor],
        background: Sequence[float],
        *,
        content_dim: int = 256,
        width: int = 32,
        pose_width: int = 8,
        refinements: int = 2,
        jitter: float = 1.0,
        border: Border = "zeros",
    ) -> None:
        super().__init__()
        if size[0] != size[1] or size[0] % 4:
            raise InputError(f"split: views must be square, of a multiple of 4 pixels, not {size[0]} × {size[1]}")
        self.factors = tuple(factors)
        self.border: Border = border
        self.refinements, self.jitter = refinements, jitter
        self.unit = translation_unit(factors)
        self.pose = PoseNet(channels, size[0], pose_width, vectors=2, scalars=1)
        self.content = content_net(channels, size[0], width, content_dim)
        self.parts = pose_parts(factors)
        pose_dim = max(part.stop for part in self.parts.values())
        self.parts["content"] = slice(pose_dim, pose_dim + content_dim)
        self.register_buffer("background", torch.tensor(background).reshape(-1, 1, 1), persistent=False)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        pose = self.read(x)
        for _ in range(0 if self.training else self.refinements):
            pose = self._only_varying(pose @ self.read(self.straighten(x, pose)))
        straight = self.straighten(x, Pose(pose.values.detach()))
        if self.training and self.jitter:
            straight = jitter(straight, self.jitter, self.border, self.background)
        content = self.content(straight.contiguous(memory_format=torch.channels_last))
        code = pose_code(pose, self.factors)
        return torch.cat([code, F.normalize(content.to(code.dtype), dim=-1)], -1)

    def read(self, x: Float[Tensor, "B C H W"]) -> Pose:
        """The pose as one look tells it, (B, 4); a factor that does not vary is at the identity."""
        (turned, shifted), (log_scale,) = (said.unbind(1) for said in self.pose(x))
        rotation = torch.atan2(turned[:, 1], turned[:, 0])
        shift = shifted * self.unit
        return self._only_varying(Pose(torch.stack([rotation, shift[:, 0], -shift[:, 1], log_scale], -1)))

    def straighten(self, x: Float[Tensor, "B C H W"], pose: Pose) -> Float[Tensor, "B C H W"]:
        """The views under the inverse of their poses, each kept within its factor's range."""
        bounded = list(pose.values.unbind(-1))
        for factor in self.factors:
            if not factor.full_circle:
                low, high = pose_bounds(factor)
                bounded[pose_column(factor)] = bounded[pose_column(factor)].clamp(low, high)
        back = Pose(torch.stack(bounded, -1)).inverse()
        own = x.to(bounded[0].dtype) - self.background
        return warp(own, Pose(back.values[:, None]), taps=1, border=self.border)[:, 0] + self.background

    def _only_varying(self, pose: Pose) -> Pose:
        varying = {pose_column(factor) for factor in self.factors}
        kept = [column if i in varying else torch.zeros_like(column) for i, column in enumerate(pose.values.unbind(-1))]
        return Pose(torch.stack(kept, -1))
