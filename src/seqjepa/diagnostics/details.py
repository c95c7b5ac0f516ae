"""What an estimate of each metric must carry in its details for a page to draw it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, model_validator

from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.many import MANY
from seqjepa.io.schemas import Number, Stored, Text, briefly, checked
from seqjepa.types import InputError
from seqjepa.types.limits import DIMENSIONS, POINTS, UNIT_LETTERS

Curve = Annotated[list[Number], Field(min_length=1, max_length=POINTS)]
Pairs = Annotated[list[Annotated[float, Field(ge=-1e6, le=1e6)]], Field(max_length=POINTS)]
Size = Annotated[int, Field(ge=1, le=DIMENSIONS)]
MOST_FREQUENCY = re.compile(r"k\d{1,5}")


def _with_variance(shares: list[float]) -> list[float]:
    if max(shares) <= 0:
        raise ValueError("no share is above 0")
    return shares


Shares = Annotated[Curve, AfterValidator(_with_variance)]


class Details(Stored):
    """Of any estimate; what is not read again is kept as it is."""

    model_config = ConfigDict(extra="ignore")


class Spectrum(Details):
    """Of ``explained_variance``."""

    fitted: Shares
    held_out: Shares
    null_share: Number
    k: Size


class Angles(Details):
    """Of ``overlap``."""

    angles_deg: Curve


class Energy(Details):
    """Of ``orbit_leading``."""

    energy: Curve


class Share(Details):
    """Of ``irreps``, at a frequency above 0."""

    energy: Number


class Bound(Details):
    """Of ``orbit_share``, where there is a bound."""

    bound: Number | None = None


class Dimensions(Details):
    """Of ``health``'s ``eigen_entropy``, the rank that the headline names."""

    D: Size


class Network(Details):
    """Of ``operator``, where a network was asked."""

    network: Number = 1.0


class Unit(Details):
    """Of ``action_error``."""

    unit: Annotated[str, Field(max_length=UNIT_LETTERS)] = ""


class Read(Details):
    """Of ``action``: true and predicted angles, where the probe was asked for an angle."""

    true: Pairs = Field(default_factory=list)
    predicted: Pairs = Field(default_factory=list)

    @model_validator(mode="after")
    def _as_many(self) -> Read:
        if len(self.true) != len(self.predicted):
            raise ValueError("as many true as predicted angles are needed")
        return self


SCHEMAS: dict[str, TypeAdapter] = {
    "explained_variance": TypeAdapter(Spectrum),
    "overlap": TypeAdapter(Angles),
    "orbit_leading": TypeAdapter(Energy),
    "orbit_share": TypeAdapter(Bound),
    "health": TypeAdapter(Dimensions),
    "operator": TypeAdapter(Network),
    "action": TypeAdapter(Read),
    "action_error": TypeAdapter(Unit),
    "irreps": TypeAdapter(Share),
}
NOTE = TypeAdapter(Text)
WITH_NULL = ("orbit_leading",)  # drawn as a line


def checked_details(metric: str, key: Key, estimate: Estimate, path: Path) -> None:
    """Refuse an estimate that a page could not draw.

    Args:
        metric, key: of the estimate.
        estimate: as the file has it.
        path: the file, for the message.

    Raises:
        InputError: naming the estimate.
    """
    if estimate.value is None:
        return
    of = key if isinstance(key, str) else " and ".join(key)
    named = f"{path}: {metric} of {briefly(of)}"
    if metric == "irreps" and not MOST_FREQUENCY.fullmatch(key[1]):
        raise InputError(f"{named}: a frequency is k0, k1, …")
    drawn = key == "eigen_entropy" if metric == "health" else metric != "irreps" or key[1] != "k0"
    if metric in SCHEMAS and drawn:
        checked(SCHEMAS[metric], dict(estimate.details), f"{named}: details")
    if MANY in estimate.details:
        checked(NOTE, estimate.details[MANY], f"{named}: details {MANY!r}")
    if metric in WITH_NULL and estimate.null is None:
        raise InputError(f"{named}: has no null; diagnose it again")
