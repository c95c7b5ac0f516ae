"""What a person sees while a model trains: a line an epoch, and below it a bar with the time left."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

COLUMNS = {
    "epoch": ("epoch", "{:>5.0f}"),
    "loss": ("loss", "{:>8.3f}"),
    "prediction": ("prediction", "{:>10.4f}"),
    "linacc_test": ("class z_agg %", "{:>13.1f}"),
    "leakage_linacc_test": ("class z %", "{:>9.1f}"),
    "r2_test": ("action R²", "{:>9.3f}"),
}


class Progress:
    """A context in which ``step`` is called each step and ``epoch`` with each row of metrics."""

    def __init__(self, epochs: int, steps: int, done: int) -> None:
        self.console = Console(highlight=False)
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
        self.task = self.bar.add_task("training", total=epochs * steps, completed=done * steps)

    def __enter__(self) -> Progress:
        self.console.print("  ".join(title.rjust(len(form.format(0.0))) for title, form in COLUMNS.values()), style="bold")
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def step(self) -> None:
        self.bar.advance(self.task)

    def epoch(self, row: dict) -> None:
        self.bar.console.print("  ".join(form.format(row[key]) for key, (_, form) in COLUMNS.items()))
