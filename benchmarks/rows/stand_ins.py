"""Architectures of published encoders, untrained: what a forward pass costs hangs on nothing else."""

from __future__ import annotations

import torch
from torch import Tensor, nn

PIXELS = 224


class ViTSmall(nn.Module):
    """ViT-S/16: patches of 16 × 16, 12 layers of 384 dimensions, 6 heads; the class token is the representation."""

    dim = 384

    def __init__(self, layers: int = 12) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, self.dim, 16, 16)
        self.first = nn.Parameter(torch.randn(1, 1, self.dim))
        self.place = nn.Parameter(torch.randn(1, (PIXELS // 16) ** 2 + 1, self.dim))
        layer = nn.TransformerEncoderLayer(self.dim, 6, 4 * self.dim, 0.0, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, layers, nn.LayerNorm(self.dim), enable_nested_tensor=False)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).mT
        return self.layers(torch.cat([self.first.expand(len(images), -1, -1), tokens], 1) + self.place)[:, 0]


class ResNet50(nn.Module):
    """ResNet-50 (He et al., 2016, table 1), up to the mean over places, 2,048 dimensions."""

    dim = 2048

    def __init__(self, blocks: tuple[int, ...] = (3, 4, 6, 3)) -> None:
        super().__init__()
        stages: list[nn.Module] = [*_convolution(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        channels = 64
        for stage, count in enumerate(blocks):
            for block in range(count):
                stages.append(_Bottleneck(channels, 64 << stage, 2 if stage and not block else 1))
                channels = 256 << stage
        self.inside = nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, images: Tensor) -> Tensor:
        return self.inside(images)


class _Bottleneck(nn.Module):
    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        out = 4 * width
        self.inside = nn.Sequential(
            *_convolution(channels, width, 1),
            nn.ReLU(),
            *_convolution(width, width, 3, stride),
            nn.ReLU(),
            *_convolution(width, out, 1),
        )
        same = stride == 1 and channels == out
        self.beside = nn.Identity() if same else nn.Sequential(*_convolution(channels, out, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        return (self.inside(x) + self.beside(x)).relu()


def _convolution(channels: int, out: int, size: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(channels, out, size, stride, size // 2, bias=False), nn.BatchNorm2d(out)


class Projection(nn.Module):
    """In place of an encoder, the picture made small and projected at random, through tanh: next to no time."""

    SIDE = 28

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weights = nn.Linear(3 * self.SIDE**2, dim)

    def forward(self, images: Tensor) -> Tensor:
        return self.weights(nn.functional.interpolate(images, (self.SIDE, self.SIDE)).flatten(1)).mul(4).tanh()
