"""Any encoder by the name or the file that holds it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from torch import nn

from seqjepa.encoders.calling import Encoder
from seqjepa.encoders.exported import load_exported
from seqjepa.encoders.hubs import load_hf, load_timm
from seqjepa.encoders.onnx_file import load_onnx
from seqjepa.training.saved import load_encoder
from seqjepa.types import InputError

CHOICES = "a run's folder, model.safetensors, model.onnx, program.pt2, timm:NAME, hf:NAME, pkg.mod:name"
PICKLED = (".pt", ".pth", ".ckpt", ".bin", ".pkl")


def open_encoder(name: str | Path, *, trust: bool = False) -> Encoder:
    """An encoder, ready for ``represent``: images (B, C, H, W) to codes (B, D) or what ``pool`` makes codes of.

    Args:
        name: a run's folder, its model.safetensors or a checkpoint; an ONNX file; a program of ``torch.export`` (.pt2);
            ``timm:NAME``; ``hf:NAME`` or ``hf:FOLDER``; ``pkg.mod:name``, a module, a class of one that takes no
            arguments, or a function.
        trust: that a .pt2 file, or a run whose encoder is ``pkg.mod:factory``, comes from where you believe it does:
            loading one can run code.

    Raises:
        InputError: there is no such encoder, it cannot be read, or what reads it is not installed.
    """
    text, file = str(name), Path(name).expanduser()
    if file.suffix == ".onnx":
        return load_onnx(file)
    if file.suffix == ".pt2":
        return load_exported(file, trust=trust)
    if file.is_dir() or file.suffix == ".safetensors":
        return load_encoder(file, trust=trust)
    if file.suffix in PICKLED and ":" not in text:
        raise InputError(f"{text}: pickled files are not opened, since they can run code; give one of {CHOICES}")
    kind, colon, rest = text.partition(":")
    if not colon:
        raise InputError(f"encoder {text!r} is not one of {CHOICES}")
    if kind == "timm":
        return load_timm(rest)
    return load_hf(rest) if kind == "hf" else _imported(kind, rest)


def _imported(module: str, attribute: str) -> Encoder:
    name = f"{module}:{attribute}"
    sys.path.insert(0, "")  # as for 'python -m': a module beside the user
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, SyntaxError) as error:
        raise InputError(f"encoder {name!r}: {' '.join(str(error).split())}") from error
    finally:
        sys.path.remove("")
    if isinstance(found, type) and issubclass(found, nn.Module):
        found = found()
    if not callable(found):
        raise InputError(f"encoder {name!r} is a {type(found).__name__}, which cannot be called")
    return found
