"""Copy what is worth keeping of a diagnosed run into docs/results: settings, metrics, estimates, figures; no weights.

    python benchmarks/collect.py runs/mnist_rotation_fast docs/results/next_steps/mnist_rotation_fast

Folders in front of files' names are left out: they say where this machine keeps things, and nothing about the run.
"""

import csv
import io
import re
import sys
from pathlib import Path

from seqjepa.io.files import make_folder, write_atomic
from seqjepa.report import FIGURES, read_record, save_figure
from seqjepa.types import NotIdentifiable

KEPT = (
    "rotation_circle",
    "spectra",
    "overlap_heatmap",
    "harmonics",
    "leakage_matrix",
    "angles",
    "rate",
    "training",
    "probes",
)
SMALL = 300_000  # bytes of a diagnosis with its samples over images, for paired comparisons


def collect(run: Path, folder: Path) -> None:
    """Write the result folder of a run."""
    record = read_record(run)
    make_folder(folder / "diagnosis")
    for name, source in {
        "config.yaml": run / "config.yaml",
        "environment.yaml": run / "environment.yaml",
        "diagnosis/environment.yaml": run / "diagnosis" / "environment.yaml",
    }.items():
        text = source.read_text(encoding="utf-8")
        write_atomic(folder / name, re.sub(r"(?<![\w.])/(?:[\w.+-]+/)+", "", text))
    write_atomic(folder / "metrics.csv", (run / "metrics.csv").read_bytes())
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["metric", "of", "value", "low", "high", "null", "verdict"])
    for metric, estimates in record.diagnosis.estimates.items():
        for key, of in estimates.items():
            numbers = [of.value, *(of.interval or (None, None)), of.null]
            texts = ["" if number is None else f"{number:.6g}" for number in numbers]
            name = key if isinstance(key, str) else " · ".join(key)
            rows.writerow([metric, name, *texts, of.verdict or f"not identifiable: {of.reason}" * bool(of.reason)])
    write_atomic(folder / "diagnosis" / "estimates.csv", table.getvalue())
    diagnosis = (run / "diagnosis" / "diagnosis.json").read_bytes()
    if len(diagnosis) < SMALL:
        write_atomic(folder / "diagnosis" / "diagnosis.json", diagnosis)
    for name in KEPT:
        try:
            save_figure(FIGURES[name].make(record), folder / f"{name}.png")
        except NotIdentifiable as error:
            print(f"{folder.name}: no {name}: {error}")


if __name__ == "__main__":
    collect(Path(sys.argv[1]), Path(sys.argv[2]))
