"""Any encoder as a plain callable, and its codes along sweeps."""

from seqjepa.representations.baselines import PixelPCA, pixels, untrained
from seqjepa.representations.encoder import EncoderError
from seqjepa.representations.represent import represent, represent_layers

__all__ = ["EncoderError", "PixelPCA", "pixels", "represent", "represent_layers", "untrained"]
