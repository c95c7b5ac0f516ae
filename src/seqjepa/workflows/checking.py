"""Whether a diagnosed run meets requirements: what ``seqjepa check`` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.gates import Judgement, Requirement, judge, parse_requirement
from seqjepa.io.files import read_rows
from seqjepa.io.schemas import Name, Text
from seqjepa.io.untrusted import is_there, read_yaml
from seqjepa.report.entries import several_layers
from seqjepa.types import InputError
from seqjepa.types.checking import user_path
from seqjepa.types.limits import REQUIREMENTS

REQUIRED = TypeAdapter(Annotated[dict[Name, Text], Field(min_length=1, max_length=REQUIREMENTS, strict=True)])
SHIPPED = Path(__file__).parent / "requirements"
FAILS, UNDECIDED = 1, 3  # exit codes; 2 is a user's mistake


@dataclass(frozen=True)
class Checked:
    """What came of each requirement, by its name."""

    judgements: Mapping[str, Judgement]

    @property
    def code(self) -> int:
        """Of the command: 0 all pass, 1 one fails, 3 none fails and one is undecided."""
        outcomes = {judgement.outcome for judgement in self.judgements.values()}
        return FAILS if "fail" in outcomes else UNDECIDED if "undecided" in outcomes else 0


def check_run(run: str | Path, require: Sequence[str] = (), require_files: Sequence[str | Path] = ()) -> Checked:
    """Judge requirements by a run's diagnosis.

    ::

        checked = sj.check_run("runs/mine", ["overlap[rotation,translation] <= 0.1"])
        assert checked.code == 0

    Args:
        run: a run's folder that was diagnosed, a diagnosis' own, or a diagnosis.json.
        require: requirements; see ``seqjepa.diagnostics.gates`` for how they are written.
        require_files: YAML files of them, each a mapping from a name to a requirement; or names of those shipped.

    Raises:
        InputError: no diagnosis, no requirement, or one that cannot be understood or is of what is not there.
    """
    named = {text.strip(): parse_requirement(text) for text in require}
    for file in require_files:
        for name, requirement in read_requirements(file).items():
            if name in named and named[name] != requirement:
                raise InputError(f"{file}: there is another requirement called {name!r}")
            named[name] = requirement
    if not named:
        raise InputError("nothing is required; give --require or --require-file")
    diagnosis, logged = _opened(user_path(run))
    return Checked({name: judge(requirement, diagnosis, logged) for name, requirement in named.items()})


def read_requirements(file: str | Path) -> dict[str, Requirement]:
    """The requirements of a YAML file, by name; or of one that is shipped, by its name.

    Raises:
        InputError: no such file, or one that is no mapping from names to requirements.
    """
    shipped = {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}
    path = shipped.get(str(file)) or user_path(file, "requirements")
    if not is_there(path):
        raise InputError(f"no file of requirements {file}; shipped are {', '.join(shipped)}")
    try:
        values = REQUIRED.validate_python(read_yaml(path))
    except ValidationError as error:
        at = ".".join(str(part)[:80] for part in error.errors()[0]["loc"])
        raise InputError(
            f"{file}: {at}{': ' * bool(at)}a file of requirements is a mapping from names to requirements, "
            f"1 to {REQUIREMENTS} of them"
        ) from error
    return {name: parse_requirement(text) for name, text in values.items()}


def _opened(run: Path) -> tuple[Diagnosis, dict[str, float] | None]:
    """The diagnosis, and the last value of each column of the run's metrics."""
    if run.is_file():
        return Diagnosis.load(run), None
    home = run / "diagnosis" if (run / "diagnosis").is_dir() else run
    if not is_there(home / "diagnosis.json"):
        none = f"{run}: no diagnosis in it; make one with 'seqjepa diagnose {run}'"
        raise InputError(several_layers(run) or none)
    metrics = run / "metrics.csv"
    rows = read_rows(metrics) if is_there(metrics) else None
    logged = None if rows is None else {name: value for row in rows for name, value in row.items()}
    return Diagnosis.load(home / "diagnosis.json"), logged
