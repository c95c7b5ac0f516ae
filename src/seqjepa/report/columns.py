"""The columns of a comparison: one entry each, or the seeds of one configuration; and which of them can be paired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seqjepa.report.entries import Entry

MUST_AGREE = {  # of the metadata, for two diagnoses to be paired over identities; and what each is called
    "identities": "number of identities",
    "seed": "poses (seed)",
    "split_seed": "split (split_seed)",
    "fingerprint": "images",
    "swept": "factors or ranges",
}


@dataclass(frozen=True)
class Column:
    """One entry, or the runs of one configuration with several seeds."""

    name: str
    entries: tuple[Entry, ...]


def group_seeds(entries: Sequence[Entry]) -> tuple[Column, ...]:
    """Runs whose configurations agree but for the seed, in one column; a seed that comes again opens another."""
    groups: list[list[Entry]] = []
    for entry in entries:
        for group in groups:
            alike = entry.config and _without_seed(group[0]) == _without_seed(entry)
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


def differing_settings(columns: Sequence[Column]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The fields of the configurations that differ, with a text for each column; "–" for a diagnosis alone."""
    runs = [column for column in columns if column.entries[0].config]
    rows = []
    for name in dict.fromkeys(name for column in runs for name in column.entries[0].config):
        texts = [", ".join(dict.fromkeys(_text(e.config.get(name)) for e in column.entries)) for column in columns]
        if len({text for text, column in zip(texts, columns, strict=True) if column in runs}) > 1:
            rows.append((name, tuple(text if c in runs else "–" for text, c in zip(texts, columns, strict=True))))
    return tuple(rows)


def why_unpaired(first: Column, other: Column) -> str:
    """Why the estimates of two columns cannot be compared within identities or over seeds; "" where they can."""
    several = {len(column.entries) > 1 for column in (first, other)}
    if several == {True, False}:
        return "one run against several seeds"
    if several == {True}:
        return ""  # compared over the seeds
    mine, theirs = first.entries[0].diagnosis, other.entries[0].diagnosis
    if mine is None or theirs is None:
        return "one has no diagnosis"
    apart = [called for name, called in MUST_AGREE.items() if mine.metadata.get(name) != theirs.metadata.get(name)]
    return f"different {', '.join(apart)}" if apart else ""


def _without_seed(entry: Entry) -> dict[str, Any]:
    return {name: value for name, value in entry.config.items() if name != "seed"}


def _text(value: Any) -> str:
    return "none" if value is None else str(value)
