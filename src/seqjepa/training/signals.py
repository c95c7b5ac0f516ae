"""Being asked to stop: Ctrl-C and SIGTERM."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(KeyboardInterrupt):
    """The process was asked to stop by a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.signal = number


_waiting: list[int] = []  # empty outside ``undisturbed``; within, a 0 and then the signals that came


@contextmanager
def undisturbed() -> Iterator[None]:
    """Within, a first signal waits for the end: for files that should agree with one another."""
    _waiting.append(0)
    try:
        yield
    finally:
        came = _waiting[1:]
        _waiting.clear()
    if came:
        raise Stopped(came[0])


@contextmanager
def stoppable() -> Iterator[None]:
    """Within, the first Ctrl-C or SIGTERM raises ``Stopped``; a second one ends the process at once.

    Ending at once costs nothing that is saved, since files are written whole or not at all. A signal that the process
    was started to ignore (nohup) stays ignored, and outside the main thread, where Python allows no handlers, nothing
    changes.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, end_at_once)
        if not _waiting:
            raise Stopped(number)
        _waiting.append(number)

    def end_at_once(number: int, frame: FrameType | None) -> None:
        os._exit(128 + number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
        before = {each: handler for each, handler in before.items() if handler is not signal.SIG_IGN}
    try:
        for each in before:
            signal.signal(each, stop)
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler or signal.SIG_DFL)
