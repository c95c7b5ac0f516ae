"""Where pixels come from."""

from seqjepa.images.sources import SOURCES, Split, load_images

__all__ = ["SOURCES", "Split", "load_images"]
