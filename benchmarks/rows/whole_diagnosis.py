"""A whole diagnosis beside the encoder's own forward passes over the same views, in CPU seconds."""

from __future__ import annotations

import time
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from rows.effort import Effort
from rows.row import Row
from rows.timing import said
from seqjepa.images import load_images
from seqjepa.model import build_encoder
from seqjepa.workflows.diagnosing import diagnose_encoder

IDENTITIES = 128
DESIGN: dict[str, Any] = dict(steps=25, base_poses=5, probe_images=1_000)


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
    return [whole("the fast recipe's convnet", build_encoder("convnet", 1, effort.width or 12), effort)]


def whole(name: str, inside: nn.Module, effort: Effort) -> Row:
    """From images to what is saved; no baseline, all blocks, linear probes."""
    encoder, tiny = Timed(inside), effort.batch is not None
    images = (load_images("digits", "train"), load_images("digits", "test"))
    design: dict[str, Any] = DESIGN | dict(steps=5, base_poses=1, probe_images=50) if tiny else DESIGN
    with TemporaryDirectory() as folder:
        begun = time.process_time()
        found = diagnose_encoder(
            encoder,
            images,
            baselines=(),
            identities=20 if tiny else IDENTITIES,
            folder=folder,
            progress=False,
            **design,
        )["z"]
        took = time.process_time() - begun
    views, dim, identities = encoder.views, found.metadata["dim"], found.metadata["identities"]
    return Row(
        f"a whole diagnosis of {identities} images, {name}, D = {dim}, CPU seconds",
        f"its forward passes over the same {views:,} views: {said(encoder.seconds)}",
        said(took),
        took / encoder.seconds,
        values={"whole_s": took, "forward_s": encoder.seconds, "views": views, "dim": dim},
    )
