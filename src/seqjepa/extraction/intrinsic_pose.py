"""How an image stands by itself, measured on its pixels and not by the encoder."""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor


def slant(images: UInt8[Tensor, "N C H W"]) -> Float[Tensor, " N"]:
    """Each image's slant by second moments, atan(μ₁₁ / μ₀₂) in (-π/2, π/2) [rad], 0 for an upright stroke.

    Of its brightness, in x-right, y-down coordinates; positive as rotations are, counter-clockwise on the screen: an
    upright stroke turned by θ has the slant θ (the moments by which handwriting is deskewed). 0 for a blank image.
    """
    weight = images.double().mean(1)
    total = weight.sum((1, 2)).clamp(min=1e-300)
    height, width = weight.shape[1:]
    y = torch.arange(height, dtype=torch.float64)[:, None] - (height - 1) / 2
    x = torch.arange(width, dtype=torch.float64)[None, :] - (width - 1) / 2
    mean_x, mean_y = ((weight * axis).sum((1, 2)) / total for axis in (x, y))
    dx, dy = x - mean_x[:, None, None], y - mean_y[:, None, None]
    return torch.atan2((weight * dx * dy).sum((1, 2)), (weight * dy * dy).sum((1, 2)))
