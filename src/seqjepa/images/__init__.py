"""Where pixels come from."""

from seqjepa.images.sources import SOURCES, load_images

__all__ = ["SOURCES", "load_images"]
