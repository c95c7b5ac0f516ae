"""Small random deformations of canonicalized views, so that a representation of contents learns what to ignore."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from seqjepa.factors.warping import Border

ROTATION, SHEAR, LOG_SCALE, SHIFT, BEND = math.radians(40), 0.4, 0.25, 1 / 7, 1 / 14
KNOTS = 5


def jitter(
    views: Float[Tensor, "B C H W"], strength: float, border: Border = "zeros", background: Tensor | None = None
) -> Float[Tensor, "B C H W"]:
    """Each view under its own random affine map and a smooth bend, drawn from torch's global generator.

    At strength 1, uniform within: rotation ±40°, shear ±0.4, each axis' log scale ±0.25, shifts ±1/7 of half the image;
    and the bend moves each of 5 × 5 knots by a normal of 1/14 of half the image, smooth in between (Simard et al.,
    2003).

    Args:
        views: (B, C, H, W).
        strength: all of these are multiplied by it.
        border: what lies outside the image, "zeros" or "reflection".
        background: what lies outside the image where ``border`` is "zeros", (C, 1, 1); 0 if not given.
    """
    count, channels, height, width = views.shape

    def within(limit: float) -> Float[Tensor, " B"]:
        return (torch.rand(count, device=views.device, dtype=views.dtype) * 2 - 1) * (limit * strength)

    turn, shear, across, along = within(ROTATION), within(SHEAR), within(LOG_SCALE).exp(), within(LOG_SCALE).exp()
    cos, sin = turn.cos(), turn.sin()
    rows = (cos * across, shear - sin * along, within(SHIFT)), (sin * across, cos * along, within(SHIFT))
    matrix = torch.stack([torch.stack(row, -1) for row in rows], -2)
    grid = F.affine_grid(matrix, [count, channels, height, width], align_corners=False)
    knots = torch.randn(count, 2, KNOTS, KNOTS, device=views.device, dtype=views.dtype) * (BEND * strength)
    bend = F.interpolate(knots, (height, width), mode="bicubic", align_corners=True)
    outside = 0 if background is None else background
    return (
        F.grid_sample(views - outside, grid + bend.movedim(1, -1), padding_mode=border, align_corners=False) + outside
    )
