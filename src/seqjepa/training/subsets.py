"""The images, or identities, of a run: fixed random subsets, the same for every seed."""

from __future__ import annotations

import torch
from jaxtyping import Int64
from torch import Tensor

from seqjepa.images import Split, load_images
from seqjepa.rng import generator
from seqjepa.training.config import Config
from seqjepa.types import Images, InputError


def fixed_subset(there: int, split: str, count: int | None, of: str) -> Int64[Tensor, " K"] | None:
    """Which are taken; None for all.

    Args:
        there: how many there are.
        split: "train" or "test".
        count: how many are wanted; None for all.
        of: what they are of, for the message.

    Raises:
        InputError: fewer than wanted.
    """
    if count is not None and count > there:
        raise InputError(f"images.{split}: {count} images asked for, but {of} has {there}")
    if count is None or count == there:
        return None
    return torch.randperm(there, generator=generator("subset", split))[:count].sort().values


def image_subsets(config: Config) -> tuple[Images, Images]:
    """Training and held-out images of the source that a configuration names. Raises InputError."""
    wanted: dict[Split, int | None] = {"train": config.images.train, "test": config.images.test}
    loaded = []
    for split, count in wanted.items():
        images = load_images(config.images.source, split, config.images.root)
        chosen = fixed_subset(len(images), split, count, config.images.source)
        loaded.append(images if chosen is None else images[chosen])
    return loaded[0], loaded[1]
