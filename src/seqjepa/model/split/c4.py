"""C4-equivariant convolutions, and a network that estimates a view's pose with them.

The group is p4 (Cohen & Welling, 2016): features have four orientations, and turning the image by 90° turns each map
and moves it on to the next orientation. Strides and kernels are such that this holds exactly on images of even,
twice halvable size, so the pose estimated from a view turned by 90° is the turned pose, whatever was learnt.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class C4Conv(nn.Module):
    """A convolution of C maps of ``orientations`` (1: an image; 4) to K maps of 4; channels are laid out (C, 4).

    Args:
        maps: of the input.
        out: maps of the output, each of four orientations.
        size: of the kernel, a side.
        orientations: of the input: 1 for an image, 4 for features.
        stride: of the convolution.
        pad: zeros on each side.
    """

    def __init__(self, maps: int, out: int, size: int, *, orientations: int = 4, stride: int = 1, pad: int = 0) -> None:
        super().__init__()
        fan_in = maps * orientations * size * size
        self.weight = nn.Parameter(torch.randn(out, maps * orientations, size, size) * math.sqrt(2 / fan_in))
        self.orientations, self.stride, self.pad = orientations, stride, pad

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K H2 W2"]:
        """Four orientations of each output map, K = 4 · ``out``."""
        own = self.weight.unflatten(1, (-1, self.orientations))
        turned = [torch.rot90(own, turn, (-2, -1)) for turn in range(4)]
        if self.orientations == 4:
            turned = [weight.roll(turn, 2) for turn, weight in enumerate(turned)]
        weight = torch.stack(turned, 1).flatten(2, 3).flatten(0, 1)
        return F.conv2d(x, weight, stride=self.stride, padding=self.pad)


class C4Norm(nn.Module):
    """Batch norm with the statistics, gain and offset of a map's four orientations in common."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(maps)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Maps normalised over batch, pixels and orientations."""
        x = x.contiguous()
        return self.norm(x.reshape(x.shape[0], self.norm.num_features, -1, x.shape[-1])).reshape(x.shape)


class PoseNet(nn.Module):
    """Views to vectors that turn with them, and scalars that do not.

    Args:
        channels: of the views.
        size: height and width, equal and multiples of 4.
        width: maps of the first layer, each of four orientations.
        vectors, scalars: how many to estimate.
    """

    def __init__(self, channels: int, size: int, width: int, vectors: int, scalars: int) -> None:
        super().__init__()
        w = width
        layers: list[nn.Module] = []
        for conv, maps in (
            (C4Conv(channels, w, 4, orientations=1, stride=2, pad=1), w),
            (C4Conv(w, w, 3, pad=1), w),
            (C4Conv(w, 2 * w, 4, stride=2, pad=1), 2 * w),
            (C4Conv(2 * w, 2 * w, 3, pad=1), 2 * w),
            (C4Conv(2 * w, 4 * w, size // 4), 4 * w),
        ):
            layers += [conv, C4Norm(maps), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, C4Conv(4 * w, vectors + scalars, 1))
        self.vectors, self.scalars = vectors, scalars

    def forward(self, x: Float[Tensor, "B C H W"]) -> tuple[Float[Tensor, "B N 2"], Float[Tensor, "B M"]]:
        """Vectors (right, up) as seen on the screen, and scalars; float32 at least."""
        said = self.layers(x.contiguous()).flatten(1).unflatten(1, (-1, 4))
        said = said if said.dtype == torch.float64 else said.float()
        turning, still = said.split((self.vectors, self.scalars), 1)
        return turning[..., :2] - turning[..., 2:], still.mean(-1)
