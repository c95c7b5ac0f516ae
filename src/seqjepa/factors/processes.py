"""Rendering in several processes, where one takes long: the same images as in one, in the same order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import joblib
import torch
from joblib.externals.loky.process_executor import BrokenProcessPool
from torch import Tensor

from seqjepa.types import InputError

WORTH_IT = 8.0  # seconds that one process would take for the rest; each further one takes two or three to begin
MOST = 8

Part = tuple[Tensor, Tensor]  # identities (B,) and values (B, F), as many as there are in each part
Render = Callable[[Any, Tensor, Tensor], Tensor]  # from a scene and a part to its images (B, C, H, W), 8 bits


def rendered_parts(render: Render, scene: Any, parts: list[Part]) -> Iterator[Tensor]:
    """Each part's images, in order.

    A scene that says ``several_processes = True`` is rendered by as many processes as PyTorch has threads, where what
    is left after the first part would take one process more than ``WORTH_IT`` seconds. They are fresh interpreters and
    no copies of this one: a script needs no guard, and threads that run here do not matter there.

    Args:
        render: a function of a module, from a scene, identities and values to images.
        scene: that is rendered; with ``several_processes`` it is sent to others.
        parts: identities and values.

    Raises:
        InputError: a process ended, or ``render`` raised in it.
    """
    if not parts:
        return
    start = time.perf_counter()
    yield render(scene, *parts[0])
    left = parts[1:]
    count = min(torch.get_num_threads(), len(left), MOST)
    long = (time.perf_counter() - start) * len(left) > WORTH_IT
    if not (count > 1 and long and getattr(scene, "several_processes", False)):
        for part in left:
            yield render(scene, *part)
        return
    work = (joblib.delayed(_rendered)(render, scene, *(each.numpy() for each in part)) for part in left)
    try:
        for images in joblib.Parallel(count, return_as="generator")(work):
            yield torch.from_numpy(images)
    except BrokenProcessPool as error:
        raise InputError(f"scene: a process that rendered it ended ({error})") from error


def _rendered(render: Render, scene: Any, identities: Any, values: Any) -> Any:
    """In another process: arrays in and out, which share no memory with it."""
    return render(scene, torch.from_numpy(identities), torch.from_numpy(values)).numpy()
