"""Rows 10 to 13 of a diagnosis: does a factor act linearly and as a group, and what shape are its orbits?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.case import Case, answered, check_varies, from_ratio, rounded
from seqjepa.diagnostics.diagnosis import Figure, Key
from seqjepa.diagnostics.operator import (
    LinearOperator,
    composition_error,
    frequencies,
    inverse_error,
    linear_operator,
    network_operator,
)
from seqjepa.diagnostics.orbit import orbit_spectrum
from seqjepa.types import Factor, NotIdentifiable

DIMENSIONS = 64  # leading principal components in which operators are fitted
LEAST = 0.05  # what a network must explain at least, or there is nothing to explain
SHOWN = 8  # frequencies that are kept


def group_figures(case: Case) -> dict[str, dict[Key, Figure]]:
    """Linear operators with what a network makes of it, composition and inverse, frequencies, orbits' spectra."""
    figures: dict[str, dict[Key, Figure]] = {
        metric: {} for metric in ("operator", "composition", "inverse", "frequency", "orbit_leading", "orbit_aspect")
    }
    for factor in case.sweeps.factors:
        name = factor.name
        found = _fitted(case, factor)
        figures["operator"][name] = answered(lambda f=found: _operator(f))
        questions = [("composition", _composition), ("inverse", _inverse)]
        questions += [("frequency", _frequency)] if factor.period is not None else []
        for metric, ask in questions:
            figures[metric][name] = answered(lambda f=found, of=factor, ask=ask: ask(case, _sensible(f), of))
        if factor.period is not None:
            figures["orbit_leading"][name] = answered(lambda f=factor: _orbit(case, f, aspect=False))
            figures["orbit_aspect"][name] = answered(lambda f=factor: _orbit(case, f, aspect=True))
    return {metric: of for metric, of in figures.items() if of}


@dataclass(frozen=True)
class _Fitted:
    """A factor's operators in leading principal components, and how much of the variance these hold."""

    operator: LinearOperator
    network: float
    codes: Float[Tensor, "I P G D"]
    held: float


def _fitted(case: Case, factor: Factor) -> _Fitted | NotIdentifiable:
    try:
        check_varies(case.sweeps, factor)
        _check_even(case, factor)
        codes, held = _reduced(case.sweeps.values[factor.name], case.first_half)
        operator = linear_operator(codes, factor.full_circle, case.parts)
        return _Fitted(operator, network_operator(codes, factor.full_circle, case.parts, case.seed), codes, held)
    except NotIdentifiable as error:
        return error


def _reduced(codes: Float[Tensor, "I P G D"], fit: Tensor) -> tuple[Float[Tensor, "I P G E"], float]:
    """The codes in the leading principal components of those that fit."""
    z = codes.double()
    mean = z[fit].mean((0, 1, 2))
    flat = (z[fit] - mean).flatten(0, 2)
    values, vectors = torch.linalg.eigh(flat.T @ flat)
    kept = min(DIMENSIONS, z.shape[-1])
    return (z - mean) @ vectors[:, -kept:], float(values[-kept:].sum() / values.sum().clamp(min=1e-300))


def _operator(found: _Fitted | NotIdentifiable) -> Figure:
    fitted = _sensible(found)
    details = {"network": fitted.network, "dimensions": fitted.codes.shape[-1], "variance_held": fitted.held}
    return from_ratio(fitted.operator.score, 0.0, "the code stays, or goes to the mean", details)


def _sensible(found: _Fitted | NotIdentifiable) -> _Fitted:
    """Raises where even the network explains next to nothing."""
    if isinstance(found, NotIdentifiable):
        raise found
    best = max(found.network, found.operator.score.value)
    if best < LEAST:
        raise NotIdentifiable(f"even a network explains {max(0.0, best):.0%} of where the code goes")
    return found


def _composition(case: Case, found: _Fitted, factor: Factor) -> Figure:
    error = composition_error(found.operator, found.codes[case.parts[2]], factor.full_circle)
    return from_ratio(error, verdict="")


def _inverse(case: Case, found: _Fitted, factor: Factor) -> Figure:
    return from_ratio(inverse_error(found.operator, found.codes[case.parts[2]]), verdict="")


def _frequency(case: Case, found: _Fitted, factor: Factor) -> Figure:
    """The energy's mean distance from whole frequencies; those with most energy stand in the details."""
    _check_circle(factor)
    step = 2 * math.pi / found.codes.shape[2]
    turning = frequencies(found.operator.weights[1], found.codes[case.parts[2]].flatten(0, 2), step)
    details = {"frequency": rounded(turning.frequency[:SHOWN]), "energy": rounded(turning.energy[:SHOWN])}
    return Figure(turning.from_integers, None, 0.25, "any frequencies", details=details)


def _orbit(case: Case, factor: Factor, aspect: bool) -> Figure:
    check_varies(case.sweeps, factor)
    _check_circle(factor)
    _check_even(case, factor)
    found = orbit_spectrum(case.sweeps.values[factor.name][case.parts[2]])
    energy = [part.value for part in found.energy]
    details = {"leading": found.leading, "energy": energy[:SHOWN]}
    if not aspect:
        return from_ratio(found.energy[found.leading - 1], 1 / len(energy), "equal energies", details)
    figure = from_ratio(found.aspect, details=details)
    flat = figure.value is not None and figure.value < 0.5
    return from_ratio(found.aspect, details=details, verdict="an ellipse, not a circle" if flat else "")


def _check_even(case: Case, factor: Factor) -> None:
    grid = case.sweeps.grids[factor.name].double()
    steps = (grid.log() if factor.logarithmic else grid).diff()
    if (steps - steps.mean()).abs().max() > 1e-6 * steps.mean().abs():
        raise NotIdentifiable("the grid is not evenly spaced")


def _check_circle(factor: Factor) -> None:
    if not factor.full_circle:
        raise NotIdentifiable("it needs the full circle")
