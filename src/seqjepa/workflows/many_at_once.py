"""Several encoders at once: each diagnosed by a ``seqjepa diagnose`` of its own, here or on a cluster."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqjepa.diagnostics import Diagnosis
from seqjepa.extraction.plan import duration
from seqjepa.extraction.progress import LINE_SECONDS
from seqjepa.io.files import make_folder
from seqjepa.training.lock import locked
from seqjepa.training.signals import stoppable
from seqjepa.types import InputError
from seqjepa.workflows.home import saved_diagnoses
from seqjepa.workflows.jobs import Outcome, run_jobs
from seqjepa.workflows.jobs.running import SUBMITIT
from seqjepa.workflows.jobs.work import last_words
from seqjepa.workflows.typed import diagnose_command

LOG = logging.getLogger(__name__)
LOGS = "logs"


@dataclass(frozen=True)
class Asked:
    """One encoder of several.

    Attributes:
        name: as the user calls it.
        folder: its own.
        log: what its process prints.
        typed: what diagnoses it.
    """

    name: str
    folder: Path
    log: Path
    typed: tuple[str, ...]

    def command(self) -> list[str]:
        """See ``diagnose_command``."""
        return list(self.typed)


def diagnose_at_once(
    encoders: Mapping[str, Any],
    folders: Mapping[str, str],
    home: Path,
    options: Mapping[str, Any],
    *,
    jobs: int,
    cluster: str | None,
    cluster_options: Mapping[str, str] | None,
) -> tuple[dict[str, dict[str, Diagnosis]], dict[str, str]]:
    """The diagnoses by encoder and layer, and the encoders that failed, with the reason.

    Args:
        encoders: by name; each is a name itself, since no object can be had in another process.
        folders: of each, its name in ``home``.
        home: of all of them; what each process prints lies in ``logs`` in it.
        options: keywords of ``diagnose_encoder``, and ``scene``.
        jobs, cluster, cluster_options: see ``run_jobs``.

    Raises:
        InputError: something is given as an object, another process is at work in the folder, or the cluster refuses.
    """
    if taken := [name for name, own in folders.items() if own.lower() in (LOGS, SUBMITIT)]:
        raise InputError(f"encoders: {taken[0]!r} is the name of a folder that is needed; name it, as in mine=ENCODER")
    logs = home / LOGS
    members = [
        Asked(
            name,
            home / folders[name],
            logs / f"{folders[name]}.txt",
            diagnose_command(name, of, home / folders[name], options),
        )
        for name, of in encoders.items()
    ]
    found: dict[str, dict[str, Diagnosis]] = {}
    failed: dict[str, str] = {}

    def report(outcome: Outcome[Asked]) -> None:
        asked = outcome.member
        if outcome.code:
            failed[asked.name] = outcome.reason()
            LOG.warning("passed over: %s: %s", asked.name, failed[asked.name])
            return
        found[asked.name] = saved_diagnoses(asked.folder, named=bool(options.get("layers")))
        LOG.info("%s: done in %s, %d of %d", asked.name, duration(outcome.seconds), len(found), len(members))

    make_folder(home)
    with locked(home), stoppable():
        make_folder(logs)
        LOG.info("%d encoders, %d at once; what each has to say: %s", len(members), jobs, logs)
        run_jobs(members, home, report, jobs=jobs, cluster=cluster, options=cluster_options, meanwhile=_Telling())
    order = list(encoders)
    return {name: found[name] for name in order if name in found}, {n: failed[n] for n in order if n in failed}


class _Telling:
    """Says now and then how far each process is, by its last words, where they are new."""

    def __init__(self) -> None:
        self._last, self._said = time.monotonic(), dict[str, str]()

    def __call__(self, running: Sequence[Asked]) -> None:
        if time.monotonic() - self._last < LINE_SECONDS:
            return
        self._last = time.monotonic()
        for asked in running:
            said = last_words(asked.log)
            if said and said != self._said.get(asked.name):
                self._said[asked.name] = said
                LOG.info("%s: %s", asked.name, said)
