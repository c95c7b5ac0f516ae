"""An array of one's own in a .npy file, which may be larger than memory: rows are read when they are asked for."""

from __future__ import annotations

import math
import mmap
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from seqjepa.types import Images, InputError
from seqjepa.types.datasets import UNKNOWN

AT_ONCE = (
    32  # rows read before their pages are given back; with each comes as much of the file as the system thinks fit
)
HELD_OUT = 10  # the last tenth of a file without a *_test.npy beside it
INTEGERS = tuple(np.dtype(f"{order}{kind}{size}") for order in "<>" for kind in "iu" for size in (1, 2, 4, 8))
READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


@dataclass(frozen=True)
class MappedImages(Images):
    """Images in a file that is mapped into memory. Indexing reads rows into memory; nothing else of it stays there.

    Attributes:
        mapping: the file. Pages that were read are given back after each reading, or a pass over the file would leave
            all of it with the process; the system keeps them cached as long as it has room.
        device: where rows go that are read.
    """

    mapping: mmap.mmap
    device: torch.device | str = "cpu"

    def rows(self, index: Tensor | slice) -> tuple[UInt8[Tensor, "K C H W"], Int64[Tensor, " K"]]:
        """Pixels and labels of some, read from the file into memory and moved to the device."""
        rows = torch.arange(len(self))[index.cpu() if isinstance(index, Tensor) else index]
        pixels = torch.empty(len(rows), *self.pixels.shape[1:], dtype=torch.uint8)
        for part in torch.arange(len(rows)).split(AT_ONCE):
            pixels[part] = self.pixels[rows[part]]
            self.mapping.madvise(mmap.MADV_DONTNEED)
        return pixels.to(self.device), self.labels[rows].to(self.device)

    def to(self, device: torch.device | str) -> Images:
        """The file stays where it is; rows that are read go to the device."""
        return MappedImages(self.pixels, self.labels, self.class_names, self.mapping, device)


def load_npy(path: Path, split: str) -> Images:
    """One split of a uint8 array (N, H, W), (N, H, W, C) or (N, C, H, W) with C = 1 or 3, mapped into memory.

    Labels, integers from 0, are in ``NAME_labels.npy`` beside ``NAME.npy``; without it they have no labels.
    Held out is what ``NAME_test.npy`` (and ``NAME_test_labels.npy``) holds, else the last tenth of ``NAME.npy``.

    Raises:
        InputError: no such file, or it is not such an array: another type, shape or length than its header promises;
            labels that do not fit; a last tenth with classes that the rest lacks, as in a file sorted by class.
    """
    if path.suffix != ".npy":
        raise InputError(f"{path}: npy:PATH needs a .npy file")
    beside = path.with_name(f"{path.stem}_test.npy")
    if beside.is_file():
        whole, classes = (_open(file) for file in (path, beside)), _classes(path, beside)
        train, test = whole
        if train.pixels.shape[1:] != test.pixels.shape[1:]:
            shapes = tuple(train.pixels.shape[1:]), tuple(test.pixels.shape[1:])
            raise InputError(f"{beside}: images of shape {shapes[1]}, but those of {path} have {shapes[0]}")
        chosen = test if split == "test" else train
        return MappedImages(chosen.pixels, chosen.labels, classes, chosen.mapping)
    whole = _open(path)
    first = len(whole) - len(whole) // HELD_OUT
    if not 0 < first < len(whole):
        raise InputError(f"{path}: {len(whole)} images; {HELD_OUT} are the least of which some can be held out")
    if lacking := set(whole.labels[first:].unique().tolist()) - set(whole.labels[:first].unique().tolist()):
        raise InputError(
            f"{path}: the last tenth, which is held out, holds classes that the rest lacks ({min(lacking)}, …); "
            f"shuffle the file, or put held-out images into {beside.name} beside it"
        )
    part = slice(first, None) if split == "test" else slice(first)
    return MappedImages(whole.pixels[part], whole.labels[part], whole.class_names, whole.mapping)


def _classes(*paths: Path) -> tuple[str, ...]:
    """Of several files together."""
    return max((_open(path).class_names for path in paths), key=len)


def _open(path: Path) -> MappedImages:
    shape, offset = _header(path, (np.dtype(np.uint8),))
    last = len(shape) == 4 and shape[-1] in (1, 3)
    if not (len(shape) == 3 or last or (len(shape) == 4 and shape[1] in (1, 3))) or 0 in shape:
        raise InputError(
            f"{path}: images have shape {shape}, not (N, H, W), (N, H, W, C) or (N, C, H, W) with C = 1 or 3"
        )
    with path.open("rb") as file:
        # A private copy of pages that are written to, of which there are none: PyTorch has no read-only tensors.
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    flat = torch.frombuffer(mapping, dtype=torch.uint8, offset=offset, count=math.prod(shape)).reshape(shape)
    pixels = flat[:, None] if len(shape) == 3 else flat.permute(0, 3, 1, 2) if last else flat
    labels = _labels(path.with_name(f"{path.stem}_labels.npy"), len(pixels))
    classes = int(labels.max()) + 1  # none without labels
    return MappedImages(pixels, labels, tuple(str(c) for c in range(classes)), mapping)


def _labels(path: Path, count: int) -> Tensor:
    if not path.exists():
        return torch.full((count,), UNKNOWN)
    shape, _ = _header(path, INTEGERS)
    if shape != (count,):
        raise InputError(f"{path}: labels of shape {shape} for {count} images; one label an image")
    labels = torch.from_numpy(np.load(path, allow_pickle=False).astype(np.int64))
    if not 0 <= int(labels.min()) <= int(labels.max()) < count:
        raise InputError(f"{path}: labels run from {int(labels.min())} to {int(labels.max())}; they count from 0")
    return labels


def _header(path: Path, types: tuple[np.dtype, ...]) -> tuple[tuple[int, ...], int]:
    """Shape of the array and where it starts, after its promise was held against the file's length."""
    if not path.is_file():
        raise InputError(f"no file {path}; npy:PATH needs a .npy file of uint8 images")
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            if version not in READERS:
                raise ValueError(f"version {version}")
            found: Any = READERS[version](file)
            (shape, fortran, dtype), offset, length = found, file.tell(), file.seek(0, 2)
    except (OSError, ValueError, TypeError, SyntaxError, RecursionError, MemoryError, tokenize.TokenError) as error:
        raise InputError(f"{path}: not a readable .npy file ({_line(error)})") from error
    if dtype not in types:
        wanted = "uint8" if len(types) == 1 else "integers"
        raise InputError(f"{path}: holds {_line(dtype)}, not {wanted}")
    if fortran:
        raise InputError(f"{path}: in Fortran's order; write it with np.ascontiguousarray")
    if any(type(size) is not int or size < 0 for size in shape) or not shape:
        raise InputError(f"{path}: a shape {_line(shape)}")
    if offset + math.prod(shape) * dtype.itemsize != length:
        needs = offset + math.prod(shape) * dtype.itemsize
        raise InputError(f"{path}: an array of shape {_line(shape)} needs {needs:.4g} bytes, but the file has {length}")
    return shape, offset


def _line(what: object) -> str:
    """In one line that is not too long."""
    text = " ".join(str(what).split())
    return text if len(text) <= 120 else f"{text[:119]}…"
