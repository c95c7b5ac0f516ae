"""All figures of an encoder's sweeps, assembled into a ``Diagnosis``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.progress import track

from seqjepa.diagnostics.blocks.actions import action_figures, class_figures, content_figures, retrieval_figures
from seqjepa.diagnostics.blocks.effects import effect_figures, health_figures, leakage_figures
from seqjepa.diagnostics.blocks.group import group_figures
from seqjepa.diagnostics.blocks.subspaces import subspace_figures
from seqjepa.diagnostics.context import Case
from seqjepa.diagnostics.diagnosis import Diagnosis, Figure, Key
from seqjepa.diagnostics.measures.probes import FAMILIES
from seqjepa.sweeps import Sweeps
from seqjepa.types import InputError

FEWEST = 20  # identities
BLOCKS = {
    "effects": effect_figures,
    "subspaces": subspace_figures,
    "group": group_figures,
    "leakage": leakage_figures,
    "actions": action_figures,
    "classes": class_figures,
    "contents": content_figures,
    "retrieval": retrieval_figures,
    "health": health_figures,
}


def diagnose(
    sweeps: Sweeps,
    baselines: Mapping[str, Sweeps] | None = None,
    *,
    seed: int = 0,
    families: Sequence[str] = FAMILIES,
    skip: Sequence[str] = (),
    progress: bool = False,
) -> Diagnosis:
    """In which subspaces each factor lives, what can be read from where, and whether the code has collapsed.

    Identities are split once, by the seed: 40 % fit, 10 % choose hyperparameters, 50 % report. docs/diagnostics.md
    has every figure's definition, null and interval.

    Args:
        sweeps: of the encoder.
        baselines: of others over the same identities and poses; shown beside it.
        families: of readers in the leakage matrix: "linear", "knn", "mlp".
        skip: blocks of figures to leave out: "effects", "subspaces", "group", "leakage", "actions", "classes",
            "contents", "retrieval", "health".
        progress: show a bar.

    Raises:
        InputError: fewer than 20 identities, an unknown family or block, or baselines over other identities.
    """
    if sweeps.identities < FEWEST:
        raise InputError(f"{sweeps.identities} identities; {FEWEST} are the least for a split with intervals")
    if unknown := [family for family in families if family not in FAMILIES]:
        raise InputError(f"families: {unknown[0]!r} is not one of {', '.join(FAMILIES)}")
    if unknown := [name for name in skip if name not in BLOCKS]:
        raise InputError(f"skip: {unknown[0]!r} is not one of {', '.join(BLOCKS)}")
    for name, other in (baselines or {}).items():
        if not sweeps.same_design(other):
            raise InputError(f"baselines: {name!r} was swept over other identities or poses")
    case = Case.of(sweeps, seed, [family for family in FAMILIES if family in families])
    figures: dict[str, dict[Key, Figure]] = {}
    wanted = [name for name in BLOCKS if name not in skip]
    for name in track(wanted, "diagnosing", disable=not progress, transient=True):
        figures |= BLOCKS[name](case)
    about: dict[str, Any] = {"identities": sweeps.identities, "dim": sweeps.dim, "split_seed": seed}
    about["swept"] = ", ".join(f"{f.name} {f.low:g} to {f.high:g} {f.unit}".strip() for f in sweeps.factors)
    others = {
        name: diagnose(other, seed=seed, families=families, skip=skip, progress=progress)
        for name, other in (baselines or {}).items()
    }
    return Diagnosis(figures, dict(sweeps.about) | about, others)
