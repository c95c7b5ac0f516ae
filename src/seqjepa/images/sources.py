"""Image sources by name. A new source is one function here or in a file beside this one, entered in ``SOURCES``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from seqjepa.images.cifar import load_cifar10
from seqjepa.images.digits import load_digits
from seqjepa.images.mnist import load_mnist
from seqjepa.images.npz import load_npz
from seqjepa.types import Images, InputError

Split = Literal["train", "test"]
SPLITS = ("train", "test")

SOURCES: dict[str, Callable[[Split, Path | None], Images]] = {
    "digits": load_digits,
    "mnist": load_mnist,
    "cifar10": load_cifar10,
}


def load_images(name: str, split: Split = "test", root: str | Path | None = None) -> Images:
    """One split of an image source.

    Args:
        name: one of ``SOURCES``, or ``npz:PATH`` for arrays of one's own.
        split: "train" or "test".
        root: folder in which a downloadable source looks first and stores what it fetches; by default the
            environment variable SEQJEPA_DATA, else ``./data``, else the user's cache.

    Raises:
        InputError: an unknown name or split; a file that is not what it should be; data that is neither at hand nor
            to be fetched, with where to get it and where to put it.
    """
    if split not in SPLITS:
        raise InputError(f"split {split!r} is not one of {', '.join(SPLITS)}")
    folder = Path(root).expanduser() if root is not None else None
    if name.startswith("npz:"):
        return load_npz(Path(name.removeprefix("npz:")).expanduser(), split)
    if name not in SOURCES:
        raise InputError(f"images {name!r} is not one of {', '.join(SOURCES)}, npz:PATH")
    return SOURCES[name](split, folder)
