"""A training step's parts, as ratios to the encoder alone, in one run: ``python benchmarks/training.py [RECIPE]``.

The floor of a step is the encoder: forward and backward of the observed views, and the teacher's forward of the
target. Everything else (views, aggregator, losses, optimiser, probes) stands above it.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from seqjepa.factors import warp
from seqjepa.model import build_encoder
from seqjepa.objective import compute_loss
from seqjepa.recipes import RECIPES
from seqjepa.training.hardware import has_bf16
from seqjepa.training.loop import _prepare
from seqjepa.training.probes import probe_loss
from seqjepa.training.saved import build_objective
from seqjepa.training.views import epoch_poses, make_batch
from seqjepa.types import Pose

REPEATS = 7


def median_seconds(work: Callable[[], object]) -> float:
    """The median of several runs after two to warm up."""
    times = []
    for repeat in range(REPEATS + 2):
        start = time.perf_counter()
        work()
        if repeat >= 2:
            times.append(time.perf_counter() - start)
    return sorted(times)[REPEATS // 2]


def main(name: str) -> None:
    config = RECIPES[name]()
    config = config.model_copy(
        update={"images": config.images.model_copy(update={"source": "digits", "train": 512, "test": 64})}
    )
    run = _prepare(config, Path("unused"))
    poses = epoch_poses(config.factors, len(run.images), 0, 1)
    index = torch.arange(config.batch_size)
    batch = make_batch(run.images, index, poses, config.factors, run.normalise)
    encoder = build_encoder(config.model.encoder, batch.views.shape[2], config.model.width)
    encoder.to(memory_format=torch.channels_last)
    observed = batch.views[:, :-1].flatten(0, 1).contiguous(memory_format=torch.channels_last)
    target = batch.views[:, -1].contiguous(memory_format=torch.channels_last)
    bf16 = torch.autocast("cpu", torch.bfloat16, enabled=has_bf16("cpu"))
    objective = build_objective(config)

    def floor() -> None:
        with bf16:
            code = encoder(observed)
            with torch.no_grad():
                encoder(target)
        code.float().square().mean().backward()

    def step() -> None:
        made = make_batch(run.images, index, poses, config.factors, run.normalise)
        with bf16:
            outputs = run.model(made.views, made.actions)
        compute_loss(outputs, objective).loss.backward()
        run.optimiser.step()
        run.optimiser.zero_grad()
        run.model.teacher.update(run.model.encoder, 0.996)
        probe_loss(run.probes(outputs), made.labels, made.actions[:, 0]).backward()
        run.probe_optimiser.step()
        run.probe_optimiser.zero_grad()

    floor_s, step_s = median_seconds(floor), median_seconds(step)
    views = config.batch_size * config.factors.views
    pose = poses.values[index]
    warp_s = median_seconds(lambda: warp(run.images.pixels[index], Pose(pose)))
    table = Table("what", "seconds", "ratio to the encoder alone", title=f"{name}, batch {config.batch_size}")
    for what, seconds in (
        ("encoder alone (the floor)", floor_s),
        ("a whole step", step_s),
        ("making its views", warp_s),
    ):
        table.add_row(what, f"{seconds:.4f}", f"{seconds / floor_s:.3f}")
    Console().print(table)
    print(f"views: {views / warp_s:,.0f} a second")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "mnist_affine_fast")
