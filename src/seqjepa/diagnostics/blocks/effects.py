"""How far each factor moves the representation, whether it moves all identities alike, and all by as much."""

from __future__ import annotations

from typing import Any

import torch

from seqjepa.diagnostics.context import Context, answered, from_draws, from_ratio, rounded, told, unanswered
from seqjepa.diagnostics.estimate import Estimate, Key, Samples
from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.diagnostics.measures.movements import Movement, heterogeneity, level_movement, movement
from seqjepa.diagnostics.measures.variance import sensitivity, variance_shares
from seqjepa.diagnostics.swept import check_ordered, check_varies, grid_of
from seqjepa.diagnostics.views import reads
from seqjepa.sweeps.design import neutral_index
from seqjepa.types import Factor, NotIdentifiable

SHARES = ("content", "factor", "smooth", "residual")
MIXTURE = "some images move, others do not"
LEAST_STILL = 0.2  # share of the images that must stand still for it to be a mixture
CLASSES = 50  # with an estimate of their own at most
PERMUTED = "what a permuted grid gives"


@reads()
def effect_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """How far each factor moves the representation, whether it moves all images alike, and all by as much."""
    factors = context.sweeps.axes
    shares: dict[Key, Estimate] = {}
    for factor in factors:
        shares |= {(factor.name, share): estimate for share, estimate in _shares(context, factor).items()}
    return {
        "sensitivity": {factor.name: answered(lambda f=factor: _sensitivity(context, f)) for factor in factors},
        "heterogeneity": {factor.name: answered(lambda f=factor: _heterogeneity(context, f)) for factor in factors},
        "variance_shares": shares,
    }


def _shares(context: Context, factor: Factor) -> dict[str, Estimate]:
    try:
        check_varies(context.sweeps, factor)
        grid = grid_of(context.sweeps, factor) if factor.ordered else (None, None)
        found = variance_shares(context.sweeps.values[factor.name], *grid)
    except NotIdentifiable as error:
        return dict.fromkeys(SHARES, unanswered(error))
    split = _not_split(context, factor, found.too_fast)
    return {
        "content": from_draws(found.content, found.content_null, "what permuted identities give"),
        "factor": from_draws(found.factor, found.factor_null, PERMUTED),
        "smooth": split or from_draws(found.smooth, 0.0, "none"),
        "residual": split or from_draws(found.residual),
    }


def _not_split(context: Context, factor: Factor, too_fast: bool) -> Estimate | None:
    """Why the interaction is not split in two."""
    try:
        check_ordered(factor)
    except NotIdentifiable as error:
        return unanswered(error)
    if not too_fast:
        return None
    count = len(context.sweeps.grids[factor.name])
    return unanswered(
        NotIdentifiable(f"the representation changes faster from value to value than a grid of {count} values can tell")
    )


def _sensitivity(context: Context, factor: Factor) -> Estimate:
    check_varies(context.sweeps, factor)
    neutral = neutral_index(factor, context.sweeps.grids[factor.name]) if factor.ordered else None
    if neutral is None and factor.ordered:
        raise NotIdentifiable("the range does not contain the neutral pose")
    found = sensitivity(context.sweeps.values[factor.name], neutral)
    # A class's own movement over the distance between any two images, so that classes compare.
    of_class = _by_class(context, Ratio(found.numerator, found.denominator.mean().expand_as(found.numerator)))
    return from_ratio(found, 1.0, "the distance to another image", {"by_class": of_class} if of_class else {})


def _heterogeneity(context: Context, factor: Factor) -> Estimate:
    """Over all identities; nothing is fitted. In details how much each class moves, over the mean of all."""
    moved = movement_of(context, factor)
    found = heterogeneity(moved.halves, context.seed)
    details: dict[str, Any] = {"still": found.still, "alike": moved.alike}
    if of_class := _by_class(context, Ratio(moved.energy, moved.energy.mean().expand_as(moved.energy))):
        details["by_class"] = of_class
    samples = Samples(resampled=tuple(rounded(found.draws)))
    estimate = told(found.value, samples, found.null, "all alike but for noise", details)
    differ = MIXTURE if found.still >= LEAST_STILL else "images move by different amounts"
    said = {"above its null": differ, "at its null": "all alike within noise"}
    return told(found.value, samples, found.null, "all alike but for noise", details, said.get(estimate.verdict))


def movement_of(context: Context, factor: Factor) -> Movement:
    """How much the factor moves each identity. Raises NotIdentifiable as ``movement`` and ``level_movement`` do."""
    check_varies(context.sweeps, factor)
    swept = context.sweeps.values[factor.name]
    return movement(swept, *grid_of(context.sweeps, factor)) if factor.ordered else level_movement(swept)


def _by_class(context: Context, terms: Ratio) -> dict[str, list[float]]:
    """For each class the value and its interval; none where classes are unknown, one alone, or of one identity."""
    labels = context.sweeps.labels
    known = labels[labels >= 0].unique().tolist()
    if not 1 < len(known) <= CLASSES:
        return {}
    found = {}
    for label in known:
        where = labels == label
        if int(where.sum()) > 1:
            own = Ratio(terms.numerator[where], terms.denominator[where])
            found[str(label)] = rounded(torch.tensor([own.value, *own.interval()]))
    return found
