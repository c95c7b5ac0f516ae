"""Sprites by formula: a square, an ellipse or a heart, anywhere, at any angle and size, in the manner of dSprites."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from seqjepa.rng import generator
from seqjepa.types import Factor, InputError

SHAPES = ("square", "ellipse", "heart")
RADIUS = 0.3  # of the image's side, of a sprite of size 1
FACTORS = (
    Factor("angle", -180.0, 180.0, "deg", 360.0),
    Factor("x", -0.2, 0.2, "of the side"),
    Factor("y", -0.2, 0.2, "of the side"),
    Factor("size", 0.5, 1.0, "ratio", None, True),
)


@dataclass(frozen=True)
class Sprites:
    """A scene of grey sprites on black, each edge one pixel wide; no file is needed.

    The class is the shape. Identities of a class differ in how wide they are for their height (0.6 to 1) and in grey
    (0.6 to 1), which are drawn once from the seed. dSprites has three identities; here are as many as wanted. A square
    looks the same after a quarter turn only if it is as wide as high, an ellipse after a half turn, a heart never.

    Attributes:
        identities: how many.
        side: of the images, in pixels.
        seed: of the identities' widths and greys.
        factors: angle, x, y and size, or some of them, of other ranges; what is left out rests.
    """

    identities: int = 600
    side: int = 64
    seed: int = 0
    factors: tuple[Factor, ...] = field(default=FACTORS)
    class_names = SHAPES

    def __post_init__(self) -> None:
        names = [factor.name for factor in FACTORS]
        if unknown := [factor.name for factor in self.factors if factor.name not in names]:
            raise InputError(f"sprites: {unknown[0]!r} is not one of {', '.join(names)}")
        if self.identities < 1 or self.side < 4:
            raise InputError(f"sprites: {self.identities} identities of {self.side} pixels a side")

    def __len__(self) -> int:
        return self.identities

    @property
    def labels(self) -> Int64[Tensor, " N"]:
        """The shapes."""
        return torch.arange(self.identities) % len(SHAPES)

    def render(self, identities: Int64[Tensor, " B"], values: Float[Tensor, "B F"]) -> Float[Tensor, "B 1 H W"]:
        """The sprites, x to the right, y downwards, angles counter-clockwise as seen."""
        drawn = torch.rand(self.identities, 2, generator=generator(self.seed, "sprites"), dtype=torch.float64)
        width, grey = (0.6 + 0.4 * drawn[identities]).float().unbind(1)
        told = dict(zip((f.name for f in self.factors), values.float().unbind(1), strict=True))
        still = torch.zeros(len(identities))
        angle, x, y, size = (told.get(name, still) for name in ("angle", "x", "y", "size"))
        size = told.get("size", still + 1) * RADIUS
        at = (torch.arange(self.side) + 0.5) / self.side - 0.5
        u, v = at[None, None, :] - x[:, None, None], at[None, :, None] - y[:, None, None]
        cos, sin = angle.deg2rad().cos()[:, None, None], angle.deg2rad().sin()[:, None, None]
        # Back into the sprite's own frame, from -1 to 1, y upwards.
        across = (cos * u - sin * v) / (size * width)[:, None, None]
        up = -(sin * u + cos * v) / size[:, None, None]
        inside = torch.empty(len(identities), self.side, self.side)
        shape = self.labels[identities]
        for label, distance in enumerate((_square, _ellipse, _heart)):
            chosen = shape == label
            if chosen.any():
                own = distance(across[chosen], up[chosen]) * (size * width)[chosen, None, None] * self.side
                inside[chosen] = (0.5 - own).clamp(0, 1)
        return (inside * grey[:, None, None]).unsqueeze(1)


def _square(x: Tensor, y: Tensor) -> Tensor:
    """How far outside, in the sprite's own units; negative inside."""
    return torch.maximum(x.abs(), y.abs()) - 0.85


def _ellipse(x: Tensor, y: Tensor) -> Tensor:
    return (x.square() + y.square()).sqrt() - 1


def _heart(x: Tensor, y: Tensor) -> Tensor:
    """(x² + y² - 1)³ = x² y³ (a sextic curve), its value over its slope as distance."""
    x, y = 1.15 * x, 1.15 * y + 0.1
    a = x.square() + y.square() - 1
    value = a**3 - x.square() * y**3
    slope_x, slope_y = 6 * a.square() * x - 2 * x * y**3, 6 * a.square() * y - 3 * x.square() * y.square()
    return value / (slope_x.square() + slope_y.square()).sqrt().clamp(min=0.05)
