"""Rows of metrics, an epoch each, as metrics.csv and checkpoints hold them: one schema for both."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from seqjepa.io.schemas import LARGEST, briefly
from seqjepa.types import InputError
from seqjepa.types.limits import COLUMNS, EPOCHS, NAME_LETTERS

EPOCH = "epoch"


def checked_rows(rows: Any, where: object) -> list[dict[str, float]]:
    """The rows, if each has an epoch, ascending from 1, and finite numbers under names.

    Args:
        rows: as they were read.
        where: the file, for the message.

    Raises:
        InputError: the first row that is none, or more rows or columns than there can be.
    """
    if not isinstance(rows, Iterable) or isinstance(rows, str | bytes | Mapping):
        raise InputError(f"{where}: rows: a list of rows is needed, not {briefly(rows)}")
    found: list[dict[str, float]] = []
    for row in rows:
        at = f"{where}: row {len(found) + 1}"
        if len(found) == EPOCHS:
            raise InputError(f"{where}: more than {EPOCHS} rows")
        if not isinstance(row, Mapping):
            raise InputError(f"{at}: a mapping of names to numbers is needed, not {briefly(row)}")
        if len(row) > COLUMNS:
            raise InputError(f"{at}: {len(row)} columns; {COLUMNS} are the most")
        found.append({name: _number(name, value, at) for name, value in row.items()})
        epoch, before = found[-1].get(EPOCH), found[-2][EPOCH] if len(found) > 1 else 0
        if epoch is None or epoch != int(epoch) or not before < epoch <= EPOCHS:
            said = "none" if epoch is None else f"{epoch:g}"
            raise InputError(f"{at}: epoch: whole numbers from 1 to {EPOCHS}, ascending, are needed, not {said}")
    return found


def _number(name: Any, value: Any, at: str) -> float:
    if not isinstance(name, str) or not 0 < len(name) <= NAME_LETTERS or not name.isprintable():
        raise InputError(f"{at}: {briefly(name)} is no name of a column")
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not (whole or isinstance(value, float)) or not -LARGEST <= value <= LARGEST:
        raise InputError(f"{at}: {name}: a number within ±{LARGEST:.0e} is needed, not {briefly(value)}")
    return value


def finite_row(row: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A row as it can be kept, and the names of what cannot: no number, or none that is finite."""
    kept = {
        name: value
        for name, value in row.items()
        if isinstance(value, int | float) and math.isfinite(value) and abs(value) <= LARGEST
    }
    return kept, [str(name) for name in row if name not in kept]
