"""How far each factor moves the representation, and whether it moves all identities alike."""

from __future__ import annotations

from seqjepa.diagnostics.context import Context, answered, check_varies, from_draws, from_ratio, unanswered
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.measures.variance import sensitivity, variance_shares
from seqjepa.sweeps.design import neutral_index
from seqjepa.types import Factor, NotIdentifiable

SHARES = ("content", "factor", "smooth", "residual")


def effect_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """How far each factor moves the representation, and whether it moves all images alike."""
    shares: dict[Key, Estimate] = {}
    for factor in context.sweeps.factors:
        codes = context.sweeps.values[factor.name]
        try:
            check_varies(context.sweeps, factor)
            found = variance_shares(codes, factor.full_circle)
        except NotIdentifiable as error:
            shares |= {(factor.name, share): unanswered(error) for share in SHARES}
            continue
        cells = codes.shape[0] * codes.shape[2] - 1
        nulls = {"content": (codes.shape[0] - 1) / cells, "factor": found.factor_null, "smooth": 0.0}
        for share in SHARES:
            null_is = "independent noise" if share in nulls else ""
            shares[factor.name, share] = from_draws(getattr(found, share), nulls.get(share), null_is)
    moved: dict[Key, Estimate] = {
        factor.name: answered(lambda f=factor: _sensitivity(context, f)) for factor in context.sweeps.factors
    }
    return {"sensitivity": moved, "variance_shares": shares}


def _sensitivity(context: Context, factor: Factor) -> Estimate:
    check_varies(context.sweeps, factor)
    neutral = neutral_index(factor, context.sweeps.grids[factor.name])
    if neutral is None:
        raise NotIdentifiable("the range does not contain the neutral pose")
    return from_ratio(
        sensitivity(context.sweeps.values[factor.name], neutral), 1.0, "an unrelated image's representation"
    )
