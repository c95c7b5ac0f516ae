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

    One network reads where the picture is and how large, another how it is turned, from the view that the first has
    centred and sized: turns are read with ease only from there. Both are such that quarter turns cannot confuse them
    (``PoseNet``). Views are warped back without gradient (a spatial transformer, Jaderberg et al., 2015, that learns
    from the known actions instead). A third network reads the content from the straightened view, jittered in training.

    In evaluation both read ``refinements`` times again, from the straightened view: where it looks straight its own
    pose is read as none, whichever pose it came from, so errors that depend on the pose vanish.

    Args:
        size: height and width of the views, a multiple of 4.
        factors: those that vary; each is a part of the code.
        background: value of an empty pixel in each channel, after normalisation.
        content_dim: dimensions of the content.
        width: channels of the content network's stem.
        pose_width: maps of the pose networks' first layer, each of four orientations.
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
        turning = any(factor.name == "rotation" for factor in factors)
        placing = len(self.factors) > turning
        self.place = PoseNet(channels, size[0], pose_width, vectors=1, scalars=1) if placing else None
        self.turn = PoseNet(channels, size[0], pose_width, vectors=1, scalars=0) if turning else None
        self.content = content_net(channels, size[0], width, content_dim)
        self.parts = pose_parts(factors)
        pose_dim = max(part.stop for part in self.parts.values())
        self.parts["content"] = slice(pose_dim, pose_dim + content_dim)
        self.register_buffer("background", torch.tensor(background).reshape(-1, 1, 1), persistent=False)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        pose, straight = self.read(x)
        if self.training and self.jitter:
            straight = jitter(straight, self.jitter, self.border, self.background)
        content = self.content(straight.contiguous(memory_format=torch.channels_last))
        code = pose_code(pose, self.factors)
        return torch.cat([code, F.normalize(content.to(code.dtype), dim=-1)], -1)

    def read(self, x: Float[Tensor, "B C H W"]) -> tuple[Pose, Float[Tensor, "B C H W"]]:
        """The views' poses, (B, 4), a factor that does not vary at the identity; and the straightened views."""
        pose = Pose(torch.zeros(len(x), 4, dtype=torch.promote_types(x.dtype, torch.float32), device=x.device))
        straight = x
        for _ in range(1 if self.training else 1 + self.refinements):
            for look in (self._placed, self._turned):
                residual = look(straight)
                if residual is not None:
                    pose = pose @ residual
                    straight = self.straighten(x, pose)
        return pose, straight

    def _placed(self, x: Float[Tensor, "B C H W"]) -> Pose | None:
        if self.place is None:
            return None
        shift, log_scale = self.place(x)
        varies = {factor.name for factor in self.factors}
        columns = {
            "translate_x": shift[:, 0, 0] * self.unit,
            "translate_y": -shift[:, 0, 1] * self.unit,  # the network's up is the picture's down
            "scale": log_scale[:, 0],
        }
        still = torch.zeros_like(log_scale[:, 0])
        return Pose(torch.stack([still, *(c if name in varies else still for name, c in columns.items())], -1))

    def _turned(self, x: Float[Tensor, "B C H W"]) -> Pose | None:
        if self.turn is None:
            return None
        towards = self.turn(x)[0][:, 0]
        rotation = torch.atan2(towards[:, 1], towards[:, 0])
        return Pose(torch.stack([rotation, *[torch.zeros_like(rotation)] * 3], -1))

    def straighten(self, x: Float[Tensor, "B C H W"], pose: Pose) -> Float[Tensor, "B C H W"]:
        """The views under the inverse of their poses, without gradient, each pose kept within its factors' ranges."""
        bounded = list(pose.values.detach().unbind(-1))
        for factor in self.factors:
            if not factor.full_circle:
                low, high = pose_bounds(factor)
                bounded[pose_column(factor)] = bounded[pose_column(factor)].clamp(low, high)
        back = Pose(torch.stack(bounded, -1)).inverse()
        own = x.to(back.values.dtype) - self.background
        return warp(own, Pose(back.values[:, None]), taps=1, border=self.border)[:, 0] + self.background
