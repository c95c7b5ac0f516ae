"""A run's config.yaml, as a page and a comparison read it: settings to be shown, and the names of terms."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter

from seqjepa.io.schemas import Name, Plain, Stored, checked
from seqjepa.io.untrusted import parse_yaml
from seqjepa.types.limits import COLUMNS

Terms = Annotated[dict[Name, Plain], Field(max_length=COLUMNS)]
SETTINGS = TypeAdapter(Annotated[dict[Name, Plain], Field(max_length=COLUMNS)])


class Settings(Stored):
    """What a page reads of it; the rest is shown as it stands there."""

    model_config = ConfigDict(extra="ignore")

    objective: Terms = Field(default_factory=dict)
    own_terms: Terms = Field(default_factory=dict)


PARTS = TypeAdapter(Settings)


def parse_settings(text: str, where: object) -> Settings:
    """Out of the file's text. Raises InputError."""
    values = parse_yaml(text, str(where))
    return checked(PARTS, {} if values is None else values, where)


def checked_settings(values: Any, where: object) -> dict[str, Any]:
    """All settings, as plain values by name. Raises InputError."""
    return checked(SETTINGS, values, where)
