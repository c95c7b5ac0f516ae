"""Do the factors' generators close under commutators, as the group's own do?"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.context import Context, answered, check_even, from_jackknife, unanswered
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.measures.generators import Generator, closure, fit_generator, random_closures
from seqjepa.diagnostics.measures.spans import principal_components
from seqjepa.diagnostics.swept import check_group, check_ordered, check_varies
from seqjepa.sweeps.sweeps import NO_SWEEP
from seqjepa.types import Factor, NotIdentifiable

SHARED = 64  # leading principal components of all factors' sweeps together, at most
ROWS = 8  # training views a component, or fewer components are kept
HELD = 0.9  # share of the variance that these must hold
LEAST = 0.05  # of the derivative that a generator must explain


def closure_estimates(context: Context) -> dict[Key, Estimate]:
    """For each pair of factors how far their commutator lies outside the span of all generators."""
    factors = context.sweeps.axes
    if len(factors) < 2:
        return {}
    try:
        found, held = _generators(context)
    except NotIdentifiable as error:
        pairs = [(f.name, g.name) for i, f in enumerate(factors) for g in factors[i + 1 :]]
        return {pair: unanswered(error) for pair in pairs}
    known = {name: g for name, g in found.items() if isinstance(g, Generator)}
    estimates: dict[Key, Estimate] = {}
    for i, f in enumerate(factors):
        for g in factors[i + 1 :]:
            missing = next((found[n] for n in (f.name, g.name) if n not in known), None)
            estimates[f.name, g.name] = answered(
                lambda f=f, g=g, m=missing: _closure(context, known, held, (f.name, g.name), m)
            )
    return estimates


def _generators(context: Context) -> tuple[dict[str, Generator | NotIdentifiable], float]:
    """Each factor's generator in principal components that all share, or why it has none, and the variance they hold.

    Raises:
        NotIdentifiable: the components hold too little of it.
    """
    train = context.first_half
    if not context.sweeps.values:
        raise NotIdentifiable(NO_SWEEP)
    swept = {name: context.sweeps.group_sweep(name).double() for name in context.sweeps.values}
    mean = torch.stack([codes[train].mean((0, 1, 2)) for codes in swept.values()]).mean(0)
    rows = [(codes[train] - mean).flatten(0, 2) for codes in swept.values()]
    rows = [of / (len(of) * len(rows)) ** 0.5 for of in rows]
    values, vectors = principal_components(rows, SHARED)
    kept = min(int((values > 1e-12 * values[0]).sum()), max(1, min(map(len, rows)) // ROWS))
    components, scale = vectors[:, :kept].flip(1), values[:kept].mean().sqrt()
    held = min(1.0, float(values[:kept].sum()) / max(1e-300, sum(float(of.square().sum()) for of in rows)))
    if held < HELD:
        raise NotIdentifiable(
            f"{kept} components hold {held:.0%} of the variance, and {HELD:.0%} are the least: commutators of what is "
            "cut off are not known"
        )
    found: dict[str, Generator | NotIdentifiable] = {}
    for factor in context.sweeps.axes:
        try:
            check_varies(context.sweeps, factor)
            check_group(factor)
            check_ordered(factor)
            check_even(context, factor)
            codes = (swept[factor.name] - mean) @ components / scale
            fitted = fit_generator(codes, _spacing(context, factor), factor.full_circle, context.split, context.seed)
            if fitted.score.value < LEAST:
                raise NotIdentifiable(
                    f"a generator explains {max(0.0, fitted.score.value):.0%} of how the representation moves"
                )
            found[factor.name] = fitted
        except NotIdentifiable as error:
            found[factor.name] = error
    return found, held


def _spacing(context: Context, factor: Factor) -> float:
    """Of the grid: radians of a circle, the logarithm of a ratio, else the factor's own unit."""
    grid: Float[Tensor, " G"] = context.sweeps.grids[factor.name].double()
    if factor.period is not None:
        return float(grid[1] - grid[0]) * 2 * math.pi / factor.period
    return float((grid.log() if factor.logarithmic else grid).diff()[0])


def _closure(
    context: Context,
    known: dict[str, Generator],
    held: float,
    pair: tuple[str, str],
    missing: Generator | NotIdentifiable | None,
) -> Estimate:
    if isinstance(missing, NotIdentifiable):
        raise missing
    f, g = pair
    names = list(known)
    i, j = names.index(f), names.index(g)
    matrices = torch.stack([known[name].matrix for name in names])
    null = random_closures(matrices, i, j, context.seed)
    left_out = torch.stack([known[name].left_out for name in names], 1)
    value = closure(matrices, i, j)
    details = {"explained": [known[f].score.value, known[g].score.value], "generators": names}
    details |= {"components": matrices.shape[-1] - 1, "variance_held": held}
    return from_jackknife(
        value, [closure(each, i, j) for each in left_out], null, "that of generators turned at random", details
    )
