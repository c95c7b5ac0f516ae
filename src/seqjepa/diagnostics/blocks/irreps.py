"""Which irreps of SO(2) a code carries under a factor that goes round a full circle, and what of it is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from seqjepa.diagnostics.context import Context, answered, check_even, from_draws, from_ratio, unanswered
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.measures.bootstrap import Resampled
from seqjepa.diagnostics.measures.fourier import OrbitFourier, orbit_fourier
from seqjepa.diagnostics.measures.irreps import Irreps, fit_irreps, still_multiplicity
from seqjepa.diagnostics.measures.irreps_error import PredictionErrors, prediction_errors
from seqjepa.diagnostics.swept import check_group, check_varies
from seqjepa.diagnostics.views import reads
from seqjepa.types import Factor, NotIdentifiable

AT_LEAST = "at least so many: these images show no more"
SHOWN = 8  # the highest frequency that is told
METRICS = ("irreps", "no_representation", "pixel_grid")


@reads()
def irreps_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """For every cyclic factor its irreps' multiplicities, what is no representation, and what the pixel grid mixes."""
    estimates: dict[str, dict[Key, Estimate]] = {metric: {} for metric in METRICS}
    for factor in context.sweeps.axes:
        if factor.period is None:
            continue
        name = factor.name
        try:
            fitted, first, second = _fitted(context, factor)
        except NotIdentifiable as error:
            estimates["irreps"] |= {(name, f"k{k}"): unanswered(error) for k in range(SHOWN + 1)}
            estimates["no_representation"][name] = estimates["pixel_grid"][name] = unanswered(error)
            continue
        errors = _errors(fitted, second)
        estimates["irreps"] |= _multiplicities(name, fitted, first, second, errors)
        estimates["no_representation"][name] = answered(lambda e=errors, f=second: _no_representation(e(), f))
        estimates["pixel_grid"][name] = answered(lambda e=errors: _pixel_grid(e()))
    return {metric: of for metric, of in estimates.items() if of}


def _fitted(context: Context, factor: Factor) -> tuple[Irreps, OrbitFourier, OrbitFourier]:
    check_varies(context.sweeps, factor)
    check_group(factor)
    if not factor.full_circle:
        raise NotIdentifiable("it needs the full circle")
    check_even(context, factor)
    found = orbit_fourier(context.sweeps.values[factor.name], context.first_half)
    first, second = found.part(context.first_half), found.part(context.split.test)
    return fit_irreps(first, second), first, second


def _errors(fitted: Irreps, second: OrbitFourier) -> Callable[[], PredictionErrors]:
    """The errors, computed once; or raises each time why there are none."""
    try:
        found = prediction_errors(fitted, second)
    except NotIdentifiable as error:
        reason = error

        def refuse() -> PredictionErrors:
            raise reason

        return refuse
    return lambda: found


def _multiplicities(
    name: str, fitted: Irreps, first: OrbitFourier, second: OrbitFourier, errors: Callable[[], PredictionErrors]
) -> dict[Key, Estimate]:
    limits = {"components": first.values.shape[-1], "variance_held": first.held}
    still, draws = still_multiplicity(fitted, first, second)
    told: dict[Key, Estimate] = {(name, "k0"): _counted(Resampled(still, draws), first.most_directions(0), limits)}
    for k in range(1, SHOWN + 1):
        if k not in first.candidates:
            reason = f"{first.noise_from - 1} is the highest frequency that this grid tells from noise"
            told[name, f"k{k}"] = Estimate(None, reason=reason)
            continue
        details = limits | {"rank": fitted.rank[k]}
        try:
            details["energy"] = errors().energy[k - 1].value
        except NotIdentifiable:
            details["energy"] = 0.0
        found = Resampled(fitted.multiplicity(k), fitted.passed[k])
        told[name, f"k{k}"] = _counted(found, first.most_directions(k), details)
    return told


def _counted(found: Resampled, most: int, details: dict[str, Any]) -> Estimate:
    """A multiplicity; one that is as high as these images can show may be higher."""
    estimate = from_draws(found, 0.0, "noise", details | {"at_most": most})
    full = found.value == most < details["components"]
    return replace(estimate, verdict=AT_LEAST) if full else estimate


def _no_representation(errors: PredictionErrors, second: OrbitFourier) -> Estimate:
    details = {
        "content": errors.content.value,
        "noise": errors.noise.value,
        "energy": [part.value for part in errors.energy],
        "highest": second.noise_from - 1,
    }
    return from_ratio(errors.total, 1.0, "a representation that stays", details)


def _pixel_grid(errors: PredictionErrors) -> Estimate:
    elsewhere: torch.Tensor = errors.elsewhere.resampled()
    return from_ratio(errors.pixel_grid, elsewhere, "as much as into other frequencies")
