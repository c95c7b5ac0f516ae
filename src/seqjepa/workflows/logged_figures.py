"""The report's figures while a run trains, for its loggers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from matplotlib.figure import Figure

from seqjepa.diagnostics import Diagnosis, diagnose
from seqjepa.diagnostics.assembly import BLOCKS, FEWEST
from seqjepa.report import FIGURES, RunRecord
from seqjepa.report.curves import Rows
from seqjepa.report.orbits import true_orbits
from seqjepa.report.style import rendered
from seqjepa.sweeps import Sweeps
from seqjepa.training.callbacks import EpochEnd
from seqjepa.types import InputError, NotIdentifiable, OutOfMemory
from seqjepa.types.foreign import foreign_code
from seqjepa.workflows.monitor import FOLDER, SubspaceMonitor

DRAWN: Mapping[str, Callable[[RunRecord], Figure]] = {  # under the seed run's names
    "eigs_rot": FIGURES["spectra"].make,
    "shared_variance_heatmap": FIGURES["shared_variance_heatmap"].make,
    "overlap_heatmap": FIGURES["overlap_heatmap"].make,
    "rotation_circle": FIGURES["rotation_circle"].make,
    "sweep_traj_rot": lambda record: true_orbits(record.diagnosis, record.swept(), "rotation"),
    "rank_monitor": FIGURES["rank_monitor"].make,
}
DPI = 100


@dataclass(frozen=True)
class LoggedFigures:
    """A callback for ``train``: the estimates of a ``SubspaceMonitor``, and figures of the same sweeps for the loggers.

    The encoder is swept once for both. What cannot be drawn is left out: overlaps of a single factor, for one.

    Attributes:
        monitor: says how much is swept.
    """

    monitor: SubspaceMonitor = field(default_factory=SubspaceMonitor)

    def __call__(self, state: EpochEnd) -> dict[str, float]:
        """Sweep, diagnose, draw; returns the monitor's estimates."""
        sweeps = self.monitor.sweeps(state)
        row = self.monitor.estimates(sweeps, state.folder / FOLDER, state.epoch)
        for name, png in drawn(sweeps, [*state.rows[:-1], {**state.rows[-1], **row}]).items():
            state.log_figure(name, png)
        return row


def drawn(sweeps: Sweeps, rows: Rows) -> dict[str, bytes]:
    """PNG files by name: what can be drawn of the sweeps and of the rows of metrics."""
    record = RunRecord(_subspaces(sweeps), sweeps, rows)
    found = {}
    for name, make in DRAWN.items():
        try:
            with foreign_code(f"drawing {name}"):
                found[name] = rendered(make(record), "png", DPI)
        except NotIdentifiable:
            continue
        except (InputError, OutOfMemory) as error:  # a figure that fails does not cost a run
            warnings.warn(f"{error}; the run goes on without it", stacklevel=2)
    return found


def _subspaces(sweeps: Sweeps) -> Diagnosis:
    """A diagnosis of the subspaces alone; an empty one of too few identities."""
    if sweeps.identities < FEWEST:
        warnings.warn(
            f"images.test: {sweeps.identities} held-out images; "
            f"spectra, overlaps and orbits are drawn from {FEWEST} on",
            stacklevel=2,
        )
        return Diagnosis({})
    return diagnose(sweeps, probes=["linear"], skip=[block for block in BLOCKS if block not in ("shared", "subspaces")])
