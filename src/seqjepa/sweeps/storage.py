"""Sweeps in a safetensors file, read as one that others may have written."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from seqjepa.io.files import write_atomic
from seqjepa.io.untrusted import open_regular, parse_json
from seqjepa.sweeps.containers import Predictions, ProbeSet
from seqjepa.sweeps.sweeps import Sweeps
from seqjepa.types import Factor, InputError

FORMAT = "seqjepa-sweeps-3"
FACTOR = TypeAdapter(Factor)
MOST_TAPS = 256  # that a file may ask for: views are made with their square
FLOATS, WHOLE = (torch.float16, torch.bfloat16, torch.float32, torch.float64), (torch.int64,)
LAYOUT = {  # of a file's tensors, by their kind: dimensions and types
    **dict.fromkeys(("values", "predicted", "poses", "group_values", "group_poses"), (4, FLOATS)),
    **dict.fromkeys(("joint", "joint_values", "joint_poses", "extra"), (3, FLOATS)),
    **dict.fromkeys(("train", "test", "train_values", "test_values"), (3, FLOATS)),
    **dict.fromkeys(("grids", "intrinsic_pose"), (1, FLOATS)),
    **dict.fromkeys(("source", "target"), (3, WHOLE)),
    **dict.fromkeys(("labels", "train_labels", "test_labels"), (1, WHOLE)),
    "images": (4, (torch.uint8,)),
}


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
    metadata = {"format": FORMAT, "factors": [asdict(f) for f in sweeps.factors], "metadata": dict(sweeps.metadata)}
    metadata["parts"] = {name: list(ends) for name, ends in sweeps.parts.items()}
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    write_atomic(path, save(whole, {"sweeps": json.dumps(metadata)}))


def read_sweeps(path: Path) -> Sweeps:
    """What ``write_sweeps`` wrote. Raises InputError for a file that is missing, damaged or another."""
    open_regular(path).close()
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
        return _sweeps_of(tensors, metadata)
    except InputError as error:
        raise InputError(f"{path}: {str(error)[:300]}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: damaged sweeps ({' '.join(repr(error).split())[:200]})") from error


def _sweeps_of(tensors: dict[str, Tensor], metadata: dict[str, Any]) -> Sweeps:
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
        group("group_values"),
        group("group_poses"),
    )
