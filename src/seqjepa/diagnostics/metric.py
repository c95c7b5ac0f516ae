"""What a metric is: its question, definition, unit, range, null and ideal, and how its estimates are keyed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from seqjepa.diagnostics.context import Context
from seqjepa.diagnostics.estimate import Estimate, Key

AGAINST = {  # a verdict against a null, before what the null stands for
    "above its null": "more than",
    "below its null": "less than",
    "at its null": "not significantly different from",
}


@dataclass(frozen=True)
class Metric:
    """One entry of the registry: everything that is said of a metric anywhere is said here.

    Attributes:
        name: the key in a ``Diagnosis`` and in its JSON.
        question: what it asks, in words, with what the ends of its range mean.
        compute: of a metric of one's own: from the ``Context`` of a diagnosis to its estimates by what they are of.
            None for the package's own metrics, which their block computes together.
        block: the block that computes it, as ``skip`` names it.
        title: the name in words; the name without underscores if left out.
        definition: a line with the formula.
        unit: of its values.
        low, high: the ends of its range; None where there is none.
        null: what the value would be without any structure.
        ideal: what the value is for a representation in which every factor has directions of its own.
        of: what its keys stand for, a word for each part.
        shown: for parts of the key, by place, those that the short table shows; all if left out.
        symmetric: the short table shows one of (f, g) and (g, f).
        over_identities: its intervals narrow with the number of identities; not so where other images are tested on.
    """

    name: str
    question: str
    compute: Callable[[Context], Mapping[Key, Estimate]] | None = None
    block: str = "own"
    title: str = ""
    definition: str = ""
    unit: str = ""
    low: float | None = None
    high: float | None = None
    null: str = ""
    ideal: str = ""
    of: tuple[str, ...] = ("factor",)
    shown: tuple[tuple[int, tuple[str, ...]], ...] = ()
    symmetric: bool = False
    over_identities: bool = True

    @property
    def in_words(self) -> str:
        """The name in words."""
        return self.title or self.name.replace("_", " ")

    @property
    def range(self) -> str:
        """The range in words: "0 to 1", "≥ 0", "≤ 1", or nothing."""
        if self.low is None:
            return "" if self.high is None else f"≤ {self.high:g}"
        return f"≥ {self.low:g}" if self.high is None else f"{self.low:g} to {self.high:g}"

    def is_detail(self, key: Key, estimates: Mapping[Key, Estimate]) -> bool:
        """Whether the short table leaves this estimate out: another probe or source, or the mirror image of one."""
        parts = (key,) if isinstance(key, str) else key
        if any(parts[place] not in wanted for place, wanted in self.shown if place < len(parts)):
            return True
        if not self.symmetric or len(parts) != 2:
            return False
        keys, mirrored = list(estimates), (parts[1], parts[0])
        return mirrored in keys and keys.index(mirrored) < keys.index(key)


def verdict_in_words(verdict: str, null_is: str) -> str:
    """A verdict against a null, naming what the null stands for: "more than isotropic noise"."""
    return f"{AGAINST[verdict]} {null_is}" if verdict in AGAINST and null_is else verdict
