"""Images with what is known of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from seqjepa.types.datasets import UNKNOWN, arrays_of
from seqjepa.types.errors import InputError


@dataclass(frozen=True)
class Images:
    """Images as they are stored on disk, in memory or (``npy:PATH``) mapped into it.

    Attributes:
        pixels: uint8, 0 to 255, shape (N, C, H, W).
        labels: int64, shape (N,), each in ``range(len(class_names))``; or all -1, with no class names: not labelled.
        class_names: one name a class; empty for images without labels.
    """

    pixels: UInt8[Tensor, "N C H W"]
    labels: Int64[Tensor, " K"]  # K must be N: checked below, in words that a user understands
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.pixels.ndim != 4 or self.pixels.dtype != torch.uint8:
            raise InputError(
                f"pixels must be uint8 of shape (N, C, H, W), not {self.pixels.dtype} {tuple(self.pixels.shape)}"
            )
        if len(self.pixels) and not self.pixels.shape[1:].numel():
            raise InputError(f"pixels: images of shape {tuple(self.pixels.shape[1:])} hold nothing")
        if self.labels.shape != self.pixels.shape[:1]:
            raise InputError(
                f"{len(self.pixels)} images but labels of shape {tuple(self.labels.shape)}; one label an image"
            )
        if not len(self.labels) or (not self.labelled and bool((self.labels == UNKNOWN).all())):
            return
        low, high = int(self.labels.min()), int(self.labels.max())
        if not 0 <= low <= high < len(self.class_names):
            raise InputError(
                f"labels run from {low} to {high}, but there are {len(self.class_names)} class names; "
                f"images without labels have {UNKNOWN} for all and no class names"
            )

    @staticmethod
    def from_dataset(
        dataset: Any,
        *,
        labels: Any = None,
        class_names: Sequence[str] | None = None,
        value_range: tuple[float, float] | None = None,
    ) -> Images:
        """Images out of a data set of any kind, all of them read into memory as uint8::

            sj.Images.from_dataset(torchvision.datasets.CIFAR10("data", train=False))
            sj.Images.from_dataset(datasets.load_dataset("mnist", split="test"))
            sj.Images.from_dataset(array, labels=digits, value_range=(-1, 1))

        Args:
            dataset: a torch ``Dataset`` with a length, its items (image, label) or an image; a Hugging Face data set
                with a column "image" or "img", and "label" or "labels" where it has them; an array or tensor of
                images. An image is a PIL image, or an array or tensor, uint8 or floating point, (H, W), (H, W, C) or
                (C, H, W) with C = 1 or 3.
            labels: integers from 0, one an image, where the data set holds none or others are wanted.
            class_names: one name a class; by default the data set's own (``classes``, or the names of its label
                column), else numbers.
            value_range: what black and white are in images of floating point, as in (0, 1). Values are rounded to 256
                levels.

        Raises:
            InputError: images of several sizes or channels, floating point without a range or outside of it, NaN,
                labels that are not integers, or a data set without length.
        """
        return Images(*arrays_of(dataset, labels, class_names, value_range))

    @property
    def labelled(self) -> bool:
        """Whether the images' classes are known."""
        return bool(self.class_names)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(C, H, W)."""
        return tuple(self.pixels.shape[1:])

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: Tensor | slice) -> Images:
        return Images(*self.rows(index), self.class_names)

    def rows(self, index: Tensor | slice) -> tuple[UInt8[Tensor, "K C H W"], Int64[Tensor, " K"]]:
        """Pixels and labels of some, not checked again: to look at them would make a GPU wait in every step."""
        return self.pixels[index], self.labels[index]

    def parts(self, size: int = 1024) -> Iterator[Images]:
        """All of them in order, so many at once: what a pass takes that must not hold a mapped file in memory."""
        for start in range(0, len(self), size):
            yield self[start : start + size]

    def to(self, device: torch.device | str) -> Images:
        """The same images on a device."""
        return Images(self.pixels.to(device), self.labels.to(device), self.class_names)
