"""How figures look, and how they are saved: one place for colours, sizes and formats."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from seqjepa.diagnostics.estimate import Estimate
from seqjepa.io.files import write_atomic
from seqjepa.types import InputError
from seqjepa.types.checking import user_path

Asked = ParamSpec("Asked")
LONGEST = 20  # characters of a name
FORMATS = ("svg", "png", "pdf")
# Okabe & Ito (2008): told apart by colour-blind readers, and by their brightness in print.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#767676"
CYCLIC, SEQUENTIAL = "twilight_shifted", "viridis"
STYLE: Any = {  # Any: matplotlib wants its own names of settings as a type
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "text.parse_math": False,  # names may hold a dollar sign
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.6,
    "svg.fonttype": "path",
    "svg.hashsalt": "seqjepa",  # the same figure gives the same file
    "pdf.fonttype": 42,
}


# Inches that a figure may be wide, where it is for a journal's column; None for a screen.
WIDTH: ContextVar[float | None] = ContextVar("width", default=None)
COLUMN = {"single": 3.3, "double": 6.9}  # of most journals, in inches
FINE = {"font.size": 7, "axes.titlesize": 7, "legend.fontsize": 6, "lines.linewidth": 1.1, "lines.markersize": 3.5}
NARROWEST = 1.6  # inches of a panel that can still be read


@contextmanager
def in_column(width: float) -> Iterator[None]:
    """Within, figures are drawn exactly so many inches wide, with fine print and as many panels in a row as fit."""
    token = WIDTH.set(width)
    try:
        yield
    finally:
        WIDTH.reset(token)


def styled(make: Callable[Asked, Figure]) -> Callable[Asked, Figure]:
    """A function that draws, in this style whatever the caller has set matplotlib to, which stays as it was."""

    @functools.wraps(make)
    def drawn(*args: Asked.args, **more: Asked.kwargs) -> Figure:
        settings: Any = {**matplotlib.rcParamsDefault, **STYLE, **(FINE if WIDTH.get() else {})}
        with matplotlib.rc_context(settings):
            return make(*args, **more)

    return drawn


def panels(columns: int, rows: int = 1, width: float = 3.2, height: float = 2.5, **more: Any) -> tuple[Figure, Any]:
    """A figure with an array (rows, columns) of axes; pyplot is not involved.

    Args:
        columns, rows: how many axes.
        width, height: of each, in inches.
        more: for ``Figure.subplots``.
    """
    if (column := WIDTH.get()) is None:
        figure = Figure((width * columns, height * rows), layout="constrained")
        return figure, figure.subplots(rows, columns, squeeze=False, **more)
    stacked = rows == 1 and column < NARROWEST * columns  # where a row of panels does not fit, they stand in a column
    across, down = (1, columns) if stacked else (columns, rows)
    panel = column / across
    tall = height * min(1.0, max(panel / width, NARROWEST / height if across < 3 else 0.0))
    figure = Figure((column, tall * down), layout="constrained")
    return figure, figure.subplots(down, across, squeeze=False, **more).reshape(rows, columns)


def fine(size: float) -> float:
    """A size of print that was chosen for a screen, smaller where the figure is for a column."""
    return size if WIDTH.get() is None else 0.68 * size


def column_width(text: str) -> float:
    """Inches of "single", "double", or of a number from 1 to 20. Raises InputError for anything else."""
    try:
        inches = COLUMN[text] if text in COLUMN else float(text)
    except ValueError:
        inches = 0.0
    if not 1 <= inches <= 20:
        raise InputError(f"width: {text!r} is not single, double, or a number of inches from 1 to 20")
    return inches


def grid(count: int, columns: int = 3, **more: Any) -> tuple[Figure, list[Axes]]:
    """A figure with so many axes in rows of ``columns``; what is left over of the last row stays empty."""
    if (column := WIDTH.get()) is not None:
        columns = min(columns, max(1, int(column / NARROWEST)))
    rows = -(-count // columns)
    figure, axes = panels(min(count, columns), rows, **more)
    for axis in axes.flat[count:]:
        axis.set_visible(False)
    return figure, list(axes.flat[:count])


def colour_of(names: Sequence[str]) -> dict[str, str]:
    """A colour for each name, by its place."""
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}


def ranged(answer: Estimate, digits: int = 2, percent: bool = False) -> str:
    """A value with its 95 % interval, if it has one: "0.36 [0.34, 0.38]", or in per cent "36 % [34, 38]".

    Args:
        answer: with a value.
        digits: after the point; none in per cent.
        percent: whether to multiply by 100.
    """
    scale, digits = (100, 0) if percent else (1, digits)
    value = f"{scale * (answer.value or 0.0):z.{digits}f}" + " %" * percent
    if answer.interval is None:
        return value
    return value + " [{:z.{d}f}, {:z.{d}f}]".format(*(scale * end for end in answer.interval), d=digits)


def caption(figure: Figure, text: str) -> None:
    """What the numbers rest on, small, under the figure, so that it stays with it when it is saved."""
    figure.supxlabel(text, fontsize=fine(7.5), color=GREY, wrap=True)


def plain(axes: Axes) -> None:
    """Without frame, ticks or grid: for images."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def logarithmic_y(axes: Axes) -> None:
    """A logarithmic y axis with plain numbers: matplotlib's own powers are mathematics, which is off in this style."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def legible(name: str) -> str:
    """A factor's or metric's name as people write it, cut where no figure could hold it."""
    before = next((word for word in ("without ", "part ") if name.startswith(word)), "")
    name = name.removeprefix(before)
    axes = {"translate_x": "x", "translate_y": "y", "translation": "x and y"}
    named = before + axes.get(name, name.replace("_", " "))
    return named if len(named) <= LONGEST else named[: LONGEST - 1] + "…"


def check_formats(formats: Sequence[str]) -> None:
    """Raises InputError for the first that is not one of FORMATS."""
    for kind in formats:
        if kind not in FORMATS:
            raise InputError(f"formats: {kind!r} is not one of {', '.join(FORMATS)}")


def rendered(figure: Figure, kind: str = "svg", dpi: int = 150) -> bytes:
    """The file's content, the same for the same figure. Raises InputError for a format that is not one of FORMATS."""
    check_formats([kind])
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}[kind]
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        # Cut to what is drawn, unless the width is what matters.
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=undated, bbox_inches=None if WIDTH.get() else "tight")
    return buffer.getvalue()


def save_figure(figure: Figure, path: str | Path) -> None:
    """Written whole or not at all, in the format that the path ends in."""
    file = user_path(path)
    write_atomic(file, rendered(figure, file.suffix.removeprefix(".")))
