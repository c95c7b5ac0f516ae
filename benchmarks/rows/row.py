"""A row of the table: what was measured beside its floor, and whether the target was met."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Target:
    """A limit on a row's number: at most, or at least."""

    limit: float
    at_least: bool = False
    unit: str = "×"

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:,g} {self.unit}"

    def met(self, number: float) -> bool:
        return number >= self.limit if self.at_least else number <= self.limit


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: was measured.
        floor: what it is held against, with its number.
        measured: with its unit; or "not measured", with why.
        ratio: measured over floor, or how many times faster; None where there is none.
        target: None for a row that is only reported.
        judged: the number that the target is for; None where it was not measured or cannot be judged.
        values: everything measured, as numbers, for whoever reads the JSON.
        held: whether what else the target asks for holds, quality for one.
    """

    what: str
    floor: str
    measured: str
    ratio: float | None = None
    target: Target | None = None
    judged: float | None = None
    values: Mapping[str, float | str] = field(default_factory=dict)
    held: bool = True

    @property
    def met(self) -> bool | None:
        return None if self.target is None or self.judged is None else self.held and self.target.met(self.judged)

    def cells(self) -> tuple[str, ...]:
        """The row as texts, in the order of ``HEADINGS``."""
        ratio = "" if self.ratio is None else f"{self.ratio:,.3g} ×" if self.ratio >= 10 else f"{self.ratio:.3f} ×"
        met = {None: "reported" if self.target is None else "not judged", True: "met", False: "NOT MET"}[self.met]
        return self.what, self.floor, self.measured, ratio, str(self.target or ""), met

    def as_json(self) -> dict:
        return {
            "what": self.what,
            "floor": self.floor,
            "measured": self.measured,
            "ratio": self.ratio,
            "target": None if self.target is None else str(self.target),
            "judged": self.judged,
            "met": self.met,
            "values": dict(self.values),
            "cells": self.cells(),
        }


HEADINGS = ("what", "floor", "measured", "ratio", "target", "")


def not_measured(what: str, target: Target | None, why: str) -> Row:
    return Row(what, "", f"not measured: {why}", target=target)
