"""A TorchScript file as an encoder. It holds a program, so it has to be trusted."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from seqjepa.types import InputError
from seqjepa.types.checking import user_path
from seqjepa.types.foreign import foreign_code


def load_scripted(path: str | Path, *, trust: bool = False) -> nn.Module:
    """An encoder out of a file that ``torch.jit.save`` wrote, on the CPU and in eval mode.

    Args:
        path: the file.
        trust: that it comes from where you believe it does; without it nothing is opened.

    Raises:
        InputError: without ``trust``; no such file, or none that TorchScript can read.
    """
    file = user_path(path)
    if not trust:
        raise InputError(
            f"{file}: pickled files are not opened, since they can run code. Is it TorchScript, and do you trust where "
            "it comes from, say so with --trust (in Python: trust=True); of weights, name the class that they are of: "
            "--model pkg.mod:Class --weights FILE"
        )
    if not file.is_file():
        raise InputError(f"no file {file}")
    with foreign_code(f"{file}: not a TorchScript file (for weights: --model pkg.mod:Class --weights FILE): it"):
        program = torch.jit.load(str(file), map_location="cpu")
    program.eval()
    return Scripted(file.name, program)


class Scripted(nn.Module):
    """Images (B, C, H, W) to what the program returns."""

    def __init__(self, name: str, program: nn.Module) -> None:
        super().__init__()
        self.__name__, self.program = name, program

    def forward(self, images: torch.Tensor) -> object:
        """The program's output."""
        return self.program(images)
