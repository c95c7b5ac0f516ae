"""Arrays of one's own from a NumPy archive."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from seqjepa.io.untrusted import read_npz
from seqjepa.types import Images, InputError
from seqjepa.types.limits import CLASSES


def load_npz(path: Path, split: str) -> Images:
    """One split of an archive with train_images, train_labels, test_images, test_labels, optional class_names.

    Images are uint8 of shape (N, H, W), (N, H, W, C) or (N, C, H, W) with C = 1 or 3; labels are integers from 0.

    Raises:
        InputError: no such file, not such an archive, an array is missing, or shapes, types or lengths do not fit.
    """
    if not path.is_file():
        raise InputError(
            f"no file {path}; npz:PATH needs an archive with train_images, train_labels, test_images, test_labels"
        )
    wanted = (f"{split}_images", f"{split}_labels")
    arrays, held = read_npz(path, (*wanted, "class_names"))
    missing = [name for name in wanted if name not in arrays]
    if missing:
        raise InputError(f"{path}: no array {', '.join(missing)}; it holds {', '.join(held)[:200] or 'no array'}")
    images, labels = (arrays[name] for name in wanted)
    pixels, checked = _channels_first(path, images), _checked_labels(path, labels)
    return Images(pixels, checked, _class_names(path, arrays.get("class_names"), checked))


def _channels_first(path: Path, images: np.ndarray) -> torch.Tensor:
    if images.dtype != np.uint8:
        raise InputError(f"{path}: images are {images.dtype}, not uint8")
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and images.shape[-1] in (1, 3):
        images = np.moveaxis(images, -1, 1)
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise InputError(
            f"{path}: images have shape {images.shape}, not (N, H, W), (N, H, W, C) or (N, C, H, W) with C = 1 or 3"
        )
    return torch.from_numpy(np.ascontiguousarray(images))


def _checked_labels(path: Path, labels: np.ndarray) -> torch.Tensor:
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"{path}: labels are {labels.dtype} of shape {labels.shape}, not integers of shape (N,)")
    return torch.from_numpy(labels.astype(np.int64))


def _class_names(path: Path, names: np.ndarray | None, labels: torch.Tensor) -> tuple[str, ...]:
    if names is not None:
        if names.ndim != 1 or names.dtype.kind not in "US":
            raise InputError(f"{path}: class_names are {names.dtype} of shape {names.shape}, not texts of shape (K,)")
        try:
            return tuple(name.decode() if isinstance(name, bytes) else str(name) for name in names.tolist())
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: class_names are not texts in UTF-8 ({error.reason})") from error
    highest = int(labels.max()) if len(labels) else -1
    if highest >= CLASSES:
        raise InputError(f"{path}: a label {highest}; number classes from 0, or name them in class_names")
    return tuple(str(c) for c in range(highest + 1))
