"""Encoders that take batches of one size only, called with any number of images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def in_batches(run: Callable[[Tensor], Any], images: Float[Tensor, "B C H W"], size: int | None) -> Any:
    """What ``run`` returns for all images, called with ``size`` of them at a time; None calls it once.

    The last batch is filled up with its last image, and what comes of that is left out. ``run`` returns a tensor, or a
    dict or tuple of tensors, one row an image.
    """
    if size is None:
        return run(images)
    parts = []
    for batch in images.split(size):
        missing = size - len(batch)
        parts.append(_rows(run(torch.cat([batch, batch[-1:].expand(missing, -1, -1, -1)])), len(batch)))
    if isinstance(parts[0], dict):
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    if isinstance(parts[0], tuple):
        return tuple(torch.cat(outputs) for outputs in zip(*parts, strict=True))
    return torch.cat(parts)


def _rows(output: Any, count: int) -> Any:
    if isinstance(output, dict):
        return {name: value[:count] for name, value in output.items()}
    if isinstance(output, tuple | list):
        return tuple(value[:count] for value in output)
    return output[:count]
