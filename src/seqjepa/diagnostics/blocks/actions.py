"""Rows 7, 8, 9 and 15 of a diagnosis: actions, the class on many images, unseen contents, the predictor's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from seqjepa.diagnostics.context import Case, answered, from_draws, from_ratio, rounded, unanswered
from seqjepa.diagnostics.diagnosis import Figure, Key
from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.diagnostics.measures.leakage import Reading, factor_targets, read_factors
from seqjepa.diagnostics.measures.probes import Family, Parts, Rows, read_classes
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
LEAST_DROP = 1e-3  # of R²: two readers may differ by rounding
FEWEST = 5  # identities that fit or report


def action_figures(case: Case) -> dict[str, dict[Key, Figure]]:
    """How well the transformation between two views is read from both their codes, and how far off.

    From the codes for probes on many images where there are such, else from the joint design.
    """
    factors, r2, errors = case.sweeps.factors, {}, {}
    try:
        codes, values, parts = _probe_pairs(case)
        wanted = {  # of two views there is one pair, of J views in a round J
            name: (between[:, : codes.shape[1]], target[:, : codes.shape[1]])
            for name, (between, target) in relative_values(factors, values).items()
        }
    except NotIdentifiable as error:
        none: dict[Key, Figure] = {(f.name, family): unanswered(error) for f in factors for family in _families(case)}
        return {"action": none, "action_error": none}
    for family in _families(case):
        targets = {name: target for name, (_, target) in wanted.items()}
        readings = read_factors(codes, targets, parts, family, case.seed) if targets else {}
        for factor in factors:
            key = (factor.name, family)
            if factor.name not in readings:
                r2[key] = errors[key] = unanswered(NotIdentifiable("the factor is constant"))
                continue
            asked = _Asked(factor, wanted[factor.name][0], parts, case.seed)
            r2[key], errors[key] = asked.figures(readings[factor.name], family)
    return {"action": r2, "action_error": errors}


def _probe_pairs(case: Case) -> tuple[Tensor, Tensor, Parts]:
    """Codes (I, J, 2D) of pairs of views, the factors' values, and who fits, tunes and reports."""
    probe = case.sweeps.probe
    if probe is None:
        return view_pairs(case.sweeps.joint), case.sweeps.joint_values, case.parts
    codes = torch.cat([probe.fit, probe.report]).flatten(1).unsqueeze(1)
    return codes, torch.cat([probe.fit_values, probe.report_values]), _probe_parts(case)


def _probe_parts(case: Case) -> Parts:
    """Nine tenths of the training images fit, one tunes, the held-out ones report."""
    assert case.sweeps.probe is not None
    count, total = len(case.sweeps.probe.fit), len(case.sweeps.probe.fit) + len(case.sweeps.probe.report)
    place = torch.randperm(count, generator=generator(case.seed, "probe", count)).argsort()
    place = torch.cat([place, torch.full((total - count,), total)])
    return place < 0.9 * count, (place >= 0.9 * count) & (place < count), place >= total


def _families(case: Case) -> list[Family]:
    return [family for family in case.families if family != "knn"]


@dataclass(frozen=True)
class _Asked:
    """What lies between two views by one factor, (I, J) in its unit, and who reads it."""

    factor: Factor
    values: Float[Tensor, "I J"]
    parts: Parts
    seed: int

    def figures(self, reading: Reading, family: Family) -> tuple[Figure, Figure]:
        """R², and the median error."""
        factor, (fit, _, report) = self.factor, self.parts
        true, read = self.values[report], value_read(factor, reading.said)
        details: dict[str, object] = {"fitted on": int(fit.sum()), "judged on": int(report.sum())}
        unit = {"unit": "times" if factor.logarithmic else factor.unit}
        if factor.period is not None:
            chosen = torch.randperm(true.numel(), generator=generator(self.seed, "pairs kept"))[:KEPT]
            wrapped = (true + factor.period / 2) % factor.period - factor.period / 2
            details |= {"true": rounded(wrapped.flatten()[chosen]), "predicted": rounded(read.flatten()[chosen])}
        null_is = "permuted identities" if family == "linear" else "the constant"
        constant = torch.full_like(true, constant_value(factor, self.values[fit]))
        ignorant = float(absolute_error(factor, constant, true).median())
        error = median_over_identities(absolute_error(factor, read, true))
        return (
            from_ratio(reading.score, reading.null, null_is, details),
            from_draws(error, ignorant, "the constant", unit),
        )


def class_figures(case: Case) -> dict[str, dict[Key, Figure]]:
    """The class read from frozen codes of many training images, at one random pose each, judged on held-out ones."""
    probe = case.sweeps.probe
    families: list[Family] = [family for family in case.families if family != "mlp"]
    if probe is None:
        missing = NotIdentifiable("no codes for a class probe were taken; see probe_images of represent")
        return {"class_probe": {family: unanswered(missing) for family in families}}
    rows = Rows(*_probe_parts(case))
    codes, labels = torch.cat([probe.fit[:, 0], probe.report[:, 0]]), torch.cat([probe.fit_labels, probe.report_labels])
    commonest = float((probe.report_labels == probe.fit_labels.mode().values).double().mean())
    figures: dict[Key, Figure] = {}
    for family in families:
        right = (read_classes(family, codes, labels, rows, case.seed) == probe.report_labels).double()
        details = {"fitted on": len(probe.fit), "judged on": len(probe.report)}
        figures[family] = from_ratio(Ratio(right, torch.ones_like(right)), commonest, "the commonest class", details)
    return {"class_probe": figures}


def content_figures(case: Case) -> dict[str, dict[Key, Figure]]:
    """Readers of a factor that saw some classes, judged on identities of the others.

    Beside each stands the same reader fitted on as many identities of all classes: where it does better, what was read
    leans on contents that were seen.
    """
    figures: dict[Key, Figure] = {}
    names = [f.name for f in case.sweeps.factors]
    for kind in KINDS:
        for family in _families(case):
            try:
                some, every = _class_parts(case)
                readings = [_read(case, kind, family, parts) for parts in (some, every)]
            except NotIdentifiable as error:
                figures |= {(name, kind, family): unanswered(error) for name in names}
                continue
            for name in names:
                figures[name, kind, family] = answered(lambda n=name, r=readings: _transfer(n, *r))
    return {"cross_content": figures}


def _class_parts(case: Case) -> tuple[Parts, Parts]:
    """Who fits, tunes and reports: with half of the classes to learn from; and with as many identities of all."""
    labels = case.sweeps.labels
    classes = labels.unique()
    if (labels < 0).any() or len(classes) < 2:
        raise NotIdentifiable("the identities have no labels, or all the same one")
    random = generator(case.seed, "classes to learn from", len(classes))
    known = classes[torch.randperm(len(classes), generator=random)[: len(classes) // 2]]
    seen = torch.isin(labels, known)
    some = case.parts[0] & seen, case.parts[1] & seen, case.parts[2] & ~seen
    if min(int(part.sum()) for part in (some[0], some[2])) < FEWEST or not some[1].any():
        raise NotIdentifiable(f"fewer than {FEWEST} identities of half of the classes to fit or to report on")
    fit, tune = (_as_many(whole, int(part.sum()), random) for whole, part in zip(case.parts, some[:2]))
    return some, (fit, tune, some[2])


def _as_many(part: Bool[Tensor, " I"], count: int, random: torch.Generator) -> Bool[Tensor, " I"]:
    chosen = part.nonzero()[:, 0]
    kept = chosen[torch.randperm(len(chosen), generator=random)[:count]]
    return torch.zeros_like(part).scatter_(0, kept, True)


def _read(case: Case, kind: str, family: Family, parts: Parts) -> Mapping[str, Reading]:
    sweeps = case.sweeps
    if kind == "relative":
        codes = view_pairs(sweeps.joint)
        targets = {name: target for name, (_, target) in relative_values(sweeps.factors, sweeps.joint_values).items()}
    else:
        codes = sweeps.joint
        targets = {f.name: factor_targets(f, sweeps.joint_values[..., i]) for i, f in enumerate(sweeps.factors)}
        targets = {
            name: target for name, target in targets.items() if codes.shape[1] and (target != target[0, 0]).any()
        }
    return read_factors(codes, targets, parts, family, case.seed) if targets else {}


def _transfer(name: str, some: Mapping[str, Reading], every: Mapping[str, Reading]) -> Figure:
    if name not in some:
        raise NotIdentifiable("the factor is constant, or there is no joint design")
    cross, control = some[name].score, every[name].score
    drop = Ratio(control.numerator - cross.numerator, cross.denominator)
    interval = drop.interval()
    details = {"all_classes": control.value, "drop": drop.value, "drop_interval": list(interval)}
    verdict = "drops on contents never seen" if interval[0] > LEAST_DROP else "no worse on contents never seen"
    return from_ratio(cross, 0.0, "the constant", details, verdict)


def retrieval_figures(case: Case) -> dict[str, dict[Key, Figure]]:
    """The rank of the right view for the predictor's answer, among the other views of the image's sweep."""
    figures: dict[Key, Figure] = {}
    scores = ("mrr", *(f"h@{k}" for k in HITS))
    for factor in case.sweeps.factors:
        guesses, sweep = case.sweeps.guesses.get(factor.name), case.sweeps.values[factor.name]
        try:
            if guesses is None:
                raise NotIdentifiable("the encoder has no predictor, or the sweep is shorter than its sequences")
            ranks = target_ranks(guesses, sweep)[case.parts[2]]
        except NotIdentifiable as error:
            figures |= {(factor.name, score): unanswered(error) for score in scores}
            continue
        candidates = sweep.shape[2] - 1
        for score, (ratio, chance) in retrieval_scores(ranks, candidates).items():
            figures[factor.name, score] = from_ratio(ratio, chance, "chance", {"candidates": candidates})
    return {"retrieval": figures}
