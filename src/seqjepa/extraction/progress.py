"""How far encoding is: a bar on a terminal, a line now and then in a file, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from rich.progress import Progress as Bar

from seqjepa.extraction.plan import duration
from seqjepa.io.bars import bar_console

Progress = bool | Literal["lines"]
LINE_SECONDS = 30.0


@contextmanager
def shown_progress(progress: Progress, what: str, total: int, before: int = 0) -> Iterator[Callable[[int], None]]:
    """Within, a function that is told how much more is done.

    Args:
        progress: True for a bar, "lines" for a line on standard error every ``LINE_SECONDS``, False for nothing.
        what: is done.
        total: how much there is.
        before: how much of it was done by an earlier process, and takes no time now; it is told of as well.
    """
    if progress == "lines":
        yield _Lines(what, total, before)
        return
    with Bar(disable=not progress, transient=True, console=bar_console()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda more: bar.advance(task, more)


class _Lines:
    def __init__(self, what: str, total: int, before: int) -> None:
        self._what, self._total, self._before, self._done = what, total, before, 0
        self._began = self._last = time.monotonic()

    def __call__(self, more: int) -> None:
        self._done += more
        now = time.monotonic()
        if now - self._last >= LINE_SECONDS and self._before < self._done < self._total:
            self._last = now
            left = duration((now - self._began) * (self._total - self._done) / (self._done - self._before))
            share = f"{self._done:,} of {self._total:,} ({100 * self._done / self._total:.0f} %)"
            print(f"{self._what}: {share}, about {left} left", file=sys.stderr, flush=True)
