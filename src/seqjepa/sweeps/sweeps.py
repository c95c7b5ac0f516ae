"""Sweeps: an encoder's representations while one factor moves and everything else is held, with grids and poses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from seqjepa.io.markup import html_table
from seqjepa.sweeps.checks import check_sweeps
from seqjepa.sweeps.containers import Predictions, ProbeSet, SequenceCodes
from seqjepa.sweeps.design import AFFINE, make_design
from seqjepa.types import Factor, InputError, NotIdentifiable
from seqjepa.types.checking import user_path
from seqjepa.types.factor import value_columns

NO_SWEEP = (
    "no sweep of it: not every identity has records at the same values that differ in nothing else, so no two are a "
    "known step of it alone apart"
)


@dataclass(frozen=True, repr=False)
class Sweeps:
    """An encoder's representations along sweeps: for each factor (I, P, G, D), and over the joint design (I, J, D).

    A factor of several numbers (a vector, a rotation) is swept along its axes, see ``Factor.axes``; "factor" stands for
    axis wherever sweeps are meant. Of recorded data there may be no sweep of a factor, but the joint design alone.

    Attributes:
        factors: what is swept; with ``grids`` in their units.
        values: for each factor its representations (I identities, P base poses, G grid values, D dimensions).
        grids: for each factor its G values.
        labels: (I,) the identities' classes, -1 where unknown.
        joint: (I, J, D) representations of the joint random design, J may be 0.
        joint_values: (I, J, F) the factors' values in it, their columns side by side.
        metadata: where the representations come from: encoder, layer, seed, images, what was assumed; "taps" are the
            anti-aliasing samples a side with which the encoder's views were made.

    What follows is there where the source has it:
        images: (I, C, H, W) the source images.
        intrinsic_pose: for a factor each identity's own value of it, measured on its image without the encoder; (I,),
            in radians for rotation.
        extra: further representations (I, J, _) of the joint design's views, by name, from which can be read as from z.
        parts: named blocks of z, each from a first to before a last dimension.
        predictions: for a factor what a predictor makes of unseen views along its sweep.
        probe: representations of two views each of many further images.
        poses: for each factor the poses (I, P, G, C) of its sweep, C columns as in ``Design``; empty where unknown.
        joint_poses: (I, J, C) those of the joint design.
        group_values, group_poses: of the factors' group sweeps, (I, Q, G, D) and (I, Q, G, C), in which the whole view
            is moved (``Design.group_poses``). Empty where they would be ``values``, as with a single factor.
        sequences: what an aggregator and a predictor make of sequences of the joint design's views.
    """

    factors: tuple[Factor, ...]
    values: Mapping[str, Float[Tensor, "_ _ _ _"]]
    grids: Mapping[str, Float[Tensor, " _"]]
    labels: Int64[Tensor, " _"]
    joint: Float[Tensor, "_ _ _"]
    joint_values: Float[Tensor, "_ _ _"]
    metadata: Mapping[str, str | int | float | None] = field(default_factory=dict)
    images: UInt8[Tensor, "_ _ _ _"] | None = None
    intrinsic_pose: Mapping[str, Float[Tensor, " _"]] = field(default_factory=dict)
    extra: Mapping[str, Float[Tensor, "_ _ _"]] = field(default_factory=dict)
    parts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    predictions: Mapping[str, Predictions] = field(default_factory=dict)
    probe: ProbeSet | None = None
    poses: Mapping[str, Float[Tensor, "_ _ _ _"]] = field(default_factory=dict)
    joint_poses: Float[Tensor, "_ _ _"] | None = None
    group_values: Mapping[str, Float[Tensor, "_ _ _ _"]] = field(default_factory=dict)
    group_poses: Mapping[str, Float[Tensor, "_ _ _ _"]] = field(default_factory=dict)
    sequences: SequenceCodes | None = None

    def __post_init__(self) -> None:
        check_sweeps(self)

    @property
    def identities(self) -> int:
        """How many identities there are, I."""
        return next(iter(self.values.values()), self.joint).shape[0]

    @property
    def dim(self) -> int:
        """Dimensions of the representations, D."""
        return next(iter(self.values.values()), self.joint).shape[-1]

    @property
    def axes(self) -> tuple[Factor, ...]:
        """The factors of one number each along which there can be sweeps: the factors, and the axes of wider ones."""
        return tuple(axis for factor in self.factors for axis in factor.axes)

    def joint_of(self, name: str) -> Float[Tensor, "I J W"]:
        """A factor's values in the joint design."""
        return self.joint_values[..., value_columns(self.factors)[name]]

    def __repr__(self) -> str:
        """Sizes, not numbers."""
        factors = ", ".join(f"{f.name} ({len(self.grids.get(f.name, ()))} values)" for f in self.axes)
        return f"<Sweeps of {self.identities} identities, {self.dim} dimensions: {factors}>"

    def _repr_html_(self) -> str:
        """As a notebook shows it: what was swept, a line a factor."""
        rows = [
            [f.name, f"{f.low:g} to {f.high:g} {f.unit}".strip(), *map(str, self.values[f.name].shape)]
            for f in self.axes
            if f.name in self.values
        ]
        of = self.metadata.get("encoder", "")
        caption = f"Sweeps{f' of {of}' if of else ''}; {self.joint.shape[1]} views an identity of the joint design"
        return html_table(["factor", "range", "identities", "base poses", "grid values", "dimensions"], rows, caption)

    def group_sweep(self, name: str) -> Float[Tensor, "I Q G D"]:
        """A factor's sweep in which the whole view is moved; the isolated one where the two are the same.

        Raises:
            NotIdentifiable: several factors vary, and only isolated sweeps were encoded; or there is no sweep of it.
        """
        if name not in self.values:
            raise NotIdentifiable(NO_SWEEP)
        if name in self.group_values or not self.poses:  # of arrays nobody says which kind they are
            return self.group_values.get(name, self.values[name])
        if sum(f.high > f.low for f in self.factors) > 1 and all(f.name in AFFINE for f in self.factors):
            raise NotIdentifiable("its group sweep was not encoded")
        return self.values[name]

    def factor(self, name: str) -> Factor:
        """The factor of that name. Raises InputError with the names there are."""
        for f in (*self.factors, *self.axes):
            if f.name == name:
                return f
        raise InputError(f"factor {name!r} is not one of {', '.join(f.name for f in self.factors)}")

    def same_design(self, other: Sweeps) -> bool:
        """Whether the other's estimates can be paired with these: the same identities at the same poses."""
        mine, theirs = self.grids, other.grids
        return (
            self.factors == other.factors
            and all(torch.equal(mine[name], theirs[name]) for name in mine)
            and torch.equal(self.labels, other.labels)
            and set(self.group_values) == set(other.group_values)
            and torch.equal(self.joint_values, other.joint_values)
            and self.metadata.get("fingerprint") == other.metadata.get("fingerprint")
            and self.metadata.get("seed") == other.metadata.get("seed")
        )

    @staticmethod
    def from_function(
        f: Callable[[Int64[Tensor, " B"], Float[Tensor, "B C"]], Float[Tensor, "B D"]],
        factors: Sequence[Factor],
        identities: int = 64,
        labels: Int64[Tensor, " I"] | None = None,
        *,
        steps: int = 25,
        base_poses: int = 5,
        joint: int = 20,
        seed: int = 0,
    ) -> Sweeps:
        """Sweeps of a function of identity and pose: a representation whose properties are known.

        Args:
            f: from identities (B,) and poses (B, C), float64, to representations (B, D). Poses have the four columns of
                ``Pose`` when all factors are affine, else those of all factors' values side by side (the logarithm of
                a logarithmic one).
            factors: what is swept.
            identities: how many there are, I.
            labels: (I,) their classes; -1, unknown, if left out.
            steps, base_poses, joint, seed: of the design, see ``make_design``.

        Raises:
            InputError: a design that cannot be made, or representations that are not finite.
        """
        design = make_design(factors, identities, steps=steps, base_poses=base_poses, joint=joint, seed=seed)

        def codes(poses: Tensor) -> Tensor:
            who = torch.arange(identities).reshape(-1, *[1] * (poses.ndim - 2)).expand(poses.shape[:-1])
            found = f(who.reshape(-1), poses.reshape(-1, poses.shape[-1]).clone())
            return found.reshape(*poses.shape[:-1], found.shape[-1])

        poses = {name: design.sweep_poses(name) for name in design.grids}
        moved = {name: design.group_poses(name) for name in design.grids if design.moves_as_a_group}
        return Sweeps(
            tuple(factors),
            {name: codes(of) for name, of in poses.items()},
            design.grids,
            torch.full((identities,), -1) if labels is None else labels,
            codes(design.joint_poses()),
            design.joint_values,
            {"seed": seed},
            poses=poses,
            joint_poses=design.joint_poses(),
            group_values={name: codes(of) for name, of in moved.items()},
            group_poses=moved,
        )

    @staticmethod
    def from_arrays(
        values: Mapping[str, Float[Tensor, "_ _ _ _"]],
        factors: Sequence[Factor],
        grids: Mapping[str, Float[Tensor, " _"]],
        labels: Int64[Tensor, " _"] | None = None,
        joint: Float[Tensor, "_ _ _"] | None = None,
        joint_values: Float[Tensor, "_ _ _"] | None = None,
        **more: Any,
    ) -> Sweeps:
        """Sweeps of representations computed elsewhere, of any named factors. The joint design may be left out.

        Args:
            values: for each factor its representations (I, P, G, D).
            factors: what is swept, in the order of the columns of ``joint_values``.
            grids: for each factor its G values, in its unit.
            labels: (I,) the identities' classes; unknown if left out.
            joint: (I, J, D) representations of views in which all factors vary.
            joint_values: (I, J, F) the factors' values in them.
            more: any further attribute of ``Sweeps``: ``extra``, ``parts``, ``predictions``, ``probe``, …

        Raises:
            InputError: arrays that do not fit together, or are not finite.
        """
        if not values:
            raise InputError(
                "values: no factor has any; give representations (I, P, G, D) for each, or use from_recorded"
            )
        first = next(iter(values.values()))
        if (joint is None) != (joint_values is None):
            raise InputError(
                "joint and joint_values go together: representations and the factors' values at which they were taken"
            )
        return Sweeps(
            tuple(factors),
            dict(values),
            dict(grids),
            torch.full((len(first),), -1) if labels is None else labels,
            first.new_zeros(len(first), 0, first.shape[-1]) if joint is None else joint,
            first.new_zeros(len(first), 0, sum(f.width for f in factors)) if joint_values is None else joint_values,
            **more,
        )

    @staticmethod
    def from_recorded(
        codes: Any,
        identities: Any,
        values: Any,
        factors: Any,
        labels: Any = None,
        *,
        check_rows: bool = True,
        seed: int = 0,
        **more: Any,
    ) -> Sweeps:
        """Sweeps of recorded data, where nothing can be rendered again: each record seen at values of its own.

        A factor in which records of an identity differ alone, at the same values for all identities, is swept like any
        other (a factorial design). Any other is judged by pairs of records within an identity, with what the other
        factors explain taken away: subspaces, shared variance, probes and health; what needs a known step of it alone
        (operators, the group's law, shares of variance) is not identifiable, and says so.

        Args:
            codes: (N, D) representations, a row a record; a tensor or an array, as all that follows.
            identities: (N,) which identity each record is of, any integers.
            values: (N, F) the factors' values, their columns side by side in their units; of a circle any number of
                turns more, of a rotation q or -q.
            factors: a list of what varies, over ranges that hold the values.
            labels: (N,) classes, the same for all records of an identity.
            check_rows: refuse rows of representations that do not belong to those of identities and values.
            seed: of the records that are taken where there are more than 200 of an identity, and of permutations.
            more: any further attribute of ``Sweeps``.

        Raises:
            InputError: arrays that do not fit together or are not finite, values that the factors cannot have, an
                identity with fewer than three records, or rows that do not belong together.
        """
        from seqjepa.sweeps.recorded import recorded_sweeps

        return recorded_sweeps(codes, identities, values, factors, labels, check_rows=check_rows, seed=seed, **more)

    def save(self, path: str | Path) -> None:
        """One safetensors file, written whole or not at all."""
        from seqjepa.sweeps.storage import write_sweeps

        write_sweeps(self, user_path(path))

    @staticmethod
    def load(path: str | Path) -> Sweeps:
        """What ``save`` wrote. Raises InputError for a file that is missing, damaged or another."""
        from seqjepa.sweeps.storage import read_sweeps

        return read_sweeps(user_path(path))
