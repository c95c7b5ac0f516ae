"""What a user gave, refused in one line that names the option."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqjepa.types.errors import InputError

MOST = 2**62  # what PyTorch can count
LONGEST_NAME = 255  # bytes of a part of a path, on nearly every file system
LONGEST_PATH = 4000  # bytes; Linux takes 4,096, with what is put behind it


def check_whole(name: str, value: Any, least: int | None = None, most: int = MOST) -> None:
    """Raises InputError for what is no whole number, or outside of its bounds.

    Args:
        name: of the option.
        value: that was given; an integer of NumPy's is one, True is none.
        least, most: bounds, included.
    """
    try:
        whole = operator.index(value)
    except TypeError:
        whole = None
    if whole is None or isinstance(value, bool):
        raise InputError(f"{name}: a whole number is needed, not {_short(value)}")
    if least is not None and whole < least:
        raise InputError(f"{name}: {_short(whole)} is fewer than {least}")
    if abs(whole) > most:
        raise InputError(f"{name}: {_short(whole)} is more than {most}")


def check_texts(name: str, values: Any) -> None:
    """Raises InputError for what is no list of texts; a single text would be taken letter by letter."""
    if isinstance(values, str | bytes) or not isinstance(values, Sequence | set | frozenset):
        raise InputError(f"{name}: a list is needed, as in [{_short(values)}], not a {type(values).__name__}")
    for value in values:
        if not isinstance(value, str):
            raise InputError(f"{name}: {_short(value)} is a {type(value).__name__}, not a name")


def user_path(path: str | Path, name: str = "path") -> Path:
    """A path as a user gave it, with ``~`` for their home.

    Raises:
        InputError: it is none, holds a zero byte, names a user who is not there, or is longer than a system can take.
    """
    if not isinstance(path, str | Path) or "\0" in str(path):
        raise InputError(f"{name}: a path is needed, not {_short(path)}")
    try:
        found = Path(path).expanduser()
    except RuntimeError as error:
        raise InputError(f"{name}: {_short(str(path))}: {error}") from error
    if any(len(part.encode(errors="surrogateescape")) > LONGEST_NAME for part in found.parts):
        raise InputError(f"{name}: {_short(str(path))}: a name in it is longer than {LONGEST_NAME} bytes")
    if len(str(found).encode(errors="surrogateescape")) > LONGEST_PATH:
        raise InputError(f"{name}: {_short(str(path))}: longer than {LONGEST_PATH} bytes")
    return found


def _short(value: Any) -> str:
    """A value as it is written, in few letters; Python refuses to write numbers of thousands of digits."""
    said = repr(value) if not isinstance(value, int) or abs(value) < 10**30 else "a number of many digits"
    return said if len(said) <= 80 else f"{said[:80]}…"
