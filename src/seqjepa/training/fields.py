"""Every field of a configuration as help: what it is called, what it takes, what it means and what it is now."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from seqjepa.settings import Named, Section

INDENT, LEFT = 2, 40
KINDS = {int: "INTEGER", float: "NUMBER", str: "TEXT", bool: "true|false"}
BOUNDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}


@dataclass(frozen=True)
class FieldHelp:
    """One field.

    Attributes:
        section: its path without the name, "" at the top.
        flag: as on the command line.
        takes: a word for its value.
        meaning: of the field, with its choices and limits.
        now: its value, as it would be given.
    """

    section: str
    flag: str
    takes: str
    meaning: str
    now: str


def help_text(config: Section, width: int) -> str:
    """The fields of a configuration with its values, a paragraph a section, in the grammar of ``apply_overrides``.

    Args:
        config: the configuration.
        width: columns of the text.
    """
    lines: list[str] = []
    section = None
    for field in describe_fields(config):
        if field.section != section:
            section = field.section
            lines += ["", f"{section}:" if section else "the run:"]
        left = f"{' ' * INDENT}{field.flag} {field.takes}"
        right = textwrap.wrap(f"{field.meaning} [default: {field.now}]", max(width - LEFT, 30))
        if len(left) >= LEFT:
            lines.append(left)
            left = ""
        lines += [f"{beside:<{LEFT}}{text}" for beside, text in zip([left] + [""] * len(right), right)]
    return "\n".join(lines[1:])


def describe_fields(config: Section, path: str = "") -> Iterator[FieldHelp]:
    """Each field that can be set, those of a section before those of the sections in it."""
    inner: list[tuple[str, Section]] = []
    for name, info in type(config).model_fields.items():
        value, at = getattr(config, name), f"{path}.{name}" if path else name
        kind, metadata, optional = _kind(info)
        if isinstance(kind, type) and issubclass(kind, Section):
            inner.append((at, kind() if value is None else value))
        elif info.repr:  # what is recorded, not set, is not shown
            takes, more = _takes(kind, metadata)
            meaning = " ".join([" ".join((info.description or "").split()), *more])
            yield FieldHelp(path, f"--{at}", takes + ("|none" if optional else ""), meaning, _shown(value))
    for at, section in inner:
        yield from describe_fields(section, at)


def _kind(info: FieldInfo) -> tuple[Any, list[Any], bool]:
    """The type without None and without its annotations, these, and whether it may be None."""
    kind, metadata, optional = info.annotation, list(info.metadata), False
    while True:
        if get_origin(kind) in (Union, UnionType):
            optional = optional or NoneType in get_args(kind)
            kind = next(arm for arm in get_args(kind) if arm is not NoneType)
        elif get_origin(kind) is Annotated:
            kind, *more = get_args(kind)
            metadata += more
        else:
            return kind, metadata, optional


def _takes(kind: Any, metadata: list[Any]) -> tuple[str, list[str]]:
    """A word for the value, and what its choices and limits are."""
    limits = []
    for each in _flat(metadata):
        limits += [f"{word} {_shown(getattr(each, name))}" for name, word in BOUNDS.items() if hasattr(each, name)]
    more = [f"{', '.join(limits).capitalize()}."] if limits else []
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    if choices:
        return "NAME", [f"One of {', '.join(choices)}."]
    if get_origin(kind) is tuple:
        return "LOW HIGH", more
    named = any(isinstance(getattr(each, "func", None), Named) for each in metadata)
    return "NAME" if named else KINDS.get(kind, "VALUE"), more


def _flat(metadata: list[Any]) -> Iterator[Any]:
    for each in metadata:
        yield from getattr(each, "metadata", None) or [each]  # a Field within an annotation holds limits of its own


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_shown, value))
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
