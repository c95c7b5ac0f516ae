"""The design that a budget chose, kept beside the representations.

A second process measures another speed, and would choose other identities: nothing of a killed one would be of use.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from seqjepa.encoders.asking import Encoder
from seqjepa.io.files import make_folder, write_atomic
from seqjepa.io.untrusted import parse_json, read_text
from seqjepa.types import InputError
from seqjepa.workflows.sweeping import Sweeping

CHOSEN = ("identities", "steps", "base_poses", "probe_images")


def design_file(sweeping: Sweeping, encoder: Encoder, budget: object) -> Path | None:
    """Where the choice for an encoder, a design as asked for and a budget lies; None where nothing is kept."""
    key = None if sweeping.cache is None else sweeping.key(encoder)
    if sweeping.cache is None or key is None:
        return None
    name = hashlib.sha256(f"{key} {budget}".encode()).hexdigest()[:32]
    return sweeping.cache / f"design-{name}.json"


def keep_design(file: Path, chosen: Sweeping) -> None:
    """Write it down. Raises InputError or WriteFailed where that cannot be done."""
    make_folder(file.parent)
    write_atomic(file, json.dumps({name: getattr(chosen, name) for name in CHOSEN}))


def kept_design(file: Path, sweeping: Sweeping) -> Sweeping:
    """The sweeping with the design that is written down. Raises InputError for a damaged file."""
    try:
        found = parse_json(read_text(file))
    except ValueError as error:
        raise InputError(f"{file}: damaged ({error}); remove it") from error
    if (
        not isinstance(found, Mapping)
        or set(found) != set(CHOSEN)
        or not all(_within(found[name], getattr(sweeping, name)) for name in CHOSEN)
    ):
        raise InputError(f"{file}: holds no design that this budget can have chosen; remove it")
    return replace(sweeping, **found)


def _within(found: object, asked: int) -> bool:
    return isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= asked
