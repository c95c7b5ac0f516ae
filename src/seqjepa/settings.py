"""What every section of a configuration has in common: frozen, unknown names refused, numbers finite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A section of a configuration. A field's docstring is its meaning, as ``--help`` prints it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError(f"low {bounds[0]:g} is above high {bounds[1]:g}")
    return bounds


def _positive(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] <= 0:
        raise ValueError(f"low {bounds[0]:g} must be above 0")
    return bounds


def _within_a_turn(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[1] - bounds[0] > 360:
        raise ValueError(f"the range spans {bounds[1] - bounds[0]:g} degrees, more than one turn")
    return bounds


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
RotationRange = Annotated[Range, AfterValidator(_within_a_turn)]
ScaleRange = Annotated[Range, AfterValidator(_positive)]
Width = Annotated[int, Field(gt=0, le=1 << 20)]
Weight = Annotated[float, Field(ge=0)]


@dataclass(frozen=True)
class Named:
    """A validator of a name: one of ``choices``, or a colon and more, which is looked up when it is used."""

    choices: tuple[str, ...]

    def __call__(self, name: str) -> str:
        """The name, if it can be one."""
        if name not in self.choices and ":" not in name:
            raise ValueError(f"choose one of {', '.join(self.choices)}, pkg.mod:factory, ./file.py:factory")
        return name
