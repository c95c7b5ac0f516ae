"""How many views an encoder is given at once: measured on a few, bounded by memory, halved where it runs out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

from seqjepa.io.memory import available_memory
from seqjepa.io.peak import MemoryWatch
from seqjepa.types import InputError, OutOfMemory
from seqjepa.types.checking import check_whole
from seqjepa.types.foreign import memory_ran_out

BatchSize = int | Literal["auto"]
FIRST = 16  # views of the first trial
USUAL = 256  # views at once where there are too few of them for trials
MOST = 4096
VIEWS_BYTES = 128 << 20  # of a batch of views, before the encoder's own preparation
PEAK_BYTES = 1 << 30  # that a batch may take: views, preparation and activations together
MEMORY_SHARE = 0.25  # of the memory that is free, where that is less
TRIAL_SHARE = 0.02  # of all views that trials may encode
FEW = 4096  # views under which nothing is timed, so that a small diagnosis is the same to the last bit each time
FASTER = 1.05  # what a batch of twice the size has to gain
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Measured:
    """What a few batches told.

    Attributes:
        batch_size: views at once from here on.
        seconds: that a view takes, warped and encoded, in batches of about this size.
        peak_bytes: that a batch of this size takes above what was taken before the encoder's first call.
    """

    batch_size: int
    seconds: float
    peak_bytes: int


def check_batch_size(batch_size: BatchSize) -> None:
    """Raises InputError for what is neither "auto" nor a whole number from 1."""
    if isinstance(batch_size, str):
        if batch_size != "auto":
            raise InputError(f"batch_size: 'auto' or a whole number from 1 is needed, not {batch_size[:80]!r}")
        return
    check_whole("batch_size", batch_size, 1)


def measured(
    encode: Callable[[int], None],
    views: int,
    view_bytes: int,
    watch: MemoryWatch,
    batch_size: BatchSize = "auto",
    device: torch.device | None = None,
) -> Measured:
    """Times an encoder, and with "auto" finds how many views it is best given at once.

    The size starts at ``FIRST`` and doubles while a view gets ``FASTER`` times as fast, and while a batch twice as
    large would keep within ``PEAK_BYTES`` (measured), ``VIEWS_BYTES`` of views, and a quarter of the memory that is
    free; trials encode ``TRIAL_SHARE`` of all views at most. Of fewer than ``FEW`` views only memory is measured, and
    the size is the largest power of 2 up to ``USUAL`` that keeps within.

    Args:
        encode: warps and encodes so many views and forgets them; called before, so that nothing is set up while timed.
        views: how many there will be in all.
        view_bytes: of a view as it is warped.
        watch: made before the encoder was first called.
        batch_size: "auto", or a size that is kept and only timed.
        device: where the encoder computes.

    Raises:
        OutOfMemory: a single view does not fit.
    """
    most, room = max(1, min(MOST, VIEWS_BYTES // max(1, view_bytes))), _room(device)
    first = max(1, min(FIRST, most if isinstance(batch_size, str) else batch_size, views))
    best = _tried(encode, first, watch)
    if not isinstance(batch_size, str):
        size = batch_size if best.batch_size == first else best.batch_size
        return Measured(size, best.seconds, best.peak_bytes * size // best.batch_size)
    if views < FEW:
        size = min(USUAL, most, max(1, room * best.batch_size // max(1, best.peak_bytes)))
        size = 1 << (size.bit_length() - 1)
        return Measured(size, best.seconds, best.peak_bytes * size // best.batch_size)
    spent, grown = best.batch_size, best.peak_bytes
    while best.batch_size >= FIRST:
        size = 2 * best.batch_size
        spent += size
        # Twice as many views take twice what they added; what is set up but once is not doubled.
        if size > most or spent > TRIAL_SHARE * views or best.peak_bytes + grown > room:
            break
        larger = _tried(encode, size, watch)
        if larger.batch_size < size or larger.seconds * FASTER > best.seconds:
            break
        best, grown = larger, 2 * max(0, larger.peak_bytes - best.peak_bytes)
    return best


def _tried(encode: Callable[[int], None], size: int, watch: MemoryWatch) -> Measured:
    """A batch of this size timed, or the largest of its halves for which there is memory."""
    while True:
        watch.restart()
        start = time.perf_counter()
        try:
            encode(size)
        except (MemoryError, RuntimeError) as error:
            if size == 1 or not ran_out(error):
                raise
            size = halved(size)
        else:
            return Measured(size, (time.perf_counter() - start) / size, watch.peak())


def halved(tried: int) -> int:
    """The size to go on with after a batch of ``tried`` views for which memory ran out; said in a line."""
    LOG.warning("out of memory with %d views at once; going on with %d", tried, tried // 2)
    return tried // 2


def ran_out(error: BaseException) -> bool:
    """Whether it says that memory was lacking."""
    return isinstance(error, OutOfMemory) or memory_ran_out(error)


def _room(device: torch.device | None) -> int:
    """Bytes that a batch may take."""
    if device is not None and device.type == "cuda":  # nothing else wants a GPU's memory
        return max(PEAK_BYTES, int(MEMORY_SHARE * torch.cuda.mem_get_info(device)[0]))
    return min(PEAK_BYTES, int(MEMORY_SHARE * available_memory()))
