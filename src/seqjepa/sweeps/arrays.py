"""Sweeps out of files: those that ``Sweeps.save`` wrote, and archives of representations computed elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.factors import affine_factors
from seqjepa.io.untrusted import is_there, read_npz
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.as_given import NAMES
from seqjepa.types import Factor, InputError
from seqjepa.types.checking import user_path
from seqjepa.types.limits import FACTORS

AFFINE = {f.name: f for f in affine_factors((0, 0), (0, 0), (0, 0), (1, 1))}


def load_sweeps(path: str | Path) -> Sweeps:
    """Sweeps without an encoder: a ``sweeps.safetensors``, or a ``.npz`` archive of representations.

    The archive holds, for each factor NAME, ``values/NAME`` (I identities, P base poses, G grid values, D dimensions)
    and ``grids/NAME`` (G,) in the factor's unit, ascending; where they exist ``labels`` (I,), integers, and ``joint``
    (I, J, D) with ``joint_values`` (I, J, F), a column a factor in the order of the values. rotation [deg],
    translate_x, translate_y [px] and scale [ratio] are known; for others ``period/NAME`` and ``logarithmic/NAME`` say
    that they turn, or are even in their logarithm.

    Or it holds records, see ``Sweeps.from_recorded``: ``codes`` (N, D), ``identities`` (N,), and for each factor
    ``values/NAME`` (N,) or (N, W); ``labels`` (N,) where they exist. ``rotation/NAME`` = 1 says that the values are
    unit quaternions (w, x, y, z), ``direction/NAME`` = 1 unit vectors, ``levels/NAME`` = n numbers from 0 to n - 1,
    and ``cyclic/NAME`` = 1 that these go around; else several columns are a vector.

    Raises:
        InputError: no such file, one that cannot be read, or arrays that do not fit together.
    """
    file = user_path(path)
    if not is_there(file):
        raise InputError(f"no file {file}; sweeps are in a sweeps.safetensors, or an archive CODES.npz")
    if file.suffix != ".npz":
        return Sweeps.load(file)
    arrays, _ = read_npz(file)
    if "codes" in arrays:
        return _recorded(file, arrays)
    names = [name.removeprefix("values/") for name in arrays if name.startswith("values/")]
    if missing := [f"grids/{name}" for name in names if f"grids/{name}" not in arrays]:
        raise InputError(f"{file}: no array {missing[0]}")
    if not names:
        held = ", ".join(arrays)[:200] or "nothing"
        raise InputError(f"{file}: no array values/NAME with grids/NAME; it holds {held}")
    if len(names) > FACTORS:
        raise InputError(f"{file}: values of {len(names)} factors; {FACTORS} are the most")
    tensors = {name: _tensor(file, name, array) for name, array in arrays.items()}
    try:
        return _sweeps_of(names, tensors)
    except InputError as error:
        raise InputError(f"{file}: {str(error)[:300]}") from error


def _sweeps_of(names: list[str], tensors: dict[str, Tensor]) -> Sweeps:
    """Out of an archive's arrays; ``names`` are the factors'."""
    grids = {name: tensors[f"grids/{name}"].double() for name in names}
    labels, joint, joint_values = (tensors.get(name) for name in ("labels", "joint", "joint_values"))
    return Sweeps.from_arrays(
        {name: tensors[f"values/{name}"].float() for name in names},
        [_factor(name, grids[name], tensors) for name in names],
        grids,
        None if labels is None else _classes(labels),
        None if joint is None else joint.float(),
        None if joint_values is None else joint_values.double(),
    )


def _recorded(file: Path, arrays: dict[str, np.ndarray]) -> Sweeps:
    names = [name.removeprefix("values/") for name in arrays if name.startswith("values/")]
    if "identities" not in arrays or not names:
        held = ", ".join(arrays)[:200]
        raise InputError(f"{file}: records need codes, identities and values/NAME; it holds {held}")
    shapes = {"codes": (2,), "identities": (1,), "values": (1, 2), "labels": (1,)}
    tensors = {name: _tensor(file, name, array, shapes) for name, array in arrays.items()}
    columns = {name: (t := tensors[f"values/{name}"].double()).reshape(len(t), -1) for name in names}
    if not all(part.numel() for part in columns.values()):
        raise InputError(f"{file}: a factor without a value")
    if len({len(part) for part in columns.values()}) > 1:
        raise InputError(f"{file}: values of {', '.join(names)} are of different lengths")
    labels = tensors.get("labels")
    return Sweeps.from_recorded(
        tensors["codes"].float(),
        tensors["identities"],
        torch.cat(list(columns.values()), 1),
        [_recorded_factor(file, name, columns[name], tensors) for name in names],
        labels,
        metadata={"encoder": file.name},
    )


def _recorded_factor(file: Path, name: str, values: Float[Tensor, "N W"], told: dict[str, Tensor]) -> Factor:
    def says(what: str) -> float:
        return float(told.get(f"{what}/{name}", torch.zeros(())).reshape(-1)[0])

    wanted = {"rotation": 4, "direction": 3, "levels": 1}
    for what, width in wanted.items():
        if says(what) and values.shape[1] != width:
            raise InputError(f"{file}: values/{name}: a {what} has {width} columns, not {values.shape[1]}")
    if says("rotation"):
        return Factor.rotation(name)
    if says("direction"):
        return Factor.direction(name)
    if says("levels"):
        return Factor.levels(name, int(says("levels")), cyclic=bool(says("cyclic")))
    if values.shape[1] > 1:
        return Factor.vector(name, float(values.min()), float(values.max()), values.shape[1])
    period = _period(name, told)
    if period is not None and 0 < period <= float(values.max() - values.min()):  # an angle that was counted on
        values = values.remainder(period)
    return _factor(name, values.unique(), told)


SWEPT_SHAPES = {"values": (4,), "grids": (1,), "labels": (1,), "joint": (3,), "joint_values": (3,)}


def _tensor(file: Path, name: str, array: np.ndarray, shapes: Mapping[str, tuple[int, ...]] = SWEPT_SHAPES) -> Tensor:
    expected = shapes.get(name.split("/")[0], (0, 1))
    plain = array.dtype.kind in "fiub" and array.dtype.itemsize <= 8
    if array.dtype.kind in "US":
        raise InputError(f"{file}: {name[:80]} is {array.dtype}, texts and not numbers; {NAMES}")
    if not plain or array.ndim not in expected or not array.size or (expected == (0, 1) and array.size > 1):
        raise InputError(
            f"{file}: {name[:80]} is {array.dtype} of shape {array.shape}, not numbers in {expected[0]} dimensions"
        )
    return torch.from_numpy(np.ascontiguousarray(array, array.dtype.newbyteorder("=")))


def _classes(labels: Tensor) -> Tensor:
    """Labels as whole numbers; 0.33 is no class."""
    whole = labels.long()
    if (whole != labels).any():
        wrong = labels[whole != labels][0].item()
        raise InputError(f"labels: {wrong!r} is not a class; classes are whole numbers, -1 for none")
    return whole


def _period(name: str, told: dict[str, Tensor]) -> float | None:
    if f"period/{name}" in told:
        return float(told[f"period/{name}"])
    known = AFFINE.get(name)
    return known.period if known else None


def _factor(name: str, grid: Float[Tensor, " G"], told: dict[str, Tensor]) -> Factor:
    """The factor with the grid's range; a grid that leaves out only a circle's repeated end is the whole circle."""
    known, period = AFFINE.get(name), _period(name, told)
    logarithmic = (
        bool(told[f"logarithmic/{name}"]) if f"logarithmic/{name}" in told else bool(known and known.logarithmic)
    )
    low, high = float(grid.min()), float(grid.max())
    if (
        period is not None
        and len(grid) > 1
        and math.isclose(high - low + (high - low) / (len(grid) - 1), period, rel_tol=1e-5)
    ):
        high = low + period
    return Factor(name, low, high, known.unit if known else "", period, logarithmic)
