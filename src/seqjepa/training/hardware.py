"""Which devices, how many processes and which precision a run takes."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Literal

import lightning_fabric as lf
import torch
from lightning_fabric.strategies.ddp import DDPStrategy

from seqjepa.training.config import Config
from seqjepa.types import InputError

Precision = Literal["bf16-mixed", "32-true", "64-true"]

# How long processes wait for one another: as long as the first may take to evaluate. One that dies is noticed at once.
PATIENCE = timedelta(hours=1)


def build_fabric(config: Config) -> lf.Fabric:
    """One process on one device; or, started by torchrun, one of several that share each batch.

    Raises:
        InputError: a device that is not there, or a strategy other than data parallelism.
    """
    strategy = os.environ.get("LT_STRATEGY", "auto")  # what 'fabric run --strategy' sets
    if strategy not in ("auto", "ddp"):
        raise InputError(f"strategy {strategy!r}: every process holds the whole model here; choose auto or ddp")
    accelerator, precision = pick_device(config), pick_precision(config)
    processes = int(os.environ.get("WORLD_SIZE", "1")) if torch.distributed.is_torchelastic_launched() else 1
    if processes == 1:
        return lf.Fabric(accelerator=accelerator, devices=1, precision=precision)
    on_this_machine = int(os.environ["LOCAL_WORLD_SIZE"])
    # Without actions the embedding of actions takes no part, and encoders of one's own may have idle parameters too.
    fabric = lf.Fabric(
        accelerator=accelerator,
        devices=on_this_machine,
        num_nodes=processes // on_this_machine,
        strategy=DDPStrategy(timeout=PATIENCE, find_unused_parameters=True),
        precision=precision,
    )
    fabric.launch()
    return fabric


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
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
