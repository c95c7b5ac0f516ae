"""One page for two representations: what one factor does in each, as a moving point and as six answers with ideals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.ideals import DISENTANGLED
from seqjepa.io.files import write_atomic
from seqjepa.report.explorer import explorer_data, script_json
from seqjepa.report.html import environment
from seqjepa.report.record import RunRecord
from seqjepa.report.style import legible, ranged
from seqjepa.report.verdicts import NOT_OWN, OWN, Verdict, own_subspace
from seqjepa.types import InputError, NotIdentifiable


@dataclass(frozen=True)
class Question:
    """What the page asks of both: a metric at a key, in words that need no docs, and whether more is better."""

    asks: str
    explains: str
    metric: str
    key: Key
    more_is_better: bool
    percent: bool = True


@dataclass(frozen=True)
class Bar:
    """An answer as a bar from 0 to 1: where it ends, its interval, ideal and null, each in per cent of the width."""

    value: float | None
    low: float
    high: float
    ideal: float | None
    null: float | None
    text: str


@dataclass(frozen=True)
class Side:
    """One representation: its name, what it is, its verdict, its full report's address, and why nothing is drawn."""

    name: str
    about: str
    verdict: Verdict
    link: str
    undrawn: str


def questions(factor: str) -> tuple[Question, ...]:
    """The six questions of the page."""
    name = legible(factor)
    return (
        Question(
            f"How much of what {name} moves lies in its own few directions?",
            "2 directions for a circle, 1 for a line, found on some images and judged on others",
            "explained_variance",
            factor,
            True,
        ),
        Question(
            "Do all images move the same way?",
            "the share of the movement that is common to all images",
            "orbit_share",
            factor,
            True,
        ),
        Question(
            f"Can the {name} between two views be read?",
            "R² of a linear probe with products of coordinates",
            "action",
            (factor, "linear"),
            True,
            percent=False,
        ),
        Question(
            f"Is {name} still read where its own directions are taken out?",
            "R² of a linear probe; 0 if nothing of it lies elsewhere",
            "leakage",
            (factor, f"without {factor}", "linear"),
            False,
            percent=False,
        ),
        Question(
            "Do its own directions tell the class?",
            "accuracy of a linear probe; chance if they hold nothing else",
            "leakage",
            ("class", factor, "linear"),
            False,
        ),
        Question(
            "Does the whole representation tell the class?",
            "accuracy of a linear probe on one view in a random pose",
            "class_probe",
            "linear",
            True,
        ),
    )


def write_side_by_side(
    records: Mapping[str, RunRecord],
    path: Path,
    factor: str,
    intro: str = "",
    about: Sequence[str] = ("", ""),
    links: Sequence[str] = ("", ""),
) -> Path:
    """The page of two diagnosed representations, as one self-contained HTML file; gives back its path.

    Args:
        records: two of them, by name, diagnosed over the same images and poses.
        path: of the file.
        factor: that is asked about.
        intro: what was done, in a sentence or two.
        about: a sentence on each.
        links: addresses of their full reports, relative to the page; "" for none.

    Raises:
        InputError: not two records, or of other images or poses.
        NotIdentifiable: images or poses were not kept, or the factor has a subspace in neither.
    """
    write_atomic(path, side_by_side_html(records, factor, intro, about, links))
    return path


def side_by_side_html(
    records: Mapping[str, RunRecord],
    factor: str,
    intro: str = "",
    about: Sequence[str] = ("", ""),
    links: Sequence[str] = ("", ""),
) -> str:
    """The page's HTML; arguments as in ``write_side_by_side``."""
    if len(records) != 2:
        raise InputError(f"side by side: two representations are needed, not {len(records)}")
    first, second = (record.swept() for record in records.values())
    if not first.same_design(second):
        raise InputError("side by side: the two were swept over other images or poses")
    found = [_moving(record, factor) for record in records.values()]
    drawn = [data for data in found if "factor" in data]
    if not drawn:
        raise NotIdentifiable(found[0]["reason"])
    sides = [
        Side(name, about[i], own_subspace(record.diagnosis, factor), links[i], found[i].get("reason", ""))
        for i, (name, record) in enumerate(records.items())
    ]
    diagnoses = [record.diagnosis for record in records.values()]
    rows = [(asked, [bar(diagnosis, asked) for diagnosis in diagnoses]) for asked in questions(factor)]
    test = diagnoses[0].split
    return (
        environment()
        .get_template("side_by_side.html.j2")
        .render(
            title=f"Where does {legible(factor)} live?",
            factor=legible(factor),
            intro=intro,
            told_apart=[side.verdict.answer for side in sides] == [NOT_OWN, OWN],
            sides=sides,
            rows=[(asked, bars) for asked, bars in rows if any(one.value is not None for one in bars)],
            circle=drawn[0]["factor"]["circle"],
            images=drawn[0]["images"],
            count=None if test is None else len(test.test),
            data=script_json(found),
        )
    )


def _moving(record: RunRecord, factor: str) -> dict[str, Any]:
    """What the slider shows of one: the factor's entry of ``explorer_data`` and the images, or why there are none."""
    try:
        data = explorer_data(record.diagnosis, record.swept())
    except NotIdentifiable as error:
        return {"reason": str(error)}
    of = [entry for entry in data["factors"] if entry["name"] == legible(factor)]
    return {**data, "factor": of[0]} if of else {"reason": f"{legible(factor)} has no subspace here"}


def bar(diagnosis: Diagnosis, asked: Question) -> Bar:
    """The answer to a question as the page draws it; without a value where there is none."""
    found = diagnosis.estimates.get(asked.metric, {}).get(asked.key)
    if found is None or found.value is None:
        return Bar(None, 0, 0, None, None, found.reason if found is not None else _why_not_asked(diagnosis, asked))
    low, high = found.interval or (found.value, found.value)
    ideal = found.ideals.get(DISENTANGLED)
    text = ranged(found, percent=asked.percent)
    return Bar(_within(found.value), _within(low), _within(high), _maybe(ideal), _maybe(_null(found)), text)


def _why_not_asked(diagnosis: Diagnosis, asked: Question) -> str:
    """A factor that fills every dimension has no directions of its own, and leaves none."""
    for factor in (asked.key,) if isinstance(asked.key, str) else asked.key:
        found = diagnosis.estimates.get("dimension", {}).get(factor)
        if found is not None and (found.value or 0) >= diagnosis.metadata.get("dim", math.inf):
            return f"{legible(factor)} fills all {found.value:.0f} dimensions"
    return "not measured"


def _null(found: Estimate) -> float | None:
    """The null's upper end where it is a distribution: what chance reaches."""
    return found.null if found.null_interval is None else found.null_interval[1]


def _maybe(value: float | None) -> float | None:
    return None if value is None else _within(value)


def _within(value: float) -> float:
    """In per cent of the bar's width; what is less than nothing is nothing."""
    return round(100 * min(1.0, max(0.0, value)), 2)
