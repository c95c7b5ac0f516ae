"""Any encoder as a plain callable."""

from seqjepa.encoders.asking import EncoderError
from seqjepa.encoders.baselines import PixelPCA, pixels, untrained
from seqjepa.encoders.hubs import load_hf, load_timm
from seqjepa.encoders.onnx_file import load_onnx
from seqjepa.encoders.preprocess import Preprocess

__all__ = ["EncoderError", "PixelPCA", "Preprocess", "load_hf", "load_onnx", "load_timm", "pixels", "untrained"]
