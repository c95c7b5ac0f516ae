"""The affine factors and the sampling of poses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from seqjepa.types import POSE_COLUMNS, Factor, InputError, Pose

AFFINE_NAMES = frozenset({"rotation", "translate_x", "translate_y", "scale"})
MOST_SCALED, MOST_SHIFTED = 256, 1_000_000
Range = tuple[float, float] | None


def affine_factors(
    rotation: Range = None,
    translate_x: Range = None,
    translate_y: Range = None,
    scale: Range = None,
) -> tuple[Factor, ...]:
    """The factors that vary, each with its range; None leaves a factor out.

    Args:
        rotation: degrees, counter-clockwise on the screen; at most one full turn.
        translate_x, translate_y: pixels, to the right and downwards.
        scale: ratio, above 0, sampled uniformly in its logarithm.

    Raises:
        InputError: what is no range; low > high; a scale outside of 1/256 to 256; a shift of more than a million
            pixels; or a rotation over more than 360 degrees.
    """
    wanted = [
        ("rotation", rotation, "deg", 360.0, False),
        ("translate_x", translate_x, "px", None, False),
        ("translate_y", translate_y, "px", None, False),
        ("scale", scale, "ratio", None, True),
    ]
    return tuple(
        checked_affine(Factor(name, *_ends(name, bounds), unit, period, logarithmic))
        for name, bounds, unit, period, logarithmic in wanted
        if bounds is not None
    )


def checked_affine(factor: Factor) -> Factor:
    """The factor. Raises InputError for a range that no view can be made of.

    A view is made with 1/s × 1/s samples a pixel, so a scale that is too small would take hours; and float32 tells no
    pixels apart that lie beyond a million.
    """
    if factor.name == "scale" and not 1 / MOST_SCALED <= factor.low <= factor.high <= MOST_SCALED:
        ends = f"{factor.low:g} to {factor.high:g}"
        raise InputError(f"scale: {ends} is not within 1/{MOST_SCALED} to {MOST_SCALED}, within which views are made")
    if factor.name.startswith("translate_") and max(-factor.low, factor.high) > MOST_SHIFTED:
        raise InputError(f"{factor.name}: {factor.low:g} to {factor.high:g} px is beyond ±{MOST_SHIFTED:,} px")
    return factor


def _ends(name: str, bounds: Any) -> tuple[float, float]:
    try:
        low, high = bounds
        return float(low), float(high)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{name}: a range is two numbers, (low, high), not {repr(bounds)[:80]}") from error


def pose_column(factor: Factor) -> int:
    """The column of a pose that an affine factor moves."""
    return POSE_COLUMNS.index("log_scale" if factor.name == "scale" else factor.name)


def pose_bounds(factor: Factor) -> tuple[float, float]:
    """The factor's range in pose units: radians, pixels, or the logarithm of a ratio."""
    if factor.name == "rotation":
        return math.radians(factor.low), math.radians(factor.high)
    if factor.name == "scale":
        return math.log(factor.low), math.log(factor.high)
    return factor.low, factor.high


def sample_poses(factors: Sequence[Factor], shape: tuple[int, ...], random: torch.Generator) -> Pose:
    """Independent uniform poses, (*shape, 4) float32; a factor that is not in ``factors`` stays at the identity.

    All four columns are drawn whether used or not, so switching one factor off leaves the others' draws alone.
    """
    uniform = torch.rand(*shape, 4, generator=random)
    low, width = torch.zeros(4), torch.zeros(4)
    for factor in factors:
        bounds = pose_bounds(factor)
        low[pose_column(factor)], width[pose_column(factor)] = bounds[0], bounds[1] - bounds[0]
    return Pose(low + width * uniform)
