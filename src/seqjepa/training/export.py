"""A trained encoder as an ONNX file, for whoever has no PyTorch."""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from seqjepa.io.files import check_file, write_atomic
from seqjepa.training.checkpoint import read_tensors
from seqjepa.training.saved import load_encoder, model_file
from seqjepa.types import InputError
from seqjepa.types.checking import user_path


def export_onnx(run: str | Path, path: str | Path, *, trust: bool = False) -> Path:
    """Write a run's encoder as ``path``: images in [0, 1], (B, C, H, W), any B, to representations (B, D).

    Its normalisation is inside. Input "images", output "z". Needs ``pip install 'seqjepa[onnx]'``.

    Args:
        run: a run's folder, its model.safetensors or a checkpoint.
        trust: that code which it names (an encoder of one's own) may be imported and run.

    Raises:
        InputError: onnx or onnxscript is not installed; ``run`` cannot be loaded, as in ``load_model``; ``path`` cannot
            be written.
    """
    file = user_path(path)
    if file.suffix.lower() != ".onnx":
        raise InputError(f"{file}: an ONNX file's name ends in .onnx")
    saved = model_file(run)
    encoder = load_encoder(saved, trust=trust)
    shape = read_tensors(saved)[1]["image_shape"]
    for needed in ("onnx", "onnxscript"):
        try:
            importlib.import_module(needed)
        except ImportError as error:
            raise InputError(f"{file}: {needed} is needed: pip install 'seqjepa[onnx]' ({error})") from error
    check_file(file)
    write_atomic(file, _graph(encoder, shape).SerializeToString())
    return file


def _graph(encoder: nn.Module, shape: Sequence[int]) -> Any:
    logging.disable(logging.WARNING)  # the exporter's, that operators of torchvision are missing
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of torch about itself, while it copies its own program
            program = torch.onnx.export(
                encoder.eval(),
                (torch.zeros(2, *shape),),
                dynamo=True,
                verbose=False,
                external_data=False,
                input_names=["images"],
                output_names=["z"],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
            )
    finally:
        logging.disable(logging.NOTSET)
    assert program is not None
    model = program.model_proto
    # The exporter notes for each node where in the sources it came from: paths of this machine, and half the file.
    for part in (*model.graph.node, *model.graph.input, *model.graph.output, *model.graph.value_info):
        del part.metadata_props[:]
    return model
