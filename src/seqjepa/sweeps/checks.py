"""Whether the arrays of sweeps fit together and can be computed with: checked once, when ``Sweeps`` are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from seqjepa.sweeps.as_given import check_value
from seqjepa.sweeps.containers import Predictions, ProbeSet, SequenceCodes
from seqjepa.sweeps.design import AFFINE, check_grid
from seqjepa.types import POSE_COLUMNS, InputError
from seqjepa.types.limits import CLASSES, CODE, DIMENSIONS, FACTOR, FACTORS, IMAGE_PIXELS, NAME_LETTERS, POINTS, VIEWS

if TYPE_CHECKING:
    from seqjepa.sweeps.sweeps import Sweeps

PICTURES = (1, 3)  # channels that can be shown


def check_sweeps(sweeps: Sweeps) -> None:
    """Raises InputError, naming the array, for sweeps whose parts do not fit, are not finite, or too many."""
    axes = [axis.name for axis in sweeps.axes]
    if not axes:
        raise InputError("sweeps of no factor")
    if len(axes) > FACTORS or len(set(axes)) < len(axes):
        raise InputError(f"factors: {len(axes)} of them; they have a name each, and {FACTORS} are the most")
    unknown = not set(sweeps.values) <= set(axes) or not (sweeps.values or sweeps.joint.shape[1])
    if unknown or set(sweeps.values) != set(sweeps.grids):
        raise InputError(
            f"factors {_few(axes)}, values of {_few(sweeps.values)} and grids of {_few(sweeps.grids)} do not fit"
        )
    names = [name for name in axes if name in sweeps.values]
    for group in ("group_values", "poses", "group_poses"):
        if (held := getattr(sweeps, group)) and set(held) - set(names):
            raise InputError(f"factors {_few(names)} and {group.replace('_', ' ')} of {_few(held)} do not fit")
    for group in ("group_values", "poses"):
        if (held := getattr(sweeps, group)) and set(held) != set(names):
            what = {"group_values": "group sweeps"}.get(group, group)
            raise InputError(f"factors {_few(names)} and {what} of {_few(held)} do not fit")
    _check_design(sweeps)
    _check_codes(sweeps)
    _check_poses(sweeps)
    _check_beside(sweeps)


def _check_design(sweeps: Sweeps) -> None:
    for factor in sweeps.axes:
        if (grid := sweeps.grids.get(factor.name)) is None:
            continue
        if grid.ndim != 1 or not 0 < len(grid) <= POINTS:
            raise InputError(f"grids/{factor.name}: of shape {tuple(grid.shape)}, not 1 to {POINTS} values")
        check_grid(factor, grid)
        _within(f"grids/{factor.name}: a grid value", grid, FACTOR)
    labels = sweeps.labels
    if tuple(labels.shape) != (sweeps.identities,):
        raise InputError(f"{len(labels)} labels for {sweeps.identities} identities")
    if labels.dtype != torch.int64:
        raise InputError(f"labels: {str(labels.dtype).removeprefix('torch.')}, not int64; a class is a number")
    if len(labels) and not -1 <= int(labels.min()) <= int(labels.max()) < CLASSES:
        ends = f"from {int(labels.min())} to {int(labels.max())}"
        raise InputError(f"labels run {ends}; classes count from 0, -1 is unknown, and {CLASSES} are the most")
    joint, values = tuple(sweeps.joint.shape), tuple(sweeps.joint_values.shape)
    views, many = joint[1] if len(joint) > 1 else 0, sum(factor.width for factor in sweeps.factors)
    if joint != (sweeps.identities, views, sweeps.dim) or values != (sweeps.identities, views, many):
        wanted = f"(I, J, D) and (I, J, F) with I, D, F = {sweeps.identities}, {sweeps.dim}, {many}"
        raise InputError(f"joint, joint_values: of shapes {joint} and {values}, not {wanted}")
    values = sweeps.joint_values
    _within("joint_values: a factor's value", values, FACTOR)
    for factor in sweeps.factors:
        check_value(f"joint_values: {factor.name}", factor, sweeps.joint_of(factor.name))


def _check_codes(sweeps: Sweeps) -> None:
    if not 0 < sweeps.dim <= DIMENSIONS or not sweeps.identities:
        raise InputError(f"{sweeps.identities} identities with representations of {sweeps.dim} dimensions")
    for name, codes in [*sweeps.values.items(), *sweeps.group_values.items()]:
        expected = (sweeps.identities, len(sweeps.grids[name]), sweeps.dim)
        if codes.ndim != 4 or (codes.shape[0], codes.shape[2], codes.shape[3]) != expected or not codes.shape[1]:
            raise InputError(
                f"{name}: representations of shape {tuple(codes.shape)}, not (I, P, G, D) with I, G, D = {expected}"
            )
        _within(f"{name}: a representation", codes, CODE)
    _within("joint: a representation", sweeps.joint, CODE)
    for name, codes in sweeps.extra.items():
        if codes.ndim != 3 or codes.shape[:2] != sweeps.joint.shape[:2] or not 0 < codes.shape[2] <= DIMENSIONS:
            raise InputError(f"{name}: representations of shape {tuple(codes.shape)}, not of the joint design")
        _within(f"{name}: a representation", codes, CODE)
    for name in (*sweeps.extra, *sweeps.parts):
        if not 0 < len(name) <= NAME_LETTERS:
            raise InputError(f"{name[:80]!r}: a name has 1 to {NAME_LETTERS} letters")
    for name, (first, last) in sweeps.parts.items():
        if not 0 <= first < last <= sweeps.dim:
            raise InputError(f"part {name}: dimensions {first} to {last} of {sweeps.dim}")


def _check_poses(sweeps: Sweeps) -> None:
    affine = all(factor.name in AFFINE for factor in sweeps.factors)
    columns = len(POSE_COLUMNS) if affine else None  # of other factors each kind has its own
    swept: list[tuple[str, Tensor, Tensor | None]] = []
    swept += [(f"{n}: poses", p, sweeps.values.get(n)) for n, p in sweeps.poses.items()]
    swept += [(f"{n}: group poses", p, sweeps.group_values.get(n)) for n, p in sweeps.group_poses.items()]
    if sweeps.joint_poses is not None:
        swept.append(("joint poses", sweeps.joint_poses, sweeps.joint))
    for what, poses, codes in swept:
        if codes is None or poses.ndim != codes.ndim or poses.shape[:-1] != codes.shape[:-1]:
            raise InputError(f"{what} of shape {tuple(poses.shape)}, not of the sweep's")
        columns = columns or poses.shape[-1]
        if not poses.shape[-1] or poses.shape[-1] != columns:
            raise InputError(f"{what} of shape {tuple(poses.shape)}; {columns} columns are needed")
        _within(f"{what}: a pose", poses, FACTOR)


def _check_beside(sweeps: Sweeps) -> None:
    """Images, poses measured on them, a predictor's predictions, and what probes of many images are given."""
    images, many = sweeps.images, sweeps.identities
    if images is not None:
        fits = images.ndim == 4 and len(images) == many and images.shape[1] in PICTURES
        if not fits or not 0 < min(images.shape[2:]) <= max(images.shape[2:]) <= IMAGE_PIXELS:
            raise InputError(f"images: of shape {tuple(images.shape)}, not ({many}, C, H, W) with C = 1 or 3")
    names = {axis.name for axis in sweeps.axes} | {factor.name for factor in sweeps.factors}
    for name, own in sweeps.intrinsic_pose.items():
        if name not in names or own.shape != (many,):
            raise InputError(f"intrinsic_pose/{name[:80]}: of shape {tuple(own.shape)}, not one of each identity")
        _within(f"intrinsic_pose/{name}: a value", own, FACTOR)
    for name, of in sweeps.predictions.items():
        if name not in sweeps.grids:
            raise InputError(f"predictions of {name[:80]!r}, which is no factor")
        _check_predictions(name, of, many, len(sweeps.grids[name]), sweeps.dim)
    if sweeps.probe is not None:
        _check_probe(sweeps.probe, sweeps.dim, sum(factor.width for factor in sweeps.factors))
    if sweeps.sequences is not None:
        _check_sequences(sweeps.sequences, sweeps)


def _check_predictions(name: str, of: Predictions, many: int, steps: int, dim: int) -> None:
    shape = of.predicted.shape
    if len(shape) != 4 or shape[0] != many or shape[3] != dim or not of.predicted.numel():
        raise InputError(f"predictions/{name}: of shape {tuple(shape)}, not (I, P, Q, D) with I, D = {many, dim}")
    for what in ("source", "target"):
        places = getattr(of, what)
        if places.shape != shape[:3] or not 0 <= int(places.min()) <= int(places.max()) < steps:
            raise InputError(f"predictions/{name}: {what} is not a place of the grid's {steps} for each prediction")
    _within(f"predictions/{name}: a representation", of.predicted, CODE)


def _check_probe(probe: ProbeSet, dim: int, factors: int) -> None:
    for split in ("train", "test"):
        codes, values, labels = (getattr(probe, f"{split}{end}") for end in ("", "_values", "_labels"))
        shapes = [tuple(each.shape) for each in (codes, values, labels)]
        if shapes != [(len(codes), 2, dim), (len(codes), 2, factors), (len(codes),)]:
            raise InputError(f"probe/{split}: of shapes {shapes}, not (N, 2, {dim}), (N, 2, {factors}) and (N,)")
        _within(f"probe/{split}: a representation", codes, CODE)
        _within(f"probe/{split}_values: a factor's value", values, FACTOR)
        if len(labels) and not -1 <= int(labels.min()) <= int(labels.max()) < CLASSES:
            raise InputError(f"probe/{split}_labels: classes count from 0, and {CLASSES} are the most")


def _check_sequences(of: SequenceCodes, sweeps: Sweeps) -> None:
    views, last = sweeps.joint.shape[1], of.last
    if last.ndim != 1 or not len(last) or not 0 <= int(last.min()) <= int(last.max()) < views:
        raise InputError(f"sequences: their last views are no places of the joint design's {views}")
    if not 1 <= of.observed <= VIEWS or not 1 <= of.lengths[0] <= of.lengths[-1] <= views:
        raise InputError(
            f"sequences: of {of.lengths} views, {of.observed} in training, and the joint design has {views}"
        )
    numbers = {factor.name for factor in sweeps.factors if factor.space == "number"}
    for name, (low, high) in of.seen.items():
        if name not in numbers or not -FACTOR <= low <= high <= FACTOR:
            raise InputError(f"sequences: {low} to {high} is no range of {name[:80]} in training")
    known = dict(of.aggregates) | ({} if of.upcoming is None else {"the next view": of.upcoming})
    for name, codes in known.items():
        if codes.ndim != 3 or codes.shape[:2] != (sweeps.identities, len(last)) or not 0 < codes.shape[2] <= DIMENSIONS:
            raise InputError(f"sequences: {name[:80]}: of shape {tuple(codes.shape)}, not (I, Q, F)")
        _within(f"sequences: {name[:80]}: a representation", codes, CODE)
    if of.upcoming is not None and of.upcoming.shape[2] != sweeps.dim:
        raise InputError(f"sequences: predictions of {of.upcoming.shape[2]} dimensions, representations {sweeps.dim}")


def _within(what: str, values: Tensor, most: float) -> None:
    if values.numel():
        low, high = torch.aminmax(values)
        if not -most <= float(low) <= float(high) <= most:  # of NaN neither holds
            raise InputError(f"{what} is not finite, or beyond ±{most:.0e}")


def _few(names: Mapping[str, object] | list[str]) -> str:
    return f"{sorted(names)}"[:200]
