"""Ideals: what two known representations would be told under the same design, computed and not assumed.

*Disentangled*: the pose itself, each factor in coordinates of its own, beside the content. *Equivariant*: the pose's
matrix acting on key points, which each identity has of its own: linear in every factor, and alike for no two
identities. Both have 24 dimensions, are free of noise, and depend on the design alone: not on the encoder.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.context import Context
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.guard import Guard
from seqjepa.rng import generator
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.containers import ProbeSet
from seqjepa.sweeps.design import AFFINE
from seqjepa.types import Factor, Pose
from seqjepa.types.factor import value_columns

Blocks = Mapping[str, Callable[[Context], Mapping[str, Mapping[Key, Estimate]]]]
Ideals = Mapping[str, Mapping[str, Mapping[Key, float]]]  # ideal, metric, key
OF_IDEALS = "ideals of "
DISENTANGLED, EQUIVARIANT = "disentangled", "equivariant"
SAME = 0.05  # two ideals nearer than this are shown as one
IN_WORDS = (
    "ideal: what a disentangled representation of the pose would be told under this design; after / a "
    f"linear-equivariant one, where the two differ by more than {SAME}"
)
DIM = 24  # of both, unless factors are many
CONTENT = (
    6  # dimensions of the content, of mean square 1 together, as much as a circle moves: fewer than identities train
)
POINTS = 6  # key points
# Metrics without an ideal, and why. Parts of a key go by place.
WITHOUT = {
    "sensitivity": "how loud the content is beside the pose is a choice, and the value hangs on it",
    "lie_derivative": "how loud the content is beside the pose is a choice, and the value hangs on it",
    "class_probe": "a known code has no classes; the ceiling is a supervised network",
    "retrieval": "a known code has no predictor; the best is 1",
    **dict.fromkeys(
        ("sequence_accuracy", "sequence_r2", "path_integration", "next_view", "prediction_error", "aggregation_gap"),
        "a known code has no aggregator; what is best is said of the metric",
    ),
    "seen_range": "a known code was trained on no range",
    "health": "how many dimensions the content should fill is a choice",
}
WITHOUT_PARTS: Mapping[str, Mapping[int, tuple[str, ...]]] = {
    "variance_shares": {1: ("content", "factor")},  # as for sensitivity
    "leakage": {0: ("class",)},
    "irreps": {1: ("k0",)},  # how many dimensions the content fills is a choice
    # Of single dimensions, and the known codes are turned; of CKA, how loud a factor is beside the others is a choice.
    "axis_scores": {0: ("dci_disentanglement", "dci_completeness", "mig", "sap", "cka")},
}
BLOCKS_WITHOUT = ("classes", "retrieval", "sequences", "health")


def ideal_values(sweeps: Sweeps, seed: int, blocks: Blocks, guard: Guard | None = None) -> Ideals:
    """What the blocks find of the known representations over the sweeps' own poses, with the same split.

    Linear probes alone are asked, and no networks: both codes are linear in what is asked of them, or are told so.

    Args:
        sweeps: of any encoder; of them only design, poses, labels and the probe set's values are used.
        seed: of the split.
        blocks: of a diagnosis, by name; those without ideals are left out.
        guard: to which a block that fails is told; it has no ideals then.
    """
    guard = guard or Guard(OF_IDEALS)
    found: dict[str, dict[str, dict[Key, float]]] = {}
    asked = {name: block for name, block in blocks.items() if name not in BLOCKS_WITHOUT}
    for name, known in known_sweeps(sweeps).items() if asked else ():
        context = replace(Context.of(known, seed, ["linear"]), networks=False)
        # Cross-class transfer alone needs the classes; what reads the class from a known code is not asked.
        nameless = replace(context, sweeps=replace(known, labels=torch.full_like(known.labels, -1)))
        given = {block: context if block == "contents" else nameless for block in asked}
        estimates = {metric: of for b, ask in asked.items() for metric, of in guard.block(b, ask, given[b]).items()}
        told = {
            metric: {key: _rounded(e.value) for key, e in of.items() if e.value is not None and has_ideal(metric, key)}
            for metric, of in estimates.items()
        }
        found[name] = {metric: of for metric, of in told.items() if of}
    return found


def _rounded(value: float) -> float:
    """To nine decimals, so that what rounding leaves of 0 is 0."""
    return round(value, 9) + 0.0


def has_ideal(metric: str, key: Key) -> bool:
    """Whether a known representation's value says anything of this estimate."""
    parts = (key,) if isinstance(key, str) else key
    left_out = WITHOUT_PARTS.get(metric, {})
    return metric not in WITHOUT and not any(part in left_out.get(place, ()) for place, part in enumerate(parts))


def with_ideals(estimates: Mapping[str, Mapping[Key, Estimate]], ideals: Ideals) -> dict[str, dict[Key, Estimate]]:
    """The estimates, each with its ideals where it has a value and they have one."""

    def beside(metric: str, key: Key, estimate: Estimate) -> Estimate:
        known = {name: of[metric][key] for name, of in ideals.items() if key in of.get(metric, {})}
        return replace(estimate, ideals=known) if known and estimate.value is not None else estimate

    once: dict[tuple[int, tuple[tuple[str, float], ...]], Estimate] = {}  # what was one estimate in two cells stays one
    found: dict[str, dict[Key, Estimate]] = {}
    for metric, of in estimates.items():
        for key, estimate in of.items():
            made = beside(metric, key, estimate)
            found.setdefault(metric, {})[key] = once.setdefault((id(estimate), tuple(made.ideals.items())), made)
    return found


def ideal_text(estimate: Estimate, percent: bool = False) -> str:
    """The ideal as tables show it: the disentangled one, and the equivariant one where it differs: "0.74 / 1.00".

    Args:
        estimate: whose ideals are shown; "" where it has none.
        percent: whether to multiply by 100.
    """
    one, other = (estimate.ideals.get(name) for name in (DISENTANGLED, EQUIVARIANT))
    if one is None and other is None:
        return ""
    if one is not None and (other is None or abs(one - other) <= SAME):
        return _number(one, percent)
    return f"{_number(one, percent)} / {_number(other, percent)}"


def _number(value: float | None, percent: bool) -> str:
    if value is None:
        return "–"
    return f"{100 * value:z.0f}" if percent else f"{value:z.2f}" if abs(value) < 10 else f"{value:.1f}"


def known_sweeps(sweeps: Sweeps) -> dict[str, Sweeps]:
    """The known representations over the sweeps' own poses, by the ideal's name.

    Without poses, as of arrays, the disentangled one has the other factors' values drawn, held along each orbit, and
    the equivariant one is left out, as it is for factors that have no matrix.
    """
    affine = all(f.name in AFFINE for f in sweeps.factors)
    codes: dict[str, Callable[[Tensor, Tensor], Tensor]] = {DISENTANGLED: _Disentangled(sweeps)}
    if affine and sweeps.poses:
        codes[EQUIVARIANT] = _KeyPoints(sweeps)
    return {name: _swept(sweeps, code) for name, code in codes.items()}


def _swept(sweeps: Sweeps, code: Callable[[Tensor, Tensor], Tensor]) -> Sweeps:
    """Sweeps of a code of identity and coordinates, over the poses of others."""

    def over(poses: Tensor) -> Tensor:
        who = torch.arange(len(poses)).reshape(-1, *[1] * (poses.ndim - 2)).expand(poses.shape[:-1])
        return code(who, poses)

    values = {name: over(coordinates(sweeps, name)) for name in sweeps.values}
    joint = _in_own_units(sweeps, sweeps.joint_values)
    moved = {name: over(_columns(sweeps, poses)) for name, poses in sweeps.group_poses.items()}
    if set(moved) != set(sweeps.group_values):
        moved = {}
    return Sweeps(
        sweeps.factors,
        values,
        sweeps.grids,
        sweeps.labels,
        over(joint),
        sweeps.joint_values,
        probe=None if sweeps.probe is None else _probe_set(sweeps, sweeps.probe, code),
        poses=sweeps.poses,
        joint_poses=sweeps.joint_poses,
        group_values=moved,
        group_poses=sweeps.group_poses if moved else {},
    )


def _probe_set(sweeps: Sweeps, probe: ProbeSet, code: Callable[[Tensor, Tensor], Tensor]) -> ProbeSet:
    """The code of the probe set's views; its images are other identities, of which there are more."""
    count = len(probe.train)

    def of(values: Tensor, first: int) -> Tensor:
        who = (first + torch.arange(len(values)))[:, None].expand(-1, 2)
        return code(who, _in_own_units(sweeps, values))

    train, test = of(probe.train_values, sweeps.identities), of(probe.test_values, sweeps.identities + count)
    return replace(probe, train=train, test=test)


def coordinates(sweeps: Sweeps, name: str) -> Float[Tensor, "I P G F"]:
    """Where each view of a factor's sweep is: its poses, or its grid with the other factors' values drawn."""
    if sweeps.poses:
        return _columns(sweeps, sweeps.poses[name])
    shape = sweeps.values[name].shape[:3]
    columns = []
    for factor in sweeps.factors:
        random = generator(0, "ideals", "base poses", factor.name)
        axes = [axis.name for axis in factor.axes]
        if factor.width == 1 and factor.name in sweeps.grids:
            grid = _in_own_unit(factor, sweeps.grids[factor.name].double())
            drawn = grid[torch.randint(len(grid), shape[:2], generator=random)][..., None]
        else:
            uniform = torch.rand(*shape[:2], factor.uniforms, generator=random, dtype=torch.float64)
            drawn = _in_own_unit(factor, factor.drawn(uniform))
        if name in axes:
            columns.append(factor.moved(drawn, axes.index(name), _axis_grid(sweeps, factor, name)))
        else:
            columns.append(drawn[..., None, :].expand(*shape, -1))
    return torch.cat(columns, -1)


def _axis_grid(sweeps: Sweeps, factor: Factor, name: str) -> Float[Tensor, " G"]:
    grid = sweeps.grids[name].double()
    return _in_own_unit(factor, grid) if factor.width == 1 else grid


def _columns(sweeps: Sweeps, poses: Float[Tensor, "*views C"]) -> Float[Tensor, "*views F"]:
    """Of poses as ``Design`` has them the factors' own columns, in which a circle goes in radians."""
    if all(f.name in AFFINE for f in sweeps.factors):
        return torch.stack([poses[..., AFFINE[f.name]] for f in sweeps.factors], -1).double()
    columns = value_columns(sweeps.factors)
    return torch.cat([_in_turns(f, poses[..., columns[f.name]]) for f in sweeps.factors], -1).double()


def _in_own_units(sweeps: Sweeps, values: Float[Tensor, "*views F"]) -> Float[Tensor, "*views F"]:
    """Values in the factors' units as coordinates."""
    columns = value_columns(sweeps.factors)
    return torch.cat([_in_own_unit(f, values[..., columns[f.name]].double()) for f in sweeps.factors], -1)


def _in_own_unit(factor: Factor, values: Tensor) -> Tensor:
    turned = _in_turns(factor, values)
    return turned.log() if factor.logarithmic else turned


def _in_turns(factor: Factor, values: Tensor) -> Tensor:
    return values * 2 * math.pi / factor.period if factor.period and factor.space == "number" else values


class _Disentangled:
    """[cos θ, sin θ of each circle; other numbers from -1 to 1 over their range; of everything else what a probe would
    predict; the content], turned at random."""

    def __init__(self, sweeps: Sweeps) -> None:
        self.factors = sweeps.factors
        width = sum(_coordinates(f) for f in self.factors)
        self.dim = max(DIM, width + CONTENT + 4)
        self.turn = _orthogonal(self.dim)

    def __call__(self, who: Tensor, at: Float[Tensor, "*views F"]) -> Float[Tensor, "*views D"]:
        parts = [_contents(who, CONTENT) / math.sqrt(CONTENT)]
        for factor, columns in zip(self.factors, value_columns(self.factors).values(), strict=True):
            value = at[..., columns.start]
            if factor.space != "number":
                parts.append(factor.kind.target(at[..., columns]))
            elif factor.period:
                parts += [value.cos()[..., None], value.sin()[..., None]]
            else:
                low, high = (_in_own_unit(factor, torch.tensor(end)) for end in (factor.low, factor.high))
                parts.append(((value - (low + high) / 2) / ((high - low) / 2 if high > low else 1.0))[..., None])
        return _filled(torch.cat(parts, -1), self.turn)


class _KeyPoints:
    """The pose's homogeneous matrix acting on key points of the identity's own, as far out as the shifts go."""

    def __init__(self, sweeps: Sweeps) -> None:
        self.factors = sweeps.factors
        self.far = max([1.0, *(max(abs(f.low), abs(f.high)) for f in self.factors if f.unit == "px")])
        self.turn = _orthogonal(DIM)

    def __call__(self, who: Tensor, at: Float[Tensor, "*views F"]) -> Float[Tensor, "*views D"]:
        pose = torch.zeros(*at.shape[:-1], 4, dtype=torch.float64)
        for i, factor in enumerate(self.factors):
            pose[..., AFFINE[factor.name]] = at[..., i]
        points = self.far * _contents(who, 2 * POINTS).unflatten(-1, (POINTS, 2)) / math.sqrt(2)
        moved = points @ Pose(pose).linear().mT + Pose(pose).translation[..., None, :]
        return _filled(moved.flatten(-2) / self.far, self.turn)


def _coordinates(factor: Factor) -> int:
    wide = {"levels": factor.size, "vector": factor.size, "rotation": 9, "direction": 3}
    return wide.get(factor.space, 2 if factor.period else 1)


def _contents(who: Tensor, size: int) -> Float[Tensor, "*views C"]:
    """A standard normal vector for each identity."""
    random = generator(0, "ideals", "contents", size)
    most = int(who.max()) + 1 if who.numel() else 0  # no joint design has no views
    drawn = torch.randn(most, size, generator=random, dtype=torch.float64)
    return drawn[who]


def _orthogonal(dim: int) -> Float[Tensor, "D D"]:
    random = generator(0, "ideals", "directions", dim)
    return torch.linalg.qr(torch.randn(dim, dim, generator=random, dtype=torch.float64)).Q


def _filled(code: Float[Tensor, "*views C"], turn: Float[Tensor, "D D"]) -> Float[Tensor, "*views D"]:
    """The code turned into a space of more dimensions, so that no single one holds a factor or nothing."""
    return code @ turn[: code.shape[-1]]
