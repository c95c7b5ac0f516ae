"""The demonstration: train on embedded digits, diagnose, write the page."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from seqjepa.recipes import RECIPES
from seqjepa.report import RunRecord, read_record, write_page
from seqjepa.training import Result
from seqjepa.workflows.diagnosing import diagnose_run
from seqjepa.workflows.runs import train_run

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Demo:
    """What came of the demonstration; a training that was stopped has neither record nor page.

    Attributes:
        result: of the training.
        record: what the page shows.
        page: its file.
    """

    result: Result
    record: RunRecord | None = None
    page: Path | None = None


def run_demo(folder: str | Path | None = None, *, progress: bool = True) -> Demo:
    """Train the recipe ``digits``, diagnose the run and write its report. Needs no data and no network.

    Args:
        folder: the run's; runs/digits-TIME unless another is named.
        progress: show bars.

    Raises:
        InputError: the folder holds a run already, or cannot be written to.
    """
    result = train_run(RECIPES["digits"](), folder)
    if not result.complete:
        return Demo(result)
    LOG.info("\ndiagnosing …")
    diagnose_run(
        result.folder,
        identities=96,
        base_poses=2,
        probe_images=1000,
        probes=("linear", "mlp"),
        baselines=("untrained",),
        progress=progress,
    )
    record = read_record(result.folder)
    return Demo(result, record, write_page(record, result.folder / "report.html"))
