"""Does a factor act linearly and as a group, and what shape are its orbits?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.blocks.closure import closure_estimates
from seqjepa.diagnostics.blocks.effects import LEAST_STILL, MIXTURE, PERMUTED, movement_of
from seqjepa.diagnostics.context import Context, Fitted, answered, check_even, from_jackknife, from_ratio, rounded
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.measures.group_law import (
    composition_error,
    drift,
    folded,
    frequencies,
    inverse_error,
    orthogonality_defect,
)
from seqjepa.diagnostics.measures.movements import heterogeneity
from seqjepa.diagnostics.measures.operators import LinearOperator, left_out_operators, linear_operator, network_operator
from seqjepa.diagnostics.measures.orbits import intrinsic_bound, orbit_share, orbit_spectrum
from seqjepa.diagnostics.measures.spans import principal_components
from seqjepa.diagnostics.swept import check_group, check_varies
from seqjepa.diagnostics.views import reads
from seqjepa.types import Factor, NotIdentifiable

DIMENSIONS = 64  # leading principal components in which operators are fitted
LEAST = 0.05  # what a network must explain at least, or there is nothing to explain
SHOWN = 8  # frequencies that are kept


@reads("group sweeps")
def group_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """Linear operators with what a network makes of it, the group's laws, frequencies, orbits, generators."""
    metrics = ("operator", "composition", "inverse", "orthogonality", "frequency", "drift")
    estimates: dict[str, dict[Key, Estimate]] = {metric: {} for metric in metrics}
    estimates |= {metric: {} for metric in ("orbit_share", "orbit_leading", "orbit_aspect")}
    for factor in context.sweeps.axes:
        name = factor.name
        found = _fitted(context, factor)
        estimates["orbit_share"][name] = answered(lambda f=factor: _orbit_share(context, f))
        questions = [("operator", _operator), ("composition", _composition), ("inverse", _inverse)]
        questions += [("orthogonality", _orthogonality)]
        questions += [("frequency", _frequency), ("drift", _drift)] if factor.period is not None else []
        for metric, ask in questions:
            estimates[metric][name] = answered(
                lambda f=found, of=factor, ask=ask: ask(context, _sensible(context, f, of), of)
            )
        if factor.period is not None:
            estimates["orbit_leading"][name] = answered(lambda f=factor: _orbit(context, f, aspect=False))
            estimates["orbit_aspect"][name] = answered(lambda f=factor: _orbit(context, f, aspect=True))
    estimates["closure"] = closure_estimates(context)
    return {metric: of for metric, of in estimates.items() if of}


@dataclass(frozen=True)
class _Fitted:
    """A factor's operators in leading principal components, and how much of the variance these hold.

    Attributes:
        codes: in these components.
        components: (D, E).
    """

    operator: LinearOperator
    network: float
    codes: Float[Tensor, "I P G E"]
    components: Float[Tensor, "D E"]
    held: float


def _fitted(context: Context, factor: Factor) -> _Fitted | NotIdentifiable:
    try:
        check_varies(context.sweeps, factor)
        check_group(factor)
        check_even(context, factor)
        codes, components, held = _reduced(context.sweeps.group_sweep(factor.name), context.first_half)
        operator = linear_operator(codes, factor.full_circle, context.split)
        network = operator.score.value
        if context.networks:
            network = network_operator(codes, factor.full_circle, context.split, context.seed)
        return _Fitted(operator, network, codes, components, held)
    except NotIdentifiable as error:
        return error


def _reduced(codes: Float[Tensor, "I P G D"], train: Tensor) -> tuple[Tensor, Float[Tensor, "D E"], float]:
    """Representations in the leading principal components of the training ones, these, and the variance they hold."""
    z = codes.double()
    mean = z[train].mean((0, 1, 2))
    flat = (z[train] - mean).flatten(0, 2)
    values, components = principal_components([flat], DIMENSIONS)
    components = components.flip(1)
    return (z - mean) @ components, components, min(1.0, float(values.sum() / flat.square().sum().clamp(min=1e-300)))


def _operator(context: Context, found: _Fitted, factor: Factor) -> Estimate:
    """Its verdict says which ideal the representation is closer to: additive, linear, neither, or a mixture.

    Linear is what reaches half of what can be reached: by a linear action in as much noise, or by a network.
    """
    score, ceiling = found.operator.score, found.operator.ceiling
    details = {"network": found.network, "ceiling": ceiling, "dimensions": found.codes.shape[-1]}
    details |= {"variance_held": found.held}
    verdict = "far from linear"
    if score.value >= 0.5 * max(ceiling, found.network):
        verdict = "linear, but not alike for all images"
    try:
        moved = movement_of(context, factor)
    except NotIdentifiable:
        pass  # a grid too coarse to tell how images move: the operator alone is judged
    else:
        details["alike"] = moved.alike
        if heterogeneity(moved.halves, context.seed).still >= LEAST_STILL:
            verdict = MIXTURE
        elif verdict != "far from linear" and moved.alike >= 0.5:
            verdict = "additive: it moves all images alike"
    return from_ratio(score, 0.0, "an operator that does not know the step", details, verdict)


def _sensible(context: Context, found: _Fitted | NotIdentifiable, factor: Factor) -> _Fitted:
    """Raises where even the network explains next to nothing, or where nothing of the factor stands above noise.

    With few images the better of two fits explains a twentieth of pure noise now and then.
    """
    if isinstance(found, NotIdentifiable):
        raise found
    best = max(found.network, found.operator.score.value)
    if best < LEAST:
        raise NotIdentifiable(
            f"nothing to act on: even a network explains {max(0.0, best):.0%} of where the representation goes"
        )
    own = context.fitted[factor.name]
    if isinstance(own, Fitted) and not own.subspace.dim and found.operator.score.interval()[0] <= 0:
        raise NotIdentifiable("nothing to act on: no direction of the factor stands above noise")
    return found


def _composition(context: Context, found: _Fitted, factor: Factor) -> Estimate:
    error = composition_error(found.operator, found.codes[context.split.test], factor.full_circle)
    return from_ratio(error, verdict="")


def _inverse(context: Context, found: _Fitted, factor: Factor) -> Estimate:
    return from_ratio(inverse_error(found.operator, found.codes[context.split.test]), verdict="")


def _orthogonality(context: Context, found: _Fitted, factor: Factor) -> Estimate:
    """Of the smallest step, in the factor's own subspace."""
    own = context.fitted[factor.name]
    if not isinstance(own, Fitted) or not own.subspace.dim:
        raise NotIdentifiable("no direction stands above noise")
    basis = torch.linalg.qr(found.components.T @ own.subspace.directions()[:, : found.codes.shape[-1]]).Q
    scale = float((found.codes[context.first_half] @ basis).square().mean().sqrt())
    operator = found.operator
    value = orthogonality_defect(operator.weights[1], operator.offset[1], basis, scale)
    left_out = [orthogonality_defect(*pair, basis, scale) for pair in _left_out(context, found, factor)]
    grid = context.sweeps.grids[factor.name]
    details = {"step": float(grid[1] / grid[0] if factor.logarithmic else grid[1] - grid[0]), "k": basis.shape[1]}
    return from_jackknife(value, left_out, details=details)


def _left_out(context: Context, found: _Fitted, factor: Factor) -> list[tuple[Tensor, Tensor]]:
    return left_out_operators(
        found.codes, factor.full_circle, context.split.train, 1, found.operator.penalty, context.seed
    )


def _frequency(context: Context, found: _Fitted, factor: Factor) -> Estimate:
    """The energy's mean distance from whole frequencies; those with most energy stand in the details."""
    _check_circle(factor)
    step = 2 * math.pi / found.codes.shape[2]
    codes = found.codes[context.split.test].flatten(0, 2)
    turning = frequencies(found.operator.weights[1], codes, step)
    left_out = [frequencies(weights, codes, step).from_integers for weights, _ in _left_out(context, found, factor)]
    fold = folded(turning.frequency, turning.energy, found.codes.shape[2])
    details = {"frequency": rounded(turning.frequency[:SHOWN]), "energy": rounded(turning.energy[:SHOWN])}
    null = turning.by_chance(context.seed)
    return from_jackknife(
        turning.from_integers, left_out, null, "that of random frequencies", details | fold.details, fold.verdict
    )


def _drift(context: Context, found: _Fitted, factor: Factor) -> Estimate:
    _check_circle(factor)
    return from_ratio(drift(found.operator, found.codes[context.split.test]), 1.0, "that of going to the mean")


def _orbit_share(context: Context, factor: Factor) -> Estimate:
    """With the bound that the images' own slants set, where these were measured."""
    check_varies(context.sweeps, factor)
    found = orbit_share(context.sweeps.values[factor.name], context.first_half)
    angles, details = context.sweeps.intrinsic_pose.get(factor.name), {}
    if angles is not None:
        bound = intrinsic_bound(angles, context.sweeps.grids[factor.name].deg2rad(), context.first_half)
        details = {"bound": bound.value, "bound_interval": list(bound.interval())}
    return from_ratio(found.share, found.null, PERMUTED, details)


def _orbit(context: Context, factor: Factor, aspect: bool) -> Estimate:
    check_varies(context.sweeps, factor)
    check_group(factor)
    _check_circle(factor)
    check_even(context, factor)
    found = orbit_spectrum(context.sweeps.values[factor.name][context.split.test])
    energy = [part.value for part in found.energy]
    # What all frequencies have alike is noise's, and no frequency's.
    above = torch.tensor(energy) - min(energy)
    fold = folded(torch.arange(1.0, len(energy) + 1), above, len(context.sweeps.grids[factor.name]))
    details = {"leading": found.leading, "energy": energy[:SHOWN]} | fold.details
    if not aspect:
        leading = found.energy[found.leading - 1]
        return from_ratio(leading, found.null, f"at the leading frequency of {PERMUTED}", details, fold.verdict)
    flat = found.aspect.value < 0.5
    return from_ratio(found.aspect, details=details, verdict="an ellipse, not a circle" if flat else "")


def _check_circle(factor: Factor) -> None:
    if not factor.full_circle:
        raise NotIdentifiable("it needs the full circle")
