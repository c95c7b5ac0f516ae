"""seqjepa: which transformation lives where in a learned representation?

The public names, imported when first used, so that ``import seqjepa`` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqjepa.any_encoder import open_encoder
    from seqjepa.diagnostics import Diagnosis, compare, diagnose
    from seqjepa.factors import actions, affine_factors, sample_poses, warp
    from seqjepa.images import load_images
    from seqjepa.monitor import SubspaceMonitor
    from seqjepa.report import write_report
    from seqjepa.representations import (
        PixelPCA,
        Preprocess,
        load_hf,
        load_onnx,
        load_sweeps,
        load_timm,
        pixels,
        represent,
        represent_layers,
        supervised,
        untrained,
    )
    from seqjepa.sweeps import Sweeps
    from seqjepa.training import Config, export_onnx, load_encoder, load_model, resume, train
    from seqjepa.types import Factor, Images, InputError, Outputs, Pose

_HOME = {
    "Config": "training",
    "Diagnosis": "diagnostics",
    "Factor": "types",
    "Images": "types",
    "InputError": "types",
    "Outputs": "types",
    "PixelPCA": "representations",
    "Pose": "types",
    "Preprocess": "representations",
    "SubspaceMonitor": "monitor",
    "Sweeps": "sweeps",
    "actions": "factors",
    "affine_factors": "factors",
    "compare": "diagnostics",
    "diagnose": "diagnostics",
    "export_onnx": "training",
    "load_encoder": "training",
    "load_hf": "representations",
    "load_images": "images",
    "load_model": "training",
    "load_onnx": "representations",
    "load_sweeps": "representations",
    "load_timm": "representations",
    "open_encoder": "any_encoder",
    "pixels": "representations",
    "represent": "representations",
    "represent_layers": "representations",
    "resume": "training",
    "sample_poses": "factors",
    "supervised": "representations",
    "train": "training",
    "untrained": "representations",
    "warp": "factors",
    "write_report": "report",
}
__all__ = [
    "Config",
    "Diagnosis",
    "Factor",
    "Images",
    "InputError",
    "Outputs",
    "PixelPCA",
    "Pose",
    "Preprocess",
    "SubspaceMonitor",
    "Sweeps",
    "actions",
    "affine_factors",
    "compare",
    "diagnose",
    "export_onnx",
    "load_encoder",
    "load_hf",
    "load_images",
    "load_model",
    "load_onnx",
    "load_sweeps",
    "load_timm",
    "open_encoder",
    "pixels",
    "represent",
    "represent_layers",
    "resume",
    "sample_poses",
    "supervised",
    "train",
    "untrained",
    "warp",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"seqjepa.{_HOME[name]}"), name)
    raise AttributeError(f"module 'seqjepa' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
