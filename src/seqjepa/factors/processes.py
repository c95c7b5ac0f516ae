"""Rendering in several processes, where one takes long: the same images as in one, in the same order."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from seqjepa.types import InputError

WORTH_IT = 8.0  # seconds that one process would take for the rest; each further one takes two or three to begin
MOST = 8
START = "from seqjepa.factors.processes import work; work()"

Part = tuple[Tensor, Tensor]  # identities (B,) and values (B, F), as many as there are in each part
Render = Callable[[Any, Tensor, Tensor], Tensor]  # from a scene and a part to its images (B, C, H, W), 8 bits


def rendered_parts(render: Render, scene: Any, parts: list[Part]) -> Iterator[Tensor]:
    """Each part's images, in order.

    A scene that says ``several_processes = True`` is rendered by as many processes as PyTorch has threads, where what
    is left after the first part would take one process more than ``WORTH_IT`` seconds. They are fresh interpreters and
    no copies of this one: a script needs no guard, and threads that run here do not matter there.

    Args:
        render: a function of a module, from a scene, identities and values to images.
        scene: that is rendered; with ``several_processes`` it is pickled.
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
    started = [_started(render, scene, left[first::count]) for first in range(count)]
    try:
        for place in range(len(left)):
            yield _next_of(started[place % count])
    finally:
        for process in started:
            process.kill()
            process.communicate()


def _started(render: Render, scene: Any, parts: list[Part]) -> subprocess.Popen[bytes]:
    """A process that renders these parts, one after the other."""
    paths = os.pathsep.join(path for path in sys.path if path)
    told = [tuple(each.numpy() for each in part) for part in parts]
    with tempfile.TemporaryFile() as file:  # a pipe would hold this process until that one reads
        file.write(pickle.dumps(((render, scene), told)))
        file.seek(0)
        return subprocess.Popen(
            [sys.executable, "-c", START],
            stdin=file,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        )


def _next_of(process: subprocess.Popen[bytes]) -> Tensor:
    assert process.stdout is not None
    try:
        found = pickle.load(process.stdout)  # noqa: S301  # of our own process
    except EOFError as error:
        raise InputError(f"scene: a process that rendered it ended, with code {process.wait()}") from error
    if isinstance(found, str):
        raise InputError(found)
    return torch.from_numpy(found)


def work() -> None:
    """What such a process does: renders what it is told on its input, to its output."""
    told = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what renderers print is no image
    (render, scene), parts = pickle.load(sys.stdin.buffer)  # noqa: S301  # of the process that began this one
    for identities, values in parts:
        try:
            made: Any = render(scene, torch.from_numpy(identities), torch.from_numpy(values)).numpy()
        except InputError as error:
            made = str(error)
        pickle.dump(made, told)
        told.flush()
