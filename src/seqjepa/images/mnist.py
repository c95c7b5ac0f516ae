"""MNIST in IDX files (LeCun et al., 1998): found where they usually lie, verified by content, else downloaded."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import struct
import zlib
from pathlib import Path

import pooch
import torch

from seqjepa.types import Images, InputError

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# md5 of the *decompressed* file: archives of the same content differ with the compressor that made them.
CONTENT_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
MAX_BYTES = 64 << 20  # the largest file holds 47 MB; an archive that unpacks to more is not MNIST


def load_mnist(split: str, root: Path | None = None) -> Images:
    """60,000 training or 10,000 test images of 28 × 28; see ``seqjepa.load_images`` for ``root``."""
    prefix = "train" if split == "train" else "t10k"
    images = read_idx(_content(f"{prefix}-images-idx3-ubyte", root), 3)
    labels = read_idx(_content(f"{prefix}-labels-idx1-ubyte", root), 1)
    return Images(images[:, None], labels.long(), tuple(str(d) for d in range(10)))


def read_idx(content: bytes, dimensions: int) -> torch.Tensor:
    """The uint8 array in an IDX file. Raises InputError when header and length do not fit together."""
    header = 4 + 4 * dimensions
    if len(content) < header or content[:4] != bytes([0, 0, 8, dimensions]):
        raise InputError(
            f"not an IDX file of {dimensions}-dimensional uint8: it starts with {content[:4].hex() or 'nothing'}"
        )
    shape = struct.unpack(f">{dimensions}I", content[4:header])
    expected = 1
    for size in shape:
        expected *= size
    if len(content) != header + expected:
        raise InputError(f"IDX file of shape {shape} needs {header + expected} bytes, but has {len(content)}")
    if not expected:
        raise InputError(f"IDX file of shape {shape}, which holds nothing")
    return torch.frombuffer(bytearray(memoryview(content)[header:]), dtype=torch.uint8).reshape(shape)


def search_folders(root: Path | None) -> list[Path]:
    """Where MNIST's files may lie: each base folder itself, and as torchvision and others arrange it."""
    if root is not None:
        bases = [root]
    else:
        environment = os.environ.get("SEQJEPA_DATA")
        bases = [Path(environment).expanduser()] if environment else []
        bases += [Path("data"), Path(pooch.os_cache("seqjepa"))]
    return [base / sub for base in bases for sub in ("MNIST/raw", "raw", "MNIST", "mnist", ".")]


def _content(name: str, root: Path | None) -> bytes:
    """The decompressed, verified content of one file: from disk, else from a mirror."""
    for folder in search_folders(root):
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return _verified(path, name)
    return _download(name, search_folders(root)[-5])


def _verified(path: Path, name: str) -> bytes:
    content = _decompressed(path)
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if digest != CONTENT_MD5[name]:
        raise InputError(
            f"{path}: its content has md5 {digest}, not {CONTENT_MD5[name]}; it is damaged or another file. "
            "Delete it to have it fetched again."
        )
    return content


def _decompressed(path: Path) -> bytes:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = io.BytesIO()
            while content.tell() <= MAX_BYTES and (chunk := file.read(1 << 20)):
                content.write(chunk)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{path}: a truncated or damaged gzip file ({error}). Delete it to have it fetched again."
        ) from error
    if content.tell() > MAX_BYTES:
        raise InputError(f"{path}: holds more than {MAX_BYTES} bytes, which no file of MNIST does")
    return content.getvalue()


def _download(name: str, folder: Path) -> bytes:
    """Fetch one archive into ``folder``; pooch writes it whole or not at all, and calls back to verify it."""
    import requests

    def verify(path: str, action: str, _: object) -> str:
        try:
            _verified(Path(path), name)
        except InputError:
            Path(path).unlink(missing_ok=True)  # a wrong answer from one mirror must not block the next
            raise
        return path

    problems = []
    for mirror in MIRRORS:
        try:
            path = pooch.retrieve(
                f"{mirror}{name}.gz",
                None,
                f"{name}.gz",
                folder,
                processor=verify,
                downloader=pooch.HTTPDownloader(timeout=30),  # pyright: ignore[reportArgumentType]
            )
            return _verified(Path(path), name)
        except (requests.RequestException, InputError, OSError) as error:
            problems.append(f"{mirror}: {type(error).__name__}")
    raise InputError(
        f"MNIST's file {name}.gz is missing and could not be fetched ({'; '.join(problems)}). "
        f"Download it by hand from {MIRRORS[0]}{name}.gz and put it into {folder.resolve()}"
    )
