"""CIFAR-10 and CIFAR-100 out of their *binary* archives (Krizhevsky, 2009); the pickled ones are never opened."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from seqjepa.images.archives import AGAIN, PIECE, Published, find, find_local, obtain, verify
from seqjepa.types import Images, InputError

MIRRORS = ("https://www.cs.toronto.edu/~kriz/",)
ARCHIVE, ARCHIVE_100 = "cifar-10-binary.tar.gz", "cifar-100-binary.tar.gz"
# Of the archives, as their page states it.
MD5, MD5_100 = "c32a1d4ab5d03f1284b67883e8d87530", "03b5dce01913d631647c71ecec9e9cb8"
FOLDER, FOLDER_100 = "cifar-10-batches-bin", "cifar-100-binary"
BATCHES = {"train": [f"data_batch_{i}.bin" for i in range(1, 6)], "test": ["test_batch.bin"]}
BATCHES_100 = {"train": ["train.bin"], "test": ["test.bin"]}
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CLASSES_100 = tuple(
    """apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
    caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
    flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
    motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate
    poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider
    squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
    wardrobe whale willow_tree wolf woman worm""".split()  # noqa: SIM905 (a hundred quoted words would be a page)
)
SAMPLE = "cifar10_sample.npz"  # some of CIFAR-10's images, as npz:PATH reads them
PIXELS = 3 * 32 * 32
RECORD, RECORDS = 1 + PIXELS, 10_000  # of CIFAR-10: a label and the three planes; so many a batch
MAX_BYTES = 256 << 20  # the archives hold 170 MB


@dataclass(frozen=True)
class _Layout:
    """How an archive is laid out: records of ``labels`` bytes, the last of which counts, and the three planes."""

    file: Published
    folder: str
    batches: Mapping[str, Sequence[str]]
    labels: int
    records: int
    class_names: tuple[str, ...]


def load_cifar10(split: str, root: Path | None = None) -> Images:
    """50,000 training and 10,000 test photographs of ten things, 32 × 32 in colour."""
    return _load(cifar10_layout(), split, root)


def load_cifar100(split: str, root: Path | None = None) -> Images:
    """As CIFAR-10, of a hundred things (the fine labels)."""
    return _load(_Layout(cifar100_file(), FOLDER_100, BATCHES_100, 2, 50_000, CLASSES_100), split, root)


def cifar10_layout() -> _Layout:
    """Of its binary archive."""
    return _Layout(cifar10_file(), FOLDER, BATCHES, 1, RECORDS, CLASSES)


def cifar_at_hand() -> str:
    """The image source "cifar100" where its archive lies, else ``cifar10_sample.npz`` where that does, else "cifar100".

    Looked for in the usual folders; nothing is fetched.
    """
    sample = find_local(SAMPLE)
    if find(cifar100_file(), None) is None and sample is not None:
        return f"npz:{sample.absolute()}"
    return "cifar100"


def cifar10_file() -> Published:
    """Its binary archive."""
    return Published("CIFAR-10", ARCHIVE, MIRRORS, (".",), MD5, False, MAX_BYTES)


def cifar100_file() -> Published:
    """Its binary archive."""
    return Published("CIFAR-100", ARCHIVE_100, MIRRORS, (".",), MD5_100, False, MAX_BYTES)


def _load(layout: _Layout, split: str, root: Path | None) -> Images:
    path = obtain(layout.file, root)
    verify(path, layout.file)
    members = _members(path, layout, layout.batches[split])
    pixels, labels = [], []
    while members:  # each is let go of before the next is taken
        records = read_batch(members.pop(0), path, layout.labels, layout.records)
        labels.append(records[:, layout.labels - 1].long())
        pixels.append(records[:, layout.labels :].reshape(-1, 3, 32, 32))
    found, names = torch.cat(labels), layout.class_names
    if int(found.max()) >= len(names):
        raise InputError(f"{path}: a label {int(found.max())}, and there are {len(names)} classes")
    return Images(pixels[0] if len(pixels) == 1 else torch.cat(pixels), found, names)


def read_batch(content: bytes | bytearray, path: Path, labels: int = 1, records: int = RECORDS) -> torch.Tensor:
    """The records (N, labels + 3072) of one batch, uint8.

    Args:
        content: of the batch's file.
        path: of the archive, for the message.
        labels: bytes of labels before each image.
        records: the most that a batch holds.

    Raises:
        InputError: a batch of another length.
    """
    record = labels + PIXELS
    if not content or len(content) % record or len(content) > record * records:
        raise InputError(f"{path}: a batch of {len(content)} bytes, which is no multiple of {record} up to {records}")
    buffer = content if isinstance(content, bytearray) else bytearray(content)
    return torch.frombuffer(buffer, dtype=torch.uint8).reshape(-1, record)


def _read(read: Callable[[int], bytes], most: int) -> bytes:
    """Piece by piece, so that a size only promised takes no memory; one byte over ``most`` shows what is too long."""
    content = bytearray()
    while len(content) <= most and (piece := read(min(PIECE, most + 1 - len(content)))):
        content += piece
    return bytes(content)


def _members(path: Path, layout: _Layout, names: Sequence[str]) -> list[bytes]:
    """Read out of the archive without unpacking it, so that no path or link in it can lead anywhere."""
    most = (layout.labels + PIXELS) * layout.records
    found: dict[str, bytes] = {}
    try:
        # gzip's own reader: what tarfile brings for streams raises TypeError for some damaged headers.
        with gzip.open(path) as unpacked, tarfile.open(fileobj=unpacked, mode="r|") as archive:
            for member in archive:
                name = member.name.removeprefix(f"{layout.folder}/")
                if name in names and name != member.name and name not in found:
                    file = archive.extractfile(member) if member.isreg() else None
                    if file is None:
                        raise InputError(f"{path}: {member.name} is a link or a special file. {AGAIN}")
                    found[name] = _read(file.read, most)
                if len(found) == len(names):
                    break
        return [found[name] for name in names]
    except InputError:
        raise
    except (tarfile.TarError, KeyError, EOFError, OSError, ValueError, zlib.error) as error:
        why = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: a damaged archive, or not {layout.file.dataset}'s ({why}). {AGAIN}") from error
