"""What every encoder should be compared with: the pixels themselves, their principal components, itself untrained."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy.linalg import eigh
from torch import Tensor, nn

from seqjepa.encoders.asking import said
from seqjepa.io.memory import check_memory
from seqjepa.types import Images, InputError
from seqjepa.types.foreign import foreign_code

LOG = logging.getLogger(__name__)
EXACT = 4096  # pixels up to which a covariance is formed, 134 MB
PCA_BYTES = 64 << 20  # of pixels at once, above
LOOKED_AT = 300_000_000  # values of pixels, above: 2,000 images of 3 × 224 × 224, a minute or two


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
    def fit(images: Images, dim: int = 64, *, fewer: bool = False) -> PixelPCA:
        """Fitted on images as they are, in [0, 1].

        Up to 4096 pixels from the covariance of all images; above by scikit-learn's ``IncrementalPCA``, in bounded
        memory, on as many evenly spaced images as hold 3·10⁸ values.

        Args:
            images: to fit on.
            dim: K, the components.
            fewer: whether there may be fewer, where the images are too few or too small for ``dim``.

        Raises:
            InputError: fewer images or pixels than components, or less memory than is needed.
        """
        count, size = len(images), math.prod(images.pixels.shape[1:])
        if fewer:
            dim = min(dim, count - 1, size)
        if not 1 <= dim <= min(count, size):
            raise InputError(f"dim: {dim} components of {count} images of {size} pixels")
        check_pca(images, dim)
        mean, directions = _exact(images, dim) if size <= EXACT else _incremental(images, dim)
        # The sign is arbitrary; the same each time if the largest entry is positive.
        largest = directions.gather(0, directions.abs().argmax(0, keepdim=True))
        return PixelPCA(mean.float(), (directions * largest.sign()).float().contiguous())

    def __call__(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        return (images.flatten(1) - self.mean.to(images)) @ self.directions.to(images)


def check_pca(images: Images, dim: int = 64) -> None:
    """Raises InputError when principal components of these images cannot be had: too few, or too large for memory."""
    count, size = len(images), math.prod(images.pixels.shape[1:])
    if count < 2 or not size:
        raise InputError(f"pca: {count} images of {size} pixels; two images of one pixel are the least")
    rows = size if size <= EXACT else dim + _rows(size, dim) + 1
    check_memory("pca", 4 * 8 * rows * size, "use smaller images, or leave 'pca' out of the baselines")


def _exact(images: Images, dim: int) -> tuple[Float[Tensor, " P"], Float[Tensor, "P K"]]:
    """Mean and leading eigenvectors of the pixels' covariance."""
    count, size = len(images), math.prod(images.pixels.shape[1:])
    total, products = torch.zeros(size, dtype=torch.float64), torch.zeros(size, size, dtype=torch.float64)
    for part in images.parts():
        flat = part.pixels.flatten(1).cpu().float() / 255
        total += flat.sum(0, dtype=torch.float64)
        products += flat.T @ flat
    mean = total / count
    covariance = (products / count - torch.outer(mean, mean)).numpy()
    return mean, torch.from_numpy(eigh(covariance, subset_by_index=(size - dim, size - 1))[1]).flip(1)


def _incremental(images: Images, dim: int) -> tuple[Float[Tensor, " P"], Float[Tensor, "P K"]]:
    """The same where a covariance would not fit into memory, a few images at a time."""
    from sklearn.decomposition import IncrementalPCA  # a second to import, which training can do without

    size = math.prod(images.pixels.shape[1:])
    chosen = torch.linspace(0, len(images) - 1, min(len(images), max(LOOKED_AT // size, dim + 1))).round().long()
    if len(chosen) < len(images):
        LOG.info("pca: fitted on %d of %d images", len(chosen), len(images))
    model = IncrementalPCA(dim)
    with np.errstate(invalid="ignore", divide="ignore"):  # the share of a variance that is 0, of equal images
        for part in chosen.tensor_split(max(1, len(chosen) // _rows(size, dim))):
            pixels = images.rows(part.to(images.pixels.device))[0]
            model.partial_fit(pixels.flatten(1).cpu().double().numpy() / 255)
    mean, components = torch.as_tensor(model.mean_), torch.as_tensor(model.components_)
    return mean, components.T


def _rows(size: int, dim: int) -> int:
    """Images at once: not fewer than components, which ``IncrementalPCA`` asks for."""
    return max(dim, PCA_BYTES // (8 * size))


def untrained(encoder: nn.Module, seed: int = 0) -> nn.Module:
    """A copy of an encoder with all its weights drawn anew, as its layers draw them when they are made.

    An initialisation that a model does by itself (a branch that starts at 0) is not repeated, unless the encoder has a
    function ``fresh`` that returns such a copy, as those of timm and Hugging Face have.

    Raises:
        InputError: a layer holds parameters and no ``reset_parameters``; the message names it.
    """
    make = said(encoder, "fresh", Callable)
    devices = {parameter.device for parameter in encoder.parameters() if parameter.device.type == "cuda"}
    with torch.random.fork_rng(devices=list(devices)):
        torch.manual_seed(seed)
        if make:
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
