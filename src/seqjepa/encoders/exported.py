"""A program that ``torch.export.save`` wrote, as an encoder. Such a file can run code, so it has to be trusted."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.encoders.batches import in_batches
from seqjepa.encoders.preprocess import Preprocess
from seqjepa.types import InputError
from seqjepa.types.checking import user_path
from seqjepa.types.foreign import foreign_code


class ExportedEncoder:
    """Images (B, C, H, W) to what the program returns. A program keeps the mode it was exported in.

    Attributes:
        expects: channels and size of the images it was exported with, where they are fixed.
        batch: images that it takes at once; None takes any number.
    """

    def __init__(self, path: Path, program: torch.export.ExportedProgram) -> None:
        self.__name__ = path.name
        with foreign_code(f"{path}: the program, made a module,"):
            self._run = program.module()
        names = tuple(program.graph_signature.user_inputs)
        if len(names) != 1:
            raise InputError(f"{path}: it takes {len(names)} inputs; an encoder takes one, the images")
        example = next(node for node in program.graph.nodes if node.name == names[0]).meta["val"]
        if not isinstance(example, Tensor) or example.ndim != 4 or not example.dtype.is_floating_point:
            what = f"{example.dtype} {tuple(example.shape)}" if isinstance(example, Tensor) else type(example).__name__
            raise InputError(f"{path}: its input is {what}, not floating point of shape (B, C, H, W)")
        batch, channels, height, width = (n if isinstance(n, int) else None for n in example.shape)
        size = None if height is None or width is None else (height, width)
        self.batch, self._dtype = batch, example.dtype
        self.expects = Preprocess(channels, size, told_by="the program's input")

    def __call__(self, images: Float[Tensor, "B C H W"]) -> Any:
        return in_batches(lambda batch: self._run(batch.to(self._dtype)), images, self.batch)


def load_exported(path: str | Path, *, trust: bool = False) -> ExportedEncoder:
    """An encoder out of a ``.pt2`` file.

    Args:
        trust: that the file comes from where you believe it does; without it nothing is opened.

    Raises:
        InputError: without ``trust``; no such file, or none that can be read; a program of several inputs, or of others
            than images.
    """
    file = user_path(path)
    if not trust:
        raise InputError(
            f"{file}: an exported program can run code when it is loaded; "
            "if you trust where it comes from, say so with --trust (in Python: trust=True)"
        )
    if not file.is_file():
        raise InputError(f"no file {file}")
    logging.disable(logging.WARNING)  # tracebacks of each way in which torch tried to read it
    try:
        with foreign_code(f"{file}: not a program that torch.export of PyTorch {torch.__version__} can read: it"):
            program = torch.export.load(file)
    finally:
        logging.disable(logging.NOTSET)
    return ExportedEncoder(file, program)
