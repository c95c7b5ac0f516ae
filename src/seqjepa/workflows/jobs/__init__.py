"""Work in processes of its own, several at once: on this machine, or on a cluster through submitit."""

from seqjepa.workflows.jobs.running import check_jobs, run_jobs
from seqjepa.workflows.jobs.work import Outcome, Work

__all__ = ["Outcome", "Work", "check_jobs", "run_jobs"]
