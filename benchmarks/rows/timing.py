"""Seconds of several pieces of work in one run, interleaved, so that a busy moment meets all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

import torch

Work = Callable[[], object]


def interleaved(works: Mapping[str, Work], repeats: int, device: str = "cpu", warm: int = 1) -> dict[str, list[float]]:
    """Each work's seconds in every round, after rounds to warm up; on a GPU by its own events."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for repeat in range(warm + repeats):
        for name, work in works.items():
            seconds = seconds_of(work, device)
            if repeat >= warm:
                found[name].append(seconds)
    return found


def seconds_of(work: Work, device: str = "cpu") -> float:
    """How long one piece of work takes; on a GPU from when it starts there until it ends there."""
    if device == "cpu":
        start = time.perf_counter()
        work()
        return time.perf_counter() - start
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    start.record()
    work()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / 1e3


def ratio(of: list[float], to: list[float]) -> float:
    """The median of the rounds' ratios."""
    return median(a / b for a, b in zip(of, to, strict=True))


def said(seconds: float) -> str:
    """Seconds in the unit that suits them."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.1f} ms"
