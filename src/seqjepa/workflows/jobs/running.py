"""Where processes run, and how many at once: one choice for whatever runs many."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from seqjepa.types import InputError
from seqjepa.types.limits import MEMBERS
from seqjepa.workflows.jobs.cluster import check_cluster, run_on_cluster
from seqjepa.workflows.jobs.local import run_here
from seqjepa.workflows.jobs.work import AnyWork, Outcome

SUBMITIT = "submitit"  # its own files


def check_jobs(jobs: int, cluster: str | None, options: Mapping[str, str] | None) -> None:
    """Raises InputError for a number that cannot be, options of no cluster, and a cluster's engine that is missing."""
    if isinstance(jobs, bool) or not isinstance(jobs, int) or not 1 <= jobs <= MEMBERS:
        raise InputError(f"--jobs is a number from 1 to {MEMBERS}")
    if options and not cluster:
        raise InputError("--cluster-options: say which cluster with --cluster")
    if cluster:
        check_cluster(cluster)


def run_jobs(
    members: Sequence[AnyWork],
    folder: Path,
    report: Callable[[Outcome[AnyWork]], None],
    *,
    jobs: int = 1,
    cluster: str | None = None,
    options: Mapping[str, str] | None = None,
    meanwhile: Callable[[Sequence[AnyWork]], None] = lambda running: None,
) -> None:
    """Run members, each in a process of its own, and report each as it ends; interrupted, all of them end.

    Args:
        members: in the order in which they begin.
        folder: of all of them; a cluster's own files lie in it.
        report: called with each member's outcome.
        jobs: running at once.
        cluster: "slurm" or "local" to send members through submitit; None runs them on this machine.
        options: of submitit's ``AutoExecutor``.
        meanwhile: called now and then with those that have not ended.

    Raises:
        InputError: a cluster that refuses.
    """
    if cluster:
        run_on_cluster(members, folder / SUBMITIT, cluster, options or {}, jobs, report, meanwhile)
    else:
        run_here(members, jobs, report, meanwhile)
