"""Where an encoder computes: its module is moved there, and put back after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from seqjepa.encoders.asking import Encoder
from seqjepa.types import InputError
from seqjepa.types.foreign import foreign_code

Device = str | torch.device


def pick_device(encoder: Encoder, device: Device = "auto") -> torch.device:
    """The device on which an encoder is called.

    Args:
        encoder: a module, or any callable.
        device: "auto" leaves a module where its weights are if that is no CPU, else takes a GPU (CUDA) where there is
            one; a callable that is no module stays on the CPU. "cpu", "cuda", "cuda:1", … are taken as they are.

    Raises:
        InputError: no such device here.
    """
    if device == "auto":
        if not isinstance(encoder, nn.Module):
            return torch.device("cpu")
        placed_by_user = [found for found in _devices(encoder) if found.type != "cpu"]
        return placed_by_user[0] if placed_by_user else whole_device("cuda" if torch.cuda.is_available() else "cpu")
    return whole_device(device)


def whole_device(device: Device) -> torch.device:
    """The device with its number, as tensors tell it. Raises InputError when there is none such."""
    try:
        found = torch.device(device) if isinstance(device, str | torch.device) else None
    except (RuntimeError, ValueError):  # ValueError: a number with too many digits
        found = None
    if found is None:
        raise InputError(f"device: {str(device)[:80]!r} is not one of auto, cpu, cuda, cuda:NUMBER")
    if found.type == "cpu":
        return torch.device("cpu")
    there = torch.accelerator.current_accelerator(check_available=True)
    if there is None or there.type != found.type or (found.index or 0) >= torch.accelerator.device_count():
        raise InputError(f"device: {str(device)[:80]!r} was asked for, but is not available; choose auto or cpu")
    return found if found.index is not None else torch.device(found.type, torch.accelerator.current_device_index())


@contextmanager
def placed(encoder: Encoder, device: Device = "auto") -> Iterator[torch.device]:
    """Within, a module lies on the device that ``pick_device`` picks; after, where it was before.

    Args:
        encoder: a module, or a callable, which is left alone.
        device: see ``pick_device``.

    Raises:
        InputError: no such device; or one named for a module whose weights lie on several.
    """
    picked = pick_device(encoder, device)
    before = _devices(encoder) if isinstance(encoder, nn.Module) else []
    if len(before) > 1 and device != "auto":
        raise InputError(f"device: the encoder's weights lie on {', '.join(map(str, before))}; leave it at auto")
    moves = len(before) == 1 and before[0] != picked
    if moves and isinstance(encoder, nn.Module):
        with foreign_code(f"the encoder, moved to {picked},"):
            encoder.to(picked)
    try:
        yield picked
    finally:
        if moves and isinstance(encoder, nn.Module):
            encoder.to(before[0])


def _devices(module: nn.Module) -> list[torch.device]:
    """Those of its parameters and buffers, each once."""
    with foreign_code("the encoder, asked for its weights,"):
        return list(dict.fromkeys(tensor.device for tensor in (*module.parameters(), *module.buffers())))
