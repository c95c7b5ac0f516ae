"""environment.yaml, as a run's or a diagnosis' folder holds it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter

from seqjepa.io.schemas import Stored, Text, checked
from seqjepa.io.untrusted import parse_yaml, read_yaml
from seqjepa.types.limits import YAML_NODES

Words = Annotated[list[Text], Field(max_length=YAML_NODES)]


class Environment(Stored):
    """What is read of it again; the rest is shown as it stands there.

    Attributes:
        diagnosed: the encoder, in the folder of a diagnosis.
        command: the words of the command that made it.
    """

    model_config = ConfigDict(extra="ignore")

    diagnosed: Text | None = None
    command: Words | Text = Field(default_factory=list)


ENVIRONMENT = TypeAdapter(Environment)


def read_environment(path: Path) -> Environment:
    """An environment.yaml. Raises InputError."""
    return _checked(read_yaml(path), path)


def parse_environment(text: str, where: object) -> Environment:
    """The same of a text that was read. Raises InputError."""
    return _checked(parse_yaml(text, str(where)), where)


def _checked(values: Any, where: object) -> Environment:
    return checked(ENVIRONMENT, {} if values is None else values, where)
