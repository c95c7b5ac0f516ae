"""The demonstration: two ways to train on the same embedded digits, diagnosed, on one page side by side."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from seqjepa.recipes import RECIPES
from seqjepa.report import RunRecord, read_record, write_page
from seqjepa.report.side_by_side import write_side_by_side
from seqjepa.report.verdicts import Verdict, own_subspace
from seqjepa.training import Result
from seqjepa.training.folder import refuse_taken
from seqjepa.types.checking import user_path
from seqjepa.workflows.diagnosing import diagnose_run
from seqjepa.workflows.runs import train_run

LOG = logging.getLogger(__name__)
FACTOR = "rotation"
DESIGN: dict[str, Any] = dict(identities=96, base_poses=2, probe_images=1000, baselines=("pca",))
PAGE = "demo.html"
INTRO = (
    "Two encoders, trained on the same digits without labels, from views that are rotated by known angles. Here digits "
    "that neither has seen are turned once around, and we watch where their representations go."
)


@dataclass(frozen=True)
class Trained:
    """One of the two: its folder, its recipe, its name on the page, and a sentence about it."""

    folder: str
    recipe: str
    name: str
    about: str


BOTH = (
    Trained(
        "one_network",
        "digits_rotation",
        "seq-JEPA, one network",
        "It was trained to predict the representation of the next view from the angle between the two.",
    ),
    Trained(
        "split",
        "digits_rotation_split",
        "seq-JEPA, pose split from content",
        "It was trained to predict as well, and told which of its parts is the pose.",
    ),
)


@dataclass(frozen=True)
class Demo:
    """What came of the demonstration; where a training was stopped there are fewer records and no page.

    Attributes:
        results: of the trainings that were begun.
        records: what the pages show, by the names on the page.
        page: the file with both side by side.
    """

    results: tuple[Result, ...]
    records: Mapping[str, RunRecord] = field(default_factory=dict)
    page: Path | None = None

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """Whether rotation has a subspace of its own, by the names on the page."""
        return {name: own_subspace(record.diagnosis, FACTOR) for name, record in self.records.items()}


def run_demo(folder: str | Path | None = None, *, progress: bool = True) -> Demo:
    """Train two recipes, diagnose both, and write their reports and one page. Needs no data and no network.

    Args:
        folder: for both runs and the page; runs/demo-TIME unless another is named.
        progress: show bars.

    Raises:
        InputError: the folder holds a run already, or cannot be written to.
    """
    home = Path("runs") / f"demo-{datetime.now():%Y%m%d-%H%M%S}" if folder is None else user_path(folder, "folder")
    for taken in (home, *(home / one.folder for one in BOTH)):
        refuse_taken(taken)
    results: list[Result] = []
    records: dict[str, RunRecord] = {}
    for number, one in enumerate(BOTH, start=1):
        LOG.info("\n%d of %d: %s", number, len(BOTH), one.name)
        results.append(train_run(RECIPES[one.recipe](), home / one.folder))
        if not results[-1].complete:
            return Demo(tuple(results), records)
        LOG.info("\ndiagnosing …")
        diagnose_run(results[-1].folder, **DESIGN, progress=progress)
        records[one.name] = read_record(results[-1].folder)
        write_page(records[one.name], home / one.folder / "report.html")
    page = write_side_by_side(
        records,
        home / PAGE,
        FACTOR,
        INTRO,
        [one.about for one in BOTH],
        [f"{one.folder}/report.html" for one in BOTH],
    )
    return Demo(tuple(results), records, page)
