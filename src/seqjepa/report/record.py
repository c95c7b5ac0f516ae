"""What a report is made of: a diagnosis, and what lies beside it in a run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seqjepa.diagnostics import Diagnosis
from seqjepa.io.files import read_rows
from seqjepa.io.untrusted import MAX_YAML, read_text
from seqjepa.report.curves import Rows
from seqjepa.report.details import check_details
from seqjepa.sweeps import Sweeps
from seqjepa.types import InputError, NotIdentifiable


@dataclass(frozen=True)
class RunRecord:
    """Everything that figures can be drawn from; what is missing makes some figures impossible, not the report.

    Attributes:
        rows: of metrics.csv, a mapping an epoch.
        layers: diagnoses of several layers of one encoder.
        texts: files to be shown as they are: the configuration, the environment.
    """

    diagnosis: Diagnosis
    sweeps: Sweeps | None = None
    rows: Rows = ()
    layers: Mapping[str, Diagnosis] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    def swept(self) -> Sweeps:
        """The sweeps, or NotIdentifiable."""
        if self.sweeps is None:
            raise NotIdentifiable("the sweeps were not kept")
        return self.sweeps

    def logged(self) -> Rows:
        """The rows, or NotIdentifiable."""
        if not self.rows:
            raise NotIdentifiable("this is no training run")
        return self.rows


def read_record(folder: str | Path) -> RunRecord:
    """What a run's folder, or one that ``seqjepa diagnose`` wrote, holds.

    Raises:
        InputError: no diagnosis in it; the message says how to make one.
    """
    folder = Path(folder).expanduser()
    home = folder / "diagnosis" if (folder / "diagnosis").is_dir() else folder
    main = home / "diagnosis.json"
    layers = {p.stem.removeprefix("diagnosis-"): _diagnosis(p) for p in sorted(home.glob("diagnosis-*.json"))}
    if not main.is_file() and not layers:
        raise InputError(f"{folder}: no diagnosis in it; make one with 'seqjepa diagnose {folder}'")
    suffix = "" if main.is_file() else f"-{list(layers)[-1]}"
    sweeps = home / f"sweeps{suffix}.safetensors"
    metrics = folder / "metrics.csv"
    texts = {name: folder / name for name in ("config.yaml", "environment.yaml")} if home != folder else {}
    texts["diagnosis/environment.yaml"] = home / "environment.yaml"
    return RunRecord(
        _diagnosis(main) if main.is_file() else list(layers.values())[-1],
        Sweeps.load(sweeps) if sweeps.is_file() else None,
        read_rows(metrics) if metrics.is_file() else (),
        layers,
        {name: read_text(path, MAX_YAML) for name, path in texts.items() if path.is_file()},
    )


def _diagnosis(path: Path) -> Diagnosis:
    diagnosis = Diagnosis.load(path)
    check_details(diagnosis, path)
    return diagnosis
