"""Seconds from a cold start to the seed run's quality: Python, imports, images, training, evaluation, files.

A narrow split encoder, once over few images, each pose read once.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rows.effort import Effort
from rows.row import Row, Target
from rows.timing import said, seconds_of
from seqjepa.images.archives import find
from seqjepa.images.mnist import mnist_files
from seqjepa.io.files import read_rows

RECIPE = "mnist_affine_split"
SETTINGS = ("--epochs", "1", "--batch-size", "64", "--optimiser.warmup-epochs", "0.2", "--model.width", "16")
POSE = (
    "--model.split.pose-width",
    "4",
    "--model.split.canonicalization_steps",
    "0",
    "--model.split.test_time_views",
    "1",
)
R2, ACCURACY, ABOVE_UNTRAINED = 0.466, 16.2, 5.0


def rows(effort: Effort) -> list[Row]:
    here = all(find(file, None) is not None for file in mnist_files().values())
    source = "mnist" if here else "digits"
    train_images, held_out = (str(count) for count in effort.images) if here else ("none", "none")
    arguments = [RECIPE, *SETTINGS, *POSE, "--images.source", source]
    arguments += ["--images.train", train_images, "--images.test", held_out]
    with TemporaryDirectory() as folder:
        trained, untrained = Path(folder) / "trained", Path(folder) / "untrained"
        seconds = seconds_of(lambda: train(arguments, trained))
        train([*arguments, "--optimiser.learning-rate", "0"], untrained)
        last, before = (read_rows(run / "metrics.csv")[-1] for run in (trained, untrained))
    gained = last["linacc_test"] - before["linacc_test"]
    reached = last["r2_test"] >= R2 and last["linacc_test"] >= ACCURACY and gained >= ABOVE_UNTRAINED
    measured = (
        f"{said(seconds)}: R² {last['r2_test']:.3f}, class {last['linacc_test']:.1f} %, "
        f"untrained {before['linacc_test']:.1f} %"
    )
    values = {
        "seconds": seconds,
        "source": source,
        "r2_test": last["r2_test"],
        "linacc_test": last["linacc_test"],
        "linacc_test_untrained": before["linacc_test"],
    }
    target = Target(20, unit="s")
    what = f"seed quality from a cold start ({RECIPE}, narrow, {train_images} images once)"
    if not here:
        what = f"seed quality from a cold start ({RECIPE}, narrow, once), on embedded digits: MNIST is not here"
        return [Row(what, "", measured, None, target, values=values)]
    return [Row(what, f"R² {R2}, class {ACCURACY} %", measured, None, target, seconds, values, reached)]


def train(arguments: list[str], folder: Path) -> None:
    command = [sys.executable, "-m", "seqjepa", "train", *arguments, "--out", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
