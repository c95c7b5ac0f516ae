"""Arrays of one's own from a NumPy archive."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import torch

from seqjepa.types import Images, InputError


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
    arrays = _read(path, (*wanted, "class_names"))
    missing = [name for name in wanted if name not in arrays]
    if missing:
        raise InputError(
            f"{path}: no array {', '.join(missing)}; it holds {', '.join(arrays) or 'no array of that kind'}"
        )
    images, labels = (arrays[name] for name in wanted)
    names = [str(name) for name in arrays["class_names"]] if "class_names" in arrays else None
    return Images(_channels_first(path, images), _checked_labels(path, labels), _class_names(path, names, labels))


def _read(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Those of the named arrays that the archive holds; nothing is unpickled."""
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise InputError(f"{path}: a single array, not a .npz archive")
            return {name: archive[name] for name in names if name in archive.files}
    except InputError:
        raise
    except (zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable .npz archive ({error})") from error


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


def _class_names(path: Path, names: list[str] | None, labels: np.ndarray) -> tuple[str, ...]:
    if names is not None:
        return tuple(names)
    return tuple(str(c) for c in range(int(labels.max()) + 1)) if labels.size else ()
