"""A whole diagnosis beside the encoder's own forward passes over the same views, in CPU seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from rows.effort import Effort
from rows.row import Row, Target
from rows.stand_ins import PIXELS, Projection, ResNet50, ViTSmall
from rows.timing import said
from seqjepa.images import load_images
from seqjepa.model import build_encoder
from seqjepa.workflows.diagnosing import diagnose_encoder

IDENTITIES = 128
DESIGN: dict[str, Any] = dict(steps=25, base_poses=5, probe_images=1_000)
SLOW = ("shared", "subspaces", "group", "irreps", "leakage", "actions", "classes", "contents", "literature")
TINY: dict[str, Any] = dict(steps=5, base_poses=1, probe_images=50, skip=SLOW)


class Timed(nn.Module):
    """An encoder that counts its views and the CPU seconds of its forward passes."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.inside, self.seconds, self.views = inside, 0.0, 0

    def forward(self, images: Tensor) -> Tensor:
        begun = time.process_time()
        found = self.inside(images)
        self.seconds += time.process_time() - begun
        self.views += len(images)
        return found


def rows(effort: Effort) -> list[Row]:
    torch.manual_seed(0)
    vit, resnet = (ViTSmall(), ResNet50()) if effort.batch is None else (ViTSmall(1), ResNet50((1, 1, 1, 1)))
    return [
        whole("the fast recipe's convnet", build_encoder("convnet", 1, effort.width or 12), effort),
        of_stand_in("ViT-S/16 at 224 px", vit, Target(1.1), effort),
        of_stand_in("ResNet-50 at 224 px", resnet, Target(1.4), effort),
    ]


def whole(name: str, inside: nn.Module, effort: Effort) -> Row:
    """From images to what is saved; no baseline, all blocks, linear probes."""
    encoder = Timed(inside)
    took, dim, identities, _ = diagnosed(encoder, effort)
    return Row(
        f"a whole diagnosis of {identities} images, {name}, D = {dim}, CPU seconds",
        f"its forward passes over the same {encoder.views:,} views: {said(encoder.seconds)}",
        said(took),
        took / encoder.seconds,
        values={"whole_s": took, "forward_s": encoder.seconds, "views": encoder.views, "dim": dim},
    )


def of_stand_in(name: str, network: ViTSmall | ResNet50, target: Target, effort: Effort) -> Row:
    """The same of an encoder that would take hours: its forward pass timed on a few batches, times the views.

    All the rest is done: views are made and prepared for it, a code of as many dimensions (a random projection of the
    picture) is diagnosed with one base pose, and everything is saved.
    """
    network.eval()
    cheap = Timed(Projection(network.dim))
    took, dim, identities, _ = diagnosed(cheap, effort, base_poses=1, preprocess={"channels": "rgb", "size": PIXELS})
    batch = torch.rand(8, 3, PIXELS, PIXELS)
    with torch.no_grad():
        network(batch)  # what is set up but once
        seconds = []
        for _ in range(effort.few):
            begun = time.process_time()
            network(batch)
            seconds.append((time.process_time() - begun) / len(batch))
    forward, rest = median(seconds) * cheap.views, took - cheap.seconds
    ratio = (forward + rest) / forward
    return Row(
        f"a whole diagnosis of {identities} images, {name}, D = {dim}, CPU seconds",
        f"{cheap.views:,} forward passes at {said(median(seconds))} (timed on {8 * effort.few}): {said(forward)}",
        f"{said(forward + rest)}, of which all but the forward passes {said(rest)}",
        ratio,
        target,
        ratio,
        {"rest_s": rest, "forward_s": forward, "views": cheap.views, "dim": dim},
    )


def diagnosed(
    encoder: nn.Module, effort: Effort, clock: Callable[[], float] = time.process_time, **options: Any
) -> tuple[float, int, int, int]:
    """Seconds of a clock, dimensions, identities, views that the encoder was given."""
    tiny, given = effort.tiny, list[int]()
    counting = encoder.register_forward_pre_hook(lambda module, images: given.append(len(images[0])))
    images = (load_images("digits", "train"), load_images("digits", "test"))
    design = {**DESIGN, **options} | (TINY if tiny else {})
    with TemporaryDirectory() as folder:
        begun = clock()
        found = diagnose_encoder(
            encoder,
            images,
            baselines=(),
            identities=20 if tiny else IDENTITIES,
            folder=folder,
            progress=False,
            **design,
        )["z"]
        took = clock() - begun
    counting.remove()
    return took, found.metadata["dim"], found.metadata["identities"], sum(given)
