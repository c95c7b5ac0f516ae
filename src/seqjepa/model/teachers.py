"""Teachers: what the prediction is compared with. Each returns representations without gradient.

One of your own is a module with ``forward(encoder, images)`` and ``update(encoder, decay)``, called after each step.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


@runtime_checkable
class Teacher(Protocol):
    """What a teacher can do, beside being a module."""

    def __call__(self, encoder: nn.Module, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        """The target representations of images, without gradient."""
        ...

    def update(self, encoder: nn.Module, decay: float) -> None:
        """Follow the encoder; called after each step."""
        ...


class Ema(nn.Module):
    """An exponential moving average of the encoder's parameters (Grill et al., 2020).

    Batch norm's running statistics are the teacher's own: in training it sees its own batches.
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = copy.deepcopy(encoder).requires_grad_(False)

    @torch.no_grad()
    def forward(self, encoder: nn.Module, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        """The average's representations of images."""
        del encoder  # the average stands for it
        return self.encoder(images)

    @torch.no_grad()
    def update(self, encoder: nn.Module, decay: float) -> None:
        """parameters ← decay · parameters + (1 - decay) · encoder's."""
        get_ema_multi_avg_fn(decay)(list(self.encoder.parameters()), list(encoder.parameters()), None)


class StopGradient(nn.Module):
    """No teacher: the encoder itself, without gradient (Chen & He, 2021)."""

    @torch.no_grad()
    def forward(self, encoder: nn.Module, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        """The encoder's own representations of images."""
        return encoder(images)

    def update(self, encoder: nn.Module, decay: float) -> None:
        """Nothing to average."""


def stop_gradient(encoder: nn.Module) -> StopGradient:
    """The encoder itself, without gradient: no teacher."""
    del encoder
    return StopGradient()


TEACHERS: dict[str, Callable[[nn.Module], nn.Module]] = {"ema": Ema, "stop_gradient": stop_gradient}


def decay_at(progress: float, decay: float, schedule: Literal["constant", "cosine"]) -> float:
    """The decay at a share of training in [0, 1]: constant, or rising to 1 along a half cosine (Grill et al., 2020)."""
    if schedule == "constant":
        return decay
    return 1 - (1 - decay) * (math.cos(math.pi * progress) + 1) / 2
