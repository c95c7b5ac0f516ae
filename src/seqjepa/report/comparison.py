"""Several runs or diagnoses side by side, as plain data: the terminal prints it, and a page can."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scipy.stats import ttest_ind

from seqjepa.diagnostics.diagnosis import Diagnosis
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.io.files import read_rows
from seqjepa.io.untrusted import read_yaml
from seqjepa.report.paired import MUST_AGREE
from seqjepa.types import InputError

FEWEST, MOST = 2, 10
NOT_MEASURED = "not measured"
SAID = {"identities": "number of images", "fingerprint": "images", "swept": "factors or ranges"} | {
    "seed": "poses (seed)",
    "split_seed": "halves of the images (split_seed)",
}


@dataclass(frozen=True)
class Entry:
    """A run or a diagnosis as it lies on disk.

    Attributes:
        config: its configuration's fields by their paths ("model.width"); empty where it is no run.
        rows: of its metrics.csv, one an epoch; empty where there is none.
    """

    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    rows: Sequence[Mapping[str, float]] = ()
    diagnosis: Diagnosis | None = None

    @property
    def metrics(self) -> Mapping[str, float]:
        """The last epoch's; empty where there is none."""
        return self.rows[-1] if self.rows else {}

    def figure(self, metric: str, key: Key) -> Estimate:
        """The diagnosis' figure; one without a value where there is none."""
        estimates = self.diagnosis.estimates if self.diagnosis else {}
        return estimates.get(metric, {}).get(key, Estimate(None, reason=NOT_MEASURED))


@dataclass(frozen=True)
class Column:
    """One entry, or the runs of one configuration with several seeds."""

    name: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Cell:
    """A figure in one column.

    Attributes:
        value: of the entry, or the mean over seeds; None where there is none.
        spread: standard deviation over seeds.
        difference: to the first column; ``interval`` its 95 %.
        differs: whether the interval leaves 0 out; None where that cannot be told.
    """

    value: float | None
    spread: float | None = None
    difference: float | None = None
    interval: tuple[float, float] | None = None
    differs: bool | None = None


@dataclass(frozen=True)
class Row:
    """A metric, what it is of, and a cell for each column."""

    metric: str
    of: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class SideBySide:
    """What ``seqjepa compare`` shows.

    Attributes:
        settings: the fields of the configurations that differ, with a text for each column; "–" where it is no run.
        metrics: of the last epochs; estimates: of the diagnoses.
        notes: why differences are not told where they are not.
    """

    columns: tuple[Column, ...]
    settings: tuple[tuple[str, tuple[str, ...]], ...]
    metrics: tuple[Row, ...]
    estimates: tuple[Row, ...]
    notes: tuple[str, ...]


def read_entry(path: str | Path) -> Entry:
    """A run's folder, a folder with a diagnosis, or a diagnosis.

    Raises:
        InputError: it is neither, or what it holds cannot be read.
    """
    place = Path(path).expanduser()
    if place.is_file():
        named = place.parent if place.stem == "diagnosis" else place.with_suffix("")
        return Entry(_name(named), diagnosis=Diagnosis.load(place))
    file = next((f for f in (place / "diagnosis" / "diagnosis.json", place / "diagnosis.json") if f.is_file()), None)
    diagnosis = Diagnosis.load(file) if file else None
    config, metrics = place / "config.yaml", place / "metrics.csv"
    if diagnosis is None and not config.is_file():
        raise InputError(f"{place}: neither a run's folder nor a diagnosis")
    return Entry(
        _name(place),
        dict(_flat(_yaml(config))) if config.is_file() else {},
        read_rows(metrics) if metrics.is_file() else (),
        diagnosis,
    )


def side_by_side(entries: Sequence[Entry], *, details: bool = False) -> SideBySide:
    """The entries in columns, runs of one configuration but for the seed in one, told from the first column.

    Single entries differ where the interval of their paired difference, over identities, leaves 0 out; columns of
    several seeds each where that of Welch's t-test over the seeds does. Between one run and several seeds nothing is
    told: what another seed does to the one is not known.

    Args:
        details: all estimates, not only those of a diagnosis' short table.

    Raises:
        InputError: fewer than two entries, or more than ten.
    """
    if not FEWEST <= len(entries) <= MOST:
        raise InputError(f"compare takes {FEWEST} to {MOST} runs or diagnoses, not {len(entries)}")
    columns = _grouped(entries)
    unpaired = {c.name: why for c in columns[1:] if (why := _why_unpaired(columns[0], c))}
    estimates = []
    for metric, key in _keys(columns, details):
        found = [[e.figure(metric, key) for e in column.entries] for column in columns]
        cells = [_cell(found[0], found[0], True)]
        cells += [_cell(f, found[0], column.name not in unpaired) for f, column in zip(found[1:], columns[1:])]
        of = key if isinstance(key, str) else " · ".join(key)
        estimates.append(Row(metric, of, (_alone(cells[0]), *cells[1:])))
    metrics = []
    for name in dict.fromkeys(name for entry in entries for name in entry.metrics):
        found = [[Estimate(e.metrics.get(name)) for e in column.entries] for column in columns]
        cells = [_cell(f, found[0], False) for f in found]
        metrics.append(Row(name, "", (_alone(cells[0]), *cells[1:])))
    notes = (
        [] if not estimates else [f"{name}: not paired with {columns[0].name}: {why}" for name, why in unpaired.items()]
    )
    return SideBySide(columns, _settings(columns), tuple(metrics), tuple(estimates), tuple(notes))


def _grouped(entries: Sequence[Entry]) -> tuple[Column, ...]:
    """Runs whose configurations agree but for the seed, in one column; a seed that comes again opens another."""
    groups: list[list[Entry]] = []
    for entry in entries:
        for group in groups:
            alike = entry.config and _recipe(group[0]) == _recipe(entry)
            if alike and all(entry.config.get("seed") != other.config.get("seed") for other in group):
                group.append(entry)
                break
        else:
            groups.append([entry])
    names: list[str] = []
    for group in groups:
        name = group[0].name if len(group) == 1 else f"{group[0].config.get('name', 'run')} ({len(group)} seeds)"
        same = sum(other.partition(" #")[0] == name for other in names)
        names.append(name if not same else f"{name} #{same + 1}")
    return tuple(Column(name, tuple(group)) for name, group in zip(names, groups, strict=True))


def _recipe(entry: Entry) -> dict[str, Any]:
    return {name: value for name, value in entry.config.items() if name != "seed"}


def _settings(columns: Sequence[Column]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    runs = [column for column in columns if column.entries[0].config]
    rows = []
    for name in dict.fromkeys(name for column in runs for name in column.entries[0].config):
        texts = [", ".join(dict.fromkeys(_text(e.config.get(name)) for e in column.entries)) for column in columns]
        if len({text for text, column in zip(texts, columns, strict=True) if column in runs}) > 1:
            rows.append((name, tuple(text if c in runs else "–" for text, c in zip(texts, columns, strict=True))))
    return tuple(rows)


def _keys(columns: Sequence[Column], details: bool) -> Iterable[tuple[str, Key]]:
    """Every figure that a column has, a metric's together, in order of first appearance."""
    keys: dict[str, dict[Key, None]] = {}
    for diagnosis in (entry.diagnosis for column in columns for entry in column.entries if entry.diagnosis):
        for metric, estimates in diagnosis.estimates.items():
            wanted = [key for key in estimates if details or not diagnosis.metric(metric).is_detail(key, estimates)]
            keys.setdefault(metric, {}).update(dict.fromkeys(wanted))
    return [(metric, key) for metric, of in keys.items() for key in of]


def _why_unpaired(first: Column, other: Column) -> str:
    several = {len(column.entries) > 1 for column in (first, other)}
    if several == {True, False}:
        return "one run against several seeds"
    if several == {True}:
        return ""  # told over the seeds
    mine, theirs = first.entries[0].diagnosis, other.entries[0].diagnosis
    if mine is None or theirs is None:
        return "one has no diagnosis"
    apart = [SAID[name] for name in MUST_AGREE if mine.metadata.get(name) != theirs.metadata.get(name)]
    return f"over other {', '.join(apart)}" if apart else ""


def _cell(estimates: Sequence[Estimate], first: Sequence[Estimate], paired: bool) -> Cell:
    """The estimates of a column's entries as a cell, told from those of the first column."""
    mine, theirs = ([f.value for f in of if f.value is not None] for of in (estimates, first))
    if not mine:
        return Cell(None)
    value = statistics.fmean(mine)
    spread = statistics.stdev(mine) if len(mine) > 1 else None
    if not theirs:
        return Cell(value, spread)
    difference = value - statistics.fmean(theirs)
    interval = None
    if len(mine) > 1 and len(theirs) > 1:
        if spread or statistics.stdev(theirs):
            low, high = ttest_ind(mine, theirs, equal_var=False).confidence_interval(0.95)
            interval = float(low), float(high)
    elif paired and len(estimates) == len(first) == 1:
        interval = estimates[0].minus(first[0]).interval
    differs = None if interval is None else not interval[0] <= 0 <= interval[1]
    return Cell(value, spread, difference, interval, differs)


def _alone(cell: Cell) -> Cell:
    """The first column's: it is not significantly different from itself."""
    return Cell(cell.value, cell.spread)


def _name(place: Path) -> str:
    resolved = place.resolve()
    return resolved.parent.name if resolved.name == "diagnosis" else resolved.name


def _yaml(file: Path) -> Mapping[str, Any]:
    # As it is, and not as a Config: a run of an earlier version has fields that this one may not know.
    values = read_yaml(file)
    if not isinstance(values, dict):
        raise InputError(f"{file}: a configuration is a mapping of fields, not {type(values).__name__}")
    return values


def _flat(values: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _text(value: Any) -> str:
    return "none" if value is None else str(value)
