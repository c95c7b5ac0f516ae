"""Which devices, how many processes and which precision a run takes."""

from __future__ import annotations

import os
import warnings
from datetime import timedelta
from typing import Any, Literal

import lightning_fabric as lf
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.precision.double import DoublePrecision
from lightning_fabric.strategies.ddp import DDPStrategy

from seqjepa.training.config import Config
from seqjepa.training.cpu import cpu_capabilities
from seqjepa.types import InputError
from seqjepa.types.foreign import foreign_code

Precision = Literal["bf16-mixed", "32-true", "64-true"]

# How long processes wait for one another: as long as the first may take to evaluate. One that dies is noticed at once.
PATIENCE = timedelta(hours=1)


def build_fabric(config: Config) -> lf.Fabric:
    """One process on one device; or, started by torchrun, one of several that share each batch.

    Raises:
        InputError: a device that is not there, a strategy other than data parallelism, or several processes that know
            nothing of one another.
    """
    strategy = os.environ.get("LT_STRATEGY", "auto")  # what 'fabric run --strategy' sets
    if strategy not in ("auto", "ddp"):
        raise InputError(f"strategy {strategy!r}: every process holds the whole model here; choose auto or ddp")
    several = torch.distributed.is_torchelastic_launched() and _number("WORLD_SIZE") != 1
    alone_together = _number("SLURM_STEP_NUM_TASKS")
    if alone_together > 1 and not torch.distributed.is_torchelastic_launched():
        raise InputError(f"srun started {alone_together} processes; have it start one torchrun a machine instead")
    precision = pick_precision(config)
    metadata: dict[str, Any] = {"accelerator": pick_device(config), "devices": 1, "plugins": []}
    if precision == "64-true":
        metadata["plugins"].append(Float64())
    else:
        metadata["precision"] = precision
    if several:
        metadata["devices"] = _number("LOCAL_WORLD_SIZE")
        metadata["num_nodes"] = _number("WORLD_SIZE") // metadata["devices"]
        # Without actions their embedding takes no part in the loss; an encoder of one's own may have such parts, too.
        idle = not config.model.action_conditioning or ":" in config.model.encoder + config.model.aggregator
        metadata["strategy"] = DDPStrategy(timeout=PATIENCE, find_unused_parameters=idle)
        # Fabric's affair, and repeated at every step.
        warnings.filterwarnings("ignore", "torch.distributed.nn.functional.all_gather is deprecated")
    else:
        metadata["plugins"].append(LightningEnvironment())  # one process, whatever Slurm has set aside for it
    if metadata["accelerator"] == "cuda":
        _compute_alike()
    with foreign_code("Lightning Fabric, told by the environment how to start,"):
        fabric = lf.Fabric(**metadata)
        fabric.launch()
    return fabric


def _number(variable: str) -> int:
    """Of an environment variable; 1 where it is not set. Raises InputError."""
    said = os.environ.get(variable, "1")
    if not (said.isascii() and said.isdecimal() and 0 < len(said) < 8 and int(said)):
        raise InputError(f"the environment variable {variable} is {said[:40]!r}, not a whole number from 1")
    return int(said)


def _compute_alike() -> None:
    """Have a GPU compute the same convolutions and products in the same order each time."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False


class Float64(DoublePrecision):
    """Float64 throughout: Fabric's own takes the model's outputs back to float32, and the loss with them."""

    def convert_output(self, data: Any) -> Any:
        """As it is."""
        return data


def pick_device(config: Config) -> Literal["cpu", "cuda"]:
    """The device asked for; "auto" takes a GPU when there is one. Raises InputError for a GPU that is not there."""
    if config.device == "cuda" and not torch.cuda.is_available():
        raise InputError("device: 'cuda' was asked for, but no GPU is available; choose auto or cpu")
    if config.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return config.device


def pick_precision(config: Config) -> Precision:
    """bf16 autocast, float32 or float64; "auto" takes bf16 where the hardware computes in it."""
    if config.precision == "auto":
        return "bf16-mixed" if has_bf16(pick_device(config)) else "32-true"
    kinds: dict[str, Precision] = {"bf16": "bf16-mixed", "float32": "32-true", "float64": "64-true"}
    return kinds[config.precision]


def has_bf16(device: str) -> bool:
    """True when the hardware has bf16 arithmetic; emulation elsewhere is slower than float32."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = cpu_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
