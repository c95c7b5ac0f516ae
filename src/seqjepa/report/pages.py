"""The report: one HTML file that needs nothing else."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.estimate import Estimate
from seqjepa.diagnostics.ideals import ideal_text
from seqjepa.diagnostics.many import MANY, baseline_differences
from seqjepa.diagnostics.tables import in_words, legend
from seqjepa.io.environment import parse_environment
from seqjepa.io.files import write_atomic
from seqjepa.report.entries import title_of
from seqjepa.report.explorer import explorer_data, script_json
from seqjepa.report.figures import FIGURES, PageFigure
from seqjepa.report.html import embedded, environment, sentence, short
from seqjepa.report.record import ENVIRONMENT, RunRecord, read_record
from seqjepa.report.summary import headline
from seqjepa.sweeps import Sweeps
from seqjepa.types import InputError, OutOfMemory
from seqjepa.types.checking import user_path
from seqjepa.types.foreign import foreign_code

REPORT = "report.html"


@dataclass(frozen=True)
class Card:
    """A figure as the page shows it.

    Attributes:
        question: of the metric that it draws, as a sentence; "" where it draws none.
        good, bad: a heading, and how it looks where all is well, and where it is not.
        source: the drawing's address; ``inches`` its width.
        reason: why it could not be drawn.
    """

    name: str
    figure: PageFigure
    question: str
    good: tuple[str, str]
    bad: tuple[str, str]
    source: str = ""
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
        diagnosis: of ``seqjepa.diagnose``, or loaded.
        path: of the file.
        sweeps: that the diagnosis was made of; without them there are no orbits, no views and no slider.
        run: folder of the training run; without it there are no training curves.

    Raises:
        InputError: sweeps or a run that do not belong to the diagnosis, or that cannot be read.
    """
    beside = read_record(run) if run is not None else RunRecord(diagnosis)
    record = RunRecord(diagnosis, sweeps or beside.sweeps, beside.rows, beside.layers, beside.texts)
    return write_page(record, user_path(path))


def write_page(record: RunRecord, path: Path) -> Path:
    """``write_report`` of everything that belongs to it; gives back the path."""
    write_atomic(path, page(record))
    return path


def page(record: RunRecord) -> str:
    """The page's HTML."""
    diagnosis, metadata = record.diagnosis, record.diagnosis.metadata
    cards = [_card(name, figure, record) for name, figure in FIGURES.items()]
    sections: dict[str, list[Card]] = {}
    for card in cards:
        if card.source:
            sections.setdefault(card.figure.section, []).append(card)
    try:
        with foreign_code("making it"):
            explorer, no_explorer = explorer_data(diagnosis, record.swept()), ""
    except (InputError, OutOfMemory) as error:
        explorer, no_explorer = None, str(error)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            title=title_of(diagnosis),
            metadata={key.replace("_", " "): value for key, value in metadata.items()},
            headline=headline(diagnosis),
            sections=sections,
            missing=[card for card in cards if not card.source],
            explorer=explorer,
            explorer_json=None if explorer is None else script_json(explorer),
            no_explorer=no_explorer,
            baselines=list(diagnosis.baselines),
            rows=_rows(diagnosis),
            legend=legend(diagnosis),
            texts=record.texts,
            commands=_commands(record.texts),
            tested=None if diagnosis.split is None else len(diagnosis.split.test),
        )
    )


def _card(name: str, figure: PageFigure, record: RunRecord) -> Card:
    asked = record.diagnosis.metric(figure.metric)
    question, good, bad = sentence(asked.question), ("Good", figure.good), ("Bad", figure.bad)
    if not figure.good:
        good, bad = ("Ideal", sentence(asked.ideal)), ("Null", sentence(asked.null))
    # Views are pixels anyway; everything else stays sharp at any size.
    kind = "png" if name in ("views", "neighbours") else "svg"
    try:
        with foreign_code("drawing it"):  # a figure that fails does not cost the page
            made = figure.make(record)
            source = embedded(made, kind)
    except (InputError, OutOfMemory) as error:
        return Card(name, figure, question, good, bad, reason=str(error))
    return Card(name, figure, question, good, bad, source, round(made.get_figwidth(), 1))


def _rows(diagnosis: Diagnosis) -> list[dict[str, Any]]:
    rows, differences = [], baseline_differences(diagnosis)
    for metric, estimates in diagnosis.estimates.items():
        for key, answer in estimates.items():
            of = key if isinstance(key, str) else " · ".join(key)
            others = {name: b.estimates.get(metric, {}).get(key) for name, b in diagnosis.baselines.items()}
            rows.append(
                {
                    "metric": diagnosis.metric(metric).in_words,
                    "question": diagnosis.metric(metric).question,
                    "of": of,
                    "answer": answer,
                    "verdict": f"not identifiable: {answer.reason}" if answer.reason else in_words(answer),
                    "note": answer.details.get(MANY, ""),
                    "ideal": ideal_text(answer),
                    "others": [_beside(other, differences.get((n, metric, key))) for n, other in others.items()],
                }
            )
    return rows


def _beside(other: Estimate | None, difference: Estimate | None) -> str:
    if other is None or other.value is None:
        return "–"
    return short(other.value) + (" *" if difference is not None and difference.verdict == "differs" else "")


def _commands(texts: Mapping[str, str]) -> dict[str, str]:
    """The commands that made the run and its diagnosis, as their environments record them."""
    found = {}
    for made, name in (("run", ENVIRONMENT), ("diagnosis", f"diagnosis/{ENVIRONMENT}")):
        words = parse_environment(texts.get(name, ""), name).command
        if words and isinstance(words, list):
            found[made] = shlex.join(words)
    return found
