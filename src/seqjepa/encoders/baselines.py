"""What every encoder should be compared with: the pixels themselves, their principal components, itself untrained."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from scipy.linalg import eigh
from torch import Tensor, nn

from seqjepa.types import Images, InputError
from seqjepa.types.foreign import foreign_code


def pixels(images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
    """The encoder that does nothing: all pixels in a row."""
    return images.flatten(1)


@dataclass(frozen=True)
class PixelPCA:
    """The leading principal components of pixels, as an encoder.

    Attributes:
        mean: (P,) of the fitted pixels.
        directions: (P, K) orthonormal.
    """

    mean: Float[Tensor, " P"]
    directions: Float[Tensor, "P K"]

    @staticmethod
    def fit(images: Images, dim: int = 64) -> PixelPCA:
        """Fitted on images as they are, in [0, 1]. Raises InputError when there are fewer images or pixels than dim."""
        count, size = len(images), math.prod(images.pixels.shape[1:])
        if not 1 <= dim <= min(count, size):
            raise InputError(f"dim: {dim} components of {count} images of {size} pixels")
        total, products = torch.zeros(size, dtype=torch.float64), torch.zeros(size, size, dtype=torch.float64)
        for part in images.parts():
            flat = part.pixels.flatten(1).cpu().float() / 255
            total += flat.sum(0, dtype=torch.float64)
            products += flat.T @ flat
        mean = total / count
        covariance = (products / count - torch.outer(mean, mean)).numpy()
        directions = torch.from_numpy(eigh(covariance, subset_by_index=(size - dim, size - 1))[1]).flip(1)
        # The sign is arbitrary; the same each time if the largest entry is positive.
        largest = directions.gather(0, directions.abs().argmax(0, keepdim=True))
        return PixelPCA(mean.float(), (directions * largest.sign()).float().contiguous())

    def __call__(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        return (images.flatten(1) - self.mean.to(images)) @ self.directions.to(images)


def untrained(encoder: nn.Module, seed: int = 0) -> nn.Module:
    """A copy of an encoder with all its weights drawn anew, as its layers draw them when they are made.

    An initialisation that a model does by itself (a branch that starts at 0) is not repeated, unless the encoder has a
    function ``fresh`` that returns such a copy, as those of timm and Hugging Face have.

    Raises:
        InputError: a layer holds parameters and no ``reset_parameters``; the message names it.
    """
    make: Any = getattr(encoder, "fresh", None)
    devices = {parameter.device for parameter in encoder.parameters() if parameter.device.type == "cuda"}
    with torch.random.fork_rng(devices=list(devices)):
        torch.manual_seed(seed)
        if make is not None:
            with foreign_code("untrained: making the encoder anew"):
                return make()
        with foreign_code("untrained: copying the encoder"):
            fresh = copy.deepcopy(encoder)
        for name, module in fresh.named_modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                _drawn(reset, module, name)
            elif callable(getattr(module, "_reset_parameters", None)):
                pass  # below
            elif next(module.parameters(recurse=False), None) is not None:
                raise InputError(f"untrained: {name or type(module).__name__} has parameters, but no reset_parameters")
        # PyTorch's attention and transformers call theirs so, and mean it to come after those of the layers within.
        for name, module in reversed(list(fresh.named_modules())):
            reset = getattr(module, "_reset_parameters", None)
            if callable(reset):
                _drawn(reset, module, name)
    return fresh


def _drawn(reset: Callable[[], Any], module: nn.Module, name: str) -> None:
    with foreign_code(f"untrained: drawing {name or type(module).__name__} anew"):
        reset()
