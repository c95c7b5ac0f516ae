"""Views a second, beside one grid_sample a view, a copy of the same memory, and one image at a time."""

from __future__ import annotations

from statistics import median

import torch
import torch.nn.functional as F

from rows.effort import Effort
from rows.row import Row, Target
from rows.stepping import recipe
from rows.straightforward import view
from rows.timing import interleaved, ratio, said
from seqjepa.factors import sample_poses, warp
from seqjepa.images import load_images

SIDE = 28


def rows(effort: Effort) -> list[Row]:
    config = recipe("mnist_affine", effort)
    batch, views = config.batch_size, config.factors.views
    pixels = load_images("digits", "train").pixels[:batch]
    poses = sample_poses(config.factors.factors(), (batch, views), torch.Generator().manual_seed(0))
    source = pixels.float() / 255
    grid = torch.rand(batch, views * SIDE, SIDE, 2) * 2 - 1
    filled, empty = torch.rand(batch, views, 1, SIDE, SIDE), torch.empty(batch, views, 1, SIDE, SIDE)
    works = {
        "views": lambda: warp(pixels, poses, taps=2),
        "grid_sample": lambda: F.grid_sample(source, grid, align_corners=False),
        "copy": lambda: empty.copy_(filled),
    }
    took = interleaved(works, 5 * effort.repeats, warm=3)
    arrays, listed = pixels[:, 0].numpy(), poses.values.tolist()

    def one_at_a_time() -> None:
        for image, own in zip(arrays, listed, strict=True):
            for pose in own:
                view(image, pose)

    alone = interleaved({"views": works["views"], "alone": one_at_a_time}, effort.repeats)
    count = batch * views
    seconds, floor = median(took["views"]), median(took["grid_sample"])
    values = {f"{name}_s": median(of) for name, of in took.items()} | {"alone_s": median(alone["alone"])}
    faster = ratio(alone["alone"], alone["views"])
    copied, sampled = count / median(took["copy"]), count / floor
    return [
        Row(
            "views a second (28 × 28, whole pose, 2 × 2 taps)",
            f"one grid_sample {sampled:,.0f}/s, a copy {copied:,.0f}/s",
            f"{count / seconds:,.0f}/s",
            ratio(took["views"], took["grid_sample"]),
            Target(100_000, at_least=True, unit="views/s"),
            count / seconds,
            values,
        ),
        Row(
            "the same, times faster than an image at a time",
            f"{count / median(alone['alone']):,.0f}/s ({said(median(alone['alone']))})",
            f"{count / median(alone['views']):,.0f}/s",
            faster,
            Target(150, at_least=True),
            faster,
            values,
        ),
    ]
