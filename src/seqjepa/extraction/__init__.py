"""Views through an encoder, batched: images in, sweeps out."""

from seqjepa.extraction.extract import represent, represent_layers
from seqjepa.extraction.supervised_baseline import supervised

__all__ = ["represent", "represent_layers", "supervised"]
