"""Runs or diagnoses side by side: every estimate's difference to the first, paired over identities or over seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from seqjepa.diagnostics.diagnosis import Diagnosis
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.ideals import ideal_text
from seqjepa.diagnostics.many import corrected_differences
from seqjepa.diagnostics.metric import Metric
from seqjepa.report.columns import Column, differing_settings, group_seeds, why_unpaired
from seqjepa.report.entries import Entry, entry_of
from seqjepa.report.seeds import mean_and_sd, welch_test
from seqjepa.types import InputError

FEWEST, MOST = 2, 10
NOT_LOGGED = "not logged"


@dataclass(frozen=True)
class Cell:
    """An estimate in one column.

    Attributes:
        value: of the entry, or the mean over seeds; None where there is none.
        sd: standard deviation over seeds (n - 1); None for one entry.
        difference: this column's value minus the first's, with a 95 % interval where the two can be compared; None in
            the first column.
    """

    value: float | None
    sd: float | None = None
    difference: Estimate | None = None

    @property
    def differs(self) -> bool | None:
        """Whether the difference is a finding, after correction for many; None where it has no interval."""
        if self.difference is None or self.difference.interval is None:
            return None
        return self.difference.verdict == "differs"


@dataclass(frozen=True)
class Row:
    """A metric, what it is of ("" for a logged metric), and a cell for each column.

    ``detail`` marks what the short table of a diagnosis leaves out; ``ideal`` is the computed one, as the first column
    that has one says it.
    """

    metric: str
    key: Key
    cells: tuple[Cell, ...]
    detail: bool = False

    ideal: str = ""

    @property
    def of(self) -> str:
        """The key as text."""
        return self.key if isinstance(self.key, str) else " · ".join(self.key)


@dataclass(frozen=True)
class Comparison:
    """What ``compare`` finds: ``compared["overlap"]["rotation", "translate_x"]`` is the difference, an ``Estimate``.

    Attributes:
        columns: the entries, with seeds of one configuration together.
        settings: the fields of the configurations that differ, with a text for each column.
        metrics: what the last epochs logged; ``estimates``: of the diagnoses.
        notes: which columns cannot be compared with the first, and why.
    """

    columns: tuple[Column, ...]
    settings: tuple[tuple[str, tuple[str, ...]], ...]
    metrics: tuple[Row, ...]
    estimates: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def __getitem__(self, metric: str) -> Mapping[Key, Estimate]:
        """The differences of the second column to the first, by key; see ``differences`` for further columns."""
        return self.differences(metric, 1)

    def differences(self, metric: str, column: int | str) -> Mapping[Key, Estimate]:
        """A metric's differences, a column's minus the first's, for each key.

        Args:
            column: its place, from 1, or its name.

        Raises:
            InputError: no such metric or column, or the column cannot be compared with the first: other identities,
                poses, factors or split, or one run against several seeds.
        """
        names = [c.name for c in self.columns]
        if isinstance(column, str) and column not in names[1:]:
            raise InputError(f"column {column!r} is not one of {', '.join(names[1:])}")
        place = names.index(column) if isinstance(column, str) else column
        if not 0 < place < len(names):
            raise InputError(f"column {column} is not one of 1 to {len(names) - 1}")
        if why := why_unpaired(self.columns[0], self.columns[place]):
            raise InputError(f"{names[place]} cannot be compared with {names[0]}: {why}")
        found = {row.key: row.cells[place].difference for row in self.estimates if row.metric == metric}
        if not found:
            raise InputError(
                f"metric {metric!r} is not one of {', '.join(dict.fromkeys(r.metric for r in self.estimates))}"
            )
        return {key: difference for key, difference in found.items() if difference is not None}

    @property
    def comparisons(self) -> int:
        """How many differences were tested, of estimates and of what was logged, all columns together."""
        cells = [cell for row in (*self.estimates, *self.metrics) for cell in row.cells]
        return sum(cell.difference is not None and cell.difference.p is not None for cell in cells)

    def metric(self, name: str) -> Metric:
        """What a metric asks, its unit, range and so on, as the diagnoses that have it say."""
        found = [e.diagnosis for c in self.columns for e in c.entries if e.diagnosis and name in e.diagnosis.estimates]
        return found[0].metric(name) if found else Metric(name, "")

    def table(self, details: bool = False) -> str:
        """Settings that differ, last epochs, estimates and differences, as text for a terminal.

        Args:
            details: all estimates, not only those of a diagnosis' short table.
        """
        from seqjepa.report.comparison_tables import comparison_text

        return comparison_text(self, details)

    def _repr_html_(self) -> str:
        """As a notebook shows it: the estimates and their differences, with the notes."""
        from seqjepa.report.comparison_pages import comparison_fragment

        return comparison_fragment(self)

    def to_html(self, path: str | Path) -> Path:
        """Everything on one self-contained HTML page, written whole or not at all; gives back the path."""
        from seqjepa.report.comparison_pages import write_comparison

        return write_comparison(self, path)


Comparable = Diagnosis | str | Path | Entry


def compare(*compared: Comparable | Mapping[str, Comparable]) -> Comparison:
    """Two to ten runs or diagnoses side by side, each against the first; ``seqjepa compare`` prints the same.

    Runs whose configurations agree but for the seed become one column. Two single entries differ where the 95 %
    interval of their difference, paired over test identities, excludes 0; two columns of several seeds where that of
    Welch's t-test over seeds does; both after correction for as many differences as there are, so that the false
    discovery rate is 5 % (Benjamini-Hochberg). Diagnoses of other identities, poses, factors or splits, and one run
    against several seeds, are shown side by side without intervals, with a note that says why; asking for their
    difference by index raises.

    Args:
        compared: diagnoses, paths of runs or diagnoses, or mappings from names to these.

    Raises:
        InputError: fewer than two or more than ten, something that is neither, or what cannot be read.
    """
    entries: list[Entry] = []
    for given in compared:
        named = given.items() if isinstance(given, Mapping) else [("", given)]
        entries += [entry_of(of, name) for name, of in named]
    if not FEWEST <= len(entries) <= MOST:
        raise InputError(f"compare takes {FEWEST} to {MOST} runs or diagnoses, not {len(entries)}")
    columns = group_seeds(entries)
    unpaired = {c.name: why for c in columns[1:] if (why := why_unpaired(columns[0], c))}
    pairable = [c.name not in unpaired for c in columns]
    estimates = [
        Row(
            metric,
            key,
            _cells([[e.estimate(metric, key) for e in c.entries] for c in columns], pairable),
            detail,
            next((said for e in entries if (said := ideal_text(e.estimate(metric, key)))), ""),
        )
        for metric, key, detail in _keys(columns)
    ]
    metrics = [
        Row(name, "", _cells([[Estimate(e.metrics.get(name)) for e in c.entries] for c in columns], pairable))
        for name in dict.fromkeys(name for entry in entries for name in entry.metrics)
    ]
    rows, count = _corrected([*estimates, *metrics]), len(estimates)
    notes = tuple(f"{name} is not paired with {columns[0].name}: {why}" for name, why in unpaired.items())
    return Comparison(columns, differing_settings(columns), rows[count:], rows[:count], notes if estimates else ())


def _corrected(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows, their differences holding the false discovery rate together."""
    found = corrected_differences([cell.difference for row in rows for cell in row.cells if cell.difference])
    told = iter(found)
    return tuple(
        replace(row, cells=tuple(replace(c, difference=next(told)) if c.difference else c for c in row.cells))
        for row in rows
    )


def _keys(columns: Sequence[Column]) -> Iterable[tuple[str, Key, bool]]:
    """Every estimate that a column has, a metric's together, by first appearance; and whether it is a detail."""
    keys: dict[str, dict[Key, bool]] = {}
    for diagnosis in (entry.diagnosis for column in columns for entry in column.entries if entry.diagnosis):
        for metric, estimates in diagnosis.estimates.items():
            of = keys.setdefault(metric, {})
            for key in estimates:
                of[key] = of.get(key, True) and diagnosis.metric(metric).is_detail(key, estimates)
    return [(metric, key, detail) for metric, of in keys.items() for key, detail in of.items()]


def _cells(found: Sequence[Sequence[Estimate]], pairable: Sequence[bool]) -> tuple[Cell, ...]:
    """A cell for each column's estimates; all but the first with their difference to the first."""
    cells = []
    for place, estimates in enumerate(found):
        values = [e.value for e in estimates if e.value is not None]
        value, sd = mean_and_sd(values) if values else (None, None)
        cells.append(Cell(value, sd, _difference(estimates, found[0], pairable[place]) if place else None))
    return tuple(cells)


def _difference(mine: Sequence[Estimate], first: Sequence[Estimate], pairable: bool) -> Estimate:
    """Mine minus the first's: paired over identities for one entry each, over seeds for several."""
    values, others = ([e.value for e in of if e.value is not None] for of in (mine, first))
    if not values or not others:
        return Estimate(None, reason=next((e.reason for e in (*mine, *first) if e.reason), NOT_LOGGED))
    if len(mine) == len(first) == 1 and pairable:
        return mine[0].minus(first[0])
    value, tested = mean_and_sd(values)[0] - mean_and_sd(others)[0], welch_test(values, others)
    if tested is None:
        return Estimate(value, verdict="not paired")
    interval, p = tested
    differs = not interval[0] <= 0 <= interval[1]
    return Estimate(value, interval, 0.0, "no difference", "differs" if differs else "no difference seen", p=p)
