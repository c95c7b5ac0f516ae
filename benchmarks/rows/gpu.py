"""A training step on a GPU under CUDA events, and the seed run's twenty epochs; not measured where there is none."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from rows.effort import Effort
from rows.row import Row, Target, not_measured
from rows.seed_quality import train
from rows.stepping import Step, recipe
from rows.timing import interleaved, said, seconds_of
from rows.training_steps import beside_floor
from seqjepa.images.archives import find
from seqjepa.images.mnist import mnist_files

STEP = "GPU: step of mnist_affine, images, views and probes on the device"
EPOCHS = "GPU: 20 epochs of mnist_affine, from a cold start"
STEP_TARGET, EPOCHS_TARGET = Target(1.10), Target(60, unit="s")


def rows(effort: Effort) -> list[Row]:
    if not torch.cuda.is_available():
        return [not_measured(what, target, "no GPU") for what, target in ((STEP, STEP_TARGET), (EPOCHS, EPOCHS_TARGET))]
    step = Step(recipe("mnist_affine", effort, "cuda"))
    took = interleaved({"floor": step.floor, "step": step.whole}, 5 * effort.repeats, "cuda", warm=5)
    first = beside_floor(STEP, took["step"], took["floor"], STEP_TARGET)
    if any(find(file, None) is None for file in mnist_files().values()):
        return [first, not_measured(EPOCHS, EPOCHS_TARGET, "MNIST is not here")]
    with TemporaryDirectory() as folder:
        seconds = seconds_of(lambda: train(["mnist_affine", "--device", "cuda"], Path(folder) / "run"))
    return [first, Row(EPOCHS, "", said(seconds), None, EPOCHS_TARGET, seconds, {"measured_s": seconds})]
