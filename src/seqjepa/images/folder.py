"""Images of one's own: a folder for each class."""

from __future__ import annotations

import logging
import os
import struct
import sys
import warnings
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.progress import track

from seqjepa.io.memory import total_memory
from seqjepa.types import Images, InputError
from seqjepa.types.orientation import exif_turn, upright

LOG = logging.getLogger(__name__)
T = TypeVar("T")
FORMATS = {"BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP"}  # none that calls another program, as EPS would
MODES = {"1": 1, "L": 1, "P": 3, "RGB": 3}  # how an image may be stored, and channels it needs
MAX_PIXELS = 1 << 22  # of one image, 2048 × 2048; its header is believed no further
TEST_EVERY = 5  # of each class, every fifth image is held out where no folder "test" says otherwise


def load_folder(path: Path, split: str) -> Images:
    """One split of images of one size: PATH/train/CLASS/… and PATH/test/CLASS/…, or PATH/CLASS/….

    Classes and images are taken in the order of their names. In the second form every fifth image of each class is
    held out. Hidden files are passed over. Grey if all images are, else RGB; both splits alike. Images are turned as
    their EXIF orientation says, which a message tells.

    Raises:
        InputError: no such folder, no classes, or the first file that is no image, damaged, of another size, too
            large, transparent, animated, a link or a special file; more images than the machine's memory holds.
    """
    if not path.is_dir():
        raise InputError(f"no folder {path}; folder:PATH needs a folder with a folder of images for each class")
    named = {entry.name for entry in _entries(path) if entry.is_dir(follow_symlinks=False)}
    halves = sorted(named & {"train", "test"})
    if halves and named != {"train", "test"}:
        raise InputError(f"{path}: a folder {halves[0]!r}; then there must be 'train' and 'test', and nothing beside")
    if halves:
        splits = {name: _classes(path / name) for name in ("train", "test")}
        if list(splits["train"]) != list(splits["test"]):
            odd = sorted(set(splits["train"]) ^ set(splits["test"]))[0]
            raise InputError(f"{path}: class {odd!r} is in only one of 'train' and 'test'")
    else:
        found = _classes(path)
        splits = {
            name: {c: [f for i, f in enumerate(fs, 1) if (i % TEST_EVERY == 0) == test] for c, fs in found.items()}
            for name, test in (("train", False), ("test", True))
        }
    size, channels = _common([file for classes in splits.values() for files in classes.values() for file in files])
    return _read(splits[split], size, channels, path, split)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is not hidden, by name. Raises InputError for a link: it could lead out of the folder."""
    try:
        with os.scandir(folder) as found:
            entries = sorted((e for e in found if not e.name.startswith(".")), key=lambda e: e.name)
    except OSError as error:
        raise InputError(f"{_shown(folder)}: cannot be read ({error.strerror})") from error
    for entry in entries:
        if entry.is_symlink():
            raise InputError(f"{_shown(entry.path)}: a link; folder:PATH takes files that are there themselves")
    return entries


def _classes(folder: Path) -> dict[str, list[str]]:
    """The files of each class."""
    classes: dict[str, list[str]] = {}
    for entry in _entries(folder):
        if not entry.is_dir(follow_symlinks=False):
            continue
        if not entry.name.isprintable():
            raise InputError(f"{_shown(entry.path)}: a class needs a name that can be printed")
        files = _entries(Path(entry.path))
        for file in files:
            if not file.is_file(follow_symlinks=False):
                raise InputError(f"{_shown(file.path)}: not a file; a class's folder holds images only")
        if not files:
            raise InputError(f"{_shown(entry.path)}: a class without images")
        classes[entry.name] = [file.path for file in files]
    if not classes:
        raise InputError(f"{folder}: no folder of images in it; folder:PATH needs one for each class")
    return classes


def _common(files: list[str]) -> tuple[tuple[int, int], int]:
    """Width and height of all images, and the channels they need, from their headers."""
    size, channels, turned = None, 1, 0
    for file in _tracked(files, "looking at images"):
        with _opened(file) as picture:
            lies = exif_turn(picture) is not None
            turned += lies
            width, height = upright(picture).size if lies else picture.size
            size = size or (width, height)
            if (width, height) != size:
                what = f"{width} × {height} pixels, but {_shown(files[0])} has {size[0]} × {size[1]}"
                raise InputError(f"{_shown(file)}: {what}; all images must be of one size")
            channels = max(channels, MODES[picture.mode])
    assert size is not None
    if turned:
        LOG.warning("%s of %s images are turned upright, as their EXIF orientation says", turned, len(files))
    return size, channels


def _read(classes: dict[str, list[str]], size: tuple[int, int], channels: int, path: Path, split: str) -> Images:
    files = [(label, file) for label, of_class in enumerate(classes.values()) for file in of_class]
    if not files:
        raise InputError(f"{path}: no image for the split {split!r}; a class needs {TEST_EVERY} to hold one out")
    width, height = size
    needed, memory = len(files) * channels * height * width, total_memory()
    if needed > memory:
        raise InputError(
            f"{path}: {len(files)} images need {needed / 2**30:.1f} GiB of memory and there are "
            f"{memory / 2**30:.1f}; write them into an array for npy:PATH, which may be larger than memory"
        )
    pixels = torch.empty(len(files), channels, height, width, dtype=torch.uint8)
    for row, (_, file) in enumerate(_tracked(files, "reading images")):
        with _opened(file) as picture:
            array = np.asarray(upright(picture).convert("L" if channels == 1 else "RGB"))
            pixels[row] = torch.from_numpy(array.reshape(height, width, channels).copy()).permute(2, 0, 1)
    return Images(pixels, torch.tensor([label for label, _ in files]), tuple(classes))


@contextmanager
def _opened(file: str) -> Iterator[Image.Image]:
    """An image, checked by its header; what is read of it within is checked too."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", category=UserWarning)  # of damaged metadata, which nobody reads
            with Image.open(file, formats=sorted(FORMATS)) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise InputError(
                        f"{_shown(file)}: {picture.width} × {picture.height} pixels; {MAX_PIXELS} in all are the most"
                    )
                if picture.mode not in MODES or "transparency" in picture.info:
                    what = "transparent" if "transparency" in picture.info else f"of mode {picture.mode}"
                    raise InputError(f"{_shown(file)}: {what}; save it as 8-bit grey or RGB")
                if getattr(picture, "n_frames", 1) != 1:
                    raise InputError(f"{_shown(file)}: holds several images")
                yield picture
    except InputError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise InputError(f"{_shown(file)}: too large an image") from error
    except Image.UnidentifiedImageError as error:
        raise InputError(
            f"{_shown(file)}: not an image of a kind that is read ({', '.join(sorted(FORMATS))})"
        ) from error
    # Pillow's readers raise each of these for a file that is damaged in one place or another.
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, LookupError, TypeError, OverflowError,
            AttributeError, NotImplementedError, MemoryError) as error:  # fmt: skip
        raise InputError(f"{_shown(file)}: a damaged image ({' '.join(str(error).split())})") from error


def _tracked(items: Sequence[T], what: str) -> Iterable[T]:
    """With a bar where somebody sees it."""
    return track(items, what, disable=not sys.stderr.isatty(), transient=True, console=Console(stderr=True))


def _shown(path: str | Path) -> str:
    """A path in one line, whatever is in it."""
    return str(path) if str(path).isprintable() else ascii(str(path))
