"""Fields of a configuration changed from the command line: ``--objective.rate.weight 0.003``."""

from __future__ import annotations

from collections.abc import Sequence

from seqjepa.training.config import Config, checked_config
from seqjepa.types import InputError


def apply_overrides(config: Config, arguments: Sequence[str]) -> Config:
    """The configuration with ``--field value …`` applied, validated as a whole.

    A field is named by its path, with "-" for "_" if one likes; several values make a range; "none" is no value.

    Raises:
        InputError: one line for each mistake, with the valid choices.
    """
    values = config.model_dump()
    for flag, given in _grouped(arguments):
        if not given:
            raise InputError(f"--{flag} needs a value")
        parsed = [None if value.lower() == "none" else value for value in given]
        section: dict = values
        *path, name = flag.replace("-", "_").split(".")
        for part in path:
            if not isinstance(section.get(part), dict):
                section[part] = {}  # no such section: validation will say so
            section = section[part]
        section[name] = parsed[0] if len(parsed) == 1 else parsed
    return checked_config(values)


def overridden(arguments: Sequence[str]) -> set[str]:
    """The fields that the arguments change, as paths."""
    return {flag.replace("-", "_") for flag, _ in _grouped(arguments)}


def _grouped(arguments: Sequence[str]) -> list[tuple[str, list[str]]]:
    """``["--a", "1", "--b=2"]`` as ``[("a", ["1"]), ("b", ["2"])]``."""
    groups: list[tuple[str, list[str]]] = []
    for argument in arguments:
        if argument.startswith("--"):
            flag, equals, value = argument.removeprefix("--").partition("=")
            groups.append((flag, [value] if equals else []))
        else:
            groups[-1][1].append(argument)
    return groups
