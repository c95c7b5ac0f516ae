"""The split method: an encoder whose representation is a pose and a content, and how known actions move it."""

from seqjepa.model.split.config import SplitConfig
from seqjepa.model.split.encoder import SplitEncoder

__all__ = ["SplitConfig", "SplitEncoder"]
