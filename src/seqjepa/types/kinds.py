"""Kinds of factors: how values differ and steps compose, what a model is told, what a probe says and how far off it is.

A value has a last axis of ``width`` columns, in the factor's own unit. A *step* leads from one value to another; the
steps of a kind compose, and act on values: ``act(difference(after, before), before) == after`` and ``act(compose(s, t),
v) == act(s, act(t, v))``. On lines, circles and rotations steps are values themselves.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


class Kind(ABC):
    """The law of a factor's values.

    Attributes:
        width: columns of a value.
        in_words: what it is called.
        invertible: whether every step can be undone, so that steps are a group.
    """

    width: int = 1
    in_words: str = ""
    invertible: bool = True

    @abstractmethod
    def neutral(self) -> Float[Tensor, " S"]:
        """The step that changes nothing."""

    @abstractmethod
    def act(self, step: Float[Tensor, "*batch S"], value: Float[Tensor, "*batch W"]) -> Float[Tensor, "*batch W"]:
        """Where a step leads to from a value."""

    @abstractmethod
    def compose(self, second: Float[Tensor, "*batch S"], first: Float[Tensor, "*batch S"]) -> Float[Tensor, "*batch S"]:
        """The step that does the first, then the second."""

    @abstractmethod
    def difference(
        self, after: Float[Tensor, "*batch W"], before: Float[Tensor, "*batch W"]
    ) -> Float[Tensor, "*batch S"]:
        """The step from one value to the other."""

    @abstractmethod
    def inverse(self, step: Float[Tensor, "*batch S"]) -> Float[Tensor, "*batch S"]:
        """The step back. Raises TypeError where there is none."""

    @abstractmethod
    def action(self, step: Float[Tensor, "*batch S"]) -> Float[Tensor, "*batch A"]:
        """What a model is told of a step: numbers of about 1 without jumps."""

    @abstractmethod
    def target(self, value: Float[Tensor, "*batch W"]) -> Float[Tensor, "*batch K"]:
        """What a probe predicts of a value: coordinates without jumps."""

    @abstractmethod
    def read(self, said: Float[Tensor, "*batch K"]) -> Float[Tensor, "*batch W"]:
        """The value that a probe's answer means; ``read(target(v)) == v``."""

    @abstractmethod
    def error(self, read: Float[Tensor, "*batch W"], true: Float[Tensor, "*batch W"]) -> Float[Tensor, "*batch"]:
        """How far apart two values are, in ``error_unit``; 0 for the same (1 where it is a ratio)."""

    @abstractmethod
    def constant(self, values: Float[Tensor, "N W"]) -> Float[Tensor, " W"]:
        """The best that can be said of all values without looking."""

    def error_unit(self, unit: str) -> str:
        """What ``error`` counts in, of a factor with this unit."""
        return unit

    @property
    def steps(self) -> Kind:
        """The kind that steps are values of: this one; directions, which turns move, have another."""
        return self


class _Added(Kind):
    """Values that add: on a circle too, where a turn more is the same value."""

    def act(self, step: Tensor, value: Tensor) -> Tensor:
        """Their sum."""
        return value + step

    def compose(self, second: Tensor, first: Tensor) -> Tensor:
        """Their sum."""
        return second + first

    def difference(self, after: Tensor, before: Tensor) -> Tensor:
        """What lies between them."""
        return after - before

    def inverse(self, step: Tensor) -> Tensor:
        """As far the other way."""
        return -step


class _OnTheLine(_Added):
    """What lines and vectors have in common."""

    def action(self, step: Tensor) -> Tensor:
        """The step itself."""
        return step

    def target(self, value: Tensor) -> Tensor:
        """The value itself."""
        return value.double()

    def read(self, said: Tensor) -> Tensor:
        """The answer itself."""
        return said

    def constant(self, values: Tensor) -> Tensor:
        """The median of each component."""
        return values.median(0).values


@dataclass(frozen=True)
class Line(_OnTheLine):
    """A number: differences add. A position, a joint's angle that cannot go around."""

    in_words = "a line"

    def neutral(self) -> Tensor:
        """0."""
        return torch.zeros(1, dtype=torch.float64)

    def error(self, read: Tensor, true: Tensor) -> Tensor:
        """The absolute difference."""
        return (read - true).abs()[..., 0]


@dataclass(frozen=True)
class Vector(_OnTheLine):
    """Several numbers at once, as a position in space: differences add."""

    size: int
    in_words = "a vector"

    @property
    def width(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Its components."""
        return self.size

    def neutral(self) -> Tensor:
        """Zeros."""
        return torch.zeros(self.size, dtype=torch.float64)

    def error(self, read: Tensor, true: Tensor) -> Tensor:
        """The distance."""
        return (read - true).norm(dim=-1)


@dataclass(frozen=True)
class Logarithm(Kind):
    """A number above 0, whose ratios multiply: a scale, a gain."""

    in_words = "a ratio"

    def neutral(self) -> Tensor:
        """1."""
        return torch.ones(1, dtype=torch.float64)

    def act(self, step: Tensor, value: Tensor) -> Tensor:
        """Their product."""
        return value * step

    def compose(self, second: Tensor, first: Tensor) -> Tensor:
        """Their product."""
        return second * first

    def difference(self, after: Tensor, before: Tensor) -> Tensor:
        """The ratio."""
        return after / before

    def inverse(self, step: Tensor) -> Tensor:
        """One over it."""
        return 1 / step

    def action(self, step: Tensor) -> Tensor:
        """The ratio's logarithm."""
        return step.log()

    def target(self, value: Tensor) -> Tensor:
        """The logarithm."""
        return value.double().log()

    def read(self, said: Tensor) -> Tensor:
        """The power of the logarithm."""
        return said.exp()

    def error(self, read: Tensor, true: Tensor) -> Tensor:
        """The larger over the smaller, 1 or more."""
        return (read.clamp(min=1e-300).log() - true.log()).abs().exp()[..., 0]

    def constant(self, values: Tensor) -> Tensor:
        """The median."""
        return values.median(0).values

    def error_unit(self, unit: str) -> str:
        """A ratio has none."""
        return "times"


@dataclass(frozen=True)
class Circle(_Added):
    """A number that comes back to itself after a period: an angle, a hue, a time of the day."""

    period: float
    in_words = "a circle"

    def neutral(self) -> Tensor:
        """0."""
        return torch.zeros(1, dtype=torch.float64)

    def action(self, step: Tensor) -> Tensor:
        """Sine and cosine."""
        turned = step * (2 * math.pi / self.period)
        return torch.cat([turned.sin(), turned.cos()], -1)

    def target(self, value: Tensor) -> Tensor:
        """Sine and cosine."""
        return self.action(value.double())

    def read(self, said: Tensor) -> Tensor:
        """The angle of (sine, cosine)."""
        return torch.atan2(said[..., :1], said[..., 1:]) * self.period / (2 * math.pi)

    def error(self, read: Tensor, true: Tensor) -> Tensor:
        """The shorter way around."""
        apart = (read - true).abs()[..., 0] % self.period
        return torch.minimum(apart, self.period - apart)

    def constant(self, values: Tensor) -> Tensor:
        """The mean direction."""
        return self.read(self.target(values).mean(0))


@dataclass(frozen=True)
class Levels(Kind):
    """One of so many, without an order: a shape, a background. A step says to which level.

    Steps compose, the later one counts; none can be undone, since it does not say where it came from. Without an order
    there is no nearer and farther, so a probe predicts indicators, and its error is 0 or 1.
    """

    count: int
    in_words = "levels without an order"
    invertible = False

    def neutral(self) -> Tensor:
        """-1: stay."""
        return torch.full((1,), -1.0, dtype=torch.float64)

    def act(self, step: Tensor, value: Tensor) -> Tensor:
        """The level that the step says."""
        return torch.where(step < 0, value, step)

    def compose(self, second: Tensor, first: Tensor) -> Tensor:
        """The later one."""
        return torch.where(second < 0, first, second)

    def difference(self, after: Tensor, before: Tensor) -> Tensor:
        """To where it led, also where that is the same."""
        return after.clone()

    def inverse(self, step: Tensor) -> Tensor:
        """There is none."""
        raise TypeError("a step to a level does not say where it came from")

    def action(self, step: Tensor) -> Tensor:
        """Indicators; all 0 for a step that stays."""
        return (step == torch.arange(self.count, device=step.device)).to(step.dtype)

    def target(self, value: Tensor) -> Tensor:
        """Indicators."""
        return self.action(value.double().round())

    def read(self, said: Tensor) -> Tensor:
        """The level of the largest."""
        return said.argmax(-1, keepdim=True).to(said.dtype)

    def error(self, read: Tensor, true: Tensor) -> Tensor:
        """0 for the right level, 1 for another; its mean is 1 - accuracy."""
        return (read.round() != true.round()).to(true.dtype)[..., 0]

    def constant(self, values: Tensor) -> Tensor:
        """The commonest."""
        return self.read(self.target(values).mean(0))

    def error_unit(self, unit: str) -> str:
        """A share of wrong answers."""
        return "wrong"


@dataclass(frozen=True)
class CyclicLevels(Levels):
    """One of so many in a ring, as a season: steps go around and can be undone."""

    in_words = "levels in a ring"
    invertible = True

    def neutral(self) -> Tensor:
        """0."""
        return torch.zeros(1, dtype=torch.float64)

    def act(self, step: Tensor, value: Tensor) -> Tensor:
        """So many levels on, around the ring."""
        return (value + step) % self.count

    def compose(self, second: Tensor, first: Tensor) -> Tensor:
        """Both, around the ring."""
        return (second + first) % self.count

    def difference(self, after: Tensor, before: Tensor) -> Tensor:
        """How far around."""
        return (after - before) % self.count

    def inverse(self, step: Tensor) -> Tensor:
        """The rest of the ring."""
        return -step % self.count
