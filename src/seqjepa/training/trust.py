"""Code that a configuration names. A name in a file is not the user's own wish, so it is run only where they say so."""

from __future__ import annotations

from collections.abc import Collection
from operator import attrgetter
from typing import TYPE_CHECKING

from seqjepa.types import InputError

if TYPE_CHECKING:
    from seqjepa.training.config import Config

OBJECT = "object:"  # how the configuration records what was given as an object
FIELDS = (
    "model.encoder",
    "model.aggregator",
    "model.teacher",
    "scene.name",
)  # that can name code: pkg.mod:factory, ./file.py:factory


def named_code(config: Config) -> dict[str, str]:
    """The fields that name code which the run would import and call, with what they name."""
    said = {field: attrgetter(field)(config) or "" for field in FIELDS}
    return {field: name for field, name in said.items() if ":" in name and not name.startswith(OBJECT)}


def check_trusted(config: Config, where: object, trust: bool, own: Collection[str] = ()) -> None:
    """Refuse a file that names code, unless the user trusts it.

    Args:
        config: that the file holds.
        where: the file, for the message.
        trust: that the user said so.
        own: fields that need no trust: the user typed them, or they are not used.

    Raises:
        InputError: code that the file names, with what would be imported and called.
    """
    named = {field: name for field, name in named_code(config).items() if field not in own}
    if named and not trust:
        would = "; ".join(_would(field, name) for field, name in named.items())
        raise InputError(
            f"{where}: {would}: if you trust where the file comes from, say so with --trust (in Python: trust=True)"
        )


def _would(field: str, name: str) -> str:
    place, _, attribute = name.rpartition(":")
    return f"{field} is {name!r}, code: {place!r} would be imported and its {attribute!r} called"
