"""What fails in a diagnosis is left out and named with its reason; the rest stands."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from seqjepa.diagnostics.context import Context
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.types import InputError, OutOfMemory
from seqjepa.types.foreign import foreign_code

LOG = logging.getLogger(__name__)
OF_PROBES = ("leakage", "actions", "classes", "contents")  # blocks that ask each probe by itself
Found = Mapping[str, Mapping[Key, Estimate]]
T = TypeVar("T")


class Guard:
    """What failed so far, with its reason.

    Blocks call NumPy, SciPy, scikit-learn and LAPACK, which may raise anything on representations that nobody has
    thought of; a metric of one's own is the user's code. Ctrl-C is let through.

    Attributes:
        left_out: reasons, by what failed: "block group", "block leakage, mlp probes", "metric mine".

    Args:
        of: the first words of what fails, as in "ideals of ".
    """

    def __init__(self, of: str = "") -> None:
        self._of = of
        self.left_out: dict[str, str] = {}

    def tried(self, what: str, ask: Callable[[], T]) -> T | None:
        """What ``ask`` returns; None where it raises anything, which is the reason for which ``what`` is left out."""
        found, reason = _tried(self._of + what, ask)
        if reason:
            self._note(what, reason)
        return found

    def block(self, name: str, ask: Callable[[Context], Found], context: Context) -> dict[str, dict[Key, Estimate]]:
        """A block's estimates; where it fails, those of each probe that does not, if it asks several; else none."""
        what = f"block {name}"
        found, reason = _tried(self._of + what, lambda: ask(context))
        if found is not None:
            return {metric: dict(of) for metric, of in found.items()}
        if name in OF_PROBES and len(context.probes) > 1:
            alone = {p: _tried(self._of + what, lambda p=p: ask(replace(context, probes=(p,)))) for p in context.probes}
            if right := {probe: found for probe, (found, _) in alone.items() if found is not None}:
                for probe in [p for p in alone if p not in right]:
                    self._note(f"{what}, {probe} probes", alone[probe][1])
                return _merged(right)
        self._note(what, reason)
        return {}

    def _note(self, what: str, reason: str) -> None:
        self.left_out[self._of + what] = reason
        LOG.warning("left out: %s: %s", self._of + what, reason)


def _tried(what: str, ask: Callable[[], T]) -> tuple[T | None, str]:
    try:
        with foreign_code(what):
            return ask(), ""
    except (InputError, OutOfMemory) as error:
        return None, str(error)


def _merged(alone: Mapping[str, Found]) -> dict[str, dict[Key, Estimate]]:
    """The estimates of each probe, and what only linear probes are asked for."""
    merged: dict[str, dict[Key, Estimate]] = {}
    for probe, found in alone.items():
        for metric, estimates in found.items():
            for key, estimate in estimates.items():
                if probe == "linear" or probe in ((key,) if isinstance(key, str) else key):
                    merged.setdefault(metric, {})[key] = estimate
    return merged
