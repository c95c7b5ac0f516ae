"""A diagnosis of representations that are there already: nothing is encoded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.assembly import check_options
from seqjepa.diagnostics.metric import Metric
from seqjepa.sweeps.arrays import load_sweeps
from seqjepa.types import InputError
from seqjepa.types.checking import check_whole
from seqjepa.workflows.asked import check_lists, check_metrics
from seqjepa.workflows.beside import diagnosed_beside
from seqjepa.workflows.home import Home


def diagnose_sweeps(
    path: str | Path,
    baselines: Sequence[str | Path] = (),
    *,
    probes: Sequence[str] = ("linear",),
    skip: Sequence[str] = (),
    metrics: Sequence[Metric] = (),
    seed: int = 0,
    folder: str | Path | None = None,
    progress: bool = True,
) -> dict[str, Diagnosis]:
    """The diagnosis of representations that are there already: saved sweeps, or an archive of arrays.

    Args:
        path: a sweeps.safetensors, or a .npz archive; see ``load_sweeps``.
        baselines: files of others over the same identities and poses.
        probes: of "linear", "knn", "mlp".
        skip: blocks of estimates to leave out, see ``diagnose``.
        metrics: of one's own, see ``diagnose``.
        seed: of the split into training, validation and test identities.
        folder: for diagnosis.json and environment.yaml; None saves nothing.
        progress: show a bar.

    Returns:
        One diagnosis, called "z".

    Raises:
        InputError: a file that is missing or cannot be read, or what ``diagnose`` refuses.
    """
    check_lists(probes=probes, skip=skip)
    check_whole("seed", seed)
    check_metrics(metrics)
    check_options(probes, skip, metrics)
    sweeps = load_sweeps(path)
    beside = {name: load_sweeps(other) for name, other in _told_apart(baselines).items()}
    for name, other in beside.items():
        if not sweeps.same_design(other):
            raise InputError(f"baselines: {name!r} was swept over other identities or poses")
    whose = str(sweeps.metadata.get("encoder", Path(path).name))
    home = Home(folder, whose, kept=[path, *baselines], sweeps=path)
    home.begin(seed, "cpu")
    asked: dict[str, Any] = dict(seed=seed, probes=probes, skip=skip, metrics=metrics, progress=progress)
    others = {name: lambda other=other: {"z": other} for name, other in beside.items()}
    return diagnosed_beside({"z": sweeps}, others, {}, home, asked)


def _told_apart(paths: Sequence[str | Path]) -> dict[str, Path]:
    """Files by name, with their folder's where two have the same one."""
    stems = [Path(path).stem for path in paths]
    return {
        stem if stems.count(stem) == 1 else str(Path(path).with_suffix("")): Path(path)
        for stem, path in zip(stems, paths, strict=True)
    }
