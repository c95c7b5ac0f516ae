"""Sweeps: what an encoder says while one factor moves and everything else is held, with the grids it moved along."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int64, UInt8
from pydantic import TypeAdapter
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from seqjepa.io.files import write_atomic
from seqjepa.io.untrusted import open_regular, parse_json
from seqjepa.sweeps.containers import Predictions, ProbeSet
from seqjepa.sweeps.design import make_design
from seqjepa.types import Factor, InputError

FORMAT = "seqjepa-sweeps-2"
FACTOR = TypeAdapter(Factor)
MOST_TAPS = 256  # that a file may ask for: views are made with their square
FLOATS, WHOLE = (torch.float16, torch.bfloat16, torch.float32, torch.float64), (torch.int64,)
LAYOUT = {  # of a file's tensors, by their kind: dimensions and types
    **dict.fromkeys(("values", "predicted", "poses"), (4, FLOATS)),
    **dict.fromkeys(("joint", "joint_values", "joint_poses", "extra"), (3, FLOATS)),
    **dict.fromkeys(("train", "test", "train_values", "test_values"), (3, FLOATS)),
    **dict.fromkeys(("grids", "intrinsic_pose"), (1, FLOATS)),
    **dict.fromkeys(("source", "target"), (3, WHOLE)),
    **dict.fromkeys(("labels", "train_labels", "test_labels"), (1, WHOLE)),
    "images": (4, (torch.uint8,)),
}


@dataclass(frozen=True)
class Sweeps:
    """An encoder's representations along sweeps: for each factor (I, P, G, D), and over the joint design (I, J, D).

    Attributes:
        factors: what is swept; with ``grids`` in their units.
        values: for each factor its representations (I identities, P base poses, G grid values, D dimensions).
        grids: for each factor its G values.
        labels: (I,) the identities' classes, -1 where unknown.
        joint: (I, J, D) representations of the joint random design, J may be 0.
        joint_values: (I, J, F) the factors' values in it.
        metadata: where the representations come from: encoder, layer, seed, images, what was assumed; "taps" are the
            anti-aliasing samples a side with which the encoder's views were made.

    What follows is there where the source has it:
        images: (I, C, H, W) the source images.
        intrinsic_pose: for a factor each identity's own value of it, measured on its picture without the encoder; (I,),
            in radians for rotation.
        extra: further representations (I, J, _) of the joint design's views, by name, from which can be read as from z.
        parts: named blocks of z, each from a first to before a last dimension.
        predictions: for a factor what a predictor makes of unseen views along its sweep.
        probe: representations of two views each of many further images.
        poses: for each factor the poses (I, P, G, C) of its sweep, C columns as in ``Design``; empty where unknown.
        joint_poses: (I, J, C) those of the joint design.
    """

    factors: tuple[Factor, ...]
    values: Mapping[str, Float[Tensor, "_ _ _ _"]]
    grids: Mapping[str, Float[Tensor, " _"]]
    labels: Int64[Tensor, " _"]
    joint: Float[Tensor, "I J D"]
    joint_values: Float[Tensor, "I J F"]
    metadata: Mapping[str, str | int | float | None] = field(default_factory=dict)
    images: UInt8[Tensor, "I C H W"] | None = None
    intrinsic_pose: Mapping[str, Float[Tensor, " _"]] = field(default_factory=dict)
    extra: Mapping[str, Float[Tensor, "_ _ _"]] = field(default_factory=dict)
    parts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    predictions: Mapping[str, Predictions] = field(default_factory=dict)
    probe: ProbeSet | None = None
    poses: Mapping[str, Float[Tensor, "_ _ _ _"]] = field(default_factory=dict)
    joint_poses: Float[Tensor, "_ _ _"] | None = None

    def __post_init__(self) -> None:
        names = [f.name for f in self.factors]
        if not names:
            raise InputError("sweeps of no factor")
        if set(names) != set(self.values) or set(names) != set(self.grids):
            raise InputError(
                f"factors {names}, values of {sorted(self.values)} and grids of {sorted(self.grids)} do not fit"
            )
        for name, codes in self.values.items():
            expected = (self.identities, len(self.grids[name]), self.dim)
            if codes.ndim != 4 or (codes.shape[0], codes.shape[2], codes.shape[3]) != expected:
                raise InputError(
                    f"{name}: representations of shape {tuple(codes.shape)}, not (I, P, G, D) with I, G, D = {expected}"
                )
            if not codes.isfinite().all():
                raise InputError(f"{name}: a representation is not finite")
        if len(self.labels) != self.identities:
            raise InputError(f"{len(self.labels)} labels for {self.identities} identities")
        for name, codes in self.extra.items():
            if codes.shape[:2] != self.joint.shape[:2] or not codes.isfinite().all():
                raise InputError(
                    f"{name}: representations of shape {tuple(codes.shape)}, not of the joint design, or not finite"
                )
        for name, (first, last) in self.parts.items():
            if not 0 <= first < last <= self.dim:
                raise InputError(f"part {name}: dimensions {first} to {last} of {self.dim}")
        if self.poses and set(names) != set(self.poses):
            raise InputError(f"factors {names} and poses of {sorted(self.poses)} do not fit")
        for name, poses in self.poses.items():
            if poses.shape[:3] != self.values[name].shape[:3] or not poses.isfinite().all():
                raise InputError(f"{name}: poses of shape {tuple(poses.shape)}, not of its sweep, or not finite")
        if (joint := self.joint_poses) is not None and (
            joint.shape[:2] != self.joint.shape[:2] or not joint.isfinite().all()
        ):
            raise InputError(f"joint poses of shape {tuple(joint.shape)}, not of the joint design, or not finite")

    @property
    def identities(self) -> int:
        return next(iter(self.values.values())).shape[0]

    @property
    def dim(self) -> int:
        return next(iter(self.values.values())).shape[-1]

    def factor(self, name: str) -> Factor:
        """The factor of that name. Raises InputError with the names there are."""
        for f in self.factors:
            if f.name == name:
                return f
        raise InputError(f"factor {name!r} is not one of {', '.join(f.name for f in self.factors)}")

    def same_design(self, other: Sweeps) -> bool:
        """Whether the other's figures can be paired with these: the same identities at the same poses."""
        mine, theirs = self.grids, other.grids
        return (
            self.factors == other.factors
            and all(torch.equal(mine[name], theirs[name]) for name in mine)
            and torch.equal(self.labels, other.labels)
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
        steps: int = 36,
        base_poses: int = 5,
        joint: int = 20,
        seed: int = 0,
    ) -> Sweeps:
        """Sweeps of a function of identity and pose: a representation whose answer is known.

        Args:
            f: from identities (B,) and poses (B, C), float64, to representations (B, D). Poses have the four columns of
                ``Pose`` when all factors are affine, else a column a factor in its own unit (its logarithm if
                logarithmic).
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

        poses = {factor.name: design.sweep_poses(factor.name) for factor in factors}
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
        )

    @staticmethod
    def from_arrays(
        values: Mapping[str, Float[Tensor, "_ _ _ _"]],
        factors: Sequence[Factor],
        grids: Mapping[str, Float[Tensor, " _"]],
        labels: Int64[Tensor, " _"] | None = None,
        joint: Float[Tensor, "I J D"] | None = None,
        joint_values: Float[Tensor, "I J F"] | None = None,
        **more: Any,
    ) -> Sweeps:
        """Sweeps of representations computed elsewhere, of any named factors. The joint design may be left out.

        Args:
            more: any further attribute of ``Sweeps``: ``extra``, ``parts``, ``predictions``, ``probe``, …
        """
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
            first.new_zeros(len(first), 0, len(factors)) if joint_values is None else joint_values,
            **more,
        )

    def save(self, path: str | Path) -> None:
        """One safetensors file, written whole or not at all."""
        named = {"labels": self.labels, "joint": self.joint, "joint_values": self.joint_values}
        there = {"images": self.images, "joint_poses": self.joint_poses}
        tensors = named | {name: tensor for name, tensor in there.items() if tensor is not None}
        for group in ("values", "grids", "intrinsic_pose", "extra", "poses"):
            tensors |= {f"{group}/{name}": tensor for name, tensor in getattr(self, group).items()}
        for name, predictions in self.predictions.items():
            tensors |= {f"predictions/{name}/{field}": tensor for field, tensor in vars(predictions).items()}
        if self.probe is not None:
            tensors |= {f"probe/{field}": tensor for field, tensor in vars(self.probe).items()}
        metadata = {"format": FORMAT, "factors": [asdict(f) for f in self.factors], "metadata": dict(self.metadata)}
        metadata["parts"] = {name: list(ends) for name, ends in self.parts.items()}
        whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
        write_atomic(Path(path), save(whole, {"sweeps": json.dumps(metadata)}))

    @staticmethod
    def load(path: str | Path) -> Sweeps:
        """What ``save`` wrote. Raises InputError for a file that is missing, damaged or another."""
        open_regular(Path(path)).close()
        try:
            with safe_open(path, framework="pt") as file:
                names = file.keys()
                tensors = {name: file.get_tensor(name) for name in names}
                metadata = parse_json((file.metadata() or {}).get("sweeps", "{}"))
        except (SafetensorError, OSError, ValueError, AttributeError) as error:  # the last: a type torch does not have
            raise InputError(f"{path}: not a readable file of sweeps ({' '.join(str(error).split())[:200]})") from error
        if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
            raise InputError(f"{path}: not sweeps in the format {FORMAT}")
        try:
            return Sweeps._of(tensors, metadata)
        except InputError as error:
            raise InputError(f"{path}: {str(error)[:300]}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{path}: damaged sweeps ({' '.join(repr(error).split())[:200]})") from error

    @staticmethod
    def _of(tensors: dict[str, Tensor], metadata: dict[str, Any]) -> Sweeps:
        """Out of a file's tensors and what it says of them."""
        for name, tensor in tensors.items():
            kind = name.partition("/")[0]
            dimensions, types = LAYOUT[name.rpartition("/")[-1] if kind in ("predictions", "probe") else kind]
            if tensor.ndim != dimensions or tensor.dtype not in types:
                raise InputError(f"{name[:80]!r} is {tensor.dtype} of shape {tuple(tensor.shape)}")

        taps = metadata["metadata"].get("taps", 1)
        if not isinstance(taps, int) or isinstance(taps, bool) or not 1 <= taps <= MOST_TAPS:
            raise InputError(f"taps {str(taps)[:40]}, not a whole number from 1 to {MOST_TAPS}")

        def group(name: str) -> dict[str, Tensor]:
            return {key.removeprefix(f"{name}/"): t for key, t in tensors.items() if key.startswith(f"{name}/")}

        predicted_along = dict.fromkeys(key.rpartition("/")[0] for key in group("predictions"))
        probe = group("probe")
        return Sweeps(
            tuple(FACTOR.validate_python(f) for f in metadata["factors"]),
            group("values"),
            group("grids"),
            tensors["labels"],
            tensors["joint"],
            tensors["joint_values"],
            dict(metadata["metadata"]),
            tensors.get("images"),
            group("intrinsic_pose"),
            group("extra"),
            {name: (first, last) for name, (first, last) in metadata.get("parts", {}).items()},
            {name: Predictions(**group(f"predictions/{name}")) for name in predicted_along},
            ProbeSet(**probe) if probe else None,
            group("poses"),
            tensors.get("joint_poses"),
        )
