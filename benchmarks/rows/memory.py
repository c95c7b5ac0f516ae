"""The most memory that a whole diagnosis takes above what its encoder takes by itself, whatever the batch."""

from __future__ import annotations

import torch

from rows.effort import Effort
from rows.row import Row, Target
from rows.stand_ins import PIXELS, Projection
from rows.whole_diagnosis import diagnosed
from seqjepa.io.peak import MemoryWatch

BATCHES = ("auto", 64, 1_024)
MOST = Target(1.5, unit="GiB")
DIM, USUAL = 384, 256


def rows(effort: Effort) -> list[Row]:
    return [above_encoder(batch, effort) for batch in BATCHES]


def above_encoder(batch_size: int | str, effort: Effort) -> Row:
    """An encoder that takes next to nothing, at 224 px: what is left is views, their preparation, and the estimates."""
    torch.manual_seed(0)
    encoder, cpu = Projection(DIM).eval(), torch.device("cpu")
    how = {"preprocess": {"channels": "rgb", "size": PIXELS}, "batch_size": batch_size, "base_poses": 1}
    if not effort.tiny:
        diagnosed(encoder, Effort(batch=8), **how)  # what is set up but once, libraries for one
    watch = MemoryWatch(cpu)
    with torch.no_grad():
        encoder(torch.rand(USUAL if isinstance(batch_size, str) else batch_size, 3, PIXELS, PIXELS))
    own = watch.peak()
    watch = MemoryWatch(cpu)
    _, _, identities, views = diagnosed(encoder, effort, **how)
    whole = watch.peak()
    above = max(0, whole - own) / 2**30
    return Row(
        f"peak memory of a whole diagnosis of {identities} images at {PIXELS} px, D = {DIM}, batch size {batch_size}",
        f"the encoder alone on such a batch: {own / 2**20:,.0f} MiB",
        f"{whole / 2**20:,.0f} MiB",
        None,
        MOST,
        above,
        {"encoder_bytes": own, "whole_bytes": whole, "views": views},
    )
