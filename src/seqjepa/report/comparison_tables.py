"""A comparison as tables for a terminal: settings, last epochs, estimates, and what a star means."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from seqjepa.diagnostics.ideals import IN_WORDS
from seqjepa.diagnostics.tables import rendered
from seqjepa.report.comparison import Cell, Comparison, Row
from seqjepa.report.html import short

DIFFERENCES_UP_TO = 4  # columns; more have no room for them
WIDTH = 240


def comparison_text(compared: Comparison, details: bool = False) -> str:
    """The whole comparison; without ``details`` what a diagnosis' short table leaves out is left out too."""
    first, names = compared.columns[0].name, [column.name for column in compared.columns]
    estimates = [row for row in compared.estimates if details or not row.detail]
    parts = []
    if compared.settings:
        table = _table("what differs in the configurations", names)
        for name, values in compared.settings:
            table.add_row(name, *values)
        parts.append(rendered(table, WIDTH))
    elif any(column.entries[0].config for column in compared.columns):
        parts.append("the configurations do not differ")
    for title, rows in (("last epoch", compared.metrics), ("metric", estimates)):
        if rows:
            parts.append(_estimates(title, rows, names))
    several = any(len(column.entries) > 1 for column in compared.columns)
    legend = []
    if any(cell.differs is not None for row in (*estimates, *compared.metrics) for cell in row.cells):
        legend.append(
            f"* differs from {first}: the difference's 95 % interval, paired over identities, excludes 0"
            + "; Welch's t-test over seeds where both have several" * several
            + f". Over all {compared.comparisons} differences, shown or not, the false discovery rate is held at 5 % "
            "(Benjamini-Hochberg)."
        )
    if any(row.ideal for row in estimates):
        legend.append(IN_WORDS)
    if several:
        legend.append("± standard deviation over seeds")
    return "\n\n".join(parts + ["\n".join([*legend, *compared.notes])] * bool(legend or compared.notes))


def _estimates(title: str, rows: Sequence[Row], names: Sequence[str]) -> str:
    shown = len(names) <= DIFFERENCES_UP_TO
    of = any(row.of for row in rows)
    table = _table(title, [])
    ideal = any(row.ideal for row in rows)
    if of:
        table.add_column("of", no_wrap=True)
    if ideal:
        table.add_column("ideal", justify="right", no_wrap=True)
    for index, name in enumerate(names):
        table.add_column(name, justify="right", no_wrap=True)
        if index and shown:
            table.add_column("difference", justify="right", no_wrap=True)
        if index and len(names) == 2:
            table.add_column("95 % interval", justify="right", no_wrap=True)
    last = ""
    for row in rows:
        if last and row.metric != last and of:
            table.add_section()
        epoch = row.metric == "epoch"  # a count, of which a difference says nothing
        cells = [_value(row.cells[0], epoch)]
        for cell in row.cells[1:]:
            star = "*" if cell.differs else " "
            value = _value(cell, epoch)
            cells += [value, "" if epoch else _signed(cell) + star] if shown else [value + star]
            if len(names) == 2:
                cells.append(_interval(cell))
        table.add_row("" if row.metric == last and of else row.metric, *[row.of] * of, *[row.ideal] * ideal, *cells)
        last = row.metric
    return rendered(table, WIDTH)


def _table(title: str, names: Sequence[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(title, no_wrap=True)
    for name in names:
        table.add_column(name, justify="right", overflow="fold")
    return table


def _value(cell: Cell, whole: bool = False) -> str:
    if whole and cell.value is not None:
        return f"{cell.value:g}"
    return short(cell.value) + (f" ± {short(cell.sd)}" if cell.sd is not None else "")


def _signed(cell: Cell) -> str:
    return "" if cell.difference is None or cell.difference.value is None else short(cell.difference.value, "+")


def _interval(cell: Cell) -> str:
    interval = cell.difference.interval if cell.difference else None
    return "[{}, {}]".format(*map(short, interval)) if interval else ""
