"""What every encoder should be told from: the pixels themselves, their principal components, itself untrained."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from sklearn.decomposition import PCA
from torch import Tensor, nn

from seqjepa.types import Images, InputError


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
        flat = images.pixels.flatten(1).cpu()
        if not 1 <= dim <= min(flat.shape):
            raise InputError(f"dim: {dim} components of {flat.shape[0]} images of {flat.shape[1]} pixels")
        fitted = PCA(dim, svd_solver="covariance_eigh").fit(flat.float().div(255).numpy())
        directions = np.asarray(fitted.components_).T.copy()
        return PixelPCA(torch.from_numpy(fitted.mean_).float(), torch.from_numpy(directions).float())

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
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if make is not None:
            return make()
        fresh = copy.deepcopy(encoder)
        for name, module in fresh.named_modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
            elif callable(getattr(module, "_reset_parameters", None)):
                pass  # below
            elif next(module.parameters(recurse=False), None) is not None:
                raise InputError(f"untrained: {name or type(module).__name__} has parameters, but no reset_parameters")
        # PyTorch's attention and transformers call theirs so, and mean it to come after those of the layers within.
        for module in reversed(list(fresh.modules())):
            reset = getattr(module, "_reset_parameters", None)
            if callable(reset):
                reset()
    return fresh
