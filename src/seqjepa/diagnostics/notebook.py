"""What a notebook shows of a diagnosis and of an estimate."""

from __future__ import annotations

from seqjepa.diagnostics.diagnosis import Diagnosis
from seqjepa.diagnostics.estimate import Estimate, short
from seqjepa.diagnostics.ideals import ideal_text
from seqjepa.diagnostics.paper import paper_rows
from seqjepa.diagnostics.tables import in_words, legend
from seqjepa.io.markup import html_table


def diagnosis_html(diagnosis: Diagnosis) -> str:
    """The short table with its legend; everything else behind a heading that opens."""
    heads, rows = paper_rows(diagnosis)
    encoder, dim = (diagnosis.metadata.get(name, "") for name in ("encoder", "dim"))
    caption = f"Diagnosis of {encoder}" + (f", {dim} dimensions" if dim else "")
    said = html_table(["how to read it"], [[line] for line in legend(diagnosis)])
    every = html_table(*paper_rows(diagnosis, details=True))
    return f"{html_table(heads, rows, caption)}{said}<details><summary>every estimate</summary>{every}</details>"


def estimate_html(estimate: Estimate) -> str:
    """What an estimate says, a line each."""
    if estimate.value is None:
        return html_table(["not identifiable", estimate.reason], [])
    rows = [["value", short(estimate.value)]]
    if estimate.interval is not None:
        rows.append(["95 % interval", "[{}, {}]".format(*map(short, estimate.interval))])
    if estimate.null is not None:
        spread = "" if estimate.null_interval is None else " [{}, {}]".format(*map(short, estimate.null_interval))
        kind = f" ({estimate.null_is})" if estimate.null_is else ""
        rows.append(["null", short(estimate.null) + spread + kind])
    if estimate.ideals:
        rows.append(["ideal", ideal_text(estimate)])
    if estimate.verdict:
        rows.append(["in words", in_words(estimate)])
    return html_table(["estimate", ""], rows)
