"""A diagnosis for a paper: as a data frame, and as CSV, Markdown and LaTeX tables with intervals."""

from __future__ import annotations

import csv
import importlib
import io
from collections.abc import Sequence
from typing import Any

from seqjepa.diagnostics.diagnosis import Diagnosis
from seqjepa.diagnostics.estimate import Estimate, short
from seqjepa.diagnostics.ideals import DISENTANGLED, EQUIVARIANT, ideal_text
from seqjepa.io.markup import latex_table, markdown_table
from seqjepa.types import InputError

ENCODER = "encoder"


def tidy_rows(diagnosis: Diagnosis) -> list[dict[str, Any]]:
    """A row an estimate, the encoder's first, then the baselines': encoder, metric, of, value, low, high and so on.

    What is not there is None: a value that is not identifiable (``reason`` says why), an interval, a null, an ideal.
    """
    rows = []
    for name, of in {ENCODER: diagnosis, **diagnosis.baselines}.items():
        for metric, estimates in of.estimates.items():
            for key, estimate in estimates.items():
                low, high = estimate.interval or (None, None)
                null_low, null_high = estimate.null_interval or (None, None)
                rows.append(
                    {
                        "encoder": name,
                        "metric": metric,
                        "of": key if isinstance(key, str) else " · ".join(key),
                        "value": estimate.value,
                        "low": low,
                        "high": high,
                        "null": estimate.null,
                        "null_low": null_low,
                        "null_high": null_high,
                        "ideal_disentangled": estimate.ideals.get(DISENTANGLED),
                        "ideal_equivariant": estimate.ideals.get(EQUIVARIANT),
                        "p": estimate.p,
                        "verdict": estimate.verdict,
                        "reason": estimate.reason,
                    }
                )
    return rows


def frame(diagnosis: Diagnosis) -> Any:
    """``tidy_rows`` as a pandas data frame. Raises InputError where pandas is not installed."""
    try:
        pandas = importlib.import_module("pandas")
    except ImportError as error:
        raise InputError("a data frame needs pandas: pip install 'seqjepa[pandas]'; to_csv needs nothing") from error
    return pandas.DataFrame(tidy_rows(diagnosis))


def csv_text(diagnosis: Diagnosis) -> str:
    """``tidy_rows`` as CSV, with a line of headings; what is not there is empty."""
    buffer = io.StringIO()
    rows = tidy_rows(diagnosis)
    writer = csv.DictWriter(buffer, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def markdown_text(diagnosis: Diagnosis, metrics: Sequence[str] | None = None, details: bool = False) -> str:
    """The estimates as a Markdown table; see ``paper_rows``."""
    heads, rows = paper_rows(diagnosis, metrics, details)
    return markdown_table(heads, rows, texts=2)


def latex_source(diagnosis: Diagnosis, metrics: Sequence[str] | None = None, details: bool = False) -> str:
    """The estimates as a LaTeX tabular, which needs the package booktabs; see ``paper_rows``."""
    heads, rows = paper_rows(diagnosis, metrics, details)
    return latex_table(heads, rows, texts=2)


def paper_rows(
    diagnosis: Diagnosis, metrics: Sequence[str] | None = None, details: bool = False
) -> tuple[list[str], list[list[str]]]:
    """Headings, and a row an estimate: metric, of, value with its interval, null, ideal, each baseline with its own.

    Args:
        diagnosis: whose estimates.
        metrics: only these, in this order; None takes all.
        details: also what the short table leaves out.

    Raises:
        InputError: a metric that was not estimated.
    """
    heads = ["metric", "of", "value [95 % interval]", "null", "ideal", *diagnosis.baselines]
    rows = []
    for metric in diagnosis.estimates if metrics is None else metrics:
        estimates = diagnosis[metric]
        asked = diagnosis.metric(metric)
        for key, estimate in estimates.items():
            if not details and asked.is_detail(key, estimates):
                continue
            others = [of.estimates.get(metric, {}).get(key) for of in diagnosis.baselines.values()]
            null = "" if estimate.value is None or estimate.null is None else short(estimate.null)
            of = key if isinstance(key, str) else " · ".join(key)
            rows.append([asked.in_words, of, _ranged(estimate), null, ideal_text(estimate), *map(_ranged, others)])
    return heads, rows


def _ranged(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return "" if estimate is None else "–"
    interval = "" if estimate.interval is None else " [{}, {}]".format(*map(short, estimate.interval))
    return short(estimate.value) + interval
