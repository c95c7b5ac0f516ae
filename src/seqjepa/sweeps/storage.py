"""Sweeps in a safetensors file, read as one that others may have written."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import ConfigDict, Field, TypeAdapter
from safetensors.torch import save
from torch import Tensor

from seqjepa.io.files import write_atomic
from seqjepa.io.schemas import Name, Number, Stored, Text, briefly, checked
from seqjepa.io.tensors import read_safetensors
from seqjepa.sweeps.containers import Predictions, ProbeSet, SequenceCodes
from seqjepa.sweeps.sweeps import Sweeps
from seqjepa.types import Factor, InputError
from seqjepa.types.limits import FACTORS, POINTS, TAPS, UNIT_LETTERS, VIEWS
from seqjepa.types.texts import encodable

FORMAT = "seqjepa-sweeps-3"
FLOATS, WHOLE = (torch.float16, torch.bfloat16, torch.float32, torch.float64), (torch.int64,)
LAYOUT = {  # of a file's tensors, by their kind: dimensions and types
    **dict.fromkeys(("values", "predicted", "poses", "group_values", "group_poses"), (4, FLOATS)),
    **dict.fromkeys(("joint", "joint_values", "joint_poses", "extra", "aggregates", "upcoming"), (3, FLOATS)),
    **dict.fromkeys(("train", "test", "train_values", "test_values"), (3, FLOATS)),
    **dict.fromkeys(("grids", "intrinsic_pose"), (1, FLOATS)),
    **dict.fromkeys(("source", "target"), (3, WHOLE)),
    **dict.fromkeys(("labels", "train_labels", "test_labels", "last_views"), (1, WHOLE)),
    "images": (4, (torch.uint8,)),
}
GROUPS = {"values", "predictions", "poses", "group_values", "group_poses", "extra", "grids", "intrinsic_pose", "probe"}
GROUPS |= {"aggregates"}


def write_sweeps(sweeps: Sweeps, path: Path) -> None:
    """One safetensors file, written whole or not at all."""
    named = {"labels": sweeps.labels, "joint": sweeps.joint, "joint_values": sweeps.joint_values}
    there = {"images": sweeps.images, "joint_poses": sweeps.joint_poses}
    tensors = named | {name: tensor for name, tensor in there.items() if tensor is not None}
    for group in ("values", "grids", "intrinsic_pose", "extra", "poses", "group_values", "group_poses"):
        tensors |= {f"{group}/{name}": tensor for name, tensor in getattr(sweeps, group).items()}
    for name, predictions in sweeps.predictions.items():
        tensors |= {f"predictions/{name}/{field}": tensor for field, tensor in vars(predictions).items()}
    if sweeps.probe is not None:
        tensors |= {f"probe/{field}": tensor for field, tensor in vars(sweeps.probe).items()}
    if (of := sweeps.sequences) is not None:
        tensors |= {f"aggregates/{name}": tensor for name, tensor in of.aggregates.items()} | {"last_views": of.last}
        tensors |= {} if of.upcoming is None else {"upcoming": of.upcoming}
    metadata = {
        "format": FORMAT,
        "factors": [asdict(f) for f in sweeps.factors],
        "metadata": encodable(sweeps.metadata),
    }
    metadata["parts"] = {name: list(ends) for name, ends in sweeps.parts.items()}
    metadata |= {} if of is None else {"observed": of.observed, "seen": {name: list(of.seen[name]) for name in of.seen}}
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    write_atomic(path, save(whole, {"sweeps": json.dumps(metadata)}))


class StoredFactor(Stored):
    """``Factor``."""

    name: Name
    low: Number
    high: Number
    unit: Annotated[str, Field(max_length=UNIT_LETTERS)] = ""
    period: Number | None = None
    logarithmic: bool = False
    space: Literal["number", "levels", "vector", "rotation", "direction"] = "number"
    size: Annotated[int, Field(ge=1, le=POINTS)] = 1
    group: bool = True


class StoredMetadata(Stored):
    """Where representations come from: what is computed with is typed, the rest is a text, a number or nothing."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Text | int | float | None]  # pyright: ignore[reportIncompatibleVariableOverride]

    taps: Annotated[int, Field(ge=1, le=TAPS)] = 1  # views are made with their square
    border: Text | None = None
    circular_mask: bool | None = None
    seed: int | None = None
    encoder: Text | None = None
    layer: Text | None = None


class StoredSweeps(Stored):
    """What a file says beside its tensors."""

    format: Literal["seqjepa-sweeps-3"]
    factors: Annotated[list[StoredFactor], Field(min_length=1, max_length=FACTORS)]
    metadata: StoredMetadata
    parts: Annotated[dict[Name, Annotated[list[int], Field(min_length=2, max_length=2)]], Field(max_length=POINTS)]
    observed: Annotated[int, Field(ge=1, le=VIEWS)] | None = None
    seen: Annotated[
        dict[Name, Annotated[list[Number], Field(min_length=2, max_length=2)]], Field(max_length=FACTORS)
    ] = Field(default_factory=dict)


STORED = TypeAdapter(StoredSweeps)


def read_sweeps(path: Path) -> Sweeps:
    """What ``write_sweeps`` wrote. Raises InputError for a file that is missing, damaged or another."""
    tensors, said = read_safetensors(path, "sweeps", "file of sweeps")
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise InputError(f"{path}: not sweeps in the format {FORMAT}")
    stored = checked(STORED, said, f"{path}: damaged sweeps")
    _check_layout(tensors, path)
    try:
        return _sweeps_of(tensors, stored)
    except InputError as error:
        raise InputError(f"{path}: {str(error)[:300]}") from error


def _check_layout(tensors: dict[str, Tensor], path: Path) -> None:
    """Raises InputError for a tensor that has no place in sweeps, or not its shape and type there."""
    for name, tensor in tensors.items():
        kind, _, of = name.partition("/")
        known = LAYOUT.get(of.rpartition("/")[-1] if kind in ("predictions", "probe") else kind)
        if known is None or bool(of) != (kind in GROUPS):
            raise InputError(f"{path}: damaged sweeps: {briefly(name)} is no tensor of sweeps")
        if tensor.ndim != known[0] or tensor.dtype not in known[1]:
            raise InputError(f"{path}: {briefly(name)} is {tensor.dtype} of shape {briefly(tuple(tensor.shape))}")
    along = {name.rpartition("/")[0] for name in tensors if name.startswith("predictions/")}
    wanted = {f"{of}/{field}" for of in along for field in ("predicted", "source", "target")}
    if any(name.startswith("probe/") for name in tensors):
        wanted |= {f"probe/{split}{end}" for split in ("train", "test") for end in ("", "_values", "_labels")}
    if any(name.startswith("aggregates/") for name in tensors) or "upcoming" in tensors:
        wanted |= {"last_views"}
    if missing := sorted({"labels", "joint", "joint_values", *wanted} - set(tensors)):
        raise InputError(f"{path}: damaged sweeps: no tensor {briefly(missing[0])}")


def _sweeps_of(tensors: dict[str, Tensor], stored: StoredSweeps) -> Sweeps:
    """Out of a file's tensors and what it says of them."""

    def group(name: str) -> dict[str, Tensor]:
        return {key.removeprefix(f"{name}/"): t for key, t in tensors.items() if key.startswith(f"{name}/")}

    sequences = None
    if "last_views" in tensors:
        if stored.observed is None:
            raise InputError("damaged sweeps: they do not say of how many views sequences were in training")
        seen = {name: (low, high) for name, (low, high) in stored.seen.items()}
        last, upcoming = tensors["last_views"], tensors.get("upcoming")
        sequences = SequenceCodes(stored.observed, last, group("aggregates"), upcoming, seen)
    predicted_along = dict.fromkeys(key.rpartition("/")[0] for key in group("predictions"))
    probe = group("probe")
    return Sweeps(
        tuple(Factor(**dict(factor)) for factor in stored.factors),
        group("values"),
        group("grids"),
        tensors["labels"],
        tensors["joint"],
        tensors["joint_values"],
        stored.metadata.model_dump(exclude_unset=True),
        tensors.get("images"),
        group("intrinsic_pose"),
        group("extra"),
        {name: (first, last) for name, (first, last) in stored.parts.items()},
        {name: Predictions(**group(f"predictions/{name}")) for name in predicted_along},
        ProbeSet(**probe) if probe else None,
        group("poses"),
        tensors.get("joint_poses"),
        group("group_values"),
        group("group_poses"),
        sequences,
    )
