"""How much memory there is, so that what cannot fit is refused before work and not after hours of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from seqjepa.types import InputError

CGROUP = Path("/sys/fs/cgroup")


def check_memory(what: str, needed: int, smaller: str) -> None:
    """Refuse what needs more memory than there is.

    Args:
        what: the work, first words of the message.
        needed: bytes, at the least.
        smaller: what to make smaller.

    Raises:
        InputError: there is less.
    """
    there = available_memory()
    if needed > there:
        raise InputError(f"{what}: needs {needed / 1e9:.1f} GB of memory, and {there / 1e9:.1f} are free; {smaller}")


def total_memory() -> int:
    """Bytes that the machine has; as many as there are numbers where the system does not say, as Windows does not."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else sys.maxsize


def available_memory() -> int:
    """Bytes that this process may still take: of the machine, or of its container where that has fewer.

    As many as there are numbers where the system does not say, as Windows does not.
    """
    free = total_memory()
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        free = int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError, IndexError):
        pass  # no Linux, or one of its own kind: all there is
    try:
        limit, used = (int((CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        free = min(free, max(limit - used, 0))
    except (OSError, ValueError):
        pass  # no container, or one without a limit ("max")
    return free
