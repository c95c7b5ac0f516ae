"""What a GPU does: training steps in either precision and compiled, the seed run, a whole diagnosis of a ViT-S.

Not measured where there is none; but ``--tiny`` takes the same path on the CPU, to see whether everything runs.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from rows.effort import Effort
from rows.row import Row, Target, not_measured
from rows.seed_quality import train
from rows.stand_ins import PIXELS, ViTSmall
from rows.stepping import Step, recipe
from rows.timing import interleaved, ratio, said, seconds_of
from rows.training_steps import beside_floor
from rows.whole_diagnosis import diagnosed
from seqjepa.images.archives import find
from seqjepa.images.mnist import mnist_files
from seqjepa.recipes import change

STEP = "GPU: step of mnist_affine, images, views and probes on the device"
FASTER = "GPU: the same step, times faster than in float32"
EPOCHS = "GPU: 20 epochs of mnist_affine, from a cold start"
DIAGNOSIS = "GPU: a whole diagnosis of a ViT-S/16 at 224 px"
STEP_TARGET, EPOCHS_TARGET = Target(1.10), Target(60, unit="s")
FORWARD = 256  # views at once, where forward passes alone are timed


def rows(effort: Effort) -> list[Row]:
    device = "cuda" if torch.cuda.is_available() else "cpu" if effort.tiny else None
    if device is None:
        targets = {STEP: STEP_TARGET, FASTER: None, EPOCHS: EPOCHS_TARGET, DIAGNOSIS: None}
        return [not_measured(what, target, "no GPU") for what, target in targets.items()]
    return [*steps(effort, device), epochs(effort, device), *(diagnosis(effort, device, d) for d in PRECISIONS)]


PRECISIONS = ("float32", "bfloat16")


def steps(effort: Effort, device: str) -> list[Row]:
    """The step beside its floor; in bf16, and with encoder and teacher compiled, beside the step in float32."""
    config = recipe("mnist_affine", effort, device)
    step, exact, compiled = Step(config), Step(change(config, precision="float32")), Step(config)
    model, backend = compiled.run.model, "eager" if effort.tiny else "inductor"
    model.encoder = torch.compile(model.encoder, backend=backend)
    works = {"floor": step.floor, "step": step.whole, "float32": exact.whole, "compiled": compiled.whole}
    took = interleaved(works, 5 * effort.repeats, device, warm=5)
    found = [beside_floor(STEP, took["step"], took["floor"], STEP_TARGET)]
    for name, how in (("step", "bf16"), ("compiled", "bf16, the encoder compiled")):
        base, own = median(took["float32"]), median(took[name])
        values = {"float32_s": base, "step_s": own}
        what = f"{FASTER}: {how}"
        found.append(Row(what, f"float32: {said(base)}", said(own), ratio(took["float32"], took[name]), values=values))
    return found


def epochs(effort: Effort, device: str) -> Row:
    """The seed run, as one would type it."""
    arguments = ["mnist_affine", "--device", device]
    if effort.tiny:
        arguments += ["--images.source", "digits", "--images.train", "64", "--images.test", "64", "--epochs", "1"]
        arguments += ["--model.encoder", "convnet", "--model.width", "4", "--batch_size", "32"]
    elif any(find(file, None) is None for file in mnist_files().values()):
        return not_measured(EPOCHS, EPOCHS_TARGET, "MNIST is not here")
    with TemporaryDirectory() as folder:
        seconds = seconds_of(lambda: train(arguments, Path(folder) / "run"))
    return Row(EPOCHS, "", said(seconds), None, EPOCHS_TARGET, seconds, {"measured_s": seconds})


def diagnosis(effort: Effort, device: str, dtype: str) -> Row:
    """Seconds on the clock, beside those of the forward passes alone over as many views."""
    torch.manual_seed(0)
    network = ViTSmall(1 if effort.tiny else 12).eval()
    how = {"preprocess": {"channels": "rgb", "size": PIXELS}, "device": device, "dtype": dtype}
    took, dim, identities, views = diagnosed(network, effort, time.perf_counter, **how)
    network.to(device)
    batch = torch.rand(4 if effort.tiny else FORWARD, 3, PIXELS, PIXELS, device=device)

    def forward() -> None:
        with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=dtype == "bfloat16"):
            network(batch)

    alone = views * median(interleaved({"forward": forward}, effort.repeats, device)["forward"]) / len(batch)
    return Row(
        f"{DIAGNOSIS}, {identities} images, D = {dim}, {dtype}",
        f"forward passes alone over its {views:,} views: {said(alone)}",
        said(took),
        took / alone,
        values={"whole_s": took, "forward_s": alone, "views": views, "dim": dim},
    )
