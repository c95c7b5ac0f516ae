"""What a person sees while a model trains: a line an epoch, below it a bar with the time left, a table at the end."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from seqjepa.io.bars import bar_console
from seqjepa.training.config import Config

# metric: its title and how it is printed
COLUMNS = {
    "epoch": ("epoch", "{:.0f}"),
    "loss": ("loss", "{:.3f}"),
    "prediction": ("1 - cos", "{:.4f}"),
    "linacc_test": ("z_agg class", "{:.1f} %"),
    "leakage_linacc_test": ("z class", "{:.1f} %"),
    "r2_test": ("action R²", "{:.3f}"),
}
RANKS = {"rank_eq_eff": ("z rank", "{:.1f}"), "rank_inv_eff": ("z_agg rank", "{:.1f}")}
WIDTH = 9


class Progress:
    """A context in which ``step`` is called each step and ``epoch`` with each row of metrics.

    Args:
        config: of the run.
        steps: an epoch.
        done: epochs that a resumed run had finished.
        about: device, precision and folder, for the first line.
        shown: False for processes that print nothing.
    """

    def __init__(self, config: Config, steps: int, done: int, about: str, *, shown: bool = True) -> None:
        self.name, self.about, self.console = (
            config.name,
            about,
            bar_console(highlight=False, markup=False, emoji=False, quiet=not shown),
        )
        self.bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps ·"),
            TimeElapsedColumn(),
            TextColumn("· left"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        self.epochs = config.epochs
        self.task = self.bar.add_task(self._about(done), total=config.epochs * steps, completed=done * steps)

    def __enter__(self) -> Progress:
        self.console.print(f"{self.name} · {self.about}", soft_wrap=True)
        self.console.print("  ".join(title.rjust(WIDTH) for title, _ in COLUMNS.values()), style="bold")
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def step(self) -> None:
        """One step further."""
        self.bar.advance(self.task)

    def epoch(self, row: dict) -> None:
        """Print the epoch's line; what was not measured stays empty."""
        cells = (
            (form.format(row[key]) if key in row else "").rjust(max(WIDTH, len(title)))
            for key, (title, form) in COLUMNS.items()
        )
        self.console.print("  ".join(cells))
        self.bar.update(self.task, description=self._about(row["epoch"]))

    def _about(self, done: int) -> str:
        return f"epoch {min(done + 1, self.epochs)} of {self.epochs}"


def print_summary(rows: list[dict]) -> None:
    """First, middle and last epoch as a table, with ranks where they were measured."""
    if not rows:
        return
    columns = COLUMNS | {key: value for key, value in RANKS.items() if any(key in row for row in rows)}
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    for title, _ in columns.values():
        table.add_column(title, justify="right", no_wrap=True)
    for index in sorted({0, len(rows) // 2, len(rows) - 1}):
        row = rows[index]
        table.add_row(*(form.format(row[key]) if key in row else "" for key, (_, form) in columns.items()))
    Console().print(table)
    print("Held out. class: a linear probe's accuracy; action R²: the first relative action read from two views.")
