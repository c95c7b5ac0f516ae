"""Several runs or diagnoses on one page: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from seqjepa.diagnostics.estimate import Key
from seqjepa.diagnostics.ideals import IN_WORDS
from seqjepa.io.files import write_atomic
from seqjepa.io.markup import html_table
from seqjepa.report.comparison import Cell, Comparison, Row
from seqjepa.report.comparison_figures import (
    CURVES,
    Drawn,
    colour,
    dots,
    drawn_metrics,
    keys_of,
    letter,
    limits_of,
    overlaid,
)
from seqjepa.report.html import embedded, environment, sentence, short
from seqjepa.types import NotIdentifiable
from seqjepa.types.checking import user_path


@dataclass(frozen=True)
class Named:
    """A column as the page calls it: by a letter and a colour, and in full. ``metadata`` says what it is made of."""

    letter: str
    colour: str
    name: str
    metadata: str


@dataclass(frozen=True)
class Panels:
    """A metric's panels: what it asks, and each figure's address with its text for those who cannot see it."""

    title: str
    question: str
    figures: tuple[tuple[str, str], ...]


def write_comparison(compared: Comparison, path: str | Path) -> Path:
    """``Comparison.to_html``: settings, figures and tables, as one self-contained HTML file."""
    file = user_path(path)
    write_atomic(file, comparison_page(compared))
    return file


def comparison_page(compared: Comparison) -> str:
    """The page's HTML."""
    named = _named(compared)
    title = " and ".join([", ".join(n.name for n in named[:-1]), named[-1].name]) if len(named) < 4 else ""
    return (
        environment()
        .get_template("comparison.html.j2")
        .render(
            title=title or f"{len(named)} side by side",
            columns=named,
            seeds=any(len(column.entries) > 1 for column in compared.columns),
            runs=any(column.entries[0].config for column in compared.columns),
            words=_words(compared, named),
            settings=compared.settings,
            main=[made for metric in drawn_metrics(compared) if (made := _panels(compared, metric)).figures],
            curves=_curves(compared),
            heads=[_heads(named, rows) for rows in (compared.estimates, compared.metrics)],
            estimates=_table(compared.estimates),
            metrics=_table(compared.metrics),
            notes=compared.notes,
            comparisons=compared.comparisons,
        )
    )


def comparison_fragment(compared: Comparison) -> str:
    """The short tables, for a notebook: columns by letter, as on the page."""
    named = _named(compared)
    shown = [row for row in compared.estimates if not row.detail]
    parts = [html_table(["column", "is", ""], [[of.letter, of.name, of.metadata] for of in named])]
    for rows in (compared.metrics, shown):
        if rows:
            heads = [head for head, _ in _heads(named, rows)]
            parts.append(html_table(heads, [[*names, *texts] for names, texts in _table(rows)]))
    said = [
        *_words(compared, named),
        *compared.notes,
        "* differs, after correction for all differences; brackets: 95 %",
    ]
    return "".join([*parts, html_table(["notes"], [[line] for line in said])])


def _named(compared: Comparison) -> list[Named]:
    named = []
    for place, column in enumerate(compared.columns):
        epochs = max((len(entry.rows) for entry in column.entries), default=0)
        seeds = [str(entry.config["seed"]) for entry in column.entries if "seed" in entry.config]
        parts = [f"{epochs} epoch{'s' * (epochs != 1)}"] * bool(epochs)
        parts += [f"seed{'s' * (len(seeds) > 1)} {', '.join(seeds)}"] * bool(seeds)
        diagnosed = sum(entry.diagnosis is not None for entry in column.entries)
        if len(column.entries) > 1:
            parts.append(f"{diagnosed} diagnosed")
        elif not diagnosed:
            parts.append("not diagnosed")
        named.append(Named(letter(place), colour(place), column.name, " · ".join(parts)))
    return named


def _words(compared: Comparison, named: Sequence[Named]) -> list[str]:
    """For each column but the first, in how many estimates it differs; and which runs are not diagnosed."""
    said = []
    for place, of in enumerate(named[1:], start=1):
        told = [differs for row in compared.estimates if (differs := row.cells[place].differs) is not None]
        if told:
            said.append(
                f"{of.letter} differs from {named[0].letter} in {sum(told)} of {len(told)} estimates, after correction "
                f"for {compared.comparisons} comparisons: of all differences found about 5 % are expected to be false."
            )
    bare = [entry.name for column in compared.columns for entry in column.entries if entry.diagnosis is None]
    if bare:
        said.append(f"Not diagnosed: {', '.join(bare)}. Run 'seqjepa diagnose RUN', then compare again.")
    return said


def _panels(compared: Comparison, metric: Drawn) -> Panels:
    keys = keys_of(compared.columns, metric)
    limits = limits_of(compared, metric, keys)
    asked = compared.metric(metric.name)
    title = asked.in_words
    figures = []
    for key in keys:
        of = key if isinstance(key, str) else " · ".join(key)
        figure = dots(compared, metric, key, limits)
        figures.append((embedded(figure), f"{title} of {of}: {_spoken(compared, metric.name, key)}"))
    return Panels(title[0].upper() + title[1:], sentence(asked.question), tuple(figures))


def _spoken(compared: Comparison, metric: str, key: Key) -> str:
    """The panel's values in words."""
    parts = []
    for place, column in enumerate(compared.columns):
        values = [answer.value for entry in column.entries if (answer := entry.estimate(metric, key)).value is not None]
        parts.append(f"{letter(place)} {', '.join(map(short, values)) or 'not known'}")
    return "; ".join(parts)


def _curves(compared: Comparison) -> list[tuple[str, str]]:
    drawn: list[tuple[str, str]] = []
    for name, label in CURVES.items():
        try:
            figure: Figure = overlaid(compared.columns, name)
        except NotIdentifiable:
            continue  # no run logged it; the table of metrics has what was logged
        drawn.append((embedded(figure), f"{label} over epochs"))
    return drawn


def _heads(named: Sequence[Named], rows: Sequence[Row]) -> list[tuple[str, str]]:
    """The table's headings, and what each means."""
    heads = [("metric", "")] + [("of", "")] * any(row.of for row in rows)
    heads += [("ideal", IN_WORDS)] * any(row.ideal for row in rows)
    for place, of in enumerate(named):
        heads.append((of.letter, of.name))
        if place:
            heads.append((f"{of.letter} − {named[0].letter}", f"{of.name} minus {named[0].name}"))
    return heads


def _table(rows: Sequence[Row]) -> list[tuple[list[str], list[str]]]:
    """Of each row its names, and the texts of its cells."""
    with_of, with_ideal = any(row.of for row in rows), any(row.ideal for row in rows)
    table = []
    for row in rows:
        texts = [row.ideal] * with_ideal
        for place, cell in enumerate(row.cells):
            texts.append(f"{cell.value:g}" if row.metric == "epoch" and cell.value is not None else _value(cell))
            if place:
                texts.append("" if row.metric == "epoch" else _difference(cell))
        table.append(([row.metric, *[row.of] * with_of], texts))
    return table


def _value(cell: Cell) -> str:
    return short(cell.value) + (f" ± {short(cell.sd)}" if cell.sd is not None else "")


def _difference(cell: Cell) -> str:
    if cell.difference is None or cell.difference.value is None:
        return ""
    low_high = cell.difference.interval
    interval = f" [{short(low_high[0])}, {short(low_high[1])}]" if low_high else ""
    return short(cell.difference.value, "+") + "*" * bool(cell.differs) + interval
