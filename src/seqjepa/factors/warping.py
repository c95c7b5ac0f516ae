"""Views: the source image under a whole pose, in one resampling."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor

from seqjepa.types import InputError, Pose

Border = Literal["zeros", "reflection"]


def warp(
    images: Shaped[Tensor, "B C H W"],
    poses: Pose,
    *,
    taps: int = 2,
    border: Border = "zeros",
    circular_mask: bool = False,
) -> Float[Tensor, "B V C H W"]:
    """Each image under each of its V poses, by a single bilinear resampling of the source.

    A view's pixel at p' is read at p = R(θ)ᵀ(p' - t)/s. Where the view shrinks its image (s < 1), ``taps`` × ``taps``
    bilinear samples spread over the pixel's footprint are averaged: their spacing is (1/s - 1)/(taps - 1) source
    pixels, which is the exact box average at s = 1/taps and a single bilinear sample at s ≥ 1.

    Args:
        images: uint8 (scaled to [0, 1]) or floating point (used as it is), (B, C, H, W).
        poses: (B, V, 4), on the images' device or moved there.
        taps: samples a side under one view pixel; 1 switches anti-aliasing off.
        border: what lies outside the image: "zeros", or its "reflection".
        circular_mask: set to 0 what lies outside the inscribed circle, since corners betray a rotation.

    Returns:
        (B, V, C, H, W) float32 views (float64 for float64 images).
    """
    if border not in ("zeros", "reflection"):
        raise InputError(f"border: {str(border)[:80]!r} is not one of zeros, reflection")
    if taps < 1:
        raise ValueError(f"taps must be 1 or more, not {taps}")
    source = images.float() / 255 if images.dtype == torch.uint8 else images
    batch, channels, height, width = source.shape
    views = poses.values.shape[1]
    inverse = Pose(poses.values.to(source.device, source.dtype)).inverse()
    grid = _view_grid(inverse, height, width)

    def sampled(places: Float[Tensor, "B V H W 2"]) -> Float[Tensor, "B C VH W"]:
        # One call samples all views of an image, so the source is never copied once per view.
        return F.grid_sample(source, places.flatten(1, 2), padding_mode=border, align_corners=False)

    if taps == 1:
        out = sampled(grid)
    else:
        spacing = (inverse.log_scale.exp() - 1).clamp(min=0) / (taps - 1)
        steps = torch.arange(taps, dtype=source.dtype, device=source.device) - (taps - 1) / 2
        offsets = torch.complex(*torch.meshgrid(2 * steps / width, 2 * steps / height, indexing="ij"))
        first, *others = (spacing[..., None, None, None] * offsets.flatten()).unbind(-1)
        places = torch.view_as_complex(grid)
        out = sampled(torch.view_as_real(places + first))
        for shift in others:
            out += sampled(torch.view_as_real(places + shift))
        out /= taps**2
    out = out.reshape(batch, channels, views, height, width).transpose(1, 2)
    return out * inscribed_circle(height, width).to(out) if circular_mask else out


def _view_grid(inverse: Pose, height: int, width: int) -> Float[Tensor, "B V H W 2"]:
    """Where each pixel of each view is read in the source, in grid_sample's coordinates ([-1, 1] over the image)."""
    linear, shift = inverse.linear(), inverse.translation
    x = torch.arange(width, device=shift.device, dtype=shift.dtype) - (width - 1) / 2
    y = torch.arange(height, device=shift.device, dtype=shift.dtype) - (height - 1) / 2
    half = torch.tensor([width / 2, height / 2], device=shift.device, dtype=shift.dtype)
    along_x = (linear[..., :, 0] / half)[:, :, None, None, :] * x[:, None]
    along_y = (linear[..., :, 1] / half)[:, :, None, None, :] * y[:, None, None]
    shift = (shift / half)[:, :, None, None]
    if torch.compiler.is_exporting():  # ONNX has no complex numbers
        return along_x + along_y + shift
    # x + iy: sums of complex numbers are several times faster than along pairs, and the same to the last bit.
    along_x, along_y, shift = map(torch.view_as_complex, (along_x, along_y, shift))
    return torch.view_as_real(along_x + along_y + shift)


def inscribed_circle(height: int, width: int) -> Float[Tensor, "H W"]:
    """1 inside the largest circle about the centre, 0 outside, with a linear edge one pixel wide."""
    x = torch.arange(width) - (width - 1) / 2
    y = torch.arange(height) - (height - 1) / 2
    radius = torch.sqrt(x[None, :] ** 2 + y[:, None] ** 2)
    return (min(height, width) / 2 - radius + 0.5).clamp(0, 1)
