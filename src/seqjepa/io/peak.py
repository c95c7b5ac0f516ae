"""The most memory that a piece of work takes, measured while it runs."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import torch

CLEAR = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")


class MemoryWatch:
    """What is taken above what was taken when the watch was made: of a GPU by its allocator, else by this process.

    Args:
        device: where the work is done.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.restart()
        self._before = self._highest()

    def restart(self) -> None:
        """Forget the peak until now. Linux and CUDA can; elsewhere the highest peak of all stays."""
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
            return
        with suppress(OSError):  # no Linux, or not allowed: an earlier peak stays
            CLEAR.write_text("5")

    def peak(self) -> int:
        """Bytes, at most, that were taken at once since ``restart``, above those when the watch was made."""
        return max(0, self._highest() - self._before)

    def _highest(self) -> int:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
            return torch.cuda.max_memory_allocated(self._device)
        try:
            lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
            return int(lines["VmHWM"].split()[0]) * 1024
        except (OSError, ValueError, KeyError, IndexError):  # no Linux
            if sys.platform == "win32":
                return 0  # it keeps no such count in the standard library
            resource = import_module("resource")
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            return peak if sys.platform == "darwin" else peak * 1024
