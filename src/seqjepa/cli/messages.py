"""What the package says while it works, on the command line's standard output."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def shown_messages() -> Iterator[None]:
    """Within, messages of the package's loggers are printed, a line each."""
    logger, handler = logging.getLogger("seqjepa"), logging.StreamHandler(sys.stdout)
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
