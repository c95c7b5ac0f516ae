"""Scores of the literature, on the same identities and with intervals, to stand beside this package's own estimates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from seqjepa.diagnostics.context import (
    NO_JOINT_DESIGN,
    Context,
    answered,
    check_even,
    from_jackknife,
    from_ratio,
    unanswered,
)
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.measures.health import jackknife_groups
from seqjepa.diagnostics.measures.literature.axis_scores import (
    attribute_gap,
    binned,
    dci_completeness,
    dci_disentanglement,
    importances,
    information_gap,
    informativeness,
)
from seqjepa.diagnostics.measures.literature.group_scores import (
    d_lsbd,
    d_lsbd_by_chance,
    gram_norm,
    lie_derivative,
    linear_cka,
)
from seqjepa.diagnostics.measures.neighbours import negligible
from seqjepa.diagnostics.swept import check_group, check_ordered, check_varies
from seqjepa.diagnostics.views import reads
from seqjepa.rng import generator
from seqjepa.sweeps.design import neutral_index
from seqjepa.types import Factor, NotIdentifiable

PERMUTATIONS = 20
DIMENSIONS = 64  # that MIG is asked of at most, an even choice among them
PERMUTED = "factors of other identities"
Scores = dict[tuple[str, str], float]
Ask = Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], Scores]  # of targets, and of raw values


@reads("joint design")
def literature_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """DCI, MIG, SAP and linear CKA of the joint design; D_LSBD and the Lie derivative of the sweeps."""
    factors = context.sweeps.axes
    axes: dict[Key, Estimate] = {}
    for names, of_codes in (
        (("dci_disentanglement", "dci_completeness"), _dci),
        (("mig",), _mig),
        (("sap",), _sap),
        (("cka",), _cka),
    ):
        axes |= _jackknifed(context, names, of_codes)
    axes |= _informativeness(context)
    estimates = {"axis_scores": axes}
    estimates["lie_derivative"] = {f.name: answered(lambda f=f: _lie(context, f)) for f in factors}
    estimates["d_lsbd"] = {f.name: answered(lambda f=f: _d_lsbd(context, f)) for f in factors if f.period is not None}
    return {metric: of for metric, of in estimates.items() if of}


def _jackknifed(context: Context, names: tuple[str, ...], of_codes: Callable[[Tensor], Ask]) -> dict[Key, Estimate]:
    """Each score of test identities, those with a group of them left out, and those with the factors of others."""
    sweeps, test = context.sweeps, context.split.test
    if missing := _unasked(context):
        return {(name, "all"): unanswered(missing) for name in names}
    moving = [f for f in sweeps.factors if f.high > f.low]
    z = sweeps.joint[test].double()
    targets = {f.name: f.kind.target(sweeps.joint_of(f.name)[test]) for f in moving}
    numbers = [f for f in moving if f.width == 1]  # what can be cut into bins
    values = {f.name: sweeps.joint_of(f.name)[test][..., 0] for f in numbers}
    group = jackknife_groups(len(z), context.seed)

    def of(ask: Ask, matched: Tensor) -> Scores:
        flat = {name: t[matched].flatten(0, 1) for name, t in targets.items()}
        return ask(flat, {name: v[matched].flatten() for name, v in values.items()})

    everyone, random = torch.arange(len(z)), generator(context.seed, "literature", *names)
    ask = of_codes(z.flatten(0, 1))
    whole = of(ask, everyone)
    null = [of(ask, torch.randperm(len(z), generator=random)) for _ in range(PERMUTATIONS)]
    parts = [everyone[group != g] for g in range(int(group.max()) + 1)]
    left_out = [of(of_codes(z[kept].flatten(0, 1)), kept) for kept in parts]
    return {
        key: from_jackknife(
            value, [part[key] for part in left_out], torch.tensor([part[key] for part in null]), PERMUTED
        )
        for key, value in whole.items()
    }


def _unasked(context: Context) -> NotIdentifiable | None:
    """Why the joint design cannot be asked: there is none, or nothing differs in it but by rounding."""
    z = context.sweeps.joint
    if not z.shape[1] or not any(f.high > f.low for f in context.sweeps.factors):
        return NO_JOINT_DESIGN
    flat = z.double().flatten(0, 1)
    if negligible(float((flat - flat.mean(0)).square().sum(1).mean()), z):
        return NotIdentifiable("the representation never changes")
    return None


def _dci(z: Tensor) -> Ask:
    if z.shape[1] < 2:
        return lambda targets, raw: {}
    fit = importances(z)

    def ask(targets: Mapping[str, Tensor], raw: Mapping[str, Tensor]) -> Scores:
        found = fit(targets)
        scores = {("dci_completeness", name): dci_completeness(of) for name, of in zip(targets, found.T, strict=True)}
        alone = {("dci_disentanglement", "all"): dci_disentanglement(found)} if len(targets) > 1 else {}
        return scores | alone

    return ask


def _informativeness(context: Context) -> dict[Key, Estimate]:
    """Of test identities, by a regression that is fitted on the others, and for the null fitted anew."""
    sweeps = context.sweeps
    if missing := _unasked(context):
        return {("dci_informativeness", "all"): unanswered(missing)}
    ask = informativeness(sweeps.joint, context.first_half)
    random = generator(context.seed, "literature", "dci_informativeness")
    orders = [torch.randperm(sweeps.identities, generator=random) for _ in range(PERMUTATIONS)]
    found: dict[Key, Estimate] = {}
    for factor in (f for f in sweeps.factors if f.high > f.low):
        targets = factor.kind.target(sweeps.joint_of(factor.name))
        null = torch.tensor([ask(targets[order]).value for order in orders], dtype=torch.float64)
        found["dci_informativeness", factor.name] = from_ratio(ask(targets), null, PERMUTED)
    return found


def _mig(z: Tensor) -> Ask:
    kept = torch.linspace(0, z.shape[1] - 1, min(z.shape[1], DIMENSIONS)).round().long()
    bins = binned(z[:, kept])
    return lambda targets, raw: {("mig", name): information_gap(bins, binned(value)) for name, value in raw.items()}


def _sap(z: Tensor) -> Ask:
    return lambda targets, raw: {("sap", name): attribute_gap(z, target) for name, target in targets.items()}


def _cka(z: Tensor) -> Ask:
    size = gram_norm(z)
    return lambda targets, raw: {("cka", name): linear_cka(z, target, size) for name, target in targets.items()}


def _d_lsbd(context: Context, factor: Factor) -> Estimate:
    check_varies(context.sweeps, factor)
    check_group(factor)
    if not factor.full_circle:
        raise NotIdentifiable("it needs the full circle")
    check_even(context, factor)
    swept = context.sweeps.values[factor.name], context.first_half
    return from_ratio(d_lsbd(*swept), d_lsbd_by_chance(*swept, context.seed), "a grid permuted in each orbit")


def _lie(context: Context, factor: Factor) -> Estimate:
    check_varies(context.sweeps, factor)
    check_ordered(factor)
    check_even(context, factor)
    grid = context.sweeps.grids[factor.name].double()
    neutral = neutral_index(factor, grid)
    if neutral is None:
        raise NotIdentifiable("the range does not contain the neutral pose")
    step = float((grid.log() if factor.logarithmic else grid).diff()[0])
    step = math.radians(step) if factor.unit == "deg" else step
    return from_ratio(lie_derivative(context.sweeps.values[factor.name][context.split.test], neutral, step))
