"""Claimed representations: what an encoder that was built to be equivariant should make of a moved picture."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.factors import warp
from seqjepa.types import Factor, InputError, Pose

Matrices = Callable[[str, float], Tensor]
Claim = str | Matrices  # a str is one of CLAIMS
CLAIMS = ("invariant", "regular", "map", "regular map")
INSIDE = 0.999  # of a place of a map whose neighbours all lie inside of the moved frame


def check_claim(claim: Claim, factor: Factor, order: int) -> None:
    """Raises InputError for a claim that is none, or that cannot be made of the factor."""
    if not callable(claim) and claim not in CLAIMS:
        raise InputError(f"representation: {claim!r} is not one of {', '.join(CLAIMS)}, nor a function to matrices")
    if is_regular(claim):
        if factor.period is None:
            raise InputError(f"representation: {claim!r} is of a cyclic group, and {factor.name} has no period")
        if order < 2:
            raise InputError(f"representation: {claim!r} needs order=…, that of the cyclic group, 2 or more")


def is_map(claim: Claim) -> bool:
    """Whether the claim is of maps (B, C, H, W), unpooled."""
    return not callable(claim) and claim.endswith("map")


def is_regular(claim: Claim) -> bool:
    """Whether it is of C_n, whose elements cycle blocks of n channels."""
    return not callable(claim) and claim.startswith("regular")


def claimed(
    claim: Claim, codes: Float[Tensor, " ..."], factor: Factor, value: float, order: int, pose: Pose, size: int
) -> tuple[Float[Tensor, " ..."], Float[Tensor, " ..."]]:
    """ρ(g) z(x) for every image, with weights that are 1 where it can be compared and 0 where it cannot.

    Args:
        claim: ρ.
        codes: z(x), vectors (I, D) or maps (I, C, H, W).
        factor: that moves; ``value`` is g in its unit.
        order: n of C_n, whose element of one n-th turn sends channel c of each block of n to c + 1.
        pose: g as a pose of pictures, (1, 1, 4).
        size: of the pictures, in pixels a side, to which a map's shifts are in proportion.

    Raises:
        InputError: codes of a shape that the claim does not fit.
    """
    everywhere = torch.ones_like(codes[0])
    if callable(claim):
        matrix = torch.as_tensor(claim(factor.name, value)).to(codes)
        if codes.ndim != 2 or matrix.shape != (codes.shape[1], codes.shape[1]):
            shapes = f"{tuple(matrix.shape)} does not fit representations of shape {tuple(codes.shape[1:])}"
            raise InputError(f"representation: a matrix of shape {shapes}")
        return codes @ matrix.T, everywhere
    expected, weights = codes, everywhere
    if is_map(claim):
        if codes.ndim != 4:
            raise InputError(f"representation: {claim!r} is of maps (B, C, H, W), not of shape {tuple(codes.shape)}")
        expected, weights = moved_map(codes, pose, size), inside_of(codes, pose, size)
    if is_regular(claim):
        if expected.shape[1] % order:
            raise InputError(f"representation: {expected.shape[1]} channels are no blocks of {order}")
        steps = round(value * order / (factor.period or 1.0))
        expected = expected.unflatten(1, (-1, order)).roll(steps, 2).flatten(1, 2)
    return expected, weights


def moved_map(maps: Float[Tensor, "I C H W"], pose: Pose, size: int) -> Float[Tensor, "I C H W"]:
    """Feature maps that move with the picture; a shift is in proportion to their size."""
    values = pose.values.clone()
    values[..., 1:3] *= maps.shape[-1] / size
    return warp(maps, Pose(values.expand(len(maps), -1, -1)), taps=1)[:, 0]


def inside_of(maps: Float[Tensor, "I C H W"], pose: Pose, size: int) -> Float[Tensor, "C H W"]:
    """1 at places that lie inside of the frame before and after the move, and after moving back."""
    ones = torch.ones_like(maps[:1])
    there, back = moved_map(ones, pose, size), moved_map(ones, pose.inverse(), size)
    return ((there > INSIDE) & (back > INSIDE)).to(maps)[0]
