"""The design of a sweep: its grids, base poses and joint design, a pure function of factors and seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.rng import generator
from seqjepa.types import POSE_COLUMNS, Factor, InputError, Pose
from seqjepa.types.checking import MOST, check_whole
from seqjepa.types.factor import value_columns

GROUP_BASE_POSES = 2
SAME = 1e-4  # of a step: grid values that are nearer are the same; in float32 a grid is exact to no more
MOST_STEPS = 3600  # a tenth of a degree over a full circle
MOST_BASE_POSES = 1000
MOST_VIEWS = 10**8  # their poses alone take 3 GB
AFFINE = {"rotation": 0, "translate_x": 1, "translate_y": 2, "scale": 3}


def factor_grid(factor: Factor, steps: int) -> Float[Tensor, " G"]:
    """The values of a sweep, ascending, in the factor's own unit, float64.

    A full circle is cut into ``steps`` equal parts with its repeated end left out. Any other range gets an odd number
    of points (``steps``, or one more), evenly spaced (logarithmic factors in their logarithm). Where the range holds
    the neutral value so does the grid, which is then as wide as even spacing lets it be. Levels are all visited.

    Raises:
        InputError: fewer than 3 steps.
    """
    if not factor.ordered:
        return torch.arange(factor.size, dtype=torch.float64)
    if steps < 3:
        raise InputError(f"steps: a sweep needs 3 or more, not {steps}")
    if factor.full_circle:
        assert factor.period is not None
        turn = torch.arange(steps, dtype=torch.float64) * factor.period / steps
        return (torch.remainder(turn - factor.low, factor.period) + factor.low).sort().values
    points = steps if steps % 2 else steps + 1
    low, high = (math.log(factor.low), math.log(factor.high)) if factor.logarithmic else (factor.low, factor.high)
    if low <= 0 <= high and low < high:
        step, below = max(
            (min(side / count for side, count in ((-low, below), (high, points - 1 - below)) if count), below)
            for below in range(points)
        )
        above = points - 1 - below
        values = step * torch.arange(-below, above + 1, dtype=torch.float64)
    else:
        values = torch.linspace(low, high, points, dtype=torch.float64)
    return values.exp() if factor.logarithmic else values


def neutral_index(factor: Factor, grid: Float[Tensor, " G"]) -> int | None:
    """Where the grid holds the neutral value (0, or 1 for a logarithmic factor); None where it does not."""
    distance = (grid.double() - (1.0 if factor.logarithmic else 0.0)).abs()
    return int(distance.argmin()) if distance.min() <= SAME * max(1e-3, float(grid.diff().abs().max())) else None


def check_grid(factor: Factor, grid: Float[Tensor, " G"]) -> None:
    """Refuse a grid that holds a value twice, the two ends of a circle included, unless the factor is constant.

    Raises:
        InputError: such a grid, one that is not finite, one of 0 or less for a logarithmic factor, or one that covers a
            part of the circle where the factor says the whole.
    """
    values, name = grid.double(), factor.name
    if not values.isfinite().all() or (factor.logarithmic and (values <= 0).any()):
        raise InputError(f"{name}: a grid value is not finite, or not above 0 for a logarithmic factor")
    if not len(values) or (values == values[0]).all():
        return
    ordered = values.sort().values
    steps, span = ordered.diff(), float(ordered[-1] - ordered[0])
    if factor.period is not None:
        if span >= factor.period - SAME * float(steps.max()):
            raise InputError(
                f"{name}: the grid holds both ends of a circle, {float(ordered[0]):g} and {float(ordered[-1]):g}, "
                f"which are one value; leave one out, of the representations too"
            )
        if factor.full_circle and factor.period - span > 2.5 * float(steps.max()):
            raise InputError(
                f"{name}: the factor covers a whole circle, {factor.low:g} to {factor.high:g}, and the grid only "
                f"{float(ordered[0]):g} to {float(ordered[-1]):g}; give the factor the grid's range"
            )
    if float(steps.min()) <= SAME * float(steps.max()):
        twice = float(ordered[int(steps.argmin())])
        raise InputError(f"{name}: the grid holds {twice:g} twice")


@dataclass(frozen=True)
class Design:
    """Which poses are visited.

    Poses are (…, 4) as in ``Pose`` where all factors are affine; else they have the columns of all factors' values side
    by side, in their own units (the logarithm for a logarithmic one).

    Attributes:
        factors: those that are swept, in the order of the columns of ``joint_values``.
        grids: for each axis of a factor its grid (G,), in the axis' unit; a factor of one number is its own axis.
        base: (I, P, C) base poses; a sweep holds its own factor neutral in them.
        joint_values: (I, J, F) values of the joint random design, in the factors' units.
    """

    factors: tuple[Factor, ...]
    grids: Mapping[str, Float[Tensor, " _"]]
    base: Float[Tensor, "I P C"]
    joint_values: Float[Tensor, "I J F"]

    @property
    def affine(self) -> bool:
        """True when all factors are affine, so that poses compose by the group law."""
        return all(f.name in AFFINE for f in self.factors)

    def sweep_poses(self, name: str) -> Float[Tensor, "I P G C"]:
        """The poses of one factor's isolated sweep: its coordinate takes the grid's values, the others stay.

        In terms of the group, rotation and scale act from the right, about the picture's own centre wherever it lies,
        and translation from the left. This is what "one factor moves" means.
        """
        factor, axis, columns = self._axis(name)
        poses = self.base[:, :, None].expand(-1, -1, len(self.grids[name]), -1).clone()
        grid = self._in_pose_unit(factor, self.grids[name])
        poses[..., columns] = factor.moved(self.base[..., columns], axis, grid)
        return poses

    def group_poses(self, name: str) -> Float[Tensor, "I Q G C"]:
        """The poses g_δ ∘ g₀ of one factor's group sweep: the whole view is moved, around the first Q base poses.

        Where only one factor varies, or the factors have no law in common, these are those of the isolated sweep.
        """
        if not self.moves_as_a_group:
            return self.sweep_poses(name)
        factor, _, columns = self._axis(name)
        column = columns.start
        base = self.base[:, :GROUP_BASE_POSES].clone()
        base[..., column] = 0
        step = torch.zeros(len(self.grids[name]), base.shape[-1], dtype=base.dtype)
        step[:, column] = self._in_pose_unit(factor, self.grids[name])
        return (Pose(step[None, None]) @ Pose(base[:, :, None])).values

    @property
    def moves_as_a_group(self) -> bool:
        """Whether group sweeps differ from isolated ones: several factors vary, and their poses compose."""
        return self.affine and sum(f.high > f.low for f in self.factors) > 1

    def _axis(self, name: str) -> tuple[Factor, int, slice]:
        """The factor that an axis is of, which of its axes it is, and the factor's columns."""
        every = ((f, place, axis) for f in self.factors for place, axis in enumerate(f.axes))
        factor, place = next((f, place) for f, place, axis in every if axis.name == name)
        return factor, place, self._columns(factor)

    def joint_poses(self) -> Float[Tensor, "I J C"]:
        """The poses of the joint design, in which all factors vary at once."""
        poses = torch.zeros(*self.joint_values.shape[:2], self.base.shape[-1], dtype=torch.float64)
        columns = value_columns(self.factors)
        for factor in self.factors:
            values = self.joint_values[..., columns[factor.name]]
            poses[..., self._columns(factor)] = self._in_pose_unit(factor, values)
        return poses

    def values_of(self, poses: Float[Tensor, "*batch C"]) -> Float[Tensor, "*batch F"]:
        """The factors' values at poses, side by side in their own units, as a scene renders them."""
        found = [poses[..., self._columns(factor)] for factor in self.factors]
        named = zip(self.factors, found, strict=True)
        return torch.cat([self._in_own_unit(factor, values) for factor, values in named], -1)

    def _columns(self, factor: Factor) -> slice:
        if self.affine:
            return slice(AFFINE[factor.name], AFFINE[factor.name] + 1)
        return value_columns(self.factors)[factor.name]

    def _in_pose_unit(self, factor: Factor, values: Tensor) -> Tensor:
        if factor.logarithmic:
            return values.log()
        return values.deg2rad() if self.affine and factor.unit == "deg" else values

    def _in_own_unit(self, factor: Factor, values: Tensor) -> Tensor:
        if factor.logarithmic:
            return values.exp()
        return values.rad2deg() if self.affine and factor.unit == "deg" else values


def make_design(
    factors: Sequence[Factor], identities: int, *, steps: int, base_poses: int, joint: int, seed: int, key: str = ""
) -> Design:
    """The sweep's design, a pure function of its arguments.

    Base poses vary in every factor but the one that is swept: with it too, a sweep would leave the range (a shift of
    7 px upon a shift of 7 px). Where there is only one factor its base poses would all be the same, so there is one.

    Args:
        factors: what is swept, each once.
        identities: how many there are, I.
        steps: grid values of a sweep; see ``factor_grid``.
        base_poses: of each identity, around which a factor moves.
        joint: views of each identity in which all factors vary, J; may be 0.
        seed: of what is drawn.
        key: another one gives another joint design.

    Raises:
        InputError: no factor, two of one name, or a count that is too small.
    """
    names = [f.name for f in factors]
    if not names or len(set(names)) != len(names):
        raise InputError(f"factors: give one or more, each once, not {names}")
    for name, given, (least, most) in (
        ("identities", identities, (1, MOST_VIEWS)),
        ("base_poses", base_poses, (1, MOST_BASE_POSES)),
        ("joint", joint, (0, MOST_BASE_POSES)),
        ("steps", steps, (None, MOST_STEPS)),
        ("seed", seed, (None, MOST)),
    ):
        check_whole(name, given, least, most)
    axes = [axis for factor in factors for axis in factor.axes]
    if len({axis.name for axis in axes}) < len(axes):
        raise InputError(f"factors: two axes of one name among {[axis.name for axis in axes]}")
    if (views := identities * (joint + base_poses * steps * len(axes))) > MOST_VIEWS:
        raise InputError(f"identities × base_poses × steps: {views} views are more than {MOST_VIEWS}")
    affine = all(name in AFFINE for name in names)
    columns = len(POSE_COLUMNS) if affine else sum(f.width for f in factors)
    several = sum(f.high > f.low for f in factors) > 1 or any(f.width > 1 or not f.ordered for f in factors)
    count = base_poses if several else 1
    design = Design(
        tuple(factors),
        {axis.name: factor_grid(axis, steps) for axis in axes},
        torch.zeros(identities, count, columns, dtype=torch.float64),
        _draw(factors, (identities, joint), generator(seed, "joint design", *([key] if key else []))),
    )
    drawn = _draw(factors, (identities, count), generator(seed, "base poses"))
    for factor, place in zip(factors, value_columns(factors).values(), strict=True):
        design.base[..., design._columns(factor)] = design._in_pose_unit(factor, drawn[..., place])
    return design


def _draw(factors: Sequence[Factor], shape: tuple[int, int], random: torch.Generator) -> Float[Tensor, "I J F"]:
    """Values without preference in the factors' own units (logarithmic ones uniform in their logarithm).

    What takes several uniform numbers draws them after all that take one, whose draws it leaves alone.
    """
    uniform = torch.rand(*shape, len(factors), generator=random, dtype=torch.float64)
    columns = []
    for i, factor in enumerate(factors):
        own = uniform[..., i : i + 1]
        if factor.uniforms > 1:
            own = torch.rand(*shape, factor.uniforms, generator=random, dtype=torch.float64)
        columns.append(factor.drawn(own))
    return torch.cat(columns, -1)
