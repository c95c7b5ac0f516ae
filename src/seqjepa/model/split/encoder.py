"""An encoder into a pose and a content: it estimates the pose, canonicalizes the view by it, encodes what is left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from seqjepa.factors.affine import pose_bounds, pose_column
from seqjepa.factors.relative_pose import translation_unit
from seqjepa.factors.warping import Border, warp
from seqjepa.model.split.augmentation import jitter
from seqjepa.model.split.c4 import PoseNet
from seqjepa.model.split.group_action import pose_code, pose_parts
from seqjepa.model.split.strided import PlainPoseNet, strided_net
from seqjepa.types import Factor, InputError, Pose

BETWEEN_VIEWS = math.radians(12)


class SplitEncoder(nn.Module):
    """Views to z = [rotation as a unit vector, shifts in ``translation_unit``, log scale, content of norm 1].

    One network estimates translation and scale; another estimates rotation, from the view that the first has centred
    and sized, since rotation is estimated well only from there. Views are warped back without gradient (a spatial
    transformer, Jaderberg et al., 2015, that learns from the known actions instead). A third network encodes the
    content of the canonicalized view, which is deformed at random in training.

    In evaluation both poses are estimated ``canonicalization_steps`` times more, each time from the canonicalized view:
    an upright view has the neutral pose whichever pose it came from, so errors that depend on the pose vanish. Last,
    pose and content are means over ``test_time_views`` rotated copies of the canonicalized view.

    Args:
        channels: of the views.
        size: height and width of the views [px], equal and a multiple of 4.
        factors: those that vary; each is a part of the representation.
        background: value of an empty pixel in each channel, after normalisation.
        content_dim: dimensions of the content.
        width: channels of the content network's stem.
        pose_net: "c4_equivariant" (``PoseNet``), for the full circle; or "plain" (``PlainPoseNet``), which can learn
            which rotations do not occur.
        pose_width: channels of the pose networks' first layer, each in four orientations; a plain one has four times
            as many.
        canonicalize: False leaves every view as it is, for all three networks.
        canonicalization_steps: further estimates of the pose in evaluation.
        test_time_views: rotated copies in evaluation, ``BETWEEN_VIEWS`` apart.
        jitter: strength of the deformations in training; 0 switches them off.
        border: what lies outside a view when it is warped.

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
        content_dim: int = 512,
        width: int = 32,
        pose_net: Literal["c4_equivariant", "plain"] = "c4_equivariant",
        pose_width: int = 8,
        canonicalize: bool = True,
        canonicalization_steps: int = 1,
        test_time_views: int = 5,
        jitter: float = 1.0,
        border: Border = "zeros",
    ) -> None:
        super().__init__()
        if size[0] != size[1] or size[0] % 4:
            raise InputError(f"split: views must be square, of a multiple of 4 pixels, not {size[0]} × {size[1]}")
        self.factors = tuple(factors)
        self.border: Border = border
        self.canonicalizes, self.jitter = canonicalize, jitter
        self.canonicalization_steps, self.test_time_views = (
            (canonicalization_steps, test_time_views) if canonicalize else (0, 1)
        )
        self.unit = translation_unit(factors)
        turning = any(factor.name == "rotation" for factor in factors)
        placing = len(self.factors) > turning
        kind, wide = (PoseNet, pose_width) if pose_net == "c4_equivariant" else (PlainPoseNet, 4 * pose_width)
        self.place = kind(channels, size[0], wide, vectors=1, scalars=1) if placing else None
        self.turn = kind(channels, size[0], wide, vectors=1, scalars=0) if turning else None
        self.content = nn.Sequential(
            *strided_net(channels, size[0], width, content_dim), nn.BatchNorm1d(content_dim), nn.ReLU()
        )
        self.parts = pose_parts(factors)
        pose_dim = max(part.stop for part in self.parts.values())
        self.parts["content"] = slice(pose_dim, pose_dim + content_dim)
        self.register_buffer("background", torch.tensor(background).reshape(-1, 1, 1), persistent=False)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        """The representations of normalised views, laid out as ``parts``; in float32 at least.

        In training the pose is estimated once, and the canonicalized view is deformed at random before its content is
        encoded. In evaluation further steps and views are taken, and nothing is random.
        """
        pose, straight = self.read(x)
        if self.training:
            if self.jitter:
                straight = jitter(straight, self.jitter, self.border, self.background)
            content = self._content(straight)
        else:
            pose, content = self._read_turned(x, pose, straight)
        return torch.cat([pose_code(pose, self.factors), content], -1)

    def read(self, x: Float[Tensor, "B C H W"]) -> tuple[Pose, Float[Tensor, "B C H W"]]:
        """The views' estimated poses, (B, 4), neutral in what does not vary; and the canonicalized views."""
        # Not len(x), which would fix the size of the batch in an exported graph.
        pose = Pose(torch.zeros(x.shape[0], 4, dtype=torch.promote_types(x.dtype, torch.float32), device=x.device))
        straight = x
        for _ in range(1 if self.training else 1 + self.canonicalization_steps):
            for look, columns in ((self._placed, slice(1, 4)), (self._turned, slice(0, 1))):
                residual = look(straight)
                if residual is not None:
                    found = (self._within(pose) @ residual).values  # what is seen is what canonicalization left
                    values = pose.values.clone()
                    values[:, columns] = found[:, columns]
                    pose = Pose(values)
                    straight = self.canonicalize(x, pose) if self.canonicalizes else x
        return pose, straight

    def _read_turned(self, x: Tensor, pose: Pose, straight: Tensor) -> tuple[Pose, Float[Tensor, "B P"]]:
        """Pose and content as means over rotated copies of the canonicalized view (test-time augmentation)."""
        if self.test_time_views == 1:
            return pose, self._content(straight)
        residuals, contents = [], []
        for i in range(self.test_time_views):
            turn = pose.values.new_tensor([(i - (self.test_time_views - 1) / 2) * BETWEEN_VIEWS, 0.0, 0.0, 0.0])
            view = self.canonicalize(x, pose, Pose(turn))
            residual = Pose(-turn)
            for look in (self._placed, self._turned):
                found = look(view)
                residual = residual if found is None else residual @ found
            residuals.append(residual.values)
            contents.append(self._content(view))
        others, rotation = torch.stack(residuals).mean(0)[:, 1:], torch.stack([r[:, 0] for r in residuals])
        mean = torch.atan2(rotation.sin().mean(0), rotation.cos().mean(0))
        own = self._within(pose) @ Pose(torch.cat([mean[:, None], others], -1))
        return own, F.normalize(torch.stack(contents).mean(0), dim=-1)

    def _content(self, straight: Float[Tensor, "B C H W"]) -> Float[Tensor, "B P"]:
        content = self.content(straight.contiguous(memory_format=torch.channels_last))
        return F.normalize(content.to(torch.promote_types(straight.dtype, torch.float32)), dim=-1)

    def _placed(self, x: Float[Tensor, "B C H W"]) -> Pose | None:
        if self.place is None:
            return None
        shift, log_scale = self.place(x)
        varies = {factor.name for factor in self.factors}
        columns = {
            "translate_x": shift[:, 0, 0] * self.unit,
            "translate_y": -shift[:, 0, 1] * self.unit,  # the network's up is the image's down
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

    def canonicalize(
        self, x: Float[Tensor, "B C H W"], pose: Pose, turn: Pose | None = None
    ) -> Float[Tensor, "B C H W"]:
        """The views under the inverse of their poses, without gradient, each pose kept within its factors' ranges.

        Args:
            x: normalised views.
            pose: of each view, (B, 4).
            turn: a pose applied after the inverse, (1, 4) or (B, 4).
        """
        back = self._within(pose).inverse()
        if turn is not None:
            back = turn @ back
        own = x.to(back.values.dtype) - self.background
        return warp(own, Pose(back.values[:, None]), taps=1, border=self.border)[:, 0] + self.background

    def _within(self, pose: Pose) -> Pose:
        """The nearest pose within the factors' ranges, without gradient."""
        bounded = list(pose.values.detach().unbind(-1))
        for factor in self.factors:
            if not factor.full_circle:
                low, high = pose_bounds(factor)
                bounded[pose_column(factor)] = bounded[pose_column(factor)].clamp(low, high)
        return Pose(torch.stack(bounded, -1))
