"""``seqjepa compare``: parse, call, print."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqjepa.report.comparison import Cell, Row, SideBySide

EXAMPLES = """examples:
  two runs: what they were told differently, their last metrics, the figures of their diagnoses
    seqjepa compare runs/one runs/two
  diagnoses of anything over the same images and poses
    seqjepa compare runs/one/diagnosis/diagnosis.json runs/diagnosis-20260105-120000
  two recipes with three seeds each: a column a recipe, means and standard deviations
    seqjepa compare runs/affine-seed-0 runs/affine-seed-1 runs/affine-seed-2 runs/rate-seed-{0,1,2}
  the same as a page with figures, curves and a table that can be sorted
    seqjepa compare runs/one runs/two --html compared.html
"""
DIFFERENCES_UP_TO = 4  # columns; more have no room for them


def add_compare_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``seqjepa compare`` takes."""
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, EXAMPLES
    parser.add_argument("paths", nargs="+", type=Path, metavar="RUN", help="a run's folder, or a diagnosis; 2 to 10")
    parser.add_argument("--details", action="store_true", help="all figures of the diagnoses")
    parser.add_argument("--html", type=Path, metavar="PATH", help="also write a page, with figures and all details")


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Runs or diagnoses side by side."""
    from seqjepa.report.comparison import read_entry, side_by_side

    entries = [read_entry(path) for path in options.paths]
    print(text(side_by_side(entries, details=options.details)))
    if options.html:
        from seqjepa.io.files import make_folder
        from seqjepa.report import write_comparison

        make_folder(options.html.parent)
        print(f"\npage: {write_comparison(side_by_side(entries, details=True), options.html)}")
    return 0


def text(compared: SideBySide) -> str:
    """As tables for a terminal: settings, metrics, figures, and what a star means."""
    from seqjepa.diagnostics.tables import rendered

    first, names = compared.columns[0].name, [column.name for column in compared.columns]
    parts = []
    if compared.settings:
        table = _table("what differs in the configurations", names)
        for name, values in compared.settings:
            table.add_row(name, *values)
        parts.append(rendered(table, 240))
    elif any(column.entries[0].config for column in compared.columns):
        parts.append("the configurations do not differ")
    for title, rows in (("last epoch", compared.metrics), ("metric", compared.estimates)):
        if rows:
            parts.append(_figures(title, rows, names))
    several = any(len(column.entries) > 1 for column in compared.columns)
    told = any(cell.differs is not None for row in compared.estimates + compared.metrics for cell in row.cells)
    legend = []
    if told:
        legend.append(
            f"* it differs from {first}: 95 %, paired over images"
            + "; where both have several seeds, Welch's t-test over the seeds" * several
            + ". One figure in twenty would by chance."
        )
    if several:
        legend.append("± the standard deviation over seeds")
    return "\n\n".join(parts + ["\n".join([*legend, *compared.notes])] * bool(legend or compared.notes))


def _figures(title: str, rows: tuple[Row, ...], names: list[str]) -> str:
    from seqjepa.diagnostics.tables import rendered

    shown = len(names) <= DIFFERENCES_UP_TO
    of = any(row.of for row in rows)
    table = _table(title, [])
    if of:
        table.add_column("of", no_wrap=True)
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
        cells = [_value(row.cells[0])]
        for cell in row.cells[1:]:
            star = "*" if cell.differs else " "
            difference = "" if cell.difference is None else f"{_short(cell.difference, '+')}{star}"
            cells += [_value(cell), difference] if shown else [_value(cell) + star]
            if len(names) == 2:
                cells.append("[{}, {}]".format(*map(_short, cell.interval)) if cell.interval else "")
        table.add_row("" if row.metric == last and of else row.metric, *[row.of] * of, *cells)
        last = row.metric
    return rendered(table, 240)


def _table(title: str, names: list[str]):
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(title, no_wrap=True)
    for name in names:
        table.add_column(name, justify="right", overflow="fold")
    return table


def _value(cell: Cell) -> str:
    if cell.value is None:
        return "–"
    return _short(cell.value) + (f" ± {_short(cell.spread)}" if cell.spread is not None else "")


def _short(value: float, sign: str = "") -> str:
    return f"{value:{sign}.3f}" if abs(value) < 10 else f"{value:{sign}.1f}"
