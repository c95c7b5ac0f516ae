"""Weights out of a file into a module: state dicts, plain or of Lightning, whatever they were wrapped in.

Nothing is unpickled but tensors: ``torch.load`` with ``weights_only``, or safetensors.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from seqjepa.io.untrusted import open_regular
from seqjepa.types import InputError
from seqjepa.types.checking import user_path
from seqjepa.types.foreign import foreign_code, told

LOG = logging.getLogger(__name__)
INSIDE = ("state_dict", "model_state_dict", "model", "encoder", "teacher", "student", "weights")  # in this order
PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.", "encoder.")
SHOWN = 5  # names of missing or unexpected keys


def load_weights(module: nn.Module, path: str | Path) -> nn.Module:
    """The module with weights out of a file, in eval mode. What was stripped of their names, and what is over, is told.

    A prefix that helps names to fit is stripped: ``module.`` (DistributedDataParallel), ``_orig_mod.``
    (torch.compile), ``model.``, ``backbone.``, ``encoder.`` (Lightning and others), several after each other.

    Args:
        module: whose weights are replaced.
        path: a safetensors file, or one that ``torch.save`` wrote of tensors.

    Raises:
        InputError: no such file; one that holds more than tensors; weights that are missing, or of another shape, with
            their names. Weights that the module has no place for are left out, and named in a message.
    """
    file = user_path(path, "weights")
    tensors = _read(file)
    wanted = {name: value for name, value in module.state_dict().items() if isinstance(value, Tensor)}
    prefix, tensors = _stripped(tensors, wanted)
    if prefix:
        LOG.info("weights: %r was stripped of their names", prefix)
    # A count of batches is no weight; some files leave it out.
    missing = [n for n in wanted if n not in tensors and not n.endswith("num_batches_tracked")]
    if missing:
        raise InputError(f"{file}: {_named(missing)} missing; it has {_named(list(tensors), 'key')}")
    for name, value in wanted.items():
        if name in tensors and tensors[name].shape != value.shape:
            there = f"of shape {tuple(tensors[name].shape)}, and the module's of {tuple(value.shape)}"
            raise InputError(f"{file}: {name} is {there}")
    if unexpected := [name for name in tensors if name not in wanted]:
        LOG.warning("weights: %s in the file, and not in the module: left out", _named(unexpected))
    with foreign_code(f"{file}: loading its weights into the module"):
        module.load_state_dict({name: tensors[name] for name in wanted if name in tensors}, strict=False)
    return module.eval()


def _read(file: Path) -> dict[str, Tensor]:
    open_regular(file).close()
    if file.suffix.lower() == ".safetensors":
        try:
            return load_file(file)
        except (SafetensorError, OSError, ValueError, AttributeError) as error:
            raise InputError(f"{file}: not a readable file of weights ({told(error)[:200]})") from error
    with foreign_code(f"{file}: only files of tensors are opened, nothing is unpickled: torch.load with weights_only"):
        found: Any = torch.load(file, map_location="cpu", weights_only=True)
    for key in INSIDE:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            LOG.info("weights: of the file's %r", key)
            found = found[key]
            break
    tensors = (
        {str(name): value for name, value in found.items() if isinstance(value, Tensor)}
        if isinstance(found, Mapping)
        else {}
    )
    if not tensors:
        raise InputError(f"{file}: holds no weights by name, as module.state_dict() has them")
    return tensors


def _stripped(tensors: dict[str, Tensor], wanted: Mapping[str, Tensor]) -> tuple[str, dict[str, Tensor]]:
    """The prefix, perhaps empty, with which most names fit, and the weights without it."""
    best, fitting, tried = "", _fit(tensors, wanted), [""]
    for prefix in tried:  # it grows while it is gone through
        for more in PREFIXES:
            longer = prefix + more
            inside = [name for name in tensors if name.startswith(longer)]
            if inside:
                tried.append(longer)
                if (count := sum(name.removeprefix(longer) in wanted for name in inside)) > fitting:
                    best, fitting = longer, count
    if not best:
        return "", tensors
    return best, {n.removeprefix(best): value for n, value in tensors.items() if n.startswith(best)}


def _fit(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> int:
    return sum(name in wanted for name in tensors)


def _named(names: list[str], what: str = "weight") -> str:
    """A few of the names, and how many there are."""
    shown = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    return f"{len(names)} {what}{'s' * (len(names) != 1)} ({shown})"
