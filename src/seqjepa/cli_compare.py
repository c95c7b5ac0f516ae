"""``seqjepa compare``: parse, call, print."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_compare_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``seqjepa compare`` takes."""
    parser.add_argument("first", type=Path, help="a diagnosis.json, or the folder that holds one")
    parser.add_argument("second", type=Path, help="another over the same images and poses")


def compare(options: argparse.Namespace, overrides: list[str]) -> int:
    """Two saved diagnoses side by side."""
    from seqjepa.diagnostics import Diagnosis
    from seqjepa.diagnostics import compare as run

    print(run(*(Diagnosis.load(_diagnosis_of(path)) for path in (options.first, options.second))).table())
    return 0


def _diagnosis_of(path: Path) -> Path:
    """The diagnosis in a run's folder, in a folder of its own, or the file itself."""
    found = [p for p in (path / "diagnosis" / "diagnosis.json", path / "diagnosis.json") if p.exists()]
    return found[0] if found else path
