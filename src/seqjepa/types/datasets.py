"""Data sets of any kind as arrays: pixels, labels and the names of classes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from seqjepa.types.errors import InputError
from seqjepa.types.foreign import foreign_code
from seqjepa.types.orientation import upright

UNKNOWN = -1  # the label of an image whose class is not known
IMAGE_COLUMNS, LABEL_COLUMNS = ("image", "img"), ("label", "labels", "fine_label")
MODES = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB"}  # how a PIL image may be stored, and what it is taken as

Arrays = tuple[UInt8[Tensor, "N C H W"], Int64[Tensor, " N"], tuple[str, ...]]


def arrays_of(
    dataset: Any,
    labels: Any = None,
    class_names: Sequence[str] | None = None,
    value_range: tuple[float, float] | None = None,
) -> Arrays:
    """Pixels, labels (all ``UNKNOWN`` where there are none) and class names.

    Args:
        dataset, labels, class_names, value_range: as for ``Images.from_dataset``.

    Raises:
        InputError: as ``Images.from_dataset``.
    """
    with foreign_code(f"a data set needs a length and items by index; the length of this {_kind(dataset)}"):
        count = len(dataset)
    if not count:
        raise InputError("the data set is empty")
    _check_range(value_range)
    pixels: Tensor | None = None
    found: list[Any] = []
    for row, (image, label) in enumerate(_items(dataset, count)):
        one = _pixels(image, value_range, row)
        if pixels is None:
            pixels = torch.empty(count, *one.shape, dtype=torch.uint8)
        if one.shape != pixels.shape[1:]:
            first, here = (" × ".join(map(str, shape)) for shape in (pixels.shape[1:], one.shape))
            raise InputError(
                f"image {row} is {here} (channels × height × width), but image 0 is {first}; all must agree"
            )
        pixels[row] = one
        found.append(label)
    assert pixels is not None
    if labels is not None:
        if not hasattr(labels, "__len__"):
            raise InputError(f"labels: one an image is needed, not a single {type(labels).__name__}")
        found = list(labels)
        if len(found) != count:
            raise InputError(f"{count} images but {len(found)} labels; one label an image")
    return pixels, *_labels(found, class_names if class_names is not None else _names(dataset))


def _items(dataset: Any, count: int) -> Iterator[tuple[Any, Any]]:
    """Image and label, None where an item has none; of arrays, of rows of columns, or of items by index."""
    columns = getattr(dataset, "column_names", None)
    if columns is None:
        for row in range(count):
            with foreign_code(f"a data set needs items by index, from 0; item {row} of this {_kind(dataset)}"):
                item = dataset[row]
            pair = isinstance(item, tuple | list)
            if pair and not item:
                raise InputError(f"item {row} of the data set is empty: an image, or (image, label), is needed")
            yield (item[0], item[1] if len(item) > 1 else None) if pair else (item, None)
        return
    image = next((name for name in IMAGE_COLUMNS if name in columns), None)
    label = next((name for name in LABEL_COLUMNS if name in columns), None)
    if image is None:
        raise InputError(f"no column of images: one of {', '.join(IMAGE_COLUMNS)} is needed, not {', '.join(columns)}")
    for row in range(count):
        with foreign_code(f"item {row} of this {_kind(dataset)}"):
            item = dataset[row]
            found = item[image], None if label is None else item[label]
        yield found


def _kind(dataset: Any) -> str:
    return type(dataset).__name__


def _names(dataset: Any) -> Sequence[str] | None:
    """The names of a Hugging Face data set's label column, or torchvision's ``classes``."""
    features = getattr(dataset, "features", None) or {}
    column = next((name for name in LABEL_COLUMNS if name in features), None)
    return getattr(features[column], "names", None) if column else getattr(dataset, "classes", None)


def _pixels(image: Any, value_range: tuple[float, float] | None, row: int) -> UInt8[Tensor, "C H W"]:
    if hasattr(image, "mode") and hasattr(image, "convert"):
        if image.mode not in MODES:
            raise InputError(f"image {row} is of mode {image.mode}; convert it to L (grey) or RGB")
        with foreign_code(f"image {row} of the data set"):
            image = np.array(upright(image).convert(MODES[image.mode]))
    if not isinstance(image, Tensor | np.ndarray):
        raise InputError(f"image {row} is a {type(image).__name__}, not a PIL image, an array or a tensor")
    array = torch.as_tensor(image).detach().cpu()
    if array.ndim == 2:
        array = array[None]
    elif array.ndim == 3 and array.shape[0] not in (1, 3) and array.shape[-1] in (1, 3):
        array = array.movedim(-1, 0)
    if array.ndim != 3 or array.shape[0] not in (1, 3):
        shape = tuple(image.shape)
        raise InputError(f"image {row} has shape {shape}, not (H, W), (H, W, C) or (C, H, W) with C = 1 or 3")
    return _bytes(array, value_range, row)


def _check_range(value_range: Any) -> None:
    if value_range is None:
        return
    try:
        low, high = map(float, value_range)
    except (TypeError, ValueError) as error:
        raise InputError(f"value_range: two numbers are needed, as in (0, 1), not {value_range!r}") from error
    if not low < high:
        raise InputError(f"value_range: low {low:g} is not below high {high:g}")
    if math.inf in (-low, high):
        raise InputError(f"value_range: two finite numbers are needed, not ({low:g}, {high:g})")


def _bytes(array: Tensor, value_range: tuple[float, float] | None, row: int) -> UInt8[Tensor, "C H W"]:
    if array.dtype == torch.uint8:
        if value_range is not None:
            raise InputError(f"value_range is for images of floating point, and image {row} is uint8")
        return array
    if not array.is_floating_point():
        raise InputError(f"image {row} is {str(array.dtype).removeprefix('torch.')}, not uint8 or floating point")
    if value_range is None:
        raise InputError(f"image {row} is of floating point: say its range, as in value_range=(0, 1)")
    low, high = value_range
    least, most = float(array.min()), float(array.max())
    if not low <= least <= most <= high:  # NaN is in no range
        raise InputError(
            f"image {row} holds values from {least:g} to {most:g}, outside of value_range ({low:g}, {high:g})"
        )
    return ((array.double() - low) / (high - low) * 255).round().to(torch.uint8)


def _labels(found: list[Any], class_names: Sequence[str] | None) -> tuple[Int64[Tensor, " N"], tuple[str, ...]]:
    if all(label is None for label in found):
        return torch.full((len(found),), UNKNOWN), ()
    for row, label in enumerate(found):
        whole = isinstance(label, int | np.integer) and not isinstance(label, bool)
        tensor = isinstance(label, Tensor | np.ndarray) and label.ndim == 0 and "int" in str(label.dtype)
        if not whole and not tensor:
            raise InputError(
                f"the label of image {row} is {str(label)[:40]!r} ({type(label).__name__}), not an integer"
            )
    labels = torch.tensor([int(label) for label in found])
    if bool((labels == UNKNOWN).all()):
        return labels, ()
    names = class_names if class_names is not None else range(int(labels.max()) + 1)
    return labels, tuple(map(str, names))
