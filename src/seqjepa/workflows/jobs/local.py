"""Work on this machine: each member is a process of its own, so that none can take another down with it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from seqjepa.io.files import check_regular
from seqjepa.workflows.jobs.work import AnyWork, Outcome


def run_here(
    members: Sequence[AnyWork],
    jobs: int,
    report: Callable[[Outcome[AnyWork]], None],
    meanwhile: Callable[[Sequence[AnyWork]], None] = lambda running: None,
) -> None:
    """Run members, ``jobs`` at once, and report each as it ends. Interrupted, it has them save and end.

    Several at once share out the cores, unless OMP_NUM_THREADS is set, and take the GPUs in turn.

    Args:
        members: in the order in which they begin.
        jobs: running at once.
        report: called with each member's outcome.
        meanwhile: called now and then with those that run.
    """
    waiting, slots = list(reversed(members)), list(range(jobs))
    running: dict[subprocess.Popen, tuple[AnyWork, int, float]] = {}
    try:
        while waiting or running:
            while waiting and slots:
                member, slot = waiting.pop(), slots.pop(0)
                process = start(member.command(), member.log, _environment(jobs, slot))
                running[process] = member, slot, time.perf_counter()
            for process in [process for process in running if process.poll() is not None]:
                member, slot, started = running.pop(process)
                slots.append(slot)
                report(Outcome(member, process.returncode, time.perf_counter() - started))
            meanwhile([member for member, _, _ in running.values()])
            time.sleep(0.1)
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()


def start(command: Sequence[str], log_file: Path, environment: dict[str, str]) -> subprocess.Popen:
    """A member's process, in a session of its own: Ctrl-C is for whoever started it, who ends it in good order."""
    check_regular(log_file)
    with log_file.open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True)


def _environment(jobs: int, slot: int) -> dict[str, str]:
    environment = dict(os.environ)
    if jobs > 1:
        environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))
        named = environment.get("CUDA_VISIBLE_DEVICES")
        devices = named.split(",") if named else [str(number) for number in range(torch.cuda.device_count())]
        if len(devices) > 1:
            environment["CUDA_VISIBLE_DEVICES"] = devices[slot % len(devices)]
    return environment
