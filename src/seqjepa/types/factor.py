"""One factor of variation: its kind and its range."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.types.errors import InputError
from seqjepa.types.kinds import Circle, CyclicLevels, Kind, Levels, Line, Logarithm, Vector
from seqjepa.types.limits import FACTOR, NAME_LETTERS, STEP, UNIT_LETTERS
from seqjepa.types.rotations import AXES, Direction, Rotation, multiply, random_direction, random_rotation, rotate, turn

Space = Literal["number", "levels", "vector", "rotation", "direction"]
COMPONENTS = "xyz"
MOST = 10_000  # components or levels


@dataclass(frozen=True)
class Factor:
    """One factor of variation with its range.

    A number, unless one of ``Factor.levels``, ``.vector``, ``.rotation`` and ``.direction`` made it::

        sj.Factor("glow", -1, 1)                                # a line
        sj.Factor("hue", 0, 360, "deg", period=360)             # a circle
        sj.Factor("zoom", 0.5, 2, "ratio", logarithmic=True)    # a ratio
        sj.Factor.levels("background", 4)                       # one of four
        sj.Factor.vector("position", -1, 1, size=3)             # three numbers
        sj.Factor.rotation("orientation")                       # SO(3)
        sj.Factor.direction("light")                            # a unit vector

    Attributes:
        name: what it is called wherever it is reported.
        low, high: the range in the factor's own unit, ``low <= high``; of a vector that of each component.
        unit: "deg", "px", "ratio", or any other; printed beside estimates.
        period: the period in the same unit for a cyclic factor, else None.
        logarithmic: sampled uniformly in its logarithm.
        space: what its values are.
        size: components of a vector, or how many levels.
        group: whether its steps can be undone; of one that destroys (a blur) there are no estimates of a group's law.
    """

    name: str
    low: float
    high: float
    unit: str = ""
    period: float | None = None
    logarithmic: bool = False
    space: Space = "number"
    size: int = 1
    group: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not 0 < len(self.name) <= NAME_LETTERS or not self.name.isprintable():
            raise InputError(f"factor {str(self.name)[:40]!r}: a name of 1 to {NAME_LETTERS} letters is needed")
        if len(self.unit) > UNIT_LETTERS or not (self.unit.isprintable()):
            raise InputError(f"{self.name}: unit {self.unit[:40]!r}: one of at most {UNIT_LETTERS} letters is needed")
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise InputError(f"{self.name}: the range ({self.low}, {self.high}) must be finite")
        if max(abs(self.low), abs(self.high)) > FACTOR:
            raise InputError(f"{self.name}: the range {self.low:g} to {self.high:g} is beyond ±{FACTOR:.0e}")
        if self.low > self.high:
            raise InputError(f"{self.name}: low {self.low:g} is above high {self.high:g}")
        if self.logarithmic and self.low <= 0:
            raise InputError(f"{self.name}: low {self.low:g} must be above 0, since it is sampled in its logarithm")
        if 0 < self.high - self.low < max(1.0, abs(self.low), abs(self.high)) / STEP:
            raise InputError(f"{self.name}: {self.low!r} to {self.high!r} is narrower than float64 can divide")
        if self.period is not None and not 1 / STEP <= self.period <= FACTOR:
            raise InputError(f"{self.name}: a period of {self.period:g}, not one from {1 / STEP:g} to {FACTOR:.0e}")
        if self.period is not None and self.high - self.low > self.period:
            raise InputError(
                f"{self.name}: the range spans {self.high - self.low:g}, more than one period of {self.period:g}"
            )
        if not 1 <= self.size <= MOST:
            raise InputError(f"{self.name}: a size of {self.size} is not within 1 to {MOST}")
        if self.space == "levels" and self.size < 2:
            raise InputError(f"{self.name}: {self.size} levels; 2 are the least that differ")

    @staticmethod
    def levels(name: str, count: int, *, cyclic: bool = False) -> Factor:
        """One of ``count`` levels, as the numbers 0 to count - 1; ``cyclic`` for levels in a ring, as seasons."""
        high, period = (count, float(count)) if cyclic else (count - 1, None)
        return Factor(name, 0.0, float(high), "", period, space="levels", size=count, group=cyclic)

    @staticmethod
    def vector(name: str, low: float, high: float, size: int, unit: str = "") -> Factor:
        """Several numbers at once, each from low to high.

        Args:
            name: what it is called.
            low, high: of each component, in the unit.
            size: how many components.
            unit: printed beside estimates.
        """
        return Factor(name, low, high, unit, space="vector", size=size)

    @staticmethod
    def rotation(name: str) -> Factor:
        """A rotation in space, any of SO(3), as a unit quaternion (w, x, y, z)."""
        return Factor(name, -180.0, 180.0, "deg", 360.0, space="rotation")

    @staticmethod
    def direction(name: str) -> Factor:
        """A direction in space, any of S², as a unit vector (x, y, z)."""
        return Factor(name, -180.0, 180.0, "deg", 360.0, space="direction")

    @property
    def kind(self) -> Kind:
        """The law of its values."""
        return _kind(self.space, self.period, self.logarithmic, self.size)

    @property
    def width(self) -> int:
        """Columns of a value."""
        return self.kind.width

    @property
    def full_circle(self) -> bool:
        """True when the range covers exactly one period."""
        return self.period is not None and math.isclose(self.high - self.low, self.period)

    @property
    def ordered(self) -> bool:
        """Whether neighbouring values are alike: not so for levels, with or without a ring."""
        return self.space != "levels"

    @property
    def axes(self) -> tuple[Factor, ...]:
        """The factors of one number each along which it is swept: itself, a vector's components, or three turns."""
        if self.space == "vector":
            names = COMPONENTS[: self.size] if self.size <= 3 else [str(i + 1) for i in range(self.size)]
            return tuple(Factor(f"{self.name}_{c}", self.low, self.high, self.unit) for c in names)
        if self.space in ("rotation", "direction"):
            return tuple(Factor(f"{self.name}_{axis}", self.low, self.high, "deg", 360.0) for axis in AXES)
        return (self,)

    def moved(
        self, value: Float[Tensor, "*batch W"], axis: int, to: Float[Tensor, " G"]
    ) -> Float[Tensor, "*batch G W"]:
        """Where values are led along one of the axes: to numbers on it, or by turns about it, from the left.

        Args:
            value: where it starts.
            axis: which of ``axes``.
            to: in the axis' own unit.
        """
        value = value[..., None, :].expand(*value.shape[:-1], len(to), -1)
        if self.space in ("rotation", "direction"):
            step = turn(torch.eye(3, dtype=value.dtype)[axis].expand(len(to), 3), to.to(value.dtype).deg2rad())
            return multiply(step, value) if self.space == "rotation" else rotate(step, value)
        value = value.clone()
        value[..., axis] = to.to(value.dtype)
        return value

    def drawn(self, uniform: Float[Tensor, "*batch U"]) -> Float[Tensor, "*batch W"]:
        """Values without preference, from ``uniforms`` uniform numbers in [0, 1) each."""
        if self.space == "rotation":
            return random_rotation(uniform)
        if self.space == "direction":
            return random_direction(uniform)
        if self.space == "levels":
            return (uniform * self.size).floor()
        if self.logarithmic:
            low, high = math.log(self.low), math.log(self.high)
            return (low + (high - low) * uniform).exp()
        return self.low + (self.high - self.low) * uniform

    @property
    def uniforms(self) -> int:
        """How many uniform numbers a draw takes."""
        return {"rotation": 3, "direction": 2, "vector": self.size}.get(self.space, 1)


def value_columns(factors: Sequence[Factor]) -> dict[str, slice]:
    """Where each factor's columns stand in rows of all factors' values side by side."""
    found, first = {}, 0
    for factor in factors:
        found[factor.name] = slice(first, first + factor.width)
        first += factor.width
    return found


@lru_cache
def _kind(space: Space, period: float | None, logarithmic: bool, size: int) -> Kind:
    if space == "levels":
        return Levels(size) if period is None else CyclicLevels(size)
    if space == "vector":
        return Vector(size)
    if space == "rotation":
        return Rotation()
    if space == "direction":
        return Direction()
    return Circle(period) if period is not None else Logarithm() if logarithmic else Line()
