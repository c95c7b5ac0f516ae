"""The most memory that a whole diagnosis takes above what its encoder takes by itself, whatever the batch."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

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
    return [above_encoder(batch, effort) for batch in (BATCHES[:1] if effort.tiny else BATCHES)]


def above_encoder(batch_size: int | str, effort: Effort) -> Row:
    """An encoder that takes next to nothing, at 224 px: what is left is views, their preparation, and the estimates."""
    # Each in a process of its own: what one has freed another would take without its showing.
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        own = pool.submit(of_encoder, batch_size).result()
        whole, identities, views = pool.submit(of_diagnosis, batch_size, effort).result()
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


def of_encoder(batch_size: int | str) -> int:
    """Bytes of one batch through the encoder alone, the batch included."""
    encoder, size = Projection(DIM).eval(), USUAL if isinstance(batch_size, str) else batch_size
    watch = MemoryWatch(torch.device("cpu"))
    with torch.no_grad():
        encoder(torch.rand(size, 3, PIXELS, PIXELS))
    return watch.peak()


def of_diagnosis(batch_size: int | str, effort: Effort) -> tuple[int, int, int]:
    """Bytes of a whole diagnosis, and of how many images and views; what libraries set up but once is left out."""
    torch.manual_seed(0)
    encoder, how = Projection(DIM).eval(), {"preprocess": {"channels": "rgb", "size": PIXELS}, "base_poses": 1}
    if not effort.tiny:
        diagnosed(encoder, Effort(batch=8), batch_size=8, **how)
    watch = MemoryWatch(torch.device("cpu"))
    _, _, identities, views = diagnosed(encoder, effort, batch_size=batch_size, **how)
    return watch.peak(), identities, views
