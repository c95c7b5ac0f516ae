"""All estimates of an encoder's sweeps, assembled into a ``Diagnosis``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from rich.progress import track
from torch import Tensor

from seqjepa.diagnostics.blocks.actions import action_estimates, class_estimates, content_estimates, retrieval_estimates
from seqjepa.diagnostics.blocks.effects import effect_estimates, health_estimates, leakage_estimates
from seqjepa.diagnostics.blocks.group import group_estimates
from seqjepa.diagnostics.blocks.subspaces import subspace_estimates
from seqjepa.diagnostics.context import Context, Fitted, rounded
from seqjepa.diagnostics.diagnosis import DIRECTIONS, Diagnosis, Split
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.measures.probes import PROBES
from seqjepa.sweeps import Sweeps
from seqjepa.types import InputError

FEWEST = 20  # identities
BLOCKS = {
    "effects": effect_estimates,
    "subspaces": subspace_estimates,
    "group": group_estimates,
    "leakage": leakage_estimates,
    "actions": action_estimates,
    "classes": class_estimates,
    "contents": content_estimates,
    "retrieval": retrieval_estimates,
    "health": health_estimates,
}


def diagnose(
    sweeps: Sweeps,
    baselines: Mapping[str, Sweeps] | None = None,
    *,
    seed: int = 0,
    probes: Sequence[str] = PROBES,
    skip: Sequence[str] = (),
    progress: bool = False,
) -> Diagnosis:
    """In which subspaces each factor lives, what can be read from where, and whether the code has collapsed.

    Identities are split once, by the seed: 40 % fit, 10 % choose hyperparameters, 50 % report. docs/diagnostics.md
    has every estimate's definition, null and interval.

    Args:
        sweeps: of the encoder.
        baselines: of others over the same identities and poses; shown beside it.
        probes: of probes in the leakage matrix: "linear", "knn", "mlp".
        skip: blocks of estimates to leave out: "effects", "subspaces", "group", "leakage", "actions", "classes",
            "contents", "retrieval", "health".
        progress: show a bar.

    Raises:
        InputError: fewer than 20 identities, an unknown probe_name or block, or baselines over other identities.
    """
    if sweeps.identities < FEWEST:
        raise InputError(f"{sweeps.identities} identities; {FEWEST} are the least for a split with intervals")
    if unknown := [probe_name for probe_name in probes if probe_name not in PROBES]:
        raise InputError(f"probes: {unknown[0]!r} is not one of {', '.join(PROBES)}")
    if unknown := [name for name in skip if name not in BLOCKS]:
        raise InputError(f"skip: {unknown[0]!r} is not one of {', '.join(BLOCKS)}")
    for name, other in (baselines or {}).items():
        if not sweeps.same_design(other):
            raise InputError(f"baselines: {name!r} was swept over other identities or poses")
    context = Context.of(sweeps, seed, [probe_name for probe_name in PROBES if probe_name in probes])
    estimates: dict[str, dict[Key, Estimate]] = {}
    wanted = [name for name in BLOCKS if name not in skip]
    for name in track(wanted, "diagnosing", disable=not progress, transient=True):
        estimates |= BLOCKS[name](context)
    metadata: dict[str, Any] = {"identities": sweeps.identities, "dim": sweeps.dim, "split_seed": seed}
    metadata["swept"] = ", ".join(f"{f.name} {f.low:g} to {f.high:g} {f.unit}".strip() for f in sweeps.factors)
    others = {
        name: diagnose(other, seed=seed, probes=probes, skip=skip, progress=progress)
        for name, other in (baselines or {}).items()
    }
    split = Split(*(tuple(part.nonzero()[:, 0].tolist()) for part in context.parts))
    return Diagnosis(estimates, dict(sweeps.metadata) | metadata, others, split, _subspaces(context))


def _subspaces(context: Context) -> dict[str, Float[Tensor, "D K"]]:
    """Each factor's leading directions, to the digits that a file keeps."""
    found = {}
    for name, fitted in context.fitted.items():
        if isinstance(fitted, Fitted):
            basis = fitted.subspace.directions(min(context.sweeps.dim, DIRECTIONS))
            found[name] = torch.tensor(rounded(basis.flatten()), dtype=torch.float64).reshape(basis.shape)
    return found
