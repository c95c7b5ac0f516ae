"""What moved pictures miss of a claim, and what a resampling alone makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seqjepa.encoders.asking import Encoder, Pool
from seqjepa.encoders.calling import as_representation
from seqjepa.encoders.layers import check_names
from seqjepa.factors import warp
from seqjepa.factors.affine import pose_column
from seqjepa.sweeps.design import factor_grid
from seqjepa.types import Factor, InputError, Pose
from seqjepa.workflows.claims import Claim, claimed, inside_of, is_map, is_regular, moved_map


@dataclass(frozen=True)
class Errors:
    """Of one layer under one factor.

    Attributes:
        values: of the factor, V.
        error, floor, apart: (V, I) squared: from the claim; of the picture moved there and back; twice from the mean.
    """

    values: list[float]
    error: Float[Tensor, "V I"]
    floor: Float[Tensor, "V I"]
    apart: Float[Tensor, "V I"]


@contextmanager
def recording(encoder: Encoder, layers: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What the layers returned last, by name, while inside."""
    seen: dict[str, Any] = {}
    with ExitStack() as hooks:
        if layers:
            if not isinstance(encoder, nn.Module):
                raise InputError("layers: the encoder is no module, so it has none")
            check_names(encoder, layers)
            modules = dict(encoder.named_modules())
            for name in layers:
                record = _recorder(seen, name)
                hooks.callback(modules[name].register_forward_hook(record).remove)
        yield seen


def _recorder(seen: dict[str, Any], name: str) -> Callable[[nn.Module, Any, Any], None]:
    def hook(module: nn.Module, inputs: Any, output: Any) -> None:
        seen[name] = output.clone() if isinstance(output, Tensor) else output

    return hook


def as_codes(output: Any, claim: Claim, pick: str | int | None, pool: Pool) -> Tensor:
    """An output as representations; a map that is claimed to be one is left as it is.

    Args:
        output: of the encoder or a layer.
        claim: of it.
        pick, pool: see ``represent``.
    """
    if is_map(claim) and isinstance(output, Tensor):
        return output.double()
    return as_representation(output, pick, pool).double()


def _values(factor: Factor, steps: int, order: int, regular: bool) -> list[float]:
    """The factor's values but the neutral one."""
    neutral = 1.0 if factor.logarithmic else 0.0
    if regular:
        step = (factor.period or 0.0) / order
        values = [step * j for j in range(-order // 2, order // 2 + 1)]
        found = [v for v in values if factor.low <= v <= factor.high and (v != factor.high or not factor.full_circle)]
    else:
        found = [float(v) for v in factor_grid(factor, steps)]
    moved = [v for v in found if abs(v - neutral) > 1e-9]
    if not moved:
        raise InputError(f"{factor.name}: no value but the neutral one lies in {factor.low:g} to {factor.high:g}")
    return moved


def errors_of(
    codes_of: Callable[[Tensor], dict[str, Tensor]],
    pixels: Tensor,
    factor: Factor,
    claims: Mapping[str, Claim],
    order: int,
    steps: int,
    circular_mask: bool,
) -> dict[str, Errors]:
    """What each layer misses of its claim.

    Args:
        codes_of: from views to each layer's representations.
        pixels: (I, C, H, W) of the images.
        factor: that moves, through ``steps`` values, or those of the cyclic group of ``order``.
        claims: of each layer.
        order: see ``check_equivariance``.
        steps: values of the factor.
        circular_mask: see ``warp``.
    """
    regular = any(is_regular(claim) for claim in claims.values())
    values, size = _values(factor, steps, order, regular), pixels.shape[-1]

    def moved(images: Tensor, pose: Pose) -> Tensor:
        shrinks = max(1, int(torch.ceil(1 / pose.values[..., 3].exp().clamp(max=1) - 1e-6).max()))
        wide = Pose(pose.values.expand(len(images), -1, -1))
        return warp(images, wide, taps=shrinks, circular_mask=circular_mask)[:, 0]

    still = moved(pixels, Pose.identity(1, 1))
    at_rest = codes_of(still)
    found: dict[str, list[tuple[Tensor, Tensor, Tensor]]] = {name: [] for name in claims}
    for value in values:
        pose = _pose(factor, value)
        there = moved(pixels, pose)
        gone, back = codes_of(there), codes_of(moved(there, pose.inverse()))
        for name, claim in claims.items():
            z = at_rest[name]
            expected, weights = claimed(claim, z, factor, value, order, pose, size)
            by_pixels = (back[name] - z).square() * weights
            if is_map(claim):
                twice = moved_map(moved_map(z, pose, size), pose.inverse(), size)
                by_pixels = by_pixels + (twice - z).square() * inside_of(z, pose, size)
            apart = 2 * (z - z.mean(0)).square() * weights * len(z) / (len(z) - 1)
            error = (gone[name] - expected).square() * weights
            found[name].append((_per_image(error), _per_image(by_pixels), _per_image(apart)))
    return {name: Errors(values, *(torch.stack(part) for part in zip(*of, strict=True))) for name, of in found.items()}


def _pose(factor: Factor, value: float) -> Pose:
    values = torch.zeros(1, 1, 4, dtype=torch.float64)
    turned = torch.tensor(value, dtype=torch.float64)
    turned = turned.log() if factor.logarithmic else turned.deg2rad() if factor.unit == "deg" else turned
    values[..., pose_column(factor)] = turned
    return Pose(values)


def _per_image(squares: Float[Tensor, " ..."]) -> Float[Tensor, " I"]:
    return squares.flatten(1).sum(1).cpu()
