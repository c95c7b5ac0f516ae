"""What an extraction will take, told before it starts: views, time, memory, disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seqjepa.extraction.batching import Measured

FLOAT = 4  # bytes of a number as it is kept


@dataclass(frozen=True)
class Plan:
    """What was counted, and measured on a few batches.

    Attributes:
        design: views by what they are for: "sweeps", "joint", "probes".
        done: of these views, how many are on the disk already.
        dims: dimensions of each layer's representation.
        measured: of the encoder; None where everything is there already.
    """

    design: Mapping[str, int]
    done: int
    dims: Mapping[str, int]
    measured: Measured | None

    @property
    def views(self) -> int:
        """Views in all."""
        return sum(self.design.values())

    @property
    def seconds(self) -> float:
        """What encoding will take, from here."""
        return (self.views - self.done) * self.measured.seconds if self.measured else 0.0

    @property
    def codes_bytes(self) -> int:
        """Of the representations, in memory and on the disk."""
        return FLOAT * self.views * sum(self.dims.values())

    @property
    def peak_bytes(self) -> int:
        """Of encoding, above what was taken before: a batch and all representations."""
        return self.codes_bytes + (self.measured.peak_bytes if self.measured else 0)

    def __str__(self) -> str:
        """In one line."""
        there = f" ({self.done:,} of them are on the disk already)" if self.done else ""
        if self.measured is None:
            return f"{self.views:,} views, all on the disk already: nothing is encoded"
        fast = f"{1 / self.measured.seconds:,.3g} views/s in batches of {self.measured.batch_size}"
        return (
            f"{self.views:,} views{there}, about {duration(self.seconds)} at {fast}; "
            f"{size(self.peak_bytes)} of memory, {size(self.codes_bytes)} saved"
        )


def duration(seconds: float) -> str:
    """In a unit that suits: "45 s", "12 min", "4 h 20 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def size(count: float) -> str:
    """Bytes in a unit that suits."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{max(1, round(count / 2**20))} MiB"
