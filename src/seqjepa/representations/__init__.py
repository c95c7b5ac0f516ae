"""Any encoder as a plain callable, and its codes along sweeps."""

from seqjepa.representations.encoder import EncoderError
from seqjepa.representations.represent import represent

__all__ = ["EncoderError", "represent"]
