"""Diagnostics: pure functions on codes."""

from seqjepa.diagnostics.rank import effective_rank

__all__ = ["effective_rank"]
