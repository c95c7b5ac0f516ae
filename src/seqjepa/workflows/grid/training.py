"""A grid from beginning to end: planned and refused before any run begins, trained, compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seqjepa.images import load_images
from seqjepa.io.files import check_folder, make_folder, write_atomic
from seqjepa.io.importing import import_object
from seqjepa.training.config import OBJECT, Config
from seqjepa.training.folder import to_csv
from seqjepa.training.lock import locked
from seqjepa.training.loggers import check_loggers
from seqjepa.training.scene_config import OWN_PICTURES
from seqjepa.training.signals import stoppable
from seqjepa.types import InputError
from seqjepa.types.checking import user_path
from seqjepa.types.limits import MEMBERS
from seqjepa.workflows.grid.members import Member, make_members
from seqjepa.workflows.grid.points import Point, compare_members, comparison_csv
from seqjepa.workflows.jobs import Outcome, check_jobs, run_jobs


@dataclass(frozen=True)
class Plan:
    """A grid that can begin.

    Attributes:
        members: its runs.
        folder: with a folder for each run, and comparison.csv.
        jobs: runs at once.
        cluster: "slurm" or "local" to send runs through submitit; None trains here.
        cluster_options: what each job asks for.
    """

    members: Sequence[Member]
    folder: Path
    jobs: int = 1
    cluster: str | None = None
    cluster_options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Trained:
    """What came of a grid: its points compared, and the runs that failed."""

    points: Sequence[Point]
    failed: Sequence[Outcome[Member]]


def plan_grid(
    config: Config,
    grid: Mapping[str, Sequence[str]],
    folder: str | Path | None = None,
    *,
    seeds: int = 1,
    jobs: int = 1,
    cluster: str | None = None,
    cluster_options: Mapping[str, str] | None = None,
) -> Plan:
    """Which runs a grid takes, after everything was refused that can be refused before the first one begins.

    Images are loaded once here, so that what is missing is fetched once and not by every run.

    Args:
        config: what all runs share.
        grid: fields and the values that they take, as ``parse_grid`` makes them.
        folder: of the grid; runs/grid-NAME unless another is named. Finished runs in it are skipped, begun ones are
            resumed.
        seeds: runs at each point of the grid.
        jobs: runs at once.
        cluster: "slurm" or "local", through submitit; None trains in processes of this machine.
        cluster_options: of submitit's ``AutoExecutor``.

    Raises:
        InputError: a count below 1; an unknown field or value; a folder that holds another configuration; images, an
            encoder of one's own or a library that is not there.
    """
    if not 1 <= seeds <= MEMBERS:
        raise InputError(f"--seeds is a number from 1 to {MEMBERS}")
    check_jobs(jobs, cluster, cluster_options)
    home = user_path(folder or Path("runs") / f"grid-{config.name}", "--out").resolve()
    check_folder(home)
    members = make_members(config, grid, seeds, home)
    _check_names(members)
    for member in members:
        check_loggers(member.config)
    loaded = [m.config.images for m in members if m.config.images.source != OWN_PICTURES]
    for source, root in {(images.source, images.root) for images in loaded}:
        for split in ("train", "test"):
            load_images(source, split, root)
    return Plan(members, make_folder(home), jobs, cluster, cluster_options or {})


def train_grid(
    plan: Plan,
    begun: Callable[[int], None] = lambda finished: None,
    ended: Callable[[Outcome[Member]], None] = lambda outcome: None,
) -> Trained:
    """Train the runs that are not finished, compare all, and write comparison.csv. A run that fails stops no other.

    Args:
        plan: see ``plan_grid``.
        begun: called before the first run with the number of runs that were finished before.
        ended: called as each run ends.

    Raises:
        InputError: another process is at work in the folder, or a cluster that refuses.
    """
    outcomes: list[Outcome[Member]] = []

    def report(outcome: Outcome[Member]) -> None:
        outcomes.append(outcome)
        ended(outcome)

    with locked(plan.folder), stoppable():
        waiting = [member for member in plan.members if not member.finished]
        for member in waiting:
            member.prepare()
        begun(len(plan.members) - len(waiting))
        run_jobs(waiting, plan.folder, report, jobs=plan.jobs, cluster=plan.cluster, options=plan.cluster_options)
        points = compare_members(plan.members)
        write_atomic(plan.folder / "comparison.csv", to_csv(comparison_csv(points)))
    return Trained(points, [outcome for outcome in outcomes if outcome.code])


def _check_names(members: Sequence[Member]) -> None:
    """Raises InputError for code of the user's own that cannot be had, or that no process of a grid can have."""
    for member in members:
        config, model = member.config, member.config.model
        named = {"encoder": model.encoder, "aggregator": model.aggregator, "teacher": model.teacher}
        named |= {"scene": config.scene.name or ""}
        for what, name in {**named, "images": config.images.source}.items():
            if name.startswith(OBJECT):
                raise InputError(f"{what}: given as an object, which the processes of a grid cannot have; name it")
            if what in named and ":" in name:
                import_object(name, what)
        if config.own_terms:
            raise InputError("terms: given as objects, which the processes of a grid cannot have")
