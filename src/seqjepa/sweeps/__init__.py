"""Sweeps: an encoder's representations while one factor moves and everything else is held."""

from seqjepa.sweeps.sweeps import Sweeps

__all__ = ["Sweeps"]
