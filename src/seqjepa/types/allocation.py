"""Memory that is freed stays with the process, where the next step needs as much again."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # mallopt(3); both in bytes
MOST, LARGEST = 2**30, 2**28  # kept in all, and of one block: larger ones would leave holes that nothing else fits into
THEIRS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


@cache
def keep_freed_memory() -> bool:
    """Keep up to 1 GiB of freed memory, of blocks up to 256 MiB, while the process lasts; whether that was granted.

    glibc gives large blocks back to the system as soon as they are freed. A forward pass allocates the same ones again,
    and the kernel clears every page of them first, which was up to half of a pass (``docs/performance.md``). Where the
    user has set the allocator's thresholds in the environment, theirs stand; elsewhere than in glibc nothing is done.
    """
    if sys.platform != "linux" or any(name in os.environ for name in THEIRS):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # another C library
        return False
    return bool(mallopt(MMAP_THRESHOLD, LARGEST)) and bool(mallopt(TRIM_THRESHOLD, MOST))
