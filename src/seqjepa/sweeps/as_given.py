"""What a user says of records: checked, as tensors, and with one way to write a value that has several.

A rotation is q and -q, an angle is itself and a turn more, and a quaternion of length 1.0003 means the one of length 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from seqjepa.types import Factor, InputError
from seqjepa.types.factor import value_columns
from seqjepa.types.rotations import canonical

LENGTH = 1e-3  # by which a unit vector's may differ from 1: rounding, or a few digits of a table
CORNER = 0.02  # of a circle: radians in degrees fill 0.0175 of it
BEYOND = 1e-6  # of a range: rounding
NAMES = "of names, give their numbers: numpy.unique(names, return_inverse=True)[1]"


@dataclass(frozen=True)
class GivenRecords:
    """Records that fit together; see ``Sweeps.from_recorded``. Values are float64 and written one way."""

    codes: Float[Tensor, "N D"]
    identities: Int64[Tensor, " N"]
    values: Float[Tensor, "N F"]
    labels: Int64[Tensor, " N"] | None


def given_records(codes: Any, identities: Any, values: Any, factors: Any, labels: Any) -> GivenRecords:
    """Tensors of what was given, as tensors or arrays.

    Args:
        codes, identities, values, factors, labels: as in ``Sweeps.from_recorded``.

    Raises:
        InputError: naming the array or the factor and what is wrong with it.
    """
    listed: list[Factor] = [f for f in factors if isinstance(f, Factor)] if isinstance(factors, list | tuple) else []
    if not listed or len(listed) < len(factors) or len({f.name for f in listed}) < len(listed):
        raise InputError(f"recorded: factors: a list of Factors of different names is needed, not {factors!r:.200}")
    codes, values = _numbers("codes", codes), _numbers("values", values).double()
    width, columns = sum(factor.width for factor in listed), value_columns(listed)
    who = _numbers("identities", identities)
    if codes.ndim != 2 or who.shape != codes.shape[:1] or values.shape != (len(codes), width):
        raise InputError(
            f"recorded: codes {tuple(codes.shape)}, identities {tuple(who.shape)} and values "
            f"{tuple(values.shape)} are not (N, D), (N,) and (N, {width})"
        )
    if not codes.numel():
        raise InputError(f"recorded: codes {tuple(codes.shape)} hold nothing")
    told = None if labels is None else _numbers("labels", labels)
    if told is not None and told.shape != who.shape:
        raise InputError(f"recorded: labels {tuple(told.shape)}, not one for each of {len(codes)} records")
    _finite("recorded: a representation", codes)
    own = [_written(factor, values[:, columns[factor.name]]) for factor in listed]
    return GivenRecords(
        codes if codes.is_floating_point() else codes.float(),
        _whole("identities", who),
        torch.cat(own, 1),
        None if told is None else _whole("labels", told),
    )


def check_value(what: str, factor: Factor, value: Float[Tensor, "*N W"]) -> None:
    """Refuse what a factor's values cannot be.

    Args:
        what: the first words of the refusal.
        factor: whose values.
        value: finite.

    Raises:
        InputError: a quaternion or direction that is not of length 1, a level that is none, a ratio of 0 or less.
    """
    if factor.space in ("rotation", "direction"):
        length = value.double().norm(dim=-1)
        if (wrong := (length - 1).abs() > LENGTH).any():
            columns = "(w, x, y, z)" if factor.space == "rotation" else "(x, y, z)"
            raise InputError(
                f"{what}: a {factor.space} is {columns} of length 1, not of length {float(length[wrong][0]):.3g}"
            )
    if factor.space == "levels":
        fits = (value >= 0) & (value < factor.size) & (value == value.round())
        if not fits.all():
            raise InputError(f"{what}: {float(value[~fits][0]):g} is a level that is not one of 0 to {factor.size - 1}")
    if factor.logarithmic and (value <= 0).any():
        raise InputError(f"{what}: {float(value.min()):g} is not above 0, and it is logarithmic")


def _written(factor: Factor, value: Float[Tensor, "N W"]) -> Float[Tensor, "N W"]:
    """A factor's values in one way, checked."""
    what = f"recorded: {factor.name}"
    _finite(f"{what}: a value", value)
    check_value(what, factor, value)
    if factor.space == "rotation":
        return canonical(torch.nn.functional.normalize(value, dim=1))
    if factor.space == "direction":
        return torch.nn.functional.normalize(value, dim=1)
    if factor.space == "levels":
        return value
    span = factor.high - factor.low
    if factor.period is not None:
        start = factor.low - (factor.period - span) / 2  # so that what is not of the range lies on both sides of it
        turns = ((value - start) / factor.period).floor()
        # Not a turn more at a full circle's other end, which rounding may have passed.
        value = torch.where(turns == 0, value, value - turns * factor.period)
    _check_fills(what, factor, value)
    slack = BEYOND * span
    if not factor.full_circle and (beyond := (value < factor.low - slack) | (value > factor.high + slack)).any():
        raise InputError(
            f"{what}: {float(value[beyond][0]):g} is beyond its range, {factor.low:g} to {factor.high:g}; give it the "
            "range (and the period) that its values have"
        )
    return value


def _check_fills(what: str, factor: Factor, value: Float[Tensor, "N 1"]) -> None:
    """Refuse values that crowd in a corner of a whole circle, as radians do where degrees are meant."""
    if not factor.full_circle or factor.period is None:
        return
    around = value[:, 0].unique()
    apart = torch.cat([around.diff(), around[:1] + factor.period - around[-1:]])
    filled = 1 - float(apart.max()) / factor.period
    if len(around) > 1 and filled < CORNER:
        raise InputError(
            f"{what}: its values, {float(around[0]):g} to {float(around[-1]):g}, fill {filled:.1%} of a circle of "
            f"{factor.period:g}; give it the period of their unit, or the range that they have"
        )


def _numbers(what: str, given: Any) -> Tensor:
    if isinstance(given, Tensor):
        return given.detach().cpu()
    kind = getattr(getattr(given, "dtype", None), "kind", "")
    if kind and kind not in "fiub":
        raise InputError(f"recorded: {what} are of type {given.dtype}, not numbers{f'; {NAMES}' * (kind in 'USO')}")
    try:
        return torch.as_tensor(given)
    except (TypeError, ValueError, RuntimeError) as error:
        said = " ".join(str(error).split())[:100]
        raise InputError(f"recorded: {what}: an array of numbers is needed ({said}); {NAMES}") from error


def _whole(what: str, given: Tensor) -> Int64[Tensor, " N"]:
    whole = given.long()
    if (wrong := whole != given).any():
        raise InputError(f"recorded: {what}: {float(given[wrong][0]):g} is no whole number")
    return whole


def _finite(what: str, values: Tensor) -> None:
    if not (finite := values.isfinite()).all():
        rows = (~finite).any(1).nonzero()[:, 0].tolist()
        raise InputError(f"{what} is not finite, in record {rows[0]}{f' and {len(rows) - 1} more' * (len(rows) > 1)}")
