"""Encoders: images (B, C, H, W) to representations (B, D). A new one is one function, entered in ``ENCODERS``."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two 3 × 3 convolutions beside a shortcut (He et al., 2016), the branch at 0 at first (Goyal et al., 2017)."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.shortcut = (
            nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))
            if stride != 1 or channels_in != channels
            else nn.Identity()
        )
        nn.init.zeros_(self.norm2.weight)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C2 H2 W2"]:
        """ReLU of the branch beside the shortcut; H2 = ⌈H / stride⌉."""
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x), inplace=True)


class ResNet(nn.Module):
    """A residual network for small images: 3 × 3 stem of ``stem_stride`` without max-pool, then stages, then the mean.

    Args:
        channels: of the images.
        widths: channels of each stage; every stage but the first halves the resolution.
        blocks: residual blocks a stage.
        stem_stride: stride of the first convolution.
    """

    def __init__(self, channels: int, widths: tuple[int, ...], blocks: int, stem_stride: int = 1) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, widths[0], 3, stem_stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(widths[0])
        layers: list[nn.Module] = []
        before = widths[0]
        for stage, width in enumerate(widths):
            for block in range(blocks):
                layers.append(ResidualBlock(before, width, 2 if stage > 0 and block == 0 else 1))
                before = width
        self.blocks = nn.Sequential(*layers)
        self.dim = widths[-1]
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        """Codes: the last stage's maps, averaged over pixels."""
        x = F.relu(self.norm(self.stem(x)), inplace=True)
        return self.blocks(x).mean((2, 3))


class ConvNet(nn.Module):
    """Plain strided convolutions with batch norm, for comparison with residual ones."""

    def __init__(self, channels: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, width in zip((channels, *widths), widths):
            layers += [
                nn.Conv2d(before, width, 3, 2, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
        self.layers = nn.Sequential(*layers)
        self.dim = widths[-1]

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        """Codes: the last layer's maps, averaged over pixels."""
        return self.layers(x).mean((2, 3))


def resnet18(channels: int, width: int = 64) -> nn.Module:
    """ResNet-18 with a 3 × 3 stem and no max-pool, 8 × width dimensions (512 at the usual width of 64)."""
    return ResNet(channels, (width, 2 * width, 4 * width, 8 * width), blocks=2)


def resnet_small(channels: int, width: int = 32) -> nn.Module:
    """One block a stage, three stages, stem of stride 2; 4 × width dimensions. For work on a CPU."""
    return ResNet(channels, (width, 2 * width, 4 * width), blocks=1, stem_stride=2)


def convnet(channels: int, width: int = 32) -> nn.Module:
    """Four strided convolutions; 4 × width dimensions."""
    return ConvNet(channels, (width, 2 * width, 4 * width, 4 * width))


ENCODERS: dict[str, Callable[[int, int], nn.Module]] = {
    "resnet18": resnet18,
    "resnet_small": resnet_small,
    "convnet": convnet,
}
