"""From sweeps to diagnoses: each layer, then each baseline beside the layers, saved as they come."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from seqjepa.diagnostics import Diagnosis, diagnose
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.diagnosis import without
from seqjepa.diagnostics.guard import Guard
from seqjepa.diagnostics.ideals import OF_IDEALS, ideal_values
from seqjepa.sweeps import Sweeps
from seqjepa.types import InputError, OutOfMemory
from seqjepa.types.foreign import foreign_code
from seqjepa.workflows.home import Home

LOG = logging.getLogger(__name__)
FAILURES = (InputError, OutOfMemory)  # what costs a baseline, or a layer of several, and nothing else


def diagnosed_beside(
    swept: Mapping[str, Sweeps],
    baselines: Mapping[str, Callable[[], Mapping[str, Sweeps]]],
    left_out: Mapping[str, str],
    home: Home,
    asked: Mapping[str, Any],
) -> dict[str, Diagnosis]:
    """Each layer's diagnosis, saved as soon as it is known; then one baseline after the other beside it.

    A baseline that fails is left out; ``metadata["left_out"]`` says why.

    Args:
        swept: by layer.
        baselines: by name, what sweeps them; layers that one does not have are held against its "z".
        left_out: baselines that are there no more, with the reason.
        home: where everything is saved.
        asked: keywords of ``diagnose``.
    """
    blocks = {name: block for name, block in BLOCKS.items() if name not in asked["skip"]}
    # Known representations are diagnosed once for the design, which layers and baselines share.
    unknown = Guard(OF_IDEALS)
    design = next(iter(swept.values()))
    ideals = unknown.tried("all blocks", lambda: ideal_values(design, asked["seed"], blocks, unknown))
    asked = {**asked, "ideals": ideals or {}}
    reasons, found = {**left_out, **unknown.left_out}, {}
    for place, (layer, sweeps) in enumerate(swept.items()):
        try:
            with foreign_code(f"layer {layer}") if len(swept) > 1 else nullcontext():
                found[layer] = without(diagnose(sweeps, **asked), reasons)
        except FAILURES as error:
            if place == len(swept) - 1 and not found:
                raise  # nothing stands
            LOG.warning("left out: layer %s: %s", layer, error)
            reasons[f"layer {layer}"] = str(error)
            found = {name: without(diagnosis, reasons) for name, diagnosis in found.items()}
        for name in found if reasons else [layer]:
            home.save_diagnosis(name, found[name])
    for name, sweep in baselines.items():
        try:
            with foreign_code(f"baseline {name!r}"):
                other = sweep()
                beside = {layer: diagnose(other.get(layer) or other["z"], **asked) for layer in found}
        except FAILURES as error:
            LOG.warning("no baseline %r: %s", name, error)
            found = {layer: without(diagnosis, {name: str(error)}) for layer, diagnosis in found.items()}
        else:
            found = {
                layer: replace(diagnosis, baselines={**diagnosis.baselines, name: beside[layer]})
                for layer, diagnosis in found.items()
            }
        for layer, diagnosis in found.items():
            home.save_diagnosis(layer, diagnosis)
    return {layer: without(diagnosis, home.unsaved) for layer, diagnosis in found.items()}
