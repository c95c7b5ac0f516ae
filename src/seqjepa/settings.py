"""What every section of a configuration has in common: frozen, unknown names refused, numbers finite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from seqjepa.types.limits import CHANNELS, PATH_LETTERS, SETTING, SMALLEST, WHOLE

LOSS = "beyond these a loss is not finite, or nothing happens"


class Section(BaseModel):
    """A section of a configuration. A field's docstring is its meaning, as ``--help`` prints it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    @field_validator("*", mode="after")
    @classmethod
    def _can_be_computed_with(cls, value: Any) -> Any:
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, float) and number and not 1 / SMALLEST <= abs(number) <= SETTING:
                raise ValueError(f"{number:g} is not 0, nor of a size from {1 / SMALLEST:g} to {SETTING:g}; {LOSS}")
            if isinstance(number, int) and abs(number) > WHOLE:
                raise ValueError("a whole number of at most 62 bits is needed")
            if isinstance(number, str) and (len(number) > PATH_LETTERS or any(ord(letter) < 32 for letter in number)):
                raise ValueError(f"a text of at most {PATH_LETTERS} letters in one line is needed")
        return value


class MadeSection(Section):
    """A section that is made from names and defaults: there is no class body whose docstrings are to be looked for."""

    model_config = ConfigDict(use_attribute_docstrings=False)


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
Width = Annotated[int, Field(gt=0, le=CHANNELS)]
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
