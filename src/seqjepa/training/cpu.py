"""What PyTorch knows of this machine's processor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch


def cpu_capabilities() -> Mapping[str, Any]:
    """Instruction sets and name, by PyTorch's own names; nothing where its version is too old to tell."""
    ask = getattr(torch.cpu, "get_capabilities", None)
    return ask() if ask is not None else {}
