"""What pages are made with: templates, sentences, numbers as text, figures inside the file."""

from __future__ import annotations

import base64
import re

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from seqjepa.report.style import rendered

MIME = {"png": "image/png", "svg": "image/svg+xml"}


def environment() -> Environment:
    """Templates in which whatever came from outside is text and never markup."""
    made = Environment(
        loader=PackageLoader("seqjepa.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    made.filters["short"] = short
    made.filters["sentence"] = sentence
    return made


def sentence(text: str) -> str:
    """With capital letters and a full stop, as sentences have them; a name before a colon, or a number, stays."""
    text = re.sub(r"(^|\? )([a-z])(?![\w@]*:)", lambda found: found[1] + found[2].upper(), text)
    return text + "." * (" " in text and text[-1] not in ".?!")


def embedded(figure: Figure, kind: str = "svg") -> str:
    """The figure as an address that holds it."""
    return f"data:{MIME[kind]};base64,{base64.b64encode(rendered(figure, kind)).decode()}"


def short(value: float | None, sign: str = "") -> str:
    """A number as people read it; ``sign="+"`` shows its sign."""
    if value is None:
        return "–"
    return f"{value:{sign}.3f}" if abs(value) < 10 else f"{value:{sign}.1f}"
