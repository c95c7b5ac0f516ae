"""Random numbers as pure functions of named keys, so that nothing depends on order, workers or resuming."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import torch


def derive_seed(*keys: int | str) -> int:
    """A 63-bit seed from the keys, the same on every machine: ``derive_seed(seed, "poses", epoch)``."""
    keys = tuple(int(key) if isinstance(key, np.integer) else key for key in keys)  # whose repr is another
    digest = hashlib.blake2b(repr(keys).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(*keys: int | str) -> torch.Generator:
    """A CPU generator seeded with ``derive_seed(*keys)``."""
    return torch.Generator().manual_seed(derive_seed(*keys))


def seed_everything(*keys: int | str) -> None:
    """Set the global generators of PyTorch (on every device), NumPy and Python, for whoever draws from them."""
    seed = derive_seed(*keys)
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  (what others draw from is this one)
    random.seed(seed)
