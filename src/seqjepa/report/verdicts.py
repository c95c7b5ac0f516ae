"""Whether a factor has a subspace of its own, in one sentence: what the page side by side says first."""

from __future__ import annotations

from dataclasses import dataclass

from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.report.style import legible
from seqjepa.report.summary import CONCENTRATED

OWN, NOT_OWN, UNKNOWN = "own", "not", "unknown"
PAIRS = ("shared_variance", "overlap")
TOGETHER = ("shared", "shared in part")


@dataclass(frozen=True)
class Verdict:
    """An answer and its reason; ``answer`` is "own", "not" or "unknown"."""

    answer: str
    sentence: str
    reason: str


def own_subspace(diagnosis: Diagnosis, factor: str) -> Verdict:
    """Whether a factor moves the representation within few directions, and no other factor moves it along them.

    "own": the interval of the factor's explained variance in its expected dimensions lies above 0.8, and no other
    factor is told to share its directions. "not": it lies below 0.8, or another factor shares them. Else "unknown".
    """
    name = legible(factor)
    title = name[0].upper() + name[1:]
    found = diagnosis.estimates.get("explained_variance", {}).get(factor)
    if found is None or found.value is None:
        reason = found.reason if found is not None else "it was not diagnosed"
        return Verdict(UNKNOWN, f"{title}: no answer", reason)
    low, high = found.interval or (found.value, found.value)
    reason = f"{_dimensions(found)} hold{'s' * (found.details['k'] <= 2)} {100 * found.value:.0f} % of the movement"
    together = shares_with(diagnosis, factor)
    if together:
        return Verdict(NOT_OWN, f"{title} shares its directions with {', '.join(map(legible, together))}", reason)
    if low >= CONCENTRATED:
        return Verdict(OWN, f"{title} has a subspace of its own", reason)
    if high < CONCENTRATED:
        return Verdict(NOT_OWN, f"{title} is not in a subspace of its own", reason)
    return Verdict(UNKNOWN, f"{title}: undecided", f"{reason}, and the interval goes from {low:.2f} to {high:.2f}")


def shares_with(diagnosis: Diagnosis, factor: str) -> list[str]:
    """The other factors that are told to share directions with this one."""
    found: dict[str, None] = {}
    for metric in PAIRS:
        for key, estimate in diagnosis.estimates.get(metric, {}).items():
            if factor in key and estimate.verdict in TOGETHER:
                found |= dict.fromkeys(_others(key, factor))
    return list(found)


def _others(key: Key, factor: str) -> list[str]:
    return [str(part) for part in key if part != factor]


def _dimensions(found: Estimate) -> str:
    """The expected dimensions, as a geometer calls them."""
    k = found.details["k"]
    return {1: "One line", 2: "One plane"}.get(k, f"{k} directions")
