"""Rows 7, 8, 9 and 15 of a diagnosis: actions, the class on many images, unseen contents, the predictor's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from seqjepa.diagnostics.context import Context, answered, from_draws, from_ratio, rounded, unanswered
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.diagnostics.measures.leakage import ProbeResult, factor_targets, probe_factors
from seqjepa.diagnostics.measures.probes import Parts, ProbeName, Rows, probe_classes
from seqjepa.diagnostics.measures.ranking import HITS, retrieval_scores, target_ranks
from seqjepa.diagnostics.measures.relative_probe import (
    absolute_error,
    constant_value,
    median_over_identities,
    relative_values,
    value_read,
    view_pairs,
)
from seqjepa.rng import generator
from seqjepa.types import Factor, NotIdentifiable

KINDS = ("absolute", "relative")
KEPT = 500  # pairs of a true and a predicted value
LEAST_DROP = 1e-3  # of R²: two probes may differ by rounding
FEWEST = 5  # identities that fit or report


def action_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """How well the transformation between two views is read from both their codes, and how far off.

    From the codes for probes on many images where there are such, else from the joint design.
    """
    factors, r2, errors = context.sweeps.factors, {}, {}
    try:
        codes, values, parts = _probe_pairs(context)
        wanted = {  # of two views there is one pair, of J views in a round J
            name: (between[:, : codes.shape[1]], target[:, : codes.shape[1]])
            for name, (between, target) in relative_values(factors, values).items()
        }
    except NotIdentifiable as error:
        none: dict[Key, Estimate] = {
            (f.name, probe_name): unanswered(error) for f in factors for probe_name in _probes(context)
        }
        return {"action": none, "action_error": none}
    for probe_name in _probes(context):
        targets = {name: target for name, (_, target) in wanted.items()}
        results = probe_factors(codes, targets, parts, probe_name, context.seed) if targets else {}
        for factor in factors:
            key = (factor.name, probe_name)
            if factor.name not in results:
                r2[key] = errors[key] = unanswered(NotIdentifiable("the factor is constant"))
                continue
            asked = _Asked(factor, wanted[factor.name][0], parts, context.seed)
            r2[key], errors[key] = asked.estimates(results[factor.name], probe_name)
    return {"action": r2, "action_error": errors}


def _probe_pairs(context: Context) -> tuple[Tensor, Tensor, Parts]:
    """Codes (I, J, 2D) of pairs of views, the factors' values, and who fits, tunes and reports."""
    probe = context.sweeps.probe
    if probe is None:
        return view_pairs(context.sweeps.joint), context.sweeps.joint_values, context.parts
    codes = torch.cat([probe.fit, probe.report]).flatten(1).unsqueeze(1)
    return codes, torch.cat([probe.fit_values, probe.report_values]), _probe_parts(context)


def _probe_parts(context: Context) -> Parts:
    """Nine tenths of the training images fit, one tunes, the held-out ones report."""
    assert context.sweeps.probe is not None
    count, total = len(context.sweeps.probe.fit), len(context.sweeps.probe.fit) + len(context.sweeps.probe.report)
    place = torch.randperm(count, generator=generator(context.seed, "probe", count)).argsort()
    place = torch.cat([place, torch.full((total - count,), total)])
    return place < 0.9 * count, (place >= 0.9 * count) & (place < count), place >= total


def _probes(context: Context) -> list[ProbeName]:
    return [probe_name for probe_name in context.probes if probe_name != "knn"]


@dataclass(frozen=True)
class _Asked:
    """What lies between two views by one factor, (I, J) in its unit, and who reads it."""

    factor: Factor
    values: Float[Tensor, "I J"]
    parts: Parts
    seed: int

    def estimates(self, result: ProbeResult, probe_name: ProbeName) -> tuple[Estimate, Estimate]:
        """R², and the median error."""
        factor, (fit, _, report) = self.factor, self.parts
        true, read = self.values[report], value_read(factor, result.said)
        details: dict[str, object] = {"fitted on": int(fit.sum()), "judged on": int(report.sum())}
        unit = {"unit": "times" if factor.logarithmic else factor.unit}
        if factor.period is not None:
            chosen = torch.randperm(true.numel(), generator=generator(self.seed, "pairs kept"))[:KEPT]
            wrapped = (true + factor.period / 2) % factor.period - factor.period / 2
            details |= {"true": rounded(wrapped.flatten()[chosen]), "predicted": rounded(read.flatten()[chosen])}
        null_is = "permuted identities" if probe_name == "linear" else "the constant"
        constant = torch.full_like(true, constant_value(factor, self.values[fit]))
        ignorant = float(absolute_error(factor, constant, true).median())
        error = median_over_identities(absolute_error(factor, read, true))
        return (
            from_ratio(result.score, result.null, null_is, details),
            from_draws(error, ignorant, "the constant", unit),
        )


def class_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """The class read from frozen codes of many training images, at one random pose each, judged on held-out ones."""
    probe = context.sweeps.probe
    probes: list[ProbeName] = [probe_name for probe_name in context.probes if probe_name != "mlp"]
    if probe is None:
        missing = NotIdentifiable("no codes for a class probe were taken; see probe_images of represent")
        return {"class_probe": {probe_name: unanswered(missing) for probe_name in probes}}
    rows = Rows(*_probe_parts(context))
    codes, labels = torch.cat([probe.fit[:, 0], probe.report[:, 0]]), torch.cat([probe.fit_labels, probe.report_labels])
    majority = float((probe.report_labels == probe.fit_labels.mode().values).double().mean())
    estimates: dict[Key, Estimate] = {}
    for probe_name in probes:
        right = (probe_classes(probe_name, codes, labels, rows, context.seed) == probe.report_labels).double()
        details = {"fitted on": len(probe.fit), "judged on": len(probe.report)}
        estimates[probe_name] = from_ratio(
            Ratio(right, torch.ones_like(right)), majority, "the majority class", details
        )
    return {"class_probe": estimates}


def content_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """Probes of a factor that saw some classes, judged on identities of the others.

    Beside each stands the same probe fitted on as many identities of all classes: where it does better, what was read
    leans on contents that were seen.
    """
    estimates: dict[Key, Estimate] = {}
    names = [f.name for f in context.sweeps.factors]
    for kind in KINDS:
        for probe_name in _probes(context):
            try:
                some, every = _class_parts(context)
                results = [_read(context, kind, probe_name, parts) for parts in (some, every)]
            except NotIdentifiable as error:
                estimates |= {(name, kind, probe_name): unanswered(error) for name in names}
                continue
            for name in names:
                estimates[name, kind, probe_name] = answered(lambda n=name, r=results: _transfer(n, *r))
    return {"cross_class_transfer": estimates}


def _class_parts(context: Context) -> tuple[Parts, Parts]:
    """Who fits, tunes and reports: with half of the classes to learn from; and with as many identities of all."""
    labels = context.sweeps.labels
    classes = labels.unique()
    if (labels < 0).any() or len(classes) < 2:
        raise NotIdentifiable("the identities have no labels, or all the same one")
    random = generator(context.seed, "classes to learn from", len(classes))
    known = classes[torch.randperm(len(classes), generator=random)[: len(classes) // 2]]
    seen = torch.isin(labels, known)
    some = context.parts[0] & seen, context.parts[1] & seen, context.parts[2] & ~seen
    if min(int(part.sum()) for part in (some[0], some[2])) < FEWEST or not some[1].any():
        raise NotIdentifiable(f"fewer than {FEWEST} identities of half of the classes to fit or to report on")
    fit, tune = (_as_many(whole, int(part.sum()), random) for whole, part in zip(context.parts, some[:2]))
    return some, (fit, tune, some[2])


def _as_many(part: Bool[Tensor, " I"], count: int, random: torch.Generator) -> Bool[Tensor, " I"]:
    chosen = part.nonzero()[:, 0]
    kept = chosen[torch.randperm(len(chosen), generator=random)[:count]]
    return torch.zeros_like(part).scatter_(0, kept, True)


def _read(context: Context, kind: str, probe_name: ProbeName, parts: Parts) -> Mapping[str, ProbeResult]:
    sweeps = context.sweeps
    if kind == "relative":
        codes = view_pairs(sweeps.joint)
        targets = {name: target for name, (_, target) in relative_values(sweeps.factors, sweeps.joint_values).items()}
    else:
        codes = sweeps.joint
        targets = {f.name: factor_targets(f, sweeps.joint_values[..., i]) for i, f in enumerate(sweeps.factors)}
        targets = {
            name: target for name, target in targets.items() if codes.shape[1] and (target != target[0, 0]).any()
        }
    return probe_factors(codes, targets, parts, probe_name, context.seed) if targets else {}


def _transfer(name: str, some: Mapping[str, ProbeResult], every: Mapping[str, ProbeResult]) -> Estimate:
    if name not in some:
        raise NotIdentifiable("the factor is constant, or there is no joint design")
    cross, control = some[name].score, every[name].score
    drop = Ratio(control.numerator - cross.numerator, cross.denominator)
    interval = drop.interval()
    details = {"all_classes": control.value, "drop": drop.value, "drop_interval": list(interval)}
    verdict = "drops on contents never seen" if interval[0] > LEAST_DROP else "no worse on contents never seen"
    return from_ratio(cross, 0.0, "the constant", details, verdict)


def retrieval_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """The rank of the right view for the predictor's answer, among the other views of the image's sweep."""
    estimates: dict[Key, Estimate] = {}
    scores = ("mrr", *(f"h@{k}" for k in HITS))
    for factor in context.sweeps.factors:
        predictions, sweep = context.sweeps.predictions.get(factor.name), context.sweeps.values[factor.name]
        try:
            if predictions is None:
                raise NotIdentifiable("the encoder has no predictor, or the sweep is shorter than its sequences")
            ranks = target_ranks(predictions, sweep)[context.parts[2]]
        except NotIdentifiable as error:
            estimates |= {(factor.name, score): unanswered(error) for score in scores}
            continue
        candidates = sweep.shape[2] - 1
        for score, (ratio, chance) in retrieval_scores(ranks, candidates).items():
            estimates[factor.name, score] = from_ratio(ratio, chance, "chance", {"candidates": candidates})
    return {"retrieval": estimates}
