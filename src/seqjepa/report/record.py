"""What a report is made of: a diagnosis, and what lies beside it in a run's folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from seqjepa.diagnostics import Diagnosis
from seqjepa.io.files import file_part, read_rows
from seqjepa.io.untrusted import is_there, read_text
from seqjepa.report.curves import Rows
from seqjepa.report.stored import parse_settings
from seqjepa.sweeps import Sweeps
from seqjepa.types import InputError, NotIdentifiable
from seqjepa.types.checking import user_path
from seqjepa.types.limits import LAYERS, YAML_BYTES

CONFIG, ENVIRONMENT = "config.yaml", "environment.yaml"


@dataclass(frozen=True)
class RunRecord:
    """Everything that figures can be drawn from; what is missing makes some figures impossible, not the report.

    Attributes:
        diagnosis: of the encoder; of several layers the last.
        sweeps: that it was made of.
        rows: of metrics.csv, a mapping an epoch.
        layers: diagnoses of several layers of one encoder, in the order in which they were asked for.
        texts: files to be shown as they are: the configuration, the environment.

    Raises:
        InputError: sweeps of another number of identities or dimensions than were diagnosed.
    """

    diagnosis: Diagnosis
    sweeps: Sweeps | None = None
    rows: Rows = ()
    layers: Mapping[str, Diagnosis] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.sweeps is None:
            return
        if split := self.diagnosis.split:
            diagnosed, there = len(split.places), self.sweeps.identities
            copies = "repeated" in self.diagnosis.metadata  # left out of the diagnosis, and not of the sweeps
            if max(split.places) >= there or (diagnosed != there and not copies):
                raise InputError(f"sweeps of {there} identities, and {diagnosed} were diagnosed")
        if dims := {len(basis) for basis in self.diagnosis.subspaces.values()} - {self.sweeps.dim}:
            raise InputError(f"sweeps of {self.sweeps.dim} dimensions, and {min(dims)} were diagnosed")

    @property
    def terms(self) -> tuple[str, ...]:
        """The names of the objective's terms, as the run's configuration has them; none where it is no run."""
        settings = parse_settings(self.texts.get(CONFIG, ""), CONFIG)
        return (*settings.objective, *settings.own_terms)

    def swept(self) -> Sweeps:
        """The sweeps. Raises NotIdentifiable where they were not kept."""
        if self.sweeps is None:
            raise NotIdentifiable("the sweeps were not kept")
        return self.sweeps

    def logged(self) -> Rows:
        """The rows of metrics.csv. Raises NotIdentifiable where there are none."""
        if not self.rows:
            raise NotIdentifiable("this is no training run")
        return self.rows


def read_record(path: str | Path) -> RunRecord:
    """What a run's folder, or one that ``seqjepa diagnose`` wrote, holds; or one of the diagnoses in it.

    Several layers stand in the order that their diagnoses record ("layer_index"); the report is of the last.

    Raises:
        InputError: no diagnosis in it, with how to make one; or a file that is damaged, or does not fit the others.
    """
    folder = user_path(path)
    if folder.is_file():
        return _of_file(folder)
    if not folder.exists():
        raise InputError(f"no folder or file {folder}")
    home = folder / "diagnosis" if (folder / "diagnosis").is_dir() else folder
    main, layers = home / "diagnosis.json", _layers(home)
    if not is_there(main) and not layers:
        raise InputError(f"{folder}: no diagnosis in it; make one with 'seqjepa diagnose {folder}'")
    suffix = "" if is_there(main) else f"-{file_part(list(layers)[-1])}"
    sweeps = home / f"sweeps{suffix}.safetensors"
    metrics = folder / "metrics.csv"
    texts = {name: folder / name for name in (CONFIG, ENVIRONMENT)} if home != folder else {}
    texts[f"diagnosis/{ENVIRONMENT}"] = home / ENVIRONMENT
    return RunRecord(
        Diagnosis.load(main) if is_there(main) else list(layers.values())[-1],
        Sweeps.load(sweeps) if is_there(sweeps) else None,
        read_rows(metrics) if is_there(metrics) else (),
        layers,
        {name: read_text(path, YAML_BYTES) for name, path in texts.items() if is_there(path)},
    )


def _of_file(file: Path) -> RunRecord:
    """A single diagnosis, with the sweeps and the environment beside it that are its own."""
    diagnosis, home = Diagnosis.load(file), file.parent
    of_layer = re.fullmatch(r"diagnosis(-.*)?\.json", file.name)
    sweeps = home / f"sweeps{of_layer[1] or ''}.safetensors" if of_layer else None
    return RunRecord(
        diagnosis,
        Sweeps.load(sweeps) if sweeps is not None and is_there(sweeps) else None,
        texts={f"diagnosis/{ENVIRONMENT}": read_text(home / ENVIRONMENT, YAML_BYTES)}
        if of_layer and is_there(home / ENVIRONMENT)
        else {},
    )


def _layers(home: Path) -> dict[str, Diagnosis]:
    files = sorted(home.glob("diagnosis-*.json"))
    if len(files) > LAYERS:
        raise InputError(f"{home}: diagnoses of {len(files)} layers; {LAYERS} are the most")
    found = {unquote(path.stem.removeprefix("diagnosis-")): Diagnosis.load(path) for path in files}

    def place(name: str) -> tuple[float, str]:
        index = found[name].metadata.get("layer_index")
        return (index if isinstance(index, int) else float("inf")), name  # without an index, by name

    return {name: found[name] for name in sorted(found, key=place)}
