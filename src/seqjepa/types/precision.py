"""What numbers are made without saying: of float32 and on the CPU, whatever the user's own defaults are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch


@contextmanager
def single_precision() -> Iterator[None]:
    """Within, torch's default type is float32, its default device the CPU; after, what they were. Also a decorator."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    elsewhere = torch.get_default_device().type != "cpu"
    try:
        with torch.device("cpu") if elsewhere else nullcontext():  # it slows every call down
            yield
    finally:
        torch.set_default_dtype(before)
