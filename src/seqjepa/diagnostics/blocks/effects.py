"""Rows 1, 2, 6 and 14 of a diagnosis: what a factor does to the code, what can be read from where, and health."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.context import (
    Context,
    Fitted,
    answered,
    check_varies,
    from_draws,
    from_ratio,
    rounded,
    unanswered,
)
from seqjepa.diagnostics.estimate import Estimate, Key, Samples
from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.diagnostics.measures.health import jackknife_groups, lidar, offset_share, ranks, two_nn, two_nn_interval
from seqjepa.diagnostics.measures.leakage import between_identities, factor_targets, probe_class, probe_factors
from seqjepa.diagnostics.measures.probes import ProbeName
from seqjepa.diagnostics.measures.variance import sensitivity, variance_shares
from seqjepa.sweeps.design import identity_index
from seqjepa.types import Factor, NotIdentifiable

NO_JOINT_DESIGN = NotIdentifiable("the sweeps hold no joint design")
ACTIONS_GIVEN = "z_agg"  # what was made of the code knowing the actions
CIRCULAR = NotIdentifiable("the actions are its input, so result them from it says nothing")
PARTS = ("content", "factor", "smooth", "residual")


def effect_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """How far each factor moves the code, and whether it moves all images alike."""
    shares: dict[Key, Estimate] = {}
    for factor in context.sweeps.factors:
        codes = context.sweeps.values[factor.name]
        try:
            check_varies(context.sweeps, factor)
            found = variance_shares(codes, factor.full_circle)
        except NotIdentifiable as error:
            shares |= {(factor.name, part): unanswered(error) for part in PARTS}
            continue
        cells = codes.shape[0] * codes.shape[2] - 1
        nulls = {"content": (codes.shape[0] - 1) / cells, "factor": found.factor_null, "smooth": 0.0}
        for part in PARTS:
            null_is = "independent noise" if part in nulls else ""
            shares[factor.name, part] = from_draws(getattr(found, part), nulls.get(part), null_is)
    moved: dict[Key, Estimate] = {
        factor.name: answered(lambda f=factor: _sensitivity(context, f)) for factor in context.sweeps.factors
    }
    return {"sensitivity": moved, "variance_shares": shares}


def _sensitivity(context: Context, factor: Factor) -> Estimate:
    check_varies(context.sweeps, factor)
    identity = identity_index(factor, context.sweeps.grids[factor.name])
    if identity is None:
        raise NotIdentifiable("the range does not hold the identity")
    return from_ratio(sensitivity(context.sweeps.values[factor.name], identity), 1.0, "an unrelated image's code")


def leakage_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """What every probe reads from the code, from each factor's subspace, and from what is left without it."""
    sweeps, sources = context.sweeps, _sources(context)
    read: dict[Key, Estimate] = {}
    scores: dict[tuple[str, str], Ratio] = {}
    for probe_name in context.probes:
        for source, codes in sources.items():
            if source == ACTIONS_GIVEN:
                read |= {(f.name, source, probe_name): unanswered(CIRCULAR) for f in sweeps.factors}
                read["class", source, probe_name] = answered(lambda c=codes, f=probe_name: _probe_class(context, c, f))
                continue
            factors, ratios = _probe_factors(context, codes, probe_name)
            read |= {(name, source, probe_name): estimate for name, estimate in factors.items()}
            if probe_name == "linear":
                scores |= {(name, source): ratio for name, ratio in ratios.items()}
            read["class", source, probe_name] = answered(lambda c=codes, f=probe_name: _probe_class(context, c, f))
    necessity: dict[Key, Estimate] = {}
    for name in (f.name for f in sweeps.factors):
        whole, rest = scores.get((name, "z")), scores.get((name, f"without {name}"))
        if whole is None or rest is None:
            necessity[name] = unanswered(NotIdentifiable("it has no subspace of its own, or no value to read"))
        else:
            drop = Ratio(whole.numerator - rest.numerator, whole.denominator)
            necessity[name] = from_ratio(drop, 0.0, "a subspace that is not needed")
    return {"leakage": read, "r2_lost": necessity}


def _sources(context: Context) -> dict[str, Float[Tensor, "I J _"]]:
    """The code, its named parts, what was made of it, its part in each factor's subspace, and its part outside.

    A named part may bear a factor's name, as the factor's subspace does: "part rotation" beside "rotation".
    """
    joint = context.sweeps.joint.double()
    parts = {f"part {name}": joint[..., slice(*ends)] for name, ends in context.sweeps.parts.items()}
    sources = {"z": joint, **parts, **context.sweeps.extra}
    for name in context.sweeps.values:
        fitted = context.fitted[name]
        if isinstance(fitted, Fitted) and 0 < fitted.subspace.dim < context.sweeps.dim:
            u = fitted.subspace.directions()
            sources |= {name: joint @ u, f"without {name}": joint - joint @ u @ u.T}
    return sources


def _probe_factors(
    context: Context, codes: Float[Tensor, "I J D"], probe_name: ProbeName
) -> tuple[dict[str, Estimate], dict[str, Ratio]]:
    values, names = context.sweeps.joint_values, [f.name for f in context.sweeps.factors]
    targets = {f.name: factor_targets(f, values[..., i]) for i, f in enumerate(context.sweeps.factors)}
    views = codes.shape[1]
    targets = {name: t for name, t in targets.items() if views and (t != t[0, 0]).any()}
    results = probe_factors(codes, targets, context.parts, probe_name, context.seed) if targets else {}
    constant = NotIdentifiable("the factor is constant") if views else NO_JOINT_DESIGN
    estimates = {name: unanswered(constant) for name in names if name not in results}
    for name, result in results.items():
        spread = between_identities(targets[name])
        follows = spread > max(0.5, 3 / views)
        estimates[name] = from_ratio(
            result.score,
            result.null,
            "permuted identities" if probe_name == "linear" else "the constant",
            {"between_identities": spread},
            "its values follow the identities: content may be read for it" if follows else None,
        )
    return {name: estimates[name] for name in names}, {name: r.score for name, r in results.items()}


def _probe_class(context: Context, codes: Float[Tensor, "I J D"], probe_name: ProbeName) -> Estimate:
    result = probe_class(codes, context.sweeps.labels, context.parts, probe_name, context.seed)
    return from_ratio(result.score, result.null, "the majority class")


def health_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """Ranks of several kinds, intrinsic dimension, LiDAR and norm, of the joint design's views."""
    z = context.sweeps.joint
    if not z.shape[1]:
        return {"health": dict.fromkeys(("rankme", "two_nn", "lidar", "norm"), unanswered(NO_JOINT_DESIGN))}
    count, dim = z.shape[0] * z.shape[1], z.shape[-1]
    offset = offset_share(z.flatten(0, 1))
    estimates: dict[Key, Estimate] = {}
    for kind, (value, left_out) in ranks(z, context.seed).items():
        flags = ["fewer codes than dimensions"] if count < dim else []
        flags += [f"the mean holds {offset:.0%} of the energy"] if kind == "rankme" and offset > 0.5 else []
        samples = Samples(left_out=tuple(rounded(left_out)))
        details = {"N": count, "D": dim, "centred": kind != "rankme"}
        interval = samples.interval_around(value)
        estimates[kind] = Estimate(value, interval, verdict="; ".join(flags), details=details, samples=samples)
    estimates["two_nn"] = answered(lambda: _two_nn(z[:, 0]))
    estimates["lidar"] = answered(lambda: _lidar(z, context.seed))
    norms = z.double().norm(dim=-1).mean(1)
    estimates["norm"] = from_ratio(Ratio(norms, norms.new_ones(len(norms))))
    return {"health": estimates}


def _two_nn(one_view: Float[Tensor, "I D"]) -> Estimate:
    """Of one view of each image: views of one image are no independent points."""
    value, count = two_nn(one_view), len(one_view)
    return Estimate(value, two_nn_interval(value, count), details={"N": count, "D": one_view.shape[-1]})


def _lidar(codes: Float[Tensor, "I V D"], seed: int) -> Estimate:
    value, group = lidar(codes), jackknife_groups(len(codes), seed)
    samples = Samples(left_out=tuple(lidar(codes[group != g]) for g in range(int(group.max()) + 1)))
    details = {"N": codes[..., 0].numel(), "D": codes.shape[-1]}
    return Estimate(value, samples.interval_around(value), details=details, samples=samples)
