"""The small strided network that encodes contents, and estimates poses where C4-equivariance is not wanted."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seqjepa.model.encoders import ResidualBlock


def strided_net(channels: int, size: int, width: int, dim: int) -> nn.Sequential:
    """A strided stem, two residual blocks, and a linear layer over all positions, which keeps where things are.

    Args:
        channels: of the views.
        size: height and width, equal.
        width: channels of the stem.
        dim: of the output.
    """
    return nn.Sequential(
        nn.Conv2d(channels, width, 4, 2, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        ResidualBlock(width, 2 * width, 2),
        ResidualBlock(2 * width, 4 * width, 2),
        nn.Flatten(),
        nn.Linear(4 * width * ((size // 2 + 3) // 4) ** 2, dim),
    )


class PlainPoseNet(nn.Module):
    """Views to vectors and scalars, as ``PoseNet``, but with no equivariance built in.

    It can learn which rotations do not occur: on a range of ±75° a C4-equivariant network cannot.

    Args:
        channels: of the views.
        size: height and width, equal.
        width: channels of the stem.
        vectors, scalars: how many to estimate.
    """

    def __init__(self, channels: int, size: int, width: int, vectors: int, scalars: int) -> None:
        super().__init__()
        self.net = strided_net(channels, size, width, 2 * vectors + scalars)
        self.vectors = vectors

    def forward(self, x: Float[Tensor, "B C H W"]) -> tuple[Float[Tensor, "B N 2"], Float[Tensor, "B M"]]:
        """Vectors (right, up) as seen on the screen, and scalars; float32 at least."""
        said = self.net(x.contiguous(memory_format=torch.channels_last))
        said = said if said.dtype == torch.float64 else said.float()
        return said[:, : 2 * self.vectors].unflatten(1, (self.vectors, 2)), said[:, 2 * self.vectors :]
