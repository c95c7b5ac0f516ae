"""What is compared, as it lies on disk: a run with its settings, its log and its diagnosis, or a diagnosis alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqjepa.diagnostics.diagnosis import Diagnosis
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.io.files import read_rows
from seqjepa.io.untrusted import is_there, read_yaml
from seqjepa.report.stored import checked_settings
from seqjepa.types import InputError
from seqjepa.types.checking import user_path

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Entry:
    """A run or a diagnosis.

    Attributes:
        config: the run's configuration, fields by their paths ("model.width"); empty for a diagnosis alone.
        rows: of its metrics.csv, one an epoch; empty where there is none.
    """

    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    rows: Sequence[Mapping[str, float]] = ()
    diagnosis: Diagnosis | None = None

    @property
    def metrics(self) -> Mapping[str, float]:
        """What the last epoch logged; empty where there is none."""
        return self.rows[-1] if self.rows else {}

    def estimate(self, metric: str, key: Key) -> Estimate:
        """The diagnosis' estimate; one without a value where there is none."""
        estimates = self.diagnosis.estimates if self.diagnosis else {}
        return estimates.get(metric, {}).get(key, Estimate(None, reason=NOT_MEASURED))


def entry_of(given: Entry | Diagnosis | str | Path, name: str = "") -> Entry:
    """A diagnosis, or what lies at a path, under ``name`` or the name it has itself.

    Raises:
        InputError: nothing readable lies at the path.
    """
    if isinstance(given, Entry):
        found = given
    elif isinstance(given, Diagnosis):
        found = Entry(title_of(given), diagnosis=given)
    else:
        found = read_entry(given)
    return Entry(name or found.name, found.config, found.rows, found.diagnosis)


def read_entry(path: str | Path) -> Entry:
    """What a run's folder, a folder with a diagnosis, or a diagnosis' file holds.

    Raises:
        InputError: the path is none of these, or what it holds cannot be read.
    """
    place = user_path(path)
    if place.is_file():
        named = place.parent if place.stem == "diagnosis" else place.with_suffix("")
        return Entry(_folder_name(named), diagnosis=Diagnosis.load(place))
    file = next((f for f in (place / "diagnosis" / "diagnosis.json", place / "diagnosis.json") if is_there(f)), None)
    diagnosis = Diagnosis.load(file) if file else None
    config, metrics = place / "config.yaml", place / "metrics.csv"
    if diagnosis is None and not is_there(config):
        raise InputError(several_layers(place) or f"{place}: neither a run's folder nor a diagnosis")
    return Entry(
        _folder_name(place),
        dict(_flat(_yaml(config))) if is_there(config) else {},
        read_rows(metrics) if is_there(metrics) else (),
        diagnosis,
    )


def several_layers(place: Path) -> str:
    """What to say of a folder that holds no diagnosis but those of several layers; "" of another."""
    layers = sorted([*place.glob("diagnosis-*.json"), *place.glob("diagnosis/diagnosis-*.json")])
    return f"{place}: diagnoses of several layers; give one of {', '.join(map(str, layers))}" if layers else ""


def title_of(diagnosis: Diagnosis) -> str:
    """What a diagnosis is called: its run or encoder, with the layer where it is not the encoder's output."""
    named = str(diagnosis.metadata.get("run") or diagnosis.metadata.get("encoder") or "an encoder")
    layer = diagnosis.metadata.get("layer")
    return named if layer in (None, "z") else f"{named}, {layer}"


def _folder_name(place: Path) -> str:
    resolved = place.resolve()
    return resolved.parent.name if resolved.name == "diagnosis" else resolved.name


def _yaml(file: Path) -> Mapping[str, Any]:
    # As it is, and not as a Config: a run of an earlier version has fields that this one may not know.
    return checked_settings(read_yaml(file), file)


def _flat(values: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value
