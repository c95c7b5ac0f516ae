"""Views of scenes: objects in space by the ten thousand, and photometric views beside kornia's own batch call."""

from __future__ import annotations

import importlib.util
import time
from statistics import median

import torch

import seqjepa as sj
from rows.effort import FULL, Effort
from rows.row import Row, Target, not_measured
from rows.timing import interleaved, said
from seqjepa.factors.scenes import drawn_values, pixels_of
from seqjepa.rng import generator

VIEWS, SIDE, SECONDS = 10_000, 64, Target(20, unit="s")
RANGES = dict(crop_x=(-4.0, 4.0), crop_y=(-4.0, 4.0), crop_size=(0.6, 1.0), blur=(0.0, 1.5), brightness=(-0.3, 0.3))
RANGES |= dict(contrast=(0.7, 1.4), saturation=(0.7, 1.4), hue=(-36.0, 36.0))
BATCH, HALF = 256, Target(0.5, at_least=True)


def rows(effort: Effort) -> list[Row]:
    return [objects(effort), photometric(effort)]


def objects(effort: Effort) -> Row:
    """Ten thousand views, by as many processes as PyTorch has threads; beside it a single one's processor time."""
    what = f"{VIEWS:,} views of objects in space ({SIDE} × {SIDE}, {torch.get_num_threads()} processes at most)"
    if importlib.util.find_spec("pybullet") is None:
        return not_measured(what, SECONDS, "pybullet is not installed")
    count, few = (VIEWS, 11) if effort == FULL else (20, 2)
    scene = sj.Objects3D(220, SIDE)
    who = torch.arange(count) % len(scene)
    some = who < few  # whole identities: a shape is loaded once for all of its views
    values = drawn_values(scene.factors, (count,), generator("views of objects"))
    start = time.process_time()
    pixels_of(scene, who[some], values[some])
    alone = (time.process_time() - start) * VIEWS / int(some.sum())
    start = time.perf_counter()
    pixels_of(scene, who, values)
    took = (time.perf_counter() - start) * VIEWS / count
    measured = {"seconds": took, "processor_seconds_of_one_process": alone}
    return Row(what, f"one process, its processor time: {said(alone)}", said(took), None, SECONDS, took, measured)


def photometric(effort: Effort) -> Row:
    """The same factors over the same ranges: our scene at given values, kornia's augmentations at values of its own."""
    what = f"rate of photometric views ({BATCH} pictures, 32 × 32, {len(RANGES)} factors) over kornia's own batch call"
    if importlib.util.find_spec("kornia") is None:
        return not_measured(what, HALF, "kornia is not installed")
    import kornia.augmentation as ka

    random = generator("photometric views")
    count = BATCH if effort == FULL else 8
    pixels = torch.randint(256, (count, 3, 32, 32), generator=random, dtype=torch.uint8)
    images = sj.Images(pixels, torch.zeros(count, dtype=torch.int64), ("noise",))
    scene, who = sj.kornia_scene(images, **RANGES), torch.arange(count)
    values = drawn_values(scene.factors, (count,), random)
    theirs = ka.AugmentationSequential(
        ka.RandomResizedCrop((32, 32), (0.36, 1.0), (1.0, 1.0), p=1.0),
        ka.RandomGaussianBlur((11, 11), (0.01, 1.5), p=1.0),
        ka.ColorJitter((0.7, 1.3), (0.7, 1.4), (0.7, 1.4), (-0.1, 0.1), p=1.0),
    )
    took = interleaved(
        {
            "ours": lambda: scene.render(who, values),
            "kornia": lambda: theirs(pixels.float() / 255),
        },
        effort.repeats,
        warm=2,
    )
    rates = {name: count / median(of) for name, of in took.items()}
    faster = median(b / a for a, b in zip(took["ours"], took["kornia"], strict=True))
    told = {f"{name}_views_per_s": rate for name, rate in rates.items()}
    return Row(what, f"{rates['kornia']:,.0f}/s", f"{rates['ours']:,.0f}/s", faster, HALF, faster, told)
