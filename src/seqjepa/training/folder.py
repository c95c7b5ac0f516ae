"""A run's folder: what lies where, and how it is written.

::

    config.yaml            the configuration, fully resolved
    environment.yaml       versions, hardware, commit, command
    metrics.csv, .jsonl    a row an epoch; identical for identical runs
    timing.csv             seconds an epoch, which are not
    checkpoints/           the newest epochs, to go on from
    model.safetensors      the weights after the last epoch, with configuration and normalisation
    .lock, .lock-holder    held by the process that trains, and its name
"""

from __future__ import annotations

import csv
import io
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import torch
import yaml

import seqjepa
from seqjepa.io.files import check_folder, make_folder, read_rows, remove_leftovers, write_atomic
from seqjepa.io.untrusted import is_there, open_regular
from seqjepa.training.cpu import cpu_capabilities
from seqjepa.training.lock import locked
from seqjepa.types import InputError

SECRET = re.compile("KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
FILES = ("config.yaml", "environment.yaml", "metrics.csv", "metrics.jsonl", "timing.csv")
FILES += ("model.safetensors", "failure.safetensors", ".lock", ".lock-holder")
FOLDERS = ("checkpoints", "subspaces", "tensorboard", "wandb")
PACKAGES = ("torch", "lightning-fabric", "numpy", "scikit-learn", "pydantic", "safetensors")


def refuse_special(folder: Path) -> None:
    """Raises InputError for folders, pipes or devices where a run's files belong, and files for its folders."""
    for name in FILES:
        if is_there(folder / name):
            open_regular(folder / name).close()
    for name in FOLDERS:
        if is_there(folder / name) and not (folder / name).is_dir():
            raise InputError(f"{folder / name}: not a folder, where a run keeps one; remove it")


def refuse_taken(folder: Path) -> None:
    """Raises InputError when a folder holds a run already, or cannot be written to."""
    check_folder(folder)
    refuse_special(folder)
    if (folder / "config.yaml").exists():
        raise InputError(
            f"{folder} holds a run already; go on with 'seqjepa resume {folder}', or name another with --out"
        )


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """A run's folder, made where it is missing, for this process alone, and free of what a killed one left.

    Raises:
        InputError: it cannot be written, or another process is at work in it.
    """
    make_folder(folder)
    refuse_special(folder)
    make_folder(folder / "checkpoints")
    with locked(folder):
        for name in ("*.yaml", "metrics.*", "timing.csv", "model.safetensors"):
            remove_leftovers(folder, name)
        for inside in ("checkpoints", "subspaces"):
            remove_leftovers(folder / inside, "*")
        yield


def write_metrics(folder: Path, rows: list[dict], timings: list[dict]) -> None:
    """All rows so far, whole each time: a file never holds half a row, or one twice."""
    write_atomic(folder / "metrics.csv", to_csv(rows))
    write_atomic(folder / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    write_atomic(folder / "timing.csv", to_csv(timings))


def read_timings(folder: Path, epochs: int) -> list[dict]:
    """The timings of the first epochs of a run that goes on; less the last's, if it was killed before them."""
    if not is_there(folder / "timing.csv"):
        return []
    return [row for row in read_rows(folder / "timing.csv") if row.get("epoch", 0) <= epochs]


def to_csv(rows: list[dict]) -> str:
    """Rows as CSV, columns in order of first appearance, empty where a row has none."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_environment(folder: Path, seed: int, device: str, precision: str, processes: int = 1, **more: str) -> None:
    """Versions, hardware, the package's commit and the command, for whoever repeats the run.

    Args:
        folder: the run's.
        seed: of the run.
        device, precision: that it takes.
        processes: that share each batch.
        more: what else the folder should say of itself, as in ``diagnosed="resnet"``.
    """
    environment = {
        **more,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": ["seqjepa", *without_secrets(sys.argv[1:], os.environ)],
        "commit": commit(),
        "seed": seed,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": device,
        "device_name": torch.cuda.get_device_name() if device.startswith("cuda") else processor(),
        "cpu_count": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "processes": processes,
        "precision": precision,
        "packages": {"seqjepa": seqjepa.__version__} | {name: _version(name) for name in PACKAGES},
    }
    write_atomic(folder / "environment.yaml", yaml.safe_dump(environment, sort_keys=False))


def _version(package: str) -> str | None:
    """Of an installed package; None where it was not installed as one, but put on the path."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def without_secrets(words: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The words, but what stands in an environment variable that is named like a secret is blanked."""
    secrets = [value for name, value in environment.items() if SECRET.search(name) and len(value) >= 8]
    for secret in sorted(secrets, key=len, reverse=True):
        words = [word.replace(secret, "***") for word in words]
    return list(words)


def processor() -> str:
    """The name of this machine's CPU."""
    return str(cpu_capabilities().get("cpu_name", platform.processor()))


def commit() -> str | None:
    """The commit of the checkout this package runs from, with "+changes" when it differs; None outside of one."""
    here = Path(__file__).parent
    try:
        commit = subprocess.run(
            ["git", "-C", here, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "-C", here, "status", "--porcelain", "--", "."], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+changes" if changed.strip() else "")
