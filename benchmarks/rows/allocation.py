"""What it is worth that freed memory stays with the process: a forward pass, and a training step."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median
from unittest.mock import patch

import torch

from rows.effort import Effort
from rows.row import Row
from rows.stand_ins import PIXELS, ResNet50, ViTSmall
from rows.stepping import Step, recipe
from rows.timing import said
from seqjepa.types.allocation import THEIRS, keep_freed_memory

BATCH = 32


def rows(effort: Effort) -> list[Row]:
    batch = effort.batch or BATCH
    of = f"a forward pass, {batch} views at {PIXELS} px"
    networks = {} if effort.tiny else {f"ResNet-50, {of}": of_resnet, f"ViT-S/16, {of}": of_vit}
    return [compared(what, work, effort) for what, work in {**networks, "a step of mnist_affine": of_step}.items()]


def compared(what: str, work: Callable[[Effort], list[float]], effort: Effort) -> Row:
    """Each in a process of its own, since what the allocator was told cannot be taken back; twice, in turns."""
    took: dict[bool, list[float]] = {True: [], False: []}
    for kept in (False, True) if effort.tiny else (False, True, True, False):
        with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
            took[kept] += pool.submit(timed, work, kept, effort).result()
    back, stays = median(took[False]), median(took[True])
    floor, values = f"memory goes back to the system: {said(back)}", {"goes_back_s": back, "stays_s": stays}
    return Row(f"{what}, times faster where freed memory stays", floor, said(stays), back / stays, values=values)


def timed(work: Callable[[Effort], list[float]], kept: bool, effort: Effort) -> list[float]:
    """Seconds of each round; without, as if the user had asked for glibc's own thresholds."""
    if kept:
        keep_freed_memory()
        return work(effort)
    with patch.dict("os.environ", {THEIRS[-1]: ""}):
        return work(effort)


def rounds(once: Callable[[], object], effort: Effort) -> list[float]:
    once()
    took = []
    for _ in range(effort.few):
        begun = time.perf_counter()
        once()
        took.append(time.perf_counter() - begun)
    return took


def of_resnet(effort: Effort) -> list[float]:
    return _forward(ResNet50(), effort)


def of_vit(effort: Effort) -> list[float]:
    return _forward(ViTSmall(), effort)


def of_step(effort: Effort) -> list[float]:
    return rounds(Step(recipe("mnist_affine", effort)).whole, effort)


def _forward(network: torch.nn.Module, effort: Effort) -> list[float]:
    network.eval()
    views = torch.rand(effort.batch or BATCH, 3, PIXELS, PIXELS)
    with torch.inference_mode():
        return rounds(lambda: network(views), effort)
