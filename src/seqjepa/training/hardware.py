"""Which device and which precision a run takes."""

from __future__ import annotations

from typing import Literal

import torch

from seqjepa.training.config import Config
from seqjepa.types import InputError


def pick_device(config: Config) -> Literal["cpu", "cuda"]:
    """The device asked for; "auto" takes a GPU when there is one. Raises InputError for a GPU that is not there."""
    if config.device == "cuda" and not torch.cuda.is_available():
        raise InputError("device: 'cuda' was asked for, but no GPU is available; choose auto or cpu")
    if config.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return config.device


def pick_precision(config: Config) -> Literal["bf16-mixed", "32-true"]:
    """bf16 autocast or float32; "auto" takes bf16 where the hardware computes in it."""
    if config.precision == "auto":
        return "bf16-mixed" if has_bf16(pick_device(config)) else "32-true"
    return "bf16-mixed" if config.precision == "bf16" else "32-true"


def has_bf16(device: str) -> bool:
    """True when the hardware has bf16 arithmetic; emulation elsewhere is slower than float32."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
