"""CIFAR-10 out of its *binary* archive (Krizhevsky, 2009); the pickled ones are never opened."""

from __future__ import annotations

import hashlib
import lzma
import tarfile
import zlib
from pathlib import Path

import pooch
import torch

from seqjepa.images.mnist import search_folders
from seqjepa.types import Images, InputError

ARCHIVE = "cifar-10-binary.tar.gz"
URL = f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}"
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"  # of the archive, as its page states it
FOLDER = "cifar-10-batches-bin"
BATCHES = {"train": [f"data_batch_{i}.bin" for i in range(1, 6)], "test": ["test_batch.bin"]}
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
RECORD, RECORDS = 1 + 3 * 32 * 32, 10_000  # a label and the three planes; so many a batch


def load_cifar10(split: str, root: Path | None = None) -> Images:
    """50,000 training or 10,000 test images in colour, 32 × 32; see ``seqjepa.load_images`` for ``root``."""
    path = _archive(root)
    records = torch.cat([read_batch(content, path) for content in _members(path, BATCHES[split])])
    labels = records[:, 0].long()
    if int(labels.max()) >= len(CLASSES):
        raise InputError(f"{path}: a label {int(labels.max())}, and there are {len(CLASSES)} classes")
    return Images(records[:, 1:].reshape(-1, 3, 32, 32), labels, CLASSES)


def read_batch(content: bytes, path: Path) -> torch.Tensor:
    """The records (N, 3073) of one batch. Raises InputError for a batch of another length."""
    if not content or len(content) % RECORD or len(content) > RECORD * RECORDS:
        raise InputError(f"{path}: a batch of {len(content)} bytes, which is no multiple of {RECORD} up to {RECORDS}")
    return torch.frombuffer(bytearray(content), dtype=torch.uint8).reshape(-1, RECORD)


def _members(path: Path, names: list[str]) -> list[bytes]:
    """Read out of the archive without unpacking it, so that no path in it can lead anywhere."""
    try:
        with tarfile.open(path) as archive:
            members = [archive.getmember(f"{FOLDER}/{name}") for name in names]
            found = [archive.extractfile(member) for member in members if member.isreg()]  # a link may lead in a circle
            if len(found) < len(names):
                raise tarfile.TarError("a batch in it is no file")
            # One byte more than a batch holds shows one that is too long, and no more is ever read.
            most = min(RECORD * RECORDS + 1, max(member.size for member in members))
            return [file.read(most) for file in found if file is not None]
    except (tarfile.TarError, KeyError, EOFError, OSError, ValueError, zlib.error, lzma.LZMAError) as error:
        why = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path}: a damaged archive, or not CIFAR-10's ({why}). Delete it to have it fetched again."
        ) from error


def _archive(root: Path | None) -> Path:
    """The verified archive: from disk, else fetched."""
    folders = search_folders(root)
    path = next((folder / ARCHIVE for folder in folders if (folder / ARCHIVE).is_file()), None)
    path = path or _download(folders[-1])
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if digest != MD5:
        raise InputError(f"{path}: has md5 {digest}, not {MD5}; it is damaged or another file")
    return path


def _download(folder: Path) -> Path:
    import requests

    try:
        downloader = pooch.HTTPDownloader(timeout=30, progressbar=False)
        fetched = pooch.retrieve(URL, f"md5:{MD5}", ARCHIVE, folder, downloader=downloader)  # pyright: ignore[reportArgumentType]
    except (requests.RequestException, ValueError, OSError) as error:
        raise InputError(
            f"CIFAR-10's archive {ARCHIVE} is missing and could not be fetched ({type(error).__name__}). "
            f"Download it by hand from {URL} and put it into {folder.resolve()}"
        ) from error
    return Path(fetched)
