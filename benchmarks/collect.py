"""Copy what is worth keeping of a diagnosed run into docs/results: settings, metrics, estimates, figures; no weights.

    python benchmarks/collect.py runs/mnist_rotation_fast docs/results/next_steps/mnist_rotation_fast [FIGURE …]

A large diagnosis.json is kept without its samples over images, which only paired comparisons need. Folders in front of
files' names are left out: they say where this machine keeps things, and nothing about the run.
"""

import csv
import io
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.estimate import Samples
from seqjepa.diagnostics.ideals import DISENTANGLED, EQUIVARIANT
from seqjepa.io.files import make_folder, write_atomic
from seqjepa.report import FIGURES, read_record, save_figure
from seqjepa.types import NotIdentifiable

IDEALS = (DISENTANGLED, EQUIVARIANT)
KEPT = (
    "rotation_circle",
    "spectra",
    "shared_variance_heatmap",
    "overlap_heatmap",
    "harmonics",
    "leakage_matrix",
    "angles",
    "rate",
    "training",
    "probes",
)
SMALL = 300_000  # bytes of a diagnosis with its samples over images, for paired comparisons


def collect(run: Path, folder: Path, figures: Sequence[str] = KEPT) -> None:
    """Write the result folder of a run; an environment of the training, where it was kept."""
    record = read_record(run)
    make_folder(folder / "diagnosis")
    for name, source in {
        "config.yaml": run / "config.yaml",
        "environment.yaml": run / "environment.yaml",
        "diagnosis/environment.yaml": run / "diagnosis" / "environment.yaml",
    }.items():
        if name == "environment.yaml" and not source.exists():
            print(f"{folder.name}: no {name}")
            continue
        text = source.read_text(encoding="utf-8")
        write_atomic(folder / name, re.sub(r"(?<![\w.])/(?:[\w.+-]+/)+", "", text))
    write_atomic(folder / "metrics.csv", (run / "metrics.csv").read_bytes())
    write_atomic(folder / "diagnosis" / "estimates.csv", estimates_csv(record.diagnosis))
    diagnosis = (run / "diagnosis" / "diagnosis.json").read_bytes()
    if len(diagnosis) < SMALL:
        write_atomic(folder / "diagnosis" / "diagnosis.json", diagnosis)
    else:
        without_samples(record.diagnosis).save(folder / "diagnosis" / "diagnosis.json")
    for name in figures:
        try:
            save_figure(FIGURES[name].make(record), folder / f"{name}.png")
        except NotIdentifiable as error:
            print(f"{folder.name}: no {name}: {error}")


def estimates_csv(diagnosis: Diagnosis) -> str:
    """Every estimate in a line: value, interval, null, ideals, verdict."""
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["metric", "of", "value", "low", "high", "null", *(f"ideal {name}" for name in IDEALS), "verdict"])
    for metric, estimates in diagnosis.estimates.items():
        for key, of in estimates.items():
            numbers = [of.value, *(of.interval or (None, None)), of.null, *map(of.ideals.get, IDEALS)]
            texts = ["" if number is None else f"{number:.6g}" for number in numbers]
            name = key if isinstance(key, str) else " · ".join(key)
            rows.writerow([metric, name, *texts, of.verdict or f"not identifiable: {of.reason}" * bool(of.reason)])
    return table.getvalue()


def without_samples(diagnosis: Diagnosis) -> Diagnosis:
    """The same estimates without what their intervals came from, without baselines and directions."""
    bare = {
        metric: {key: replace(estimate, samples=Samples()) for key, estimate in of.items()}
        for metric, of in diagnosis.estimates.items()
    }
    return replace(diagnosis, estimates=bare, baselines={}, subspaces={})


if __name__ == "__main__":
    collect(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:] or KEPT)
