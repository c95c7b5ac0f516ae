"""The report: one HTML file that needs nothing else."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.estimate import Estimate
from seqjepa.io.files import write_atomic
from seqjepa.io.untrusted import parse_yaml
from seqjepa.report.explorer import explorer_data
from seqjepa.report.figures import FIGURES, Entry
from seqjepa.report.html import embedded, environment, short
from seqjepa.report.record import RunRecord, read_record
from seqjepa.report.style import legible, reporting
from seqjepa.report.summary import headline
from seqjepa.sweeps import Sweeps
from seqjepa.types import NotIdentifiable

REPORT = "report.html"


@dataclass(frozen=True)
class Card:
    """A figure as the page shows it: its picture's address and width in inches, or why there is none."""

    name: str
    entry: Entry
    picture: str = ""
    inches: float = 0.0
    reason: str = ""


def write_report(
    diagnosis: Diagnosis,
    path: str | Path,
    *,
    sweeps: Sweeps | None = None,
    run: str | Path | None = None,
) -> Path:
    """The report of a diagnosis, as one self-contained HTML file, written whole or not at all.

    Args:
        sweeps: that the diagnosis was made of; without them there are no orbits, pictures and slider.
        run: folder of the training run; without it there are no curves.
    """
    beside = read_record(run) if run is not None else RunRecord(diagnosis)
    record = RunRecord(diagnosis, sweeps or beside.sweeps, beside.rows, beside.layers, beside.texts)
    return write_page(record, Path(path))


def write_page(record: RunRecord, path: Path) -> Path:
    """``write_report`` of everything that belongs to it."""
    write_atomic(path, page(record))
    return path


def page(record: RunRecord) -> str:
    """The page's HTML."""
    diagnosis, metadata = record.diagnosis, record.diagnosis.metadata
    cards = [_card(name, entry, record) for name, entry in FIGURES.items()]
    sections: dict[str, list[Card]] = {}
    for card in cards:
        if card.picture:
            sections.setdefault(card.entry.section, []).append(card)
    try:
        explorer, no_explorer = explorer_data(record.swept()), ""
    except NotIdentifiable as error:
        explorer, no_explorer = None, str(error)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            title=_title(metadata),
            metadata={key.replace("_", " "): value for key, value in metadata.items()},
            headline=headline(diagnosis),
            sections=sections,
            missing=[card for card in cards if not card.picture],
            explorer=explorer,
            explorer_json=None if explorer is None else _script_json(explorer),
            no_explorer=no_explorer,
            baselines=list(diagnosis.baselines),
            rows=_rows(diagnosis),
            texts=record.texts,
            commands=_commands(record.texts),
            reporting=reporting(diagnosis),
        )
    )


def _card(name: str, entry: Entry, record: RunRecord) -> Card:
    try:
        figure = entry.make(record)
    except NotIdentifiable as error:
        return Card(name, entry, reason=str(error))
    # Pictures are pixels anyway; everything else stays sharp at any size.
    kind = "png" if name in ("views", "neighbours") else "svg"
    return Card(name, entry, embedded(figure, kind), round(figure.get_figwidth(), 1))


def _rows(diagnosis: Diagnosis) -> list[dict[str, Any]]:
    rows = []
    for metric, figures in diagnosis.estimates.items():
        for key, answer in figures.items():
            of = key if isinstance(key, str) else " · ".join(key)
            others = [b.estimates.get(metric, {}).get(key) for b in diagnosis.baselines.values()]
            rows.append(
                {
                    "metric": legible(metric),
                    "of": of,
                    "answer": answer,
                    "verdict": answer.verdict or (f"not identifiable: {answer.reason}" if answer.reason else ""),
                    "others": [_beside(answer, other) for other in others],
                }
            )
    return rows


def _beside(answer: Estimate, other: Estimate | None) -> str:
    if other is None or other.value is None:
        return "–"
    return short(other.value) + (" *" if answer.minus(other).verdict == "differs" else "")


def _title(metadata: Mapping[str, Any]) -> str:
    named = str(metadata.get("run") or metadata.get("encoder") or "an encoder")
    layer = metadata.get("layer")
    return named if layer in (None, "z") else f"{named}, {layer}"


def _commands(texts: Mapping[str, str]) -> dict[str, str]:
    """What to type to make the run, and its diagnosis, again: as their environments name it."""
    found = {}
    for made, name in (("run", "environment.yaml"), ("diagnosis", "diagnosis/environment.yaml")):
        metadata = parse_yaml(texts.get(name, ""), name)
        words = metadata.get("command") if isinstance(metadata, dict) else None
        if isinstance(words, list):
            found[made] = shlex.join(str(word) for word in words)
    return found


def _script_json(data: Any) -> Markup:
    """JSON that cannot end the script element it stands in."""
    return Markup(json.dumps(data, allow_nan=False).replace("<", "\\u003c"))
