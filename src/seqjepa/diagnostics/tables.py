"""A diagnosis as text: estimates under their questions, layers beside factors, and how intervals would narrow."""

from __future__ import annotations

import io
import math
import statistics
from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from seqjepa.diagnostics.diagnosis import LEFT_OUT, Diagnosis
from seqjepa.diagnostics.estimate import Estimate, Key, short
from seqjepa.diagnostics.ideals import DISENTANGLED, IN_WORDS, ideal_text
from seqjepa.diagnostics.many import COMPARISONS, MANY, NOT_AFTER, baseline_differences, held, told_from_null
from seqjepa.diagnostics.metric import Metric, verdict_in_words
from seqjepa.diagnostics.registry import METRICS

PARTS = ("block ", "metric ", "ideals of ", "layer ", "saving ")  # of a diagnosis; whatever else failed was a baseline
SHIFTS = ("translate_x", "translate_y", "translation")
IDENTITIES = (32, 128, 512)
POOLED = " places of "  # in what is said of a map's representation, where it is a mean


def estimates_table(diagnosis: Diagnosis, details: bool = False) -> str:
    """The estimates under their questions, baselines beside them; see ``Diagnosis.table``."""
    baselines, differences = diagnosis.baselines, baseline_differences(diagnosis)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("of", no_wrap=True)
    for column in ("value", "95 % interval", "null", "ideal"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("in words", overflow="fold")
    for name in baselines:
        table.add_column(name, justify="right", no_wrap=True)
    for metric, estimates in diagnosis.estimates.items():
        table.add_row(metric)
        for key, estimate in estimates.items():
            if not details and diagnosis.metric(metric).is_detail(key, estimates):
                continue
            others = [
                _cell(b.estimates.get(metric, {}).get(key), differences.get((name, metric, key)))
                for name, b in baselines.items()
            ]
            table.add_row("  " + (key if isinstance(key, str) else " · ".join(key)), *_row(estimate), *others)
        table.add_section()
    lines = [f" {told}"] if (told := diagnosis.metadata.get("repeated")) else []
    for line in rendered(table).splitlines():
        asked = diagnosis.metric(line.strip()) if line.strip() in diagnosis.estimates else None
        lines.append(f" {asked.name}: {asked.question}" if asked is not None and asked.question else line)
    return "\n".join([*lines, "", *legend(diagnosis, sum(of.p is not None for of in differences.values()))])


def legend(diagnosis: Diagnosis, differences: int = 0) -> list[str]:
    """What stands under the estimates: what failed, what the ideal is, and how many comparisons were made.

    Args:
        differences: to baselines that were compared.
    """
    said = left_out(diagnosis)
    if any(estimate.ideals for of in diagnosis.estimates.values() for estimate in of.values()):
        said.append(IN_WORDS)
    if comparisons := diagnosis.metadata.get(COMPARISONS):
        said.append(held(int(comparisons)))
    if differences:
        said.append(
            f"* differs from the baseline: {differences} differences, paired over identities, held together so too"
        )
    return said


def left_out(diagnosis: Diagnosis) -> list[str]:
    """A line for each thing that failed, in the diagnosis and in those of its baselines, with the reason."""
    told = []
    for whose, of in {"": diagnosis, **diagnosis.baselines}.items():
        reasons = of.metadata.get(LEFT_OUT)
        for what, reason in reasons.items() if isinstance(reasons, Mapping) else ():
            named = f"left out: {what}" if str(what).startswith(PARTS) else f"no baseline {what!r}"
            told.append(f"{named}{f', of {whose}' if whose else ''}: {reason}")
    return told


def leakage_table(diagnosis: Diagnosis, probe: str = "linear") -> str:
    """What the probes of one kind read (columns) from where (rows)."""
    cells = {k[:2]: f for k, f in diagnosis.estimates.get("leakage", {}).items() if k[2] == probe}
    targets = list(dict.fromkeys(target for target, _ in cells))
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(f"{probe} probes, from")
    for target in targets:
        table.add_column(f"{target} ({'accuracy' if target == 'class' else 'R²'})", justify="right")
    for source in dict.fromkeys(source for _, source in cells):
        read = [cells.get((target, source)) for target in targets]
        table.add_row(source, *("" if estimate is None else _with_ideal(estimate) for estimate in read))
    table.add_section()
    read = [cells.get((target, "z")) for target in targets]
    table.add_row("null", *("" if of is None or of.null is None else short(of.null) for of in read))
    return rendered(table)


def layers_table(layers: Mapping[str, Diagnosis]) -> str:
    """Rows are layers, columns factors; a table each for the main estimates.

    Explained variance, R² read linearly, the class, sensitivity, and the overlap of rotation with translation. The
    class is the class probe's, on many images, where there is one. An estimate that is not significantly different from
    its null stands in brackets; "–" is not identifiable. The first table says what was made of each layer's output.
    """
    first = next(iter(layers.values()))
    names = [name for name in first.estimates.get("sensitivity", {}) if isinstance(name, str)]
    of_class: list[tuple[str, str, dict[str, Key]]] = [
        ("class accuracy, read linearly, of many images", "class_probe", {"class": "linear"}),
        ("class accuracy, read linearly, of the swept images", "leakage", {"class": ("class", "z", "linear")}),
    ]
    answered = [row for row in of_class if any(_has_value(d, row[1], row[2]["class"]) for d in layers.values())]
    dims = {layer: str(d.metadata.get("dim", "")) for layer, d in layers.items()}
    wanted: list[tuple[str, str, dict[str, Key]]] = [
        ("explained variance of the k leading directions", "explained_variance", {n: n for n in names}),
        ("R², read linearly", "leakage", {n: (n, "z", "linear") for n in names}),
        *answered[:1],
        ("sensitivity", "sensitivity", {n: n for n in names}),
        ("overlap", "overlap", {f"rotation · {n}": ("rotation", n) for n in SHIFTS}),
    ]
    parts = [_made_of(layers)]
    for title, metric, keys in wanted:
        keys = {n: k for n, k in keys.items() if any(k in d.estimates.get(metric, {}) for d in layers.values())}
        if not keys:
            continue
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        table.add_column(title, no_wrap=True)
        table.add_column("dimensions", justify="right")
        for name in keys:
            table.add_column(name, justify="right", no_wrap=True)
        for layer, diagnosis in layers.items():
            estimates = diagnosis.estimates.get(metric, {})
            table.add_row(layer, dims[layer], *(_layer_cell(estimates.get(key)) for key in keys.values()))
        parts.append(rendered(table))
    note = "( ) not significantly different from its null; – not identifiable"
    if any(POOLED in str(d.metadata.get("representation", "")) for d in layers.values()):
        note += "; a mean over places has lost where things are: LAYER:flatten has them"
    return "\n\n".join([*(part for part in parts if part), note])


def _has_value(diagnosis: Diagnosis, metric: str, key: Key) -> bool:
    found = diagnosis.estimates.get(metric, {}).get(key)
    return found is not None and found.value is not None


def _made_of(layers: Mapping[str, Diagnosis]) -> str:
    """What of each layer's output is its representation, pooling included; empty where nobody said."""
    said = {layer: str(d.metadata.get("representation", "")) for layer, d in layers.items()}
    if not any(said.values()):
        return ""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("layer", no_wrap=True)
    table.add_column("its representation")
    for layer, text in said.items():
        table.add_row(layer, text)
    return rendered(table)


def interval_widths(diagnosis: Diagnosis, identities: Sequence[int] = IDENTITIES) -> dict[str, dict[int, float]]:
    """For each metric half the width of a 95 % interval, at the diagnosis' own number of identities and at others.

    Of estimates that are ratios of sums over identities: the variance of such a ratio falls as 1/n with the identities
    that it is taken over, so its interval's width as 1/√n (the delta method), and their number is a fixed share of the
    identities. A metric's width is the median over what it is of. What is fitted on the other identities is held: with
    few identities it is worse as well, and estimates change, not only their intervals.

    Returns:
        By metric, then by number of identities, ascending.
    """
    own = int(diagnosis.metadata["identities"])
    widths: dict[str, dict[int, float]] = {}
    for metric, estimates in diagnosis.estimates.items():
        # Probes on many images have more terms than there are identities.
        ratios = [f for f in estimates.values() if 0 < len(f.samples.numerator) <= own]
        intervals = [f.interval for f in ratios if f.interval is not None]
        if intervals and diagnosis.metric(metric).over_identities:
            half = statistics.median((high - low) / 2 for low, high in intervals)
            widths[metric] = {n: half * math.sqrt(own / n) for n in sorted({own, *identities})}
    return widths


def identities_table(diagnosis: Diagnosis, identities: Sequence[int] = IDENTITIES) -> str:
    """``interval_widths`` as text, with a sentence that says what it means; empty where no estimate is such a ratio."""
    widths, own = interval_widths(diagnosis, identities), diagnosis.metadata["identities"]
    if not widths:
        return ""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("95 % intervals with", no_wrap=True)
    for n in next(iter(widths.values())):
        table.add_column(f"{n} identities" + " (now)" * (n == own), justify="right", no_wrap=True)
    for metric, by in widths.items():
        table.add_row(metric, *(f"± {half:.3f}" for half in by.values()))
    said = (
        "How wide the intervals would be with other numbers of images (--identities): four times as many halve them.\n"
        "Typical widths, the median over what a metric is of; worked out from these images, not run again."
    )
    return f"{rendered(table)}\n{said}"


def _with_ideal(estimate: Estimate) -> str:
    """The value, with the disentangled ideal in brackets."""
    ideal = estimate.ideals.get(DISENTANGLED)
    return _row(estimate)[0] + ("" if ideal is None else f" (ideal {ideal:z.2f})")


def _row(estimate: Estimate) -> tuple[str, str, str, str, str]:
    if estimate.value is None:
        return "–", "", "", "", f"not identifiable: {estimate.reason}"
    interval = f"[{short(estimate.interval[0])}, {short(estimate.interval[1])}]" if estimate.interval else ""
    null = "" if estimate.null is None else short(estimate.null)
    return short(estimate.value), interval, null, ideal_text(estimate), in_words(estimate)


def in_words(estimate: Estimate) -> str:
    """The verdict as tables say it, with what became of it in the correction for many comparisons."""
    said = verdict_in_words(estimate.verdict, estimate.null_is)
    return f"{said} ({NOT_AFTER})" if MANY in estimate.details else said


def _cell(other: Estimate | None, difference: Estimate | None) -> str:
    if other is None or other.value is None:
        return "" if other is None else "–"
    return short(other.value) + ("*" if difference is not None and difference.verdict == "differs" else " ")


def _layer_cell(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return "–"
    return f"{estimate.value:.3f} " if told_from_null(estimate) else f"({estimate.value:.3f})"


def metrics_table() -> str:
    """Every metric with its block, unit, range and question: what ``seqjepa list metrics`` prints."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("metric", "block", "range"):
        table.add_column(column, no_wrap=True)
    table.add_column("question", overflow="fold")
    for metric in METRICS.values():
        table.add_row(metric.name, metric.block, metric.range, metric.question)
    return rendered(table, 160)


def metrics_markdown() -> str:
    """The same for the documentation, with definitions, nulls and ideals: a Markdown table."""
    heads = ("metric", "of", "question", "definition", "unit; range", "null", "ideal")
    rows = [[f"`{m.name}`", ", ".join(m.of), *_described(m)] for m in METRICS.values()]
    cells = [[text.replace("|", "\\|") for text in row] for row in (heads, ["---"] * len(heads), *rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells) + "\n"


def _described(metric: Metric) -> list[str]:
    unit = "; ".join(text for text in (metric.unit, metric.range) if text)
    return [metric.question, metric.definition, unit, metric.null, metric.ideal]


def rendered(table: Table, width: int = 200) -> str:
    """A table as plain text; brackets and colons in names are not markup, and in a notebook it is a text as well."""
    console = Console(
        file=io.StringIO(),
        width=width,
        color_system=None,
        markup=False,
        emoji=False,
        force_jupyter=False,
        force_terminal=False,
    )
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()).strip("\n")
