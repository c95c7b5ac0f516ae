"""Views a second, beside one grid_sample a view, a copy of the same memory, and one image at a time."""

from __future__ import annotations

from statistics import median

import torch
import torch.nn.functional as F

from rows.effort import Effort
from rows.row import Row, Target
from rows.stepping import recipe
from rows.straightforward import view
from rows.timing import interleaved, ratio
from seqjepa.factors import sample_poses, warp
from seqjepa.images import load_images
from seqjepa.types import Pose

SIDE, TAPS = 28, 2
AT_ONCE = 256  # images, about as many as in evaluation; a training step makes fewer
THROUGHPUT, FASTER = Target(100_000, at_least=True, unit="views/s"), Target(150, at_least=True)


def rows(effort: Effort) -> list[Row]:
    config = recipe("mnist_affine", effort)
    batch, views = config.batch_size, config.factors.views
    count = AT_ONCE if effort.batch is None else batch
    pixels = load_images("digits", "train").pixels[:count]
    poses = sample_poses(config.factors.factors(), (count, views), torch.Generator().manual_seed(0))
    source = pixels.float() / 255
    grid = torch.rand(count, views * SIDE, SIDE, 2) * 2 - 1
    filled, empty = torch.rand(count, views, 1, SIDE, SIDE), torch.empty(count, views, 1, SIDE, SIDE)
    works = {
        "grid_sample": lambda: F.grid_sample(source, grid, align_corners=False),
        "copy": lambda: empty.copy_(filled),
        "views": lambda: warp(pixels, poses, taps=TAPS),
    }
    took = interleaved(works, 5 * effort.repeats, warm=3)
    few, own = pixels[:batch], Pose(poses.values[:batch])
    slow = interleaved(
        {
            "together": lambda: warp(few, own, taps=TAPS),
            "alone": lambda: one_at_a_time(few, own),
            "pillow": lambda: by_pillow(few, own),
        },
        effort.few,
    )
    a_second = {name: count * views / median(of) for name, of in took.items()}
    a_second |= {name: batch * views / median(of) for name, of in slow.items()}
    values = {f"{name}_views_per_s": of for name, of in a_second.items()}
    found = [
        Row(
            f"views a second, {count} images × {views} (28 × 28, whole pose, {TAPS} × {TAPS} taps)",
            f"one grid_sample {a_second['grid_sample']:,.0f}/s, a copy {a_second['copy']:,.0f}/s",
            f"{a_second['views']:,.0f}/s ({batch} images: {a_second['together']:,.0f}/s)",
            ratio(took["views"], took["grid_sample"]),
            THROUGHPUT,
            a_second["views"],
            values,
        )
    ]
    for name, what in (("alone", "the same warp, a view at a time"), ("pillow", "Pillow, a view at a time, 1 tap")):
        times = ratio(slow[name], slow["together"])
        measured = f"{a_second['together']:,.0f}/s"
        found.append(
            Row(f"times faster than {what}", f"{a_second[name]:,.0f}/s", measured, times, FASTER, times, values)
        )
    return found


def one_at_a_time(pixels: torch.Tensor, poses: Pose) -> None:
    for i in range(len(pixels)):
        for v in range(poses.values.shape[1]):
            warp(pixels[i : i + 1], Pose(poses.values[i : i + 1, v : v + 1]), taps=TAPS)


def by_pillow(pixels: torch.Tensor, poses: Pose) -> None:
    for image, own in zip(pixels[:, 0].numpy(), poses.values.tolist(), strict=True):
        for pose in own:
            view(image, pose)
