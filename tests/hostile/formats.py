"""What files are made of, for tests and ``benchmarks/fuzz.py``: taken apart into plain values, changed, sealed again.

A change replaces, removes, doubles or renames one value; the file's checksum is right afterwards.
"""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from safetensors.torch import load, save

import seqjepa as sj
from seqjepa.diagnostics import Diagnosis, identities_table
from seqjepa.diagnostics.diagnosis import Split
from seqjepa.diagnostics.estimate import Estimate, Samples
from seqjepa.diagnostics.gates import judge, parse_requirement
from seqjepa.io.environment import read_environment
from seqjepa.io.files import read_rows
from seqjepa.recipes import digits
from seqjepa.report.summary import headline
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.arrays import load_sweeps
from seqjepa.training.checkpoint import restore_checkpoint, write_tensors
from seqjepa.training.config import config_from_yaml
from seqjepa.training.saved import describe
from seqjepa.training.views import Normalisation
from seqjepa.workflows.checking import read_requirements

ODD = [
    *(None, True, "", "x", "ab", "é\u202e", "\0", "x" * 100_000, "9" * 5000, "1e308", "nan", "~nobody", "a\nb"),
    *(0, 1, -1, 2**31, 2**63 - 1, -(2**63), 10**19, 0.5, 1e308, -1e308, 1e-320, float("nan"), float("inf")),
    *([], {}, [None], ["x"], [[]], [1, 2, 3], {"": 1}, {"x": {}}, [0] * 20_000),
]


def places(value: Any, at: tuple = ()) -> Iterator[tuple]:
    """Every place of a value that is made of lists and mappings, the whole first."""
    yield at
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield from places(inner, (*at, key))


def changed(value: Any, number: int, how: str, odd: Any) -> Any:
    """A copy with one place replaced, removed, doubled or renamed."""
    value = copy.deepcopy(value)
    *path, last = list(places(value))[1:][number % (len(list(places(value))) - 1)]
    inside = value
    for key in path:
        inside = inside[key]
    if how == "remove":
        del inside[last]
    elif how == "double" and isinstance(inside, list):
        inside.insert(last, copy.deepcopy(inside[last]))
    elif how == "rename" and isinstance(inside, dict):
        inside[odd if isinstance(odd, str) else "other"] = inside.pop(last)
    else:
        inside[last] = odd
    return value


def _diagnosis() -> Diagnosis:
    samples = Samples((0.5, 0.25, 0.5), (1.0, 1.0, 2.0))
    spectrum = {"k": 2, "null_share": 0.1, "fitted": [0.6, 0.4], "held_out": [0.5, 0.3]}
    estimates = {
        "explained_variance": {"rotation": Estimate(0.9, (0.8, 0.95), 0.1, details=spectrum)},
        "overlap": {("rotation", "x"): Estimate(0.1, (0.0, 0.2), details={"angles_deg": [80.0]}, samples=samples)},
        "leakage": {("class", "z", "linear"): Estimate(0.7, (0.6, 0.8), 0.1, p=0.01, ideals={"disentangled": 1.0})},
        "irreps": {("rotation", "k1"): Estimate(2.0, details={"energy": 0.5})},
        "action": {("rotation", "mlp"): Estimate(0.5, details={"true": [1.0, 2.0], "predicted": [1.0, 2.0]})},
        "orbit_leading": {"rotation": Estimate(1.0, null=0.5, details={"energy": [0.5, 0.5]})},
        "health": {"eigen_entropy": Estimate(1.5, details={"N": 3, "D": 3})},
        "own": {"a": Estimate(1.0), ("a", "b", "c"): Estimate(None, reason="too few")},
    }
    split = Split((0,), (1,), (2,))
    metrics = {"own": sj.Metric("own", "what?")}
    basis = {"rotation": torch.eye(3, dtype=torch.float64)[:, :2]}
    told = {"identities": 3, "dim": 3, "comparisons": 2, "layer": "z", "layer_index": 0, "left_out": {"pca": "few"}}
    return Diagnosis(estimates, told, {"pca": Diagnosis(estimates, {})}, split, basis, metrics)


def diagnosis_file(folder: Path) -> Any:
    _diagnosis().save(folder / "diagnosis.json")
    return json.loads((folder / "diagnosis.json").read_text())


def drawn_as_text(path: Path) -> None:
    """Every reader behind the door."""
    diagnosis = Diagnosis.load(path)
    diagnosis.table(True)
    headline(diagnosis)
    sj.compare(diagnosis, diagnosis).table(True)
    if "identities" in diagnosis.metadata:
        identities_table(diagnosis)
    judge(parse_requirement("overlap[rotation,x] <= 0.5"), diagnosis)


def _sweeps() -> Sweeps:
    factors = sj.affine_factors(rotation=(-90, 90), scale=(0.5, 1))
    sweeps = Sweeps.from_function(lambda who, pose: pose[:, :3], factors, 3, steps=4, base_poses=1, joint=2)
    images = torch.zeros(3, 1, 4, 4, dtype=torch.uint8)
    own = {"rotation": torch.zeros(3)}
    told = {"taps": 2, "border": "zeros", "circular_mask": False, "encoder": "x", "seed": 0}
    return replace(sweeps, images=images, intrinsic_pose=own, parts={"pose": (0, 2)}, metadata=told)


def tensors_file(content: bytes) -> dict[str, Any]:
    """A safetensors file as plain values: what it says, and the type, the shape and a value of each tensor."""
    header = json.loads(content[8 : 8 + struct.unpack("<Q", content[:8])[0]])
    ((key, text),) = header["__metadata__"].items()
    tensors = {n: [str(t.dtype).removeprefix("torch."), list(t.shape), 1] for n, t in load(content).items()}
    return {"key": key, "said": json.loads(text), "tensors": tensors}


def sealed(path: Path, plain: Any) -> bool:
    """The file that the plain values describe, as far as there can be one; else False."""
    tensors = {}
    try:
        for name, (kind, shape, value) in plain["tensors"].items():
            small = [min(max(int(size), 0), 8) for size in shape]
            tensors[name] = torch.full(small, value, dtype=getattr(torch, kind))
        said = plain["said"]
        if plain["key"] == "seqjepa":
            write_tensors(path, tensors, {n: v for n, v in said.items() if n != "checksum"})
        else:
            path.write_bytes(save(tensors, {plain["key"]: json.dumps(said)}))
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, OverflowError):
        return False
    return True


def _sweeps_read(path: Path) -> None:
    sweeps = Sweeps.load(path)
    sweeps.save(path.with_name("again.safetensors"))
    assert Sweeps.load(path.with_name("again.safetensors")).factors == sweeps.factors


def sweeps_file(folder: Path) -> Any:
    _sweeps().save(folder / "sweeps.safetensors")
    plain = tensors_file((folder / "sweeps.safetensors").read_bytes())
    for name, tensor in plain["tensors"].items():  # sealed with ones, a grid of several values would hold one twice
        along = {"grids": 0, "values": 2, "group_values": 2, "poses": 2, "group_poses": 2}.get(name.partition("/")[0])
        if along is not None:
            tensor[1][along] = 1
    return plain


CONFIG = digits().model_dump(mode="json")


def model_file(folder: Path) -> Any:
    said = describe(digits(), Normalisation((0.1,), (0.3,)), (1, 8, 8))
    write_tensors(folder / "model.safetensors", {"encoder.x": torch.ones(3)}, said)
    return tensors_file((folder / "model.safetensors").read_bytes())


def net() -> tuple[dict[str, Any], dict[str, Any]]:
    net = torch.nn.Linear(3, 2)
    return {"model": net}, {"optimiser": torch.optim.Adam(net.parameters())}


def checkpoint_file(folder: Path) -> Any:
    modules, optimisers = net()
    modules["model"](torch.ones(1, 3)).sum().backward()
    optimisers["optimiser"].step()
    tensors = {f"model.{k}": v for k, v in modules["model"].state_dict().items()}
    for index, state in optimisers["optimiser"].state_dict()["state"].items():
        tensors |= {f"optimiser/{index}/{key}": torch.as_tensor(value) for key, value in state.items()}
    rows = [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25, "rank": 3.0}]
    write_tensors(folder / "it.safetensors", tensors, {"rows": rows})
    return tensors_file((folder / "it.safetensors").read_bytes())


def csv_of(path: Path, rows: Any) -> bool:
    lines = [",".join(str(name) for name in rows[0])] if rows and isinstance(rows[0], dict) else ["epoch"]
    for row in rows:
        cells = row.values() if isinstance(row, dict) else row if isinstance(row, list) else [row]
        lines.append(",".join("" if cell is None else str(cell)[:100_000] for cell in cells))
    path.write_text("\n".join(lines), encoding="utf-8", errors="replace")
    return True


def as_json(path: Path, plain: Any) -> bool:
    path.write_text(json.dumps(plain))
    return True


def as_yaml(path: Path, plain: Any) -> bool:
    path.write_text(yaml.safe_dump(plain, allow_unicode=True, sort_keys=False))
    return True


# What no writer of archives can write: the last two are texts too long for memory, and names too long for zip.
NOT_WRITTEN = (ValueError, KeyError, TypeError, OverflowError, SyntaxError, MemoryError, struct.error)


def as_archive(path: Path, plain: Any) -> bool:
    arrays = {}
    try:
        for name, (kind, shape, value) in plain.items():
            with np.errstate(invalid="ignore", over="ignore"):  # what numpy makes of 1e308 as an integer
                arrays[name] = np.full([min(max(int(size), 0), 8) for size in shape], value, dtype=kind)
        np.savez(path, **arrays)
    except NOT_WRITTEN:
        return False
    return True


ARCHIVE: dict[str, list[Any]] = {
    "values/rotation": ["float32", [3, 1, 1, 2], 1],
    "grids/rotation": ["float64", [1], 1],
    "labels": ["int64", [3], 1],
    "joint": ["float64", [3, 2, 2], 1],
    "joint_values": ["float64", [3, 2, 1], 1],
    "values/x": ["float32", [3, 1, 1, 2], 1],
    "grids/x": ["float64", [1], 1],
    "period/x": ["float64", [], 360],
    "logarithmic/x": ["bool", [], 1],
}
ARCHIVE["joint_values"][1] = [3, 2, 2]
ENVIRONMENT = {"diagnosed": "x", "command": ["seqjepa", "train"], "packages": {"torch": "2.13"}, "seed": 0}
KINDS: dict[
    str, tuple[Callable[[Path], Any], Callable[[Path, Any], bool], Callable[[Path], object]]
] = {  # a file's kind: its plain values, how they are written, what reads it
    "diagnosis.json": (diagnosis_file, as_json, drawn_as_text),
    "sweeps.safetensors": (sweeps_file, sealed, _sweeps_read),
    "model.safetensors": (model_file, sealed, sj.load_model),
    "it.safetensors": (checkpoint_file, sealed, lambda path: restore_checkpoint(path, *net())),
    "config.yaml": (lambda folder: CONFIG, as_yaml, config_from_yaml),
    "environment.yaml": (lambda folder: ENVIRONMENT, as_yaml, read_environment),
    "metrics.csv": (lambda folder: [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}], csv_of, read_rows),
    "gates.yaml": (lambda folder: {"a": "overlap[x,y] <= 0.1", "b": "overlap[x,y] >= 0"}, as_yaml, read_requirements),
    "codes.npz": (lambda folder: ARCHIVE, as_archive, load_sweeps),
}
