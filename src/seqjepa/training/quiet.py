"""Threads of TensorBoard's that fail: what they met is raised where it is told in a line, and not printed as well."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_threads() -> Iterator[None]:
    """Within, a thread of TensorBoard's that fails prints no traceback: the next call raises what it met."""
    before = threading.excepthook

    def hook(failed: threading.ExceptHookArgs) -> None:
        if not type(failed.thread).__module__.startswith("tensorboard"):
            before(failed)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before
