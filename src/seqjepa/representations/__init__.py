"""Any encoder as a plain callable, and its codes along sweeps."""

from seqjepa.representations.arrays import load_sweeps
from seqjepa.representations.baselines import PixelPCA, pixels, untrained
from seqjepa.representations.encoder import EncoderError
from seqjepa.representations.hubs import load_hf, load_timm
from seqjepa.representations.onnx_file import load_onnx
from seqjepa.representations.preprocess import Preprocess
from seqjepa.representations.represent import represent, represent_layers
from seqjepa.representations.supervised import supervised

__all__ = [
    "EncoderError",
    "PixelPCA",
    "Preprocess",
    "load_hf",
    "load_onnx",
    "load_sweeps",
    "load_timm",
    "pixels",
    "represent",
    "represent_layers",
    "supervised",
    "untrained",
]
