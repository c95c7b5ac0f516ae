"""The shared nouns of the package: plain, frozen, and free of any other part of it.

Conventions, stated once (tests hold them):

* Pixel coordinates are measured from the image's centre (pixel centres, ``align_corners=False``), x to the
  right, y downwards.
* A pose stacks its columns in the order of ``POSE_COLUMNS``: rotation [rad], translate_x [px],
  translate_y [px], log_scale [nat].
* The forward map is ``p' = s R(θ) p + t`` with ``R(θ) = [[cos θ, sin θ], [-sin θ, cos θ]]``, so a positive
  rotation turns the picture counter-clockwise as seen on the screen, and +90° is ``torch.rot90(k=1)``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor


class InputError(ValueError):
    """A mistake in what the user gave; the message is for them: it names the thing and the valid choices."""


class NotIdentifiable(InputError):
    """A question that these data cannot answer; the message says why. Never a 0 or a 1 in its place."""


class LostProcess(RuntimeError):
    """Another process of the same run is gone; the message is for the user."""


class OutOfMemory(RuntimeError):
    """A run needs more memory than there is; the message says what to make smaller."""


class WriteFailed(OSError):
    """A file could not be written; what was there before is as it was. The message is for the user."""


POSE_COLUMNS = ("rotation", "translate_x", "translate_y", "log_scale")


@dataclass(frozen=True)
class Images:
    """Pictures as they are stored on disk, in memory or (``npy:PATH``) mapped into it.

    Attributes:
        pixels: uint8, 0 to 255, shape (N, C, H, W).
        labels: int64, shape (N,), each in ``range(len(class_names))``.
        class_names: one name a class.
    """

    pixels: UInt8[Tensor, "N C H W"]
    labels: Int64[Tensor, " K"]  # K must be N: checked below, in words that a user understands
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.pixels.ndim != 4 or self.pixels.dtype != torch.uint8:
            raise InputError(
                f"pixels must be uint8 of shape (N, C, H, W), not {self.pixels.dtype} {tuple(self.pixels.shape)}"
            )
        if self.labels.shape != self.pixels.shape[:1]:
            raise InputError(
                f"{len(self.pixels)} images but labels of shape {tuple(self.labels.shape)}; one label an image"
            )
        if len(self.labels) and not 0 <= int(self.labels.min()) <= int(self.labels.max()) < len(self.class_names):
            raise InputError(
                f"labels run from {int(self.labels.min())} to {int(self.labels.max())}, "
                f"but there are {len(self.class_names)} class names"
            )

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
        return Images(self.pixels.to(device), self.labels.to(device), self.class_names)


@dataclass(frozen=True)
class Factor:
    """One factor of variation with its range.

    Attributes:
        name: what it is called wherever it is reported.
        low, high: the range in the factor's own unit, ``low <= high``.
        unit: "deg", "px", "ratio", or any other; printed beside figures.
        period: the period in the same unit for a cyclic factor, else None.
        logarithmic: sampled uniformly in its logarithm.
    """

    name: str
    low: float
    high: float
    unit: str = ""
    period: float | None = None
    logarithmic: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise InputError(f"{self.name}: the range ({self.low}, {self.high}) must be finite")
        if self.low > self.high:
            raise InputError(f"{self.name}: low {self.low:g} is above high {self.high:g}")
        if self.logarithmic and self.low <= 0:
            raise InputError(f"{self.name}: low {self.low:g} must be above 0, since it is sampled in its logarithm")
        if self.period is not None and self.high - self.low > self.period:
            raise InputError(
                f"{self.name}: the range spans {self.high - self.low:g}, more than one period of {self.period:g}"
            )

    @property
    def full_circle(self) -> bool:
        """True when the range covers exactly one period."""
        return self.period is not None and math.isclose(self.high - self.low, self.period)


@dataclass(frozen=True)
class Pose:
    """An element (or a batch of elements) of the group of rotations, translations and uniform scalings.

    ``values`` has shape (..., 4) in the column order of ``POSE_COLUMNS``. The group law is that of the forward
    map ``p' = s R(θ) p + t``: ``(a @ b)`` moves a point by ``b`` first, then by ``a``.
    """

    values: Float[Tensor, "*batch 4"]

    @staticmethod
    def identity(*shape: int, dtype: torch.dtype = torch.float32) -> Pose:
        return Pose(torch.zeros(*shape, 4, dtype=dtype))

    @property
    def rotation(self) -> Float[Tensor, "*batch"]:
        return self.values[..., 0]

    @property
    def translation(self) -> Float[Tensor, "*batch 2"]:
        return self.values[..., 1:3]

    @property
    def log_scale(self) -> Float[Tensor, "*batch"]:
        return self.values[..., 3]

    def linear(self) -> Float[Tensor, "*batch 2 2"]:
        """The linear part ``s R(θ)``."""
        scale = self.log_scale.exp()
        cos, sin = scale * self.rotation.cos(), scale * self.rotation.sin()
        return torch.stack([torch.stack([cos, sin], -1), torch.stack([-sin, cos], -1)], -2)

    def matrix(self) -> Float[Tensor, "*batch 3 3"]:
        """The homogeneous matrix, acting on columns (x, y, 1)."""
        top = torch.cat([self.linear(), self.translation.unsqueeze(-1)], -1)
        bottom = torch.tensor([0.0, 0.0, 1.0], dtype=top.dtype, device=top.device).expand(*top.shape[:-2], 1, 3)
        return torch.cat([top, bottom], -2)

    def __matmul__(self, other: Pose) -> Pose:
        translation = (self.linear() @ other.translation.unsqueeze(-1)).squeeze(-1) + self.translation
        rotation = self.rotation + other.rotation
        log_scale = self.log_scale + other.log_scale
        return Pose(torch.cat([rotation.unsqueeze(-1), translation, log_scale.unsqueeze(-1)], -1))

    def inverse(self) -> Pose:
        back = Pose(torch.cat([-self.values[..., :1], torch.zeros_like(self.translation), -self.values[..., 3:]], -1))
        translation = -(back.linear() @ self.translation.unsqueeze(-1)).squeeze(-1)
        return Pose(torch.cat([back.values[..., :1], translation, back.values[..., 3:]], -1))

    def relative_to(self, other: Pose) -> Pose:
        """The pose ``r`` with ``r @ other == self``: what to do after ``other`` to arrive at ``self``."""
        return self @ other.inverse()


WHOLE: Mapping[str, slice] = MappingProxyType({"z": slice(None)})  # the parts of a code that is not split


class Outputs(NamedTuple):
    """What a model returns for a batch of view sequences; the names that losses, probes and diagnostics use.

    A tuple rather than a dataclass, so that what wraps a module (precision, data parallelism) can walk through it.

    Attributes:
        z: codes of the observed views, (B, S, D) with S = V - 1.
        z_agg: the aggregate of the observed views, (B, E).
        prediction: the predicted code of the target view, (B, D).
        target: the teacher's code of the target view, (B, D), without gradient.
        parts: named blocks of z along its last axis; one block "z" unless the model splits its code.
        actions: those between the views, as the model was given them, (B, S, A).
        projection: of the observed views' contents, for the contrastive term, (B, S, K); None in a model without one.
    """

    z: Float[Tensor, "B S D"]
    z_agg: Float[Tensor, "B E"]
    prediction: Float[Tensor, "B D"]
    target: Float[Tensor, "B D"]
    parts: Mapping[str, slice] = WHOLE
    actions: Float[Tensor, "B S A"] | None = None
    projection: Float[Tensor, "B S K"] | None = None
