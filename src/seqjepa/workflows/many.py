"""Many encoders in one call: each in a folder of its own, done ones skipped, and one comparison at the end."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqjepa.diagnostics import Diagnosis
from seqjepa.encoders.asking import Encoder
from seqjepa.io.files import check_folder
from seqjepa.io.untrusted import read_text
from seqjepa.report.comparison import MOST, Comparison, compare
from seqjepa.types import InputError, OutOfMemory
from seqjepa.types.checking import user_path
from seqjepa.workflows.diagnosing import diagnose_encoder

LOG = logging.getLogger(__name__)
PAGE = "comparison.html"
NAMED = re.compile(r"([\w.-]+)=(.+)", re.ASCII)


@dataclass(frozen=True)
class Diagnosed:
    """What came of many encoders.

    Attributes:
        found: by encoder and layer.
        failed: encoders that could not be diagnosed, with the reason.
        comparison: of the first ten diagnoses, each against the first; None of fewer than two.
    """

    found: Mapping[str, Mapping[str, Diagnosis]]
    failed: Mapping[str, str]
    comparison: Comparison | None


def diagnose_encoders(
    encoders: Mapping[str, Encoder | str | Path] | Sequence[str],
    images: Any = None,
    factors: Any = None,
    *,
    folder: str | Path | None = None,
    **options: Any,
) -> Diagnosed:
    """``diagnose_encoder`` of one encoder after the other, over the same images and poses.

    One that fails is named and passed over. With a folder, what was done there before with the same encoder, images and
    options is not done again, and the comparison is written to ``comparison.html`` in it.

    Args:
        encoders: by a name of your own; or names, see ``open_encoder``, each as it is or as NAME=ENCODER.
        images, factors: as in ``diagnose_encoder``.
        folder: each encoder has a folder of its name in it; None saves nothing.
        options: any further keyword of ``diagnose_encoder``.

    Raises:
        InputError: no encoder, two of one name, or a folder that cannot be written to.
    """
    named = encoders if isinstance(encoders, Mapping) else names_of(encoders)
    if not named:
        raise InputError("encoders: none is given")
    home = None if folder is None else user_path(folder, "folder")
    if home is not None:
        check_folder(home)
    folders = {name: _plain(name) for name in named}
    for name, own in folders.items():
        if twins := [other for other in folders if folders[other].lower() == own.lower() and other != name]:
            raise InputError(f"encoders: {name!r} and {twins[0]!r} would share a folder; name one, as in mine=ENCODER")
    found: dict[str, dict[str, Diagnosis]] = {}
    failed: dict[str, str] = {}
    for place, (name, encoder) in enumerate(named.items(), 1):
        LOG.info("encoder %d of %d: %s", place, len(named), name)
        own = None if home is None else home / folders[name]
        try:
            found[name] = diagnose_encoder(encoder, images, factors, folder=own, reuse=True, **options)
        except (InputError, OutOfMemory) as error:
            LOG.warning("passed over: %s: %s", name, error)
            failed[name] = str(error)
    compared = _compared(found)
    if compared is not None and home is not None:
        compared.to_html(home / PAGE)
    return Diagnosed(found, failed, compared)


def names_of(encoders: Sequence[str]) -> dict[str, str]:
    """Encoders by name, each given as it is or as NAME=ENCODER. Raises InputError for what is given twice."""
    found: dict[str, str] = {}
    for given in encoders:
        match = NAMED.fullmatch(given)
        name, encoder = (match[1], match[2]) if match else (given, given)
        if name in found:
            raise InputError(f"encoders: {name!r} is given twice")
        found[name] = encoder
    return found


def read_list(path: str | Path) -> list[str]:
    """Encoders that a text file names, one a line; empty lines and lines that begin with # say nothing.

    Raises:
        InputError: no such file, or none is named in it.
    """
    file = user_path(path, "encoder-list")
    lines = [line.strip() for line in read_text(file).splitlines()]
    if not (named := [line for line in lines if line and not line.startswith("#")]):
        raise InputError(f"{file}: names no encoder; one a line is expected")
    return named


def _plain(name: str) -> str:
    """A name as that of a folder."""
    return re.sub(r"[^\w.=,+-]+", "-", name, flags=re.ASCII).strip(".-") or "encoder"


def _compared(found: Mapping[str, Mapping[str, Diagnosis]]) -> Comparison | None:
    columns = {
        name if len(layers) == 1 else f"{name}, {layer}": diagnosis
        for name, layers in found.items()
        for layer, diagnosis in layers.items()
    }
    if len(columns) < 2:
        return None
    if len(columns) > MOST:
        LOG.warning("compared: the first %d of %d; others with seqjepa compare", MOST, len(columns))
    return compare(dict(list(columns.items())[:MOST]))
