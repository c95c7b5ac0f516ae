"""What schemas of files are made of: names, texts and numbers within limits, and a mistake in one line."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from seqjepa.types import InputError
from seqjepa.types.limits import NAME_LETTERS, NESTED, NUMBER, POINTS, TEXT_LETTERS

LARGEST = float(NUMBER)
_BRIEFLY = reprlib.Repr()
_BRIEFLY.maxstring = _BRIEFLY.maxother = _BRIEFLY.maxlong = 60
_BRIEFLY.maxlist = _BRIEFLY.maxdict = _BRIEFLY.maxtuple = 4


class Stored(BaseModel):
    """A part of a file: frozen, unknown fields refused, "1" is no 1."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _in_a_line(text: str) -> str:
    if any(letter in text for letter in "\0\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"):
        raise ValueError("a text in one line is needed")
    return text


Name = Annotated[
    str, StringConstraints(min_length=1, max_length=NAME_LETTERS), AfterValidator(_in_a_line)
]  # of a factor, a metric, a column
Text = Annotated[str, StringConstraints(max_length=TEXT_LETTERS)]
Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
Count = Annotated[int, Field(ge=1, le=1 << 62)]


def checked(schema: TypeAdapter, value: Any, where: object) -> Any:
    """The value, as the schema has it. Raises InputError: a line that names the file and the first wrong field."""
    try:
        return schema.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        at = ".".join(str(part)[:NAME_LETTERS] for part in first["loc"] if not str(part).startswith("function-"))
        said = first["msg"].removeprefix("Value error, ")
        given = "" if first["type"] in ("missing", "value_error") else f", not {briefly(first['input'])}"
        raise InputError(f"{where}: {at}{': ' * bool(at)}{said[:1].lower()}{said[1:]}{given}"[:600]) from error


def briefly(value: Any) -> str:
    """A value in a few letters, of one line; Python refuses to write numbers of thousands of digits."""
    if isinstance(value, int) and abs(value) >= 10**30:
        return "a number of many digits"
    return ascii(_BRIEFLY.repr(value))[1:-1] if not _BRIEFLY.repr(value).isprintable() else _BRIEFLY.repr(value)


def plain(value: Any) -> Any:
    """The value, which is made of texts, numbers, lists and mappings within limits. Raises ValueError."""
    left, waiting = POINTS * 2, [(value, 0)]
    while waiting:
        each, depth = waiting.pop()
        left -= 1
        if left < 0:
            raise ValueError(f"more than {2 * POINTS} entries")
        if depth > NESTED:
            raise ValueError(f"nested in more than {NESTED} levels")
        if isinstance(each, Mapping):
            _names(each)
            waiting += [(inner, depth + 1) for inner in each.values()]
        elif isinstance(each, list | tuple):
            if len(each) > POINTS:
                raise ValueError(f"a list of {len(each)} entries; {POINTS} are the most")
            waiting += [(inner, depth + 1) for inner in each]
        elif isinstance(each, str):
            if len(each) > TEXT_LETTERS:
                raise ValueError(f"a text of {len(each)} letters; {TEXT_LETTERS} are the most")
        elif isinstance(each, int | float) and not -LARGEST <= each <= LARGEST:  # of NaN neither holds
            raise ValueError(f"a number beyond {NUMBER:g}")
        elif not (each is None or isinstance(each, int | float)):
            raise ValueError(f"a {type(each).__name__} is no plain value")
    return value


def _names(of: Mapping[Any, Any]) -> None:
    for name in of:
        if not isinstance(name, str) or len(name) > TEXT_LETTERS:
            raise ValueError(f"{briefly(name)} is no name")


Plain = Annotated[Any, AfterValidator(plain)]
