"""Checkpoints: one safetensors file an epoch with weights, probes, optimisers and metrics; nothing is unpickled.

Each carries a checksum of all that is in it. Random state is not: what is random in an epoch follows from the seed and
the epoch's number alone.
"""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from seqjepa.io.files import write_atomic
from seqjepa.io.rows import checked_rows
from seqjepa.io.schemas import briefly
from seqjepa.io.tensors import read_safetensors
from seqjepa.io.untrusted import is_there
from seqjepa.types import InputError

KEEP = 2  # the newest, and one before it
KEY = "seqjepa"
CHECKSUM = "checksum"
CHECKPOINT = re.compile(r"epoch-([0-9]{4,8})\.safetensors")
MOMENTS = {"step", "exp_avg", "exp_avg_sq"}  # what Adam and AdamW remember of each parameter


def save_checkpoint(
    folder: Path,
    epoch: int,
    modules: Mapping[str, nn.Module],
    optimisers: Mapping[str, torch.optim.Optimizer],
    metadata: Mapping[str, Any],
) -> Path:
    """Write ``folder/epoch-0001.safetensors`` whole or not at all, then delete all but the newest ``KEEP``.

    Args:
        folder: of the checkpoints.
        epoch: the last that was finished, from 1.
        modules: by name, those with weights.
        optimisers: by name.
        metadata: the metrics so far ("rows") and what ``describe`` says of the model.
    """
    tensors: dict[str, Tensor] = {}
    for name, module in modules.items():
        tensors |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
    for name, optimiser in optimisers.items():
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"{name}/{index}/{key}": torch.as_tensor(value) for key, value in state.items()}
    path = folder / f"epoch-{epoch:04d}.safetensors"
    write_tensors(path, tensors, metadata)
    for old in list_checkpoints(folder)[:-KEEP]:
        old.unlink()
    return path


def restore_checkpoint(
    path: Path, modules: Mapping[str, nn.Module], optimisers: Mapping[str, torch.optim.Optimizer]
) -> list[dict]:
    """Load a checkpoint into modules and optimisers of the same shape; returns the metrics so far, a row an epoch."""
    tensors, metadata = read_tensors(path)
    if "rows" not in metadata:
        raise InputError(f"{path}: weights, but no checkpoint to go on from")
    rows = checked_rows(metadata["rows"], path)
    if CHECKPOINT.fullmatch(path.name) and len(rows) != epoch_of(path):
        raise InputError(f"{path}: rows: {len(rows)} of them in a checkpoint of epoch {epoch_of(path)}")
    for name, module in modules.items():
        load_state(
            module, {k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.")}, path
        )
    for name, optimiser in optimisers.items():
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        state: dict[int, dict[str, Any]] = {}
        for key, value in tensors.items():
            if key.startswith(f"{name}/"):
                _, index, field = (*key.split("/"), "", "")[:3]
                known = index in map(str, range(len(parameters)))
                if not known or value.shape not in ((), parameters[int(index)].shape):
                    raise InputError(
                        f"{path}: {briefly(key)}, {briefly(tuple(value.shape))}, is no state of this optimiser"
                    )
                state.setdefault(int(index), {})[field] = value
        if any(set(moments) != MOMENTS for moments in state.values()):
            raise InputError(f"{path}: the state of {name} is not whole; it needs {', '.join(sorted(MOMENTS))}")
        # A fused optimiser walks a parameter and its moments side by side in memory, so their layouts must agree.
        for index, moments in state.items():
            like = parameters[index]
            for key, value in moments.items():
                if value.shape == like.shape and value.ndim:
                    moments[key] = torch.empty_like(like, dtype=value.dtype).copy_(value)
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    return rows


def load_state(module: nn.Module, state: Mapping[str, Tensor], path: Path, assign: bool = False) -> None:
    """Load weights strictly.

    Args:
        module: what is loaded into.
        state: weights by name.
        path: where they come from, for the message.
        assign: take the tensors themselves instead of copying them.

    Raises:
        InputError: names or shapes differ.
    """
    try:
        module.load_state_dict(state, assign=assign)
    except RuntimeError as error:
        raise InputError(f"{path}: the weights are of another model: {' '.join(str(error).split())[:300]}") from error


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """A safetensors file, written whole or not at all; ``metadata`` is kept beside the tensors as JSON.

    In one entry, since the library shuffles entries, and equal runs must give equal files. Weights that two layers
    share are written for each, since the library takes none that share memory.
    """
    whole: dict[str, Tensor] = {}
    written: set[int] = set()
    for name, tensor in tensors.items():
        own = tensor.detach().cpu().contiguous()
        place = own.untyped_storage().data_ptr()
        whole[name] = own.clone() if place in written else own
        written.add(place)
    metadata = dict(metadata) | {CHECKSUM: checksum(whole, metadata)}
    write_atomic(path, save(whole, {KEY: json.dumps(metadata)}))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What ``write_tensors`` wrote. Raises InputError when it is missing, damaged, or not ours."""
    if not is_there(path):
        raise InputError(f"no checkpoint {path}")
    tensors, metadata = read_safetensors(path, KEY)
    if metadata is None:
        raise InputError(f"{path}: a safetensors file, but not one of seqjepa")
    if not isinstance(metadata, dict):
        raise InputError(f"{path}: damaged (what it says of itself is no mapping)")
    if CHECKSUM in metadata and metadata.pop(CHECKSUM) != checksum(tensors, metadata):  # the first files had none
        raise InputError(f"{path}: damaged (its content does not match its checksum)")
    return tensors, metadata


def checksum(tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> str:
    """SHA-256 of every name, type, shape and byte of the tensors, in order of their names, and of ``metadata``."""
    digest = hashlib.sha256(json.dumps(metadata).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def newest_whole(folder: Path) -> Path | None:
    """The newest checkpoint that can be read; None where there is none. A damaged one is named in a warning.

    Raises:
        InputError: there are checkpoints, but every one is damaged.
    """
    checkpoints = list_checkpoints(folder)
    for path in reversed(checkpoints):
        try:
            read_tensors(path)
        except InputError as error:
            warnings.warn(f"{error}; going on from the checkpoint before it", stacklevel=2)
        else:
            return path
    if checkpoints:
        raise InputError(f"{folder}: every checkpoint is damaged ({', '.join(p.name for p in checkpoints)})")
    return None


def list_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first."""
    found = [p for p in folder.glob("epoch-*.safetensors") if CHECKPOINT.fullmatch(p.name) and not p.is_dir()]
    return sorted(found, key=epoch_of)


def epoch_of(checkpoint: Path) -> int:
    """The epoch after which it was written, as its name says."""
    return int(checkpoint.stem.removeprefix("epoch-"))
