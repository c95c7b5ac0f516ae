"""What the package says while it works, on the command line's standard output."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _ToOutput(logging.StreamHandler):
    """Of standard output; when nobody reads it any more the command ends, as by a ``print``."""

    def handleError(self, record: logging.LogRecord) -> None:
        if isinstance(sys.exception(), BrokenPipeError):
            raise
        super().handleError(record)


@contextmanager
def shown_messages() -> Iterator[None]:
    """Within, messages of the package's loggers are printed, a line each."""
    logger, handler = logging.getLogger("seqjepa"), _ToOutput(sys.stdout)
    level, propagates = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagates
