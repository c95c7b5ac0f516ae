"""Small stand-ins for the image sources. Their checksums count as the real ones while a test runs."""

import gzip
import hashlib
import io
import struct
import tarfile

import numpy as np
import torch
from PIL import Image

from seqjepa.images import cifar, mnist

COUNTS = {"train": 96, "test": 40}
CHECKSUMS = {"mnist": "CONTENT_MD5", "fashion_mnist": "FASHION_CONTENT_MD5", "kmnist": "KUZUSHIJI_MD5"}
FOLDERS = {"mnist": "MNIST/raw", "fashion_mnist": "FashionMNIST/raw", "kmnist": "KMNIST/raw"}
DOWNLOADED = ("mnist", "fashion_mnist", "kmnist", "cifar10", "cifar100")
OWN = ("npz", "npy", "folder")


def some(count, *shape, classes=10):
    """Pixels and labels, every class among them."""
    random = torch.Generator().manual_seed(count)
    pixels = torch.randint(256, (count, *shape), dtype=torch.uint8, generator=random)
    return pixels, torch.arange(count) % classes


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.numpy().tobytes()


def published(name, monkeypatch):
    """The files of a source as its mirrors would have them: a folder below the root, and contents by name."""
    if name in CHECKSUMS:
        contents = {}
        for prefix, count in {"train": COUNTS["train"], "t10k": COUNTS["test"]}.items():
            pixels, labels = some(count, 28, 28)
            contents[f"{prefix}-images-idx3-ubyte"] = idx(pixels)
            contents[f"{prefix}-labels-idx1-ubyte"] = idx(labels.byte())
        packed = {n: gzip.compress(content, mtime=0) for n, content in contents.items()}
        known = packed if name == "kmnist" else contents
        monkeypatch.setattr(mnist, CHECKSUMS[name], {n: hashlib.md5(c).hexdigest() for n, c in known.items()})
        return FOLDERS[name], {f"{n}.gz": content for n, content in packed.items()}
    suffix, first = ("_100", 2) if name == "cifar100" else ("", 1)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as file:
        for split, names in getattr(cifar, f"BATCHES{suffix}").items():
            pixels, labels = some(COUNTS[split], 3072)
            records = torch.cat([labels[:, None].byte()] * first + [pixels], 1)
            for n, part in zip(names, records.tensor_split(len(names)), strict=True):
                info = tarfile.TarInfo(f"{getattr(cifar, f'FOLDER{suffix}')}/{n}")
                info.size = part.numel()
                file.addfile(info, io.BytesIO(part.numpy().tobytes()))
    content = archive.getvalue()
    monkeypatch.setattr(cifar, f"MD5{suffix}", hashlib.md5(content).hexdigest())
    return ".", {getattr(cifar, f"ARCHIVE{suffix}"): content}


def place(name, root, monkeypatch):
    """Put a source's stand-in under ``root``; returns the name by which it is loaded."""
    if name in DOWNLOADED:
        folder, files = published(name, monkeypatch)
        (root / folder).mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (root / folder / file).write_bytes(content)
        return name
    arrays = {split: some(count, 3, 12, 10, classes=4) for split, count in COUNTS.items()}
    if name == "npz":
        keys = ("images", "labels")
        np.savez(root / "a.npz", **{f"{s}_{k}": a.numpy() for s, pair in arrays.items() for k, a in zip(keys, pair)})
        return f"npz:{root / 'a.npz'}"
    if name == "npy":
        for split, (pixels, labels) in arrays.items():
            stem = "a" if split == "train" else "a_test"
            np.save(root / f"{stem}.npy", pixels.numpy())
            np.save(root / f"{stem}_labels.npy", labels.numpy())
        return f"npy:{root / 'a.npy'}"
    for split, (pixels, labels) in arrays.items():
        for i, (image, label) in enumerate(zip(pixels, labels, strict=True)):
            folder = root / "pictures" / split / f"class {int(label)}"
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(folder / f"{i:03d}.png")
    return f"folder:{root / 'pictures'}"
