"""What estimates must carry in their details for a page to draw them; checked before it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError

from seqjepa.diagnostics import Diagnosis
from seqjepa.types import InputError

T = TypeVar("T")
Curve = Annotated[list[float], Field(min_length=1)]


def _with_variance(shares: list[float]) -> list[float]:
    if max(shares) <= 0:
        raise ValueError("no share is above 0")
    return shares


class Spectrum(BaseModel):
    """Of ``explained_variance``."""

    fitted: Annotated[Curve, AfterValidator(_with_variance)]
    held_out: Annotated[Curve, AfterValidator(_with_variance)]
    null_share: float
    k: Annotated[int, Field(ge=1)]


class Angles(BaseModel):
    """Of ``overlap``."""

    angles_deg: Curve


class Energy(BaseModel):
    """Of ``orbit_leading``."""

    energy: Curve


class Bound(BaseModel):
    """Of ``orbit_share``, where there is a bound."""

    bound: float | None = None


class Dimensions(BaseModel):
    """Of ``health``'s ``eigen_entropy``, the rank that the headline names."""

    D: int


class Pairs(BaseModel):
    """Of ``action``: true and predicted angles, where the probe was asked for an angle."""

    true: list[float] = []
    predicted: list[float] = []


SCHEMAS: dict[str, type[BaseModel]] = {
    "explained_variance": Spectrum,
    "overlap": Angles,
    "orbit_leading": Energy,
    "orbit_share": Bound,
    "health": Dimensions,
    "action": Pairs,
}
COUNT = TypeAdapter(Annotated[int, Field(ge=1)])
ONLY = {"health": "eigen_entropy"}
WITH_NULL = ("orbit_leading",)  # drawn as a line


def check_details(diagnosis: Diagnosis, path: Path) -> None:
    """Raises InputError, naming the first estimate whose details a page could not draw."""
    if "identities" in diagnosis.metadata:
        _checked(COUNT.validate_python, diagnosis.metadata["identities"], path, "metadata identities")
    for metric, schema in SCHEMAS.items():
        for key, estimate in diagnosis.estimates.get(metric, {}).items():
            named = f"{metric} of {key if isinstance(key, str) else ' and '.join(key)}"[:100]
            if estimate.value is None or key != ONLY.get(metric, key):
                continue
            details = _checked(schema.model_validate, dict(estimate.details), path, named)
            if isinstance(details, Pairs) and len(details.true) != len(details.predicted):
                raise InputError(f"{path}: {named}: as many true as predicted angles are needed; diagnose it again")
            if metric in WITH_NULL and estimate.null is None:
                raise InputError(f"{path}: {named}: has no null; diagnose it again")


def _checked(validate: Callable[[object], T], value: object, path: Path, named: str) -> T:
    try:
        return validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = " ".join(map(str, first["loc"]))
        raise InputError(
            f"{path}: {named}: details {where}: {first['msg'].lower()}; diagnose it again".replace("  ", " ")
        ) from error
