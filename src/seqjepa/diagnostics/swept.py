"""What is swept, as orbits with a kernel that says which points of an orbit predict which."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.measures.records import level_orbits, record_orbits
from seqjepa.diagnostics.measures.signal import signal_kernel
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.sweeps import NO_SWEEP
from seqjepa.types import Factor, NotIdentifiable

TRANSLATION = "translation"


def wholes_of(sweeps: Sweeps) -> dict[str, tuple[str, ...]]:
    """What several axes are together: a vector, a rotation; and x and y, since rotations mix the two."""
    wholes = {f.name: tuple(axis.name for axis in f.axes) for f in sweeps.factors if len(f.axes) > 1}
    pair = ("translate_x", "translate_y")
    x, y = (sweeps.values.get(name) for name in pair)
    return wholes | {TRANSLATION: pair} if x is not None and y is not None and x.shape == y.shape else wholes


def swept_names(sweeps: Sweeps) -> list[str]:
    """Everything that has a subspace: axes with a sweep, factors without one, and what axes are together."""
    without = [f.name for f in sweeps.factors if not any(axis.name in sweeps.values for axis in f.axes)]
    return list(dict.fromkeys([*sweeps.values, *without, *wholes_of(sweeps)]))


def orbits_of(sweeps: Sweeps, name: str) -> tuple[Float[Tensor, "I P G D"], Float[Tensor, "*_ G G"]]:
    """The orbits of a factor or an axis and their kernel, one for all identities or (I, 1, G, G).

    Of an ordered axis its sweep, in which neighbours predict each other; of several axes together the sweeps side by
    side; of levels without an order what repeats around other base poses; without a sweep the joint design's views,
    less what the other factors explain.

    Raises:
        NotIdentifiable: a factor that is constant, or has too few values, base poses or records.
    """
    axes = wholes_of(sweeps).get(name, (name,))
    if all(axis in sweeps.values for axis in axes):
        kernels = [grid_kernel(sweeps, axis) for axis in axes if sweeps.factor(axis).ordered]
        if not kernels:
            check_varies(sweeps, sweeps.factor(name))
            return level_orbits(sweeps.values[name])
        return unordered_orbits(sweeps, name), kernels[0]
    targets = {f.name: f.kind.target(sweeps.joint_of(f.name)) for f in sweeps.factors}
    varying = [f for f in sweeps.factors if (targets[f.name] != targets[f.name][:1, :1]).any()]
    if name not in [f.name for f in varying]:
        raise NotIdentifiable("the factor is constant")
    targets = {f.name: targets[f.name] for f in varying}
    return record_orbits(sweeps.joint, targets, name, frozenset(f.name for f in varying if not f.ordered))


def unordered_orbits(sweeps: Sweeps, name: str) -> Float[Tensor, "I P G D"]:
    """A sweep, those of several axes side by side, or all records of an identity: whatever predicts what."""
    axes = wholes_of(sweeps).get(name, (name,))
    if not all(axis in sweeps.values for axis in axes):
        return sweeps.joint[:, None]
    return torch.cat([sweeps.values[axis] for axis in axes], 1) if len(axes) > 1 else sweeps.values[name]


def grid_kernel(sweeps: Sweeps, name: str) -> Float[Tensor, "G G"]:
    """The kernel of an ordered axis' grid, see ``signal_kernel``; "translation" has that of x.

    Raises NotIdentifiable for a factor that is constant or has too few values.
    """
    factor = sweeps.factor("translate_x" if name == TRANSLATION else name)
    check_varies(sweeps, factor)
    return signal_kernel(*grid_of(sweeps, factor))


def grid_of(sweeps: Sweeps, factor: Factor) -> tuple[Float[Tensor, " G"], float | None]:
    """A factor's grid, in its logarithm where that is its scale, and its period where the grid is the whole circle."""
    grid = sweeps.grids[factor.name].double()
    return grid.log() if factor.logarithmic else grid, factor.period if factor.full_circle else None


def check_varies(sweeps: Sweeps, factor: Factor) -> None:
    """Raises NotIdentifiable for a factor whose grid has one value only, or that has no sweep."""
    if factor.name not in sweeps.grids:
        raise NotIdentifiable(NO_SWEEP)
    grid = sweeps.grids[factor.name]
    if (grid == grid[0]).all():
        raise NotIdentifiable("the factor is constant")


def check_ordered(factor: Factor) -> None:
    """Raises NotIdentifiable for levels, of which neighbours say nothing."""
    if not factor.ordered:
        raise NotIdentifiable("its levels are not near or far, so neighbours do not predict each other")


def check_group(factor: Factor) -> None:
    """Raises NotIdentifiable for a factor whose steps cannot be undone."""
    if not factor.group:
        raise NotIdentifiable("its steps cannot be undone, so they are no group")
