"""Seconds from a cold start to the seed run's quality: Python, imports, images, training, evaluation, files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rows.effort import Effort
from rows.row import Row, Target
from rows.timing import said, seconds_of
from seqjepa.files import read_rows
from seqjepa.images.archives import find
from seqjepa.images.mnist import mnist_files

R2, ACCURACY, ABOVE_UNTRAINED = 0.466, 16.2, 5.0


def rows(effort: Effort) -> list[Row]:
    here = all(find(file, None) is not None for file in mnist_files().values())
    source = "mnist" if here else "digits"
    arguments = ["mnist_affine_fast", "--epochs", str(effort.epochs), "--images.source", source]
    if not here:
        arguments += ["--images.train", "none", "--images.test", "none"]
    if effort.images is not None:
        arguments += ["--images.train", str(effort.images), "--images.test", str(effort.images)]
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
    what = f"seed quality from a cold start (mnist_affine_fast, {effort.epochs} epochs)"
    if not here:
        what = f"{what}, on embedded digits: MNIST is not here"
        return [Row(what, "", measured, None, target, values=values)]
    return [Row(what, f"R² {R2}, class {ACCURACY} %", measured, None, target, seconds, values, reached)]


def train(arguments: list[str], folder: Path) -> None:
    command = [sys.executable, "-m", "seqjepa", "train", *arguments, "--out", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
