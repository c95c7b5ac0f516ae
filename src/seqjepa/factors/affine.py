"""The affine factors and the sampling of poses."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from seqjepa.types import POSE_COLUMNS, Factor, Pose

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
        InputError: a range with low > high, a scale of 0 or less, or a rotation over more than 360 degrees.
    """
    wanted = [
        ("rotation", rotation, "deg", 360.0, False),
        ("translate_x", translate_x, "px", None, False),
        ("translate_y", translate_y, "px", None, False),
        ("scale", scale, "ratio", None, True),
    ]
    return tuple(
        Factor(name, float(bounds[0]), float(bounds[1]), unit, period, logarithmic)
        for name, bounds, unit, period, logarithmic in wanted
        if bounds is not None
    )


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
