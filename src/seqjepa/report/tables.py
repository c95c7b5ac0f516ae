"""The estimates of a diagnosis as files beside its page: for a spreadsheet, a text, a paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from seqjepa.diagnostics import Diagnosis
from seqjepa.io.files import write_atomic
from seqjepa.types import InputError

TABLES: dict[str, Callable[[Diagnosis], str]] = {
    "csv": Diagnosis.to_csv,
    "md": Diagnosis.to_markdown,
    "tex": Diagnosis.to_latex,
}


def check_tables(kinds: Sequence[str]) -> None:
    """Raises InputError for the first that is not one of TABLES."""
    for kind in kinds:
        if kind not in TABLES:
            raise InputError(f"tables: {kind!r} is not one of {', '.join(TABLES)}")


def save_tables(diagnosis: Diagnosis, folder: Path, kinds: Sequence[str]) -> list[Path]:
    """Writes estimates.csv, estimates.md or estimates.tex, each whole or not at all; gives back their paths.

    Raises:
        InputError: a kind that is not one of TABLES.
        WriteFailed: a file cannot be written.
    """
    check_tables(kinds)
    paths = []
    for kind in kinds:
        paths.append(folder / f"estimates.{kind}")
        write_atomic(paths[-1], TABLES[kind](diagnosis))
    return paths
