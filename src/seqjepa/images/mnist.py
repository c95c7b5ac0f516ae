"""MNIST (LeCun et al., 1998) and those of its shape, Fashion-MNIST (Xiao et al., 2017) and Kuzushiji-MNIST (Clanuwat
et al., 2018), in IDX files: 60,000 training and 10,000 test images of 28 × 28 in ten classes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import torch

from seqjepa.images.archives import Published, read
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
FASHION_MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
)
FASHION_CONTENT_MD5 = {  # decompressed, as several projects state it
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}
KUZUSHIJI_MIRRORS = (
    "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
    "https://storage.googleapis.com/kuzushiji-mnist/",
)
KUZUSHIJI_MD5 = {  # of the archives, as torchvision states it; nobody states that of the content
    "train-images-idx3-ubyte": "bdb82020997e1d708af4cf47b453dcf7",
    "train-labels-idx1-ubyte": "e144d726b3acfaa3e44228e80efcd344",
    "t10k-images-idx3-ubyte": "5c965bf0a639b31b8f53240b1b52f4d7",
    "t10k-labels-idx1-ubyte": "7320c461ea6c1c855c0b718fb2a4b134",
}
DIGITS = tuple(str(digit) for digit in range(10))
CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
HIRAGANA = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
MAX_BYTES = 64 << 20  # the largest file holds 47 MB; an archive that unpacks to more is none of these
SIDE = 28


def load_mnist(split: str, root: Path | None = None) -> Images:
    """60,000 training and 10,000 test images of handwritten digits, 28 × 28."""
    return _load(mnist_files(), split, root, DIGITS)


def load_fashion_mnist(split: str, root: Path | None = None) -> Images:
    """Pieces of clothing, as many and as large as MNIST's digits."""
    return _load(fashion_mnist_files(), split, root, CLOTHES)


def load_kmnist(split: str, root: Path | None = None) -> Images:
    """Cursive Japanese characters (Kuzushiji-MNIST), as many and as large as MNIST's digits.

    Its checksums are those of the published archives, so an unpacked file is not known and not taken.
    """
    return _load(kmnist_files(), split, root, HIRAGANA)


def mnist_files() -> Mapping[str, Published]:
    """The four files, by their names when unpacked."""
    return _files("MNIST", MIRRORS, ("MNIST/raw", "raw", "MNIST", "mnist", "."), CONTENT_MD5, True)


def fashion_mnist_files() -> Mapping[str, Published]:
    """The four files, by their names when unpacked; MNIST's have the same ones, so they need a folder of their own."""
    folders = ("FashionMNIST/raw", "FashionMNIST", "fashion_mnist")
    return _files("Fashion-MNIST", FASHION_MIRRORS, folders, FASHION_CONTENT_MD5, True)


def kmnist_files() -> Mapping[str, Published]:
    """The four files, by their names when unpacked; MNIST's have the same ones, so they need a folder of their own."""
    return _files("Kuzushiji-MNIST", KUZUSHIJI_MIRRORS, ("KMNIST/raw", "KMNIST", "kmnist"), KUZUSHIJI_MD5, False)


def _files(
    dataset: str, mirrors: tuple[str, ...], folders: tuple[str, ...], md5: Mapping[str, str], of_content: bool
) -> Mapping[str, Published]:
    return {n: Published(dataset, f"{n}.gz", mirrors, folders, m, of_content, MAX_BYTES) for n, m in md5.items()}


def _load(files: Mapping[str, Published], split: str, root: Path | None, class_names: tuple[str, ...]) -> Images:
    prefix = "train" if split == "train" else "t10k"
    images = read_idx(read(files[f"{prefix}-images-idx3-ubyte"], root), 3)
    labels = read_idx(read(files[f"{prefix}-labels-idx1-ubyte"], root), 1)
    if images.shape[1:] != (SIDE, SIDE):
        raise InputError(f"{prefix}-images-idx3-ubyte: images of {tuple(images.shape[1:])}, not {SIDE} × {SIDE}")
    return Images(images[:, None], labels.long(), class_names)


def read_idx(content: bytes | bytearray, dimensions: int) -> torch.Tensor:
    """The uint8 array in an IDX file; of a bytearray a view. Raises InputError when header and length disagree."""
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
        return torch.zeros(shape, dtype=torch.uint8)
    buffer = content if isinstance(content, bytearray) else bytearray(content)
    return torch.frombuffer(buffer, dtype=torch.uint8, offset=header).reshape(shape)
