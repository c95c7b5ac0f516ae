"""Texts that a file can keep: names of files, and what others' code says, need not be Unicode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def encodable(value: Any) -> Any:
    """The value, lone halves of surrogate pairs in its texts written out (``\\udcff``): UTF-8 has none.

    Python makes them of bytes in paths that are not UTF-8, and JSON that holds one cannot be read again.

    Args:
        value: a text, or mappings and lists with texts in them; anything else stays as it is.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, Mapping):
        return {encodable(name): encodable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [encodable(inner) for inner in value]
    return value
