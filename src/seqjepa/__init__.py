"""seqjepa: which transformation lives where in a learned representation?

The public names, imported when first used, so that ``import seqjepa`` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqjepa.factors import actions, affine_factors, sample_poses, warp
    from seqjepa.images import load_images
    from seqjepa.representations import represent
    from seqjepa.sweeps import Sweeps
    from seqjepa.training import Config, load_encoder, load_model, resume, train
    from seqjepa.types import Factor, Images, InputError, Outputs, Pose

_HOME = {
    "Config": "training",
    "Factor": "types",
    "Images": "types",
    "InputError": "types",
    "Outputs": "types",
    "Pose": "types",
    "Sweeps": "sweeps",
    "actions": "factors",
    "affine_factors": "factors",
    "load_encoder": "training",
    "load_images": "images",
    "load_model": "training",
    "represent": "representations",
    "resume": "training",
    "sample_poses": "factors",
    "train": "training",
    "warp": "factors",
}
__all__ = [
    "Config",
    "Factor",
    "Images",
    "InputError",
    "Outputs",
    "Pose",
    "Sweeps",
    "actions",
    "affine_factors",
    "load_encoder",
    "load_images",
    "load_model",
    "represent",
    "resume",
    "sample_poses",
    "train",
    "warp",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"seqjepa.{_HOME[name]}"), name)
    raise AttributeError(f"module 'seqjepa' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
