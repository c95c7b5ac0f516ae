"""Is a factor read from classes that the probe never saw?"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Bool
from torch import Tensor

from seqjepa.diagnostics.blocks.leakage import NULL_IS
from seqjepa.diagnostics.context import Context, answered, from_ratio, unanswered
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.measures.leakage import ProbeResult, probe_factors, readable_drop
from seqjepa.diagnostics.measures.probes import ProbeName, Rows
from seqjepa.diagnostics.measures.relative_probe import relative_values, view_pairs, view_products
from seqjepa.diagnostics.views import reads
from seqjepa.rng import generator
from seqjepa.types import NotIdentifiable

KINDS = ("absolute", "relative")
LEAST_DROP = 0.02  # of R²: what is less makes no difference to anyone
FEWEST = 5  # identities that train or test


@reads("joint design")
def content_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """Probes of a factor that were trained on some classes, tested on identities of the others.

    Beside each stands the same probe trained on as many identities of all classes: where it does better, what was read
    leans on contents that were seen.
    """
    estimates: dict[Key, Estimate] = {}
    names = [f.name for f in context.sweeps.factors]
    for kind in KINDS:
        for probe_name in context.probes_but("knn"):
            try:
                some, every = _class_splits(context)
                results = [_read(context, kind, probe_name, split) for split in (some, every)]
            except NotIdentifiable as error:
                estimates |= {(name, kind, probe_name): unanswered(error) for name in names}
                continue
            for name in names:
                estimates[name, kind, probe_name] = answered(lambda n=name, r=results: _transfer(n, *r))
    return {"cross_class_transfer": estimates}


def _class_splits(context: Context) -> tuple[Rows, Rows]:
    """The split with half of the classes to learn from, and with as many identities of all classes."""
    labels = context.sweeps.labels
    classes = labels.unique()
    if (labels < 0).any() or len(classes) < 2:
        raise NotIdentifiable("the identities have no labels, or all the same one")
    random = generator(context.seed, "classes to learn from", len(classes))
    known = classes[torch.randperm(len(classes), generator=random)[: len(classes) // 2]]
    seen = torch.isin(labels, known)
    train, validation, test = context.split
    some = Rows(train & seen, validation & seen, test & ~seen)
    if min(int(part.sum()) for part in (some.train, some.test)) < FEWEST or not some.validation.any():
        raise NotIdentifiable(f"fewer than {FEWEST} identities of half of the classes to train or to test on")
    all_classes = [_as_many(whole, int(part.sum()), random) for whole, part in zip((train, validation), some[:2])]
    return some, Rows(all_classes[0], all_classes[1], some.test)


def _as_many(part: Bool[Tensor, " I"], count: int, random: torch.Generator) -> Bool[Tensor, " I"]:
    chosen = part.nonzero()[:, 0]
    kept = chosen[torch.randperm(len(chosen), generator=random)[:count]]
    return torch.zeros_like(part).scatter_(0, kept, True)


def _read(context: Context, kind: str, probe_name: ProbeName, split: Rows) -> Mapping[str, ProbeResult]:
    sweeps = context.sweeps
    if kind == "relative":
        codes = view_pairs(sweeps.joint)
        more = view_products(codes, split.train) if probe_name == "linear" else None
        targets = {name: target for name, (_, target) in relative_values(sweeps.factors, sweeps.joint_values).items()}
    else:
        codes, more = sweeps.joint, None
        targets = {f.name: f.kind.target(sweeps.joint_of(f.name)) for f in sweeps.factors}
        targets = {
            name: target for name, target in targets.items() if codes.shape[1] and (target != target[0, 0]).any()
        }
    return probe_factors(codes, targets, split, probe_name, context.seed, more) if targets else {}


def _transfer(name: str, some: Mapping[str, ProbeResult], every: Mapping[str, ProbeResult]) -> Estimate:
    if name not in some:
        raise NotIdentifiable("the factor is constant, or there is no joint design")
    cross, control = some[name], every[name]
    drop = readable_drop(control.score, cross.score)
    interval = drop.interval()
    details = {"all_classes": control.score.value, "drop": drop.value, "drop_interval": list(interval)}
    verdict = "no lower on unseen classes"
    if not (_is_read(cross) or _is_read(control)):
        verdict = "nothing is read"
    elif interval[0] > 0 and drop.value >= LEAST_DROP:
        verdict = "lower on unseen classes"
    return from_ratio(cross.score, cross.null, NULL_IS, details, verdict)


def _is_read(result: ProbeResult) -> bool:
    return result.score.interval()[0] > max(0.0, float(result.null.quantile(0.975)))
