"""What a model is told of the steps between views of a scene, and what a probe says of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.types import Factor
from seqjepa.types.factor import value_columns


def step_unit(factor: Factor) -> float:
    """What counts as one in steps of a line or a vector, half of the factor's range; 1 where a step has no unit."""
    plain = factor.space in ("number", "vector") and factor.period is None and not factor.logarithmic
    return ((factor.high - factor.low) / 2 or 1.0) if plain else 1.0


def steps_between(
    factors: Sequence[Factor], values: Float[Tensor, "*batch V F"]
) -> dict[str, Float[Tensor, "*batch S _"]]:
    """Each factor's steps between V consecutive views, S = V - 1, as its kind counts them."""
    own = {f.name: values[..., columns] for f, columns in zip(factors, value_columns(factors).values(), strict=True)}
    return {f.name: f.kind.difference(own[f.name][..., 1:, :], own[f.name][..., :-1, :]) for f in factors}


def scene_actions(factors: Sequence[Factor], values: Float[Tensor, "*batch V F"]) -> Float[Tensor, "*batch S A"]:
    """The actions between V consecutive views: each factor's own, side by side, numbers of about 1, float32.

    Of a line or a vector the difference in ``step_unit``, of a ratio its logarithm, of a circle sine and cosine, of a
    rotation or a direction the turn as a unit quaternion with w ≥ 0, of levels indicators (see ``Kind.action``).
    """
    found = steps_between(factors, values)
    return torch.cat([f.kind.action(found[f.name]) / step_unit(f) for f in factors], -1).float()


def action_width(factors: Sequence[Factor]) -> int:
    """Columns of ``scene_actions``."""
    return sum(f.kind.action(f.kind.neutral()).shape[-1] for f in factors)


def step_columns(factors: Sequence[Factor]) -> dict[str, slice]:
    """Where each factor's columns stand in ``step_targets``."""
    found, first = {}, 0
    for factor in factors:
        kind = factor.kind.steps
        width = kind.target(kind.neutral()).shape[-1]
        found[factor.name] = slice(first, first + width)
        first += width
    return found


def step_targets(factors: Sequence[Factor], values: Float[Tensor, "*batch 2 F"]) -> Float[Tensor, "*batch K"]:
    """What a probe predicts of the step between two views: coordinates without jumps, side by side, float32.

    As the actions, but for turns in space the nine entries of the matrix: a quaternion with w ≥ 0 jumps at half turns.
    """
    found = steps_between(factors, values)
    told = [f.kind.steps.target(found[f.name][..., 0, :]) / step_unit(f) for f in factors]
    return torch.cat(told, -1).float()


def steps_read(factors: Sequence[Factor], said: Float[Tensor, "N K"]) -> dict[str, Float[Tensor, "N _"]]:
    """Each factor's step that a probe's answer means: ``steps_read(step_targets(v))`` are the steps between v."""
    columns = step_columns(factors)
    return {f.name: f.kind.steps.read(said[..., columns[f.name]].double() * step_unit(f)) for f in factors}
