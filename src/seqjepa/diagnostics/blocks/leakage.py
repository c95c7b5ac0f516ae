"""What can be read from where, by which probe, and what is lost without a factor's subspace."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.context import NO_JOINT_DESIGN, Context, Fitted, answered, from_draws, from_ratio, unanswered
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.measures.leakage import (
    ProbeResult,
    between_identities,
    doubted,
    principal_views,
    probe_class,
    probe_factors,
    readable_drop,
)
from seqjepa.diagnostics.measures.principal import PrincipalCodes, rounding_of, without_rounding
from seqjepa.diagnostics.measures.probes import ProbeName, Rows
from seqjepa.diagnostics.views import reads
from seqjepa.types import Factor, NotIdentifiable

NULL_IS = "values permuted over identities"
CLASS_NULL = "the best constant for the test identities"
ACTIONS_GIVEN = "z_agg"  # what was made of the representation knowing the actions
CIRCULAR = NotIdentifiable("the actions are its input, so reading them from it says nothing")


@reads("joint design")
def leakage_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """What every probe reads from the representation, from each factor's subspace, and from what is left without it."""
    sweeps, sources = context.sweeps, _sources(context)
    read: dict[Key, Estimate] = {}
    scores: dict[tuple[str, str], ProbeResult] = {}
    for probe_name in context.probes:
        for source, codes in sources.items():
            if source == ACTIONS_GIVEN:
                read |= {(f.name, source, probe_name): unanswered(CIRCULAR) for f in sweeps.factors}
                read["class", source, probe_name] = answered(lambda c=codes, f=probe_name: _probe_class(context, c, f))
                continue
            principal = principal_views(codes, context.split)
            factors, results = _probe_factors(context, codes, probe_name, principal)
            read |= {(name, source, probe_name): estimate for name, estimate in factors.items()}
            if probe_name == "linear":
                scores |= {(name, source): result for name, result in results.items()}
            read["class", source, probe_name] = answered(
                lambda c=codes, f=probe_name, p=principal: _probe_class(context, c, f, p)
            )
    lost: dict[Key, Estimate] = {}
    for name in (f.name for f in sweeps.factors):
        whole, rest = scores.get((name, "z")), scores.get((name, f"without {name}"))
        if whole is None or rest is None:
            lost[name] = unanswered(NotIdentifiable("it has no subspace of its own, or no value to read"))
        else:
            lost[name] = answered(lambda w=whole, r=rest: _lost(w, r))
    return {"leakage": read, "r2_lost": lost}


def _lost(whole: ProbeResult, rest: ProbeResult) -> Estimate:
    """R² from all of z less that from the rest, of which less than nothing counts as nothing."""
    if whole.score.interval()[0] <= whole.null.quantile(0.975):
        raise NotIdentifiable("the factor is not read from z, so nothing can be lost")
    estimate = from_draws(readable_drop(whole.score, rest.score), 0.0, "a subspace that is not needed")
    better = estimate.verdict == "below its null"
    return replace(estimate, verdict="better read without its subspace") if better else estimate


def _sources(context: Context) -> dict[str, Float[Tensor, "I J _"]]:
    """z, its named parts, what was made of it, its part in each factor's subspace, and its part outside.

    A named part may bear a factor's name, as the factor's subspace does: "part rotation" beside "rotation".
    """
    joint = context.sweeps.joint
    parts = {f"part {name}": joint[..., slice(*ends)] for name, ends in context.sweeps.parts.items()}
    sources = {"z": joint, **parts, **context.sweeps.extra}
    joint = joint.double()
    for name in context.read_from:
        fitted = context.fitted[name]
        if isinstance(fitted, Fitted) and 0 < fitted.subspace.dim < context.sweeps.dim:
            u = fitted.subspace.directions()
            without = without_rounding(joint - joint @ u @ u.T, rounding_of(context.sweeps.joint))
            sources |= {name: joint @ u, f"without {name}": without}
    return sources


def _probe_factors(
    context: Context, codes: Float[Tensor, "I J D"], probe_name: ProbeName, principal: PrincipalCodes | None
) -> tuple[dict[str, Estimate], dict[str, ProbeResult]]:
    factors = {f.name: f for f in context.sweeps.factors}
    values = {name: context.sweeps.joint_of(name) for name in factors}
    targets = {name: f.kind.target(values[name]) for name, f in factors.items()}
    views = codes.shape[1]
    targets = {name: t for name, t in targets.items() if views and (t != t[0, 0]).any()}
    ask = partial(probe_factors, codes, targets, context.split, probe_name, context.seed, principal=principal)
    results = ask() if targets else {}
    constant = NotIdentifiable("the factor is constant") if views else NO_JOINT_DESIGN
    estimates = {name: unanswered(constant) for name in factors if name not in results}
    for name, result in results.items():
        spread = between_identities(targets[name])
        follows = spread > max(0.5, 3 / views)
        estimates[name] = from_ratio(
            result.score,
            result.null,
            NULL_IS,
            {"between_identities": spread, **_error(factors[name], result, values[name], context.split)},
            "the factor follows the identities: the probe may read content instead" if follows else None,
        )
    return {name: estimates[name] for name in factors}, results


def _error(factor: Factor, result: ProbeResult, values: Float[Tensor, "I J W"], split: Rows) -> dict[str, float | str]:
    """Of what has no single number to be R² of, how far off the probe is, and the best constant of those that train.

    A mean angle or distance; of levels the accuracy.
    """
    if factor.space == "number":
        return {}
    kind, true = factor.kind, values[split.test].double()
    constant = kind.constant(values[split.train].double().flatten(0, 1)).expand_as(true)
    error, ignorant = (float(kind.error(said, true).mean()) for said in (kind.read(result.said), constant))
    if factor.space == "levels":
        return {"accuracy": 1 - error, "constant": 1 - ignorant}
    return {"error": error, "constant": ignorant, "unit": kind.error_unit(factor.unit)}


def _probe_class(
    context: Context, codes: Float[Tensor, "I J D"], probe_name: ProbeName, principal: PrincipalCodes | None = None
) -> Estimate:
    result = probe_class(codes, context.sweeps.labels, context.split, probe_name, context.seed, principal)
    return from_draws(doubted(result.score), result.null, CLASS_NULL)
