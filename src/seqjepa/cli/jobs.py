"""Options of a command that runs many processes: how many at once, and where."""

from __future__ import annotations

import argparse
from typing import Any


def add_job_arguments(parser: argparse.ArgumentParser, what: str) -> None:
    """``--jobs``, ``--cluster`` and ``--cluster-options``; ``what`` is one of the many, as in "run"."""
    add = parser.add_argument
    add("--jobs", type=int, default=1, help=f"{what}s at once (default: 1)")
    add("--cluster", choices=("slurm", "local"), help=f"send each {what} to Slurm, through submitit")
    add("--cluster-options", nargs="+", default=[], metavar="NAME=V", help="what each job asks for")


def job_options(options: argparse.Namespace) -> dict[str, Any]:
    """``jobs``, ``cluster`` and ``cluster_options`` as keywords. Raises InputError for what is not NAME=VALUE."""
    from seqjepa.types import InputError

    if not all("=" in option for option in options.cluster_options):
        raise InputError("--cluster-options: give each as NAME=VALUE, as in timeout_min=240")
    named = dict(option.split("=", 1) for option in options.cluster_options)
    return {"jobs": options.jobs, "cluster": options.cluster, "cluster_options": named}
