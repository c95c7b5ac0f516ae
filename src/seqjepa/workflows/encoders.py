"""Any encoder by the name or the file that holds it."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from types import FunctionType

from torch import nn

from seqjepa.encoders.asking import Encoder
from seqjepa.encoders.baselines import PixelPCA, pixels
from seqjepa.encoders.exported import load_exported
from seqjepa.encoders.hubs import load_hf, load_timm
from seqjepa.encoders.onnx_file import load_onnx
from seqjepa.encoders.scripted import load_scripted
from seqjepa.encoders.weights import load_weights
from seqjepa.io.importing import call_imported, import_object
from seqjepa.training.saved import load_encoder
from seqjepa.types import Images, InputError
from seqjepa.types.checking import user_path

CHOICES = (
    "a run's folder, model.safetensors, model.onnx, program.pt2, script.pt, timm:NAME, hf:NAME, hf-backbone:NAME, "
    "pkg.mod:name, ./file.py:name, pixels, pca:DIM"
)
PICKLED = (".pt", ".pth", ".ts", ".torchscript", ".ckpt", ".bin", ".pkl")


def open_encoder(
    name: str | Path, *, trust: bool = False, training_images: Images | None = None, weights: str | Path | None = None
) -> Encoder:
    """An encoder by name, ready for ``represent``: images (B, C, H, W) to representations (B, D), maps or tokens.

    Args:
        name: a run's folder, its model.safetensors or a checkpoint; an ONNX file; a program of ``torch.export`` (.pt2);
            a TorchScript file (.pt); ``timm:NAME``; ``hf:NAME`` or ``hf:FOLDER``, ``hf-backbone:NAME``;
            ``pkg.mod:name`` or ``./file.py:name``, a module, a function of images, or a class or function that takes no
            arguments and makes one; ``pixels``; ``pca:DIM``.
        trust: that a .pt2 or .pt file, or a run whose encoder is ``pkg.mod:factory``, comes from where you believe it
            does: loading one can run code.
        training_images: what ``pca:DIM`` is fitted on; the others need none.
        weights: a file of weights for a module that is named, see ``load_weights``.

    Raises:
        InputError: there is no such encoder, it cannot be read, or what reads it is not installed.
    """
    if weights is not None:
        module = open_encoder(name, trust=trust, training_images=training_images)
        if not isinstance(module, nn.Module):
            raise InputError(f"weights: encoder {str(name)!r} is a {type(module).__name__}, which has none")
        return load_weights(module, weights)
    text, file = str(name), user_path(name, "encoder")
    ending = file.suffix.lower()
    if ending == ".onnx":
        return load_onnx(file)
    if ending == ".pt2":
        return load_exported(file, trust=trust)
    if file.is_dir() or ending == ".safetensors":
        return load_encoder(file, trust=trust)
    if ending in PICKLED and ":" not in text:
        return load_scripted(file, trust=trust)
    if text == "pixels":
        return pixels
    kind, colon, rest = text.partition(":")
    if not colon:
        raise InputError(f"encoder {text!r} is not one of {CHOICES}")
    if kind == "pca":
        dim = pca_dim(text)
        if training_images is None:
            raise InputError(f"encoder {text!r} is fitted on images: give training_images")
        return PixelPCA.fit(training_images, dim)
    if kind == "timm":
        return load_timm(rest)
    if kind in ("hf", "hf-backbone"):
        return load_hf(rest, backbone=kind == "hf-backbone")
    return _imported(text)


def pca_dim(name: str) -> int:
    """The number of components in ``pca:DIM``. Raises InputError when it is no whole number from 1."""
    dim = name.removeprefix("pca:")
    if not dim.isdecimal() or not dim.isascii() or len(dim) > 9 or int(dim) < 1:
        raise InputError(f"encoder {name[:80]!r}: pca:DIM takes a number from 1, as in pca:64")
    return int(dim)


def _imported(name: str) -> Encoder:
    found = import_object(name)
    if isinstance(found, type) or _takes_nothing(found):
        found = call_imported(found, name, "encoder")
    if not callable(found):
        raise InputError(f"encoder {name!r} is a {type(found).__name__}, which cannot be called")
    return found


def _takes_nothing(found: object) -> bool:
    """Whether it is a function without parameters, which can only be one that makes an encoder."""
    return isinstance(found, FunctionType) and not signature(found).parameters
