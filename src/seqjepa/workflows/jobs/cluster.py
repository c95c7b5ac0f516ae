"""Work on a cluster, through submitit: one job a member."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqjepa.io.files import write_atomic
from seqjepa.io.untrusted import is_there, read_text
from seqjepa.types import InputError
from seqjepa.types.limits import LOG_BYTES
from seqjepa.workflows.jobs.local import start
from seqjepa.workflows.jobs.work import AnyWork, Outcome, Work

DAY = 24 * 60  # minutes: submitit's own limit is five
LOST = 1  # exit code of a job that ended without saying how


@dataclass(frozen=True)
class Job:
    """A member as submitit sends it: words alone, since whatever else would have to be pickled.

    Preempted or out of time it is sent again, and goes on where it stopped.
    """

    name: str
    command: tuple[str, ...]
    log: Path

    def __call__(self) -> None:
        process = start(self.command, self.log, dict(os.environ))
        try:
            code = process.wait()
            write_atomic(code_file(self.log), str(code))
        finally:  # the job itself is asked to end
            process.terminate()
            process.wait()
        if code:
            raise RuntimeError(f"{self.name}: exit code {code}, see {self.log}")

    def checkpoint(self) -> Any:
        """What submitit sends again when a job was preempted or ran out of time: the same."""
        import submitit

        return submitit.helpers.DelayedSubmission(self)


def code_file(log: Path) -> Path:
    """Where a job leaves its exit code, so that nothing that it sends back has to be unpickled."""
    return log.with_name(f"{log.name}.code")


def check_cluster(cluster: str) -> None:
    """Raises InputError when the engine is not installed."""
    if importlib.util.find_spec("submitit") is None:
        raise InputError(f"--cluster {cluster}: submitit is not installed; pip install 'seqjepa[cluster]'")


def run_on_cluster(
    members: Sequence[AnyWork],
    folder: Path,
    cluster: str,
    options: Mapping[str, str],
    jobs: int,
    report: Callable[[Outcome[AnyWork]], None],
    meanwhile: Callable[[Sequence[AnyWork]], None] = lambda running: None,
    every: float = 2.0,
) -> None:
    """Submit members, at most ``jobs`` running at once, and report each as it ends. Interrupted, it cancels them.

    Args:
        members: to be run.
        folder: for submitit's own files; every machine must see it.
        cluster: "slurm", or "local" to try the same path on this machine.
        options: of submitit's ``AutoExecutor``: timeout_min, cpus_per_task, gpus_per_node, slurm_partition, …
        jobs: running at once.
        report: called with each member's outcome.
        meanwhile: called now and then with those that have not ended.
        every: seconds between looks at the jobs.

    Raises:
        InputError: an option that submitit does not know, or a cluster that is not there.
    """
    check_cluster(cluster)
    import submitit

    if not members:
        return
    for member in members:
        code_file(member.log).unlink(missing_ok=True)  # of an earlier attempt
    parameters = {name: int(value) if value.isdecimal() else value for name, value in options.items()}
    try:
        executor = submitit.AutoExecutor(folder=folder, cluster=cluster)
        executor.update_parameters(**({"timeout_min": DAY, "slurm_array_parallelism": jobs} | parameters))
        with executor.batch():
            submitted = [executor.submit(Job(member.name, tuple(member.command()), member.log)) for member in members]
    except (NameError, TypeError, RuntimeError) as error:  # what submitit raises for each of these
        raise InputError(f"--cluster {cluster}: {' '.join(str(error).split())}") from error
    started, running = time.perf_counter(), list(zip(members, submitted))
    try:
        while running:
            for member, job in [(member, job) for member, job in running if job.done(force_check=True)]:
                running.remove((member, job))
                report(Outcome(member, _code(member), time.perf_counter() - started))
            meanwhile([member for member, _ in running])
            time.sleep(every)
    finally:
        for _, job in running:
            job.cancel(check=False)


def _code(member: Work) -> int:
    file = code_file(member.log)
    said = read_text(file, LOG_BYTES) if is_there(file) else ""
    return int(said) if said.lstrip("-").isdecimal() else LOST
