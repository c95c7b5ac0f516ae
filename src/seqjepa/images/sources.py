"""Image sources by name. A new source is one function here or in a file beside this one, entered in ``SOURCES``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seqjepa.images.archives import Published, find, obtain, verify
from seqjepa.images.cifar import cifar10_file, cifar100_file, load_cifar10, load_cifar100
from seqjepa.images.digits import load_digits
from seqjepa.images.folder import load_folder
from seqjepa.images.mnist import (
    fashion_mnist_files,
    kmnist_files,
    load_fashion_mnist,
    load_kmnist,
    load_mnist,
    mnist_files,
)
from seqjepa.images.npy import load_npy
from seqjepa.images.npz import load_npz
from seqjepa.types import Images, InputError
from seqjepa.types.checking import user_path

Split = Literal["train", "test"]
SPLITS = ("train", "test")

SOURCES: dict[str, Callable[[Split, Path | None], Images]] = {
    "digits": load_digits,
    "mnist": load_mnist,
    "fashion_mnist": load_fashion_mnist,
    "kmnist": load_kmnist,
    "cifar10": load_cifar10,
    "cifar100": load_cifar100,
}
OWN: dict[str, Callable[[Path, str], Images]] = {"npz": load_npz, "npy": load_npy, "folder": load_folder}
CHOICES = ", ".join([*SOURCES, *(f"{kind}:PATH" for kind in OWN)])


@dataclass(frozen=True)
class Download:
    """What is to be fetched for a source, and what it holds.

    Attributes:
        files: that it consists of.
        images: of both splits.
        size: of an image, for people.
        classes: how many.
    """

    files: Callable[[], list[Published]]
    images: int
    size: str
    classes: int


DOWNLOADS = {
    "mnist": Download(lambda: list(mnist_files().values()), 70_000, "28 × 28 grey", 10),
    "fashion_mnist": Download(lambda: list(fashion_mnist_files().values()), 70_000, "28 × 28 grey", 10),
    "kmnist": Download(lambda: list(kmnist_files().values()), 70_000, "28 × 28 grey", 10),
    "cifar10": Download(lambda: [cifar10_file()], 60_000, "32 × 32 RGB", 10),
    "cifar100": Download(lambda: [cifar100_file()], 60_000, "32 × 32 RGB", 100),
}


def load_images(name: str, split: Split = "test", root: str | Path | None = None) -> Images:
    """One split of an image source.

    Args:
        name: one of ``SOURCES``; or for images of one's own ``npz:PATH`` (an archive of arrays), ``npy:PATH`` (an array
            that may be larger than memory) or ``folder:PATH`` (a folder of images for each class).
        split: "train" or "test".
        root: folder in which a downloadable source looks first and stores what it fetches; by default the
            environment variable SEQJEPA_DATA, else ``./data``, else the user's cache.

    Raises:
        InputError: an unknown name or split; a file that is not what it should be; data that is neither at hand nor
            to be fetched, with where to get it and where to put it.
    """
    if split not in SPLITS:
        raise InputError(f"split {split!r} is not one of {', '.join(SPLITS)}")
    kind, colon, path = name.partition(":")
    if kind == "object":  # what a run records that was given its images in Python
        raise InputError(f"images {name!r} were given to the run as an object; give them again, or name a source")
    if colon and kind in OWN:
        return OWN[kind](user_path(path, "images"), split)
    if name not in SOURCES:
        raise InputError(f"images {name!r} is not one of {CHOICES}")
    return SOURCES[name](split, user_path(root, "root") if root is not None else None)


def whole_source(name: str) -> str:
    """An image source by a name that means the same from every folder: a path in it is made absolute."""
    kind, colon, path = name.partition(":")
    return f"{kind}:{user_path(path, 'images').absolute()}" if colon and path and kind in OWN else name


def fetch_images(name: str, root: Path | None = None) -> list[Path]:
    """The paths of a source's files, after those that are missing were fetched and all were verified.

    Raises:
        InputError: a source that has no files; a file that cannot be fetched, or is damaged.
    """
    paths = []
    for file in _download(name).files():
        paths.append(obtain(file, root))
        verify(paths[-1], file)
    return paths


def verify_images(name: str, root: Path | None = None) -> list[Path]:
    """The paths of a source's files, after their checksums and all that they hold were verified. Fetches nothing.

    Raises:
        InputError: a source that has no files; the first file that is missing, damaged or another one.
    """
    paths = []
    for file in _download(name).files():
        path = find(file, root)
        if path is None:
            raise InputError(f"{name}: {file.name} is missing; fetch it with 'seqjepa images fetch {name}'")
        verify(path, file)
        paths.append(path)
    for split in SPLITS:
        load_images(name, split, root)
    return paths


def _download(name: str) -> Download:
    if name not in DOWNLOADS:
        raise InputError(f"images {name!r} is not one of {', '.join(DOWNLOADS)}, which are downloaded")
    return DOWNLOADS[name]
