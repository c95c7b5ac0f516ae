"""What an aggregator and a predictor make of sequences: by length, along whole paths, and for the next view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.context import Context, answered, from_draws, from_ratio, unanswered
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.measures.across_lengths import classes_across, values_across
from seqjepa.diagnostics.measures.across_ranges import inside, values_within
from seqjepa.diagnostics.measures.leakage import ProbeResult, doubted, probe_class, probe_factors
from seqjepa.diagnostics.measures.ranking import retrieval_scores
from seqjepa.diagnostics.measures.upcoming import placed_next, prediction_errors
from seqjepa.diagnostics.views import reads
from seqjepa.sweeps.containers import BOTH, FORMS, VISION, SequenceCodes
from seqjepa.types import Factor, NotIdentifiable

HITS = (1, 2, 5, 10)
PERMUTED, CONSTANT = "values permuted over identities", "the best constant for the test identities"
NONE = NotIdentifiable("the encoder has no aggregator, or its actions are not of the factors that are swept")
Found = dict[str, dict[Key, Estimate]]


@reads("joint design")
def sequence_estimates(context: Context) -> Found:
    """Accuracy and R² by length, path integration, the next view, and what aggregation changes."""
    codes = context.sweeps.sequences
    if codes is None:
        names = ("sequence_accuracy", "sequence_r2", "path_integration", "next_view", "prediction_error")
        keys: dict[str, Key] = {"sequence_accuracy": ("1", "1"), "sequence_r2": ("all", "2", "2")}
        keys |= {"path_integration": ("all", BOTH, "2"), "next_view": "mrr", "prediction_error": "next view"}
        missing: Found = {name: {keys[name]: unanswered(NONE)} for name in names}
        missing["seen_range"] = {("all", "seen"): unanswered(NONE)}
        missing["aggregation_gap"] = {"class": unanswered(NONE)}
        return missing
    return {
        "sequence_accuracy": _accuracy(context, codes),
        "sequence_r2": _path_r2(context, codes),
        "path_integration": _integration(context, codes),
        "next_view": _next_view(context, codes),
        "prediction_error": {"next view": answered(lambda: _error(context, codes))},
        "seen_range": _ranges(context, codes),
        "aggregation_gap": _gaps(context, codes),
    }


def _accuracy(context: Context, codes: SequenceCodes) -> dict[Key, Estimate]:
    """Of the class, from z_agg: of each length at which the probe is fitted, at each at which it is tested."""
    lengths, found = codes.lengths, {}
    stacked = torch.stack([codes.of(BOTH, length) for length in lengths], 1)
    for place, fitted in enumerate(lengths):
        results = _tried(
            lambda at=place: classes_across(stacked, context.sweeps.labels, context.split, at, context.seed)
        )
        for at, tested in enumerate(lengths):
            if isinstance(results, NotIdentifiable):
                found[str(fitted), str(tested)] = unanswered(results)
            else:
                score = doubted(results[at].score)
                found[str(fitted), str(tested)] = from_draws(score, results[at].null, CONSTANT, _trained(codes))
    return found


def path_targets(context: Context, codes: SequenceCodes, factor: Factor, length: int) -> Float[Tensor, "I Q K"]:
    """The step of a factor from the first to the last view of each sequence, as probes predict it.

    Args:
        context: whose joint design the sequences are of.
        codes: say where they end.
        factor: whose step.
        length: views of a sequence.
    """
    views = context.sweeps.joint.shape[1]
    values, kind = context.sweeps.joint_of(factor.name).double(), factor.kind
    first = values[:, (codes.last + 1 - length) % views]
    return kind.steps.target(kind.difference(values[:, codes.last], first))


def _path_r2(context: Context, codes: SequenceCodes) -> dict[Key, Estimate]:
    """Of each factor's whole path, from z_agg: of each length that is fitted, at each that is tested."""
    lengths, found = [length for length in codes.lengths if length > 1], {}
    if not lengths:
        return {("all", "2", "2"): unanswered(NotIdentifiable("no sequence has two views"))}
    stacked = torch.stack([codes.of(BOTH, length) for length in lengths], 1)
    for factor in context.sweeps.factors:
        targets = torch.stack([path_targets(context, codes, factor, length) for length in lengths], 1)
        for place, fitted in enumerate(lengths):
            results = _tried(lambda at=place, t=targets: values_across(stacked, t, context.split, at, context.seed))
            for at, tested in enumerate(lengths):
                key = (factor.name, str(fitted), str(tested))
                if isinstance(results, NotIdentifiable):
                    found[key] = unanswered(results)
                else:
                    found[key] = from_ratio(results[at].score, results[at].null, PERMUTED, _trained(codes))
    return found


def _integration(context: Context, codes: SequenceCodes) -> dict[Key, Estimate]:
    """The whole path from z_agg against its length: of views and actions, of views alone, of actions alone."""
    found: dict[Key, Estimate] = {}
    for form in FORMS:
        for length in (length for length in codes.lengths if length > 1):
            for factor in context.sweeps.factors:
                target = {factor.name: path_targets(context, codes, factor, length)}
                found[factor.name, form, str(length)] = answered(
                    lambda f=form, n=length, t=target: _read(context, codes.of(f, n), t, codes)
                )
    return found


def _read(context: Context, codes: Float[Tensor, "I Q F"], target: dict[str, Tensor], of: SequenceCodes) -> Estimate:
    (result,) = _factor_results(context, codes, target).values()
    return from_ratio(result.score, result.null, PERMUTED, _trained(of))


def _factor_results(
    context: Context, codes: Float[Tensor, "I Q F"], targets: dict[str, Tensor]
) -> dict[str, ProbeResult]:
    """Raises NotIdentifiable for a target that does not vary."""
    if any((t == t[0, 0]).all() for t in targets.values()):
        raise NotIdentifiable("the factor is constant")
    results = probe_factors(codes, targets, context.split, "linear", context.seed)
    if len(results) < len(targets):
        raise NotIdentifiable("the factor is constant over the test identities")
    return results


def _next_view(context: Context, codes: SequenceCodes) -> dict[Key, Estimate]:
    """The rank of the next view for the prediction, among all views of the identity but the last that was seen."""
    keys = ["mrr", *(f"h@{k}" for k in HITS)]
    try:
        if codes.upcoming is None:
            raise NotIdentifiable("the joint design is no longer than a sequence")
        found = placed_next(codes.upcoming, context.sweeps.joint, codes.last)[context.split.test]
    except NotIdentifiable as error:
        return dict.fromkeys(keys, unanswered(error))
    candidates = context.sweeps.joint.shape[1] - 1
    scores = retrieval_scores(found, candidates, HITS)
    return {
        name: from_ratio(ratio, chance, "chance", {"candidates": candidates, **_trained(codes)})
        for name, (ratio, chance) in scores.items()
    }


def _error(context: Context, codes: SequenceCodes) -> Estimate:
    """1 - cosine of the prediction with the next view, against the identity's other views."""
    if codes.upcoming is None:
        raise NotIdentifiable("the joint design is no longer than a sequence")
    test = context.split.test
    error, other = prediction_errors(codes.upcoming[test], context.sweeps.joint[test], codes.last)
    return from_ratio(error, other, "a view of the same identity at random", _trained(codes))


def _ranges(context: Context, codes: SequenceCodes) -> dict[Key, Estimate]:
    """Of each factor from z, within the range of training and beyond it."""
    found: dict[Key, Estimate] = {}
    for factor in context.sweeps.factors:
        for name in ("seen", "unseen"):
            found[factor.name, name] = answered(lambda f=factor, n=name: _within(context, codes, f, n == "seen"))
    return found


def _within(context: Context, codes: SequenceCodes, factor: Factor, seen: bool) -> Estimate:
    if factor.space != "number":
        raise NotIdentifiable("what was trained on is no range of numbers")
    if factor.name not in codes.seen:
        raise NotIdentifiable("the encoder does not say on which values of it, if on any, it was trained")
    (low, high), values = codes.seen[factor.name], context.sweeps.joint_of(factor.name).double()
    among = inside(values[..., 0], low, high, factor.period)
    among = among if seen else ~among
    if not among.any():
        where = "within" if seen else "beyond"
        raise NotIdentifiable(f"no view lies {where} the range of training, {low:g} to {high:g}")
    read = values_within(context.sweeps.joint, factor.kind.target(values), among, context.split, context.seed)
    told = {"low": low, "high": high, "views": int(among[context.split.test].sum())}
    return from_ratio(read.score, read.null, "values permuted over the views", told)


def _gaps(context: Context, codes: SequenceCodes) -> dict[Key, Estimate]:
    """What is read from z_agg of as many views as were trained on, less what is read from z of the last."""
    found: dict[Key, Estimate] = {}
    length = min(codes.lengths, key=lambda n: (abs(n - codes.observed), n))
    z, labels = context.sweeps.joint[:, codes.last], context.sweeps.labels
    told = {"views": length, **_trained(codes)}

    def of_class(read: Tensor) -> Estimate:
        result = probe_class(read, labels, context.split, "linear", context.seed)
        return from_draws(doubted(result.score), result.null, CONSTANT)

    def of_factor(read: Tensor, factor: Factor) -> Estimate:
        target = {factor.name: factor.kind.target(context.sweeps.joint_of(factor.name)[:, codes.last])}
        (result,) = _factor_results(context, read, target).values()
        return from_ratio(result.score, result.null, PERMUTED)

    asked: dict[str, Callable[[Tensor], Estimate]] = {"class": of_class}
    asked |= {f.name: lambda read, f=f: of_factor(read, f) for f in context.sweeps.factors}
    for name, ask in asked.items():
        # Actions are an input of z_agg, so that for factors they are withheld.
        form = BOTH if name == "class" else VISION
        found[name] = answered(lambda a=ask, f=form: _less(a(codes.of(f, length)), a(z), told))
    return found


def _less(aggregate: Estimate, view: Estimate, told: dict[str, float]) -> Estimate:
    gap = aggregate.minus(view)
    return replace(gap, details={**told, "z_agg": aggregate.value, "z": view.value})


def _trained(codes: SequenceCodes) -> dict[str, float]:
    """With how many views the model was trained, so that runs of several lengths can be set side by side."""
    return {"views_in_training": codes.observed}


def _tried(ask: Callable[[], Sequence[ProbeResult]]) -> Sequence[ProbeResult] | NotIdentifiable:
    try:
        return ask()
    except NotIdentifiable as error:
        return error
