"""All estimates of an encoder's sweeps, assembled into a ``Diagnosis``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from math import isfinite
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from pydantic import ValidationError
from rich.progress import track
from torch import Tensor

from seqjepa.diagnostics.blocks.actions import action_estimates
from seqjepa.diagnostics.blocks.classes import class_estimates
from seqjepa.diagnostics.blocks.contents import content_estimates
from seqjepa.diagnostics.blocks.effects import effect_estimates
from seqjepa.diagnostics.blocks.group import group_estimates
from seqjepa.diagnostics.blocks.health import health_estimates
from seqjepa.diagnostics.blocks.irreps import irreps_estimates
from seqjepa.diagnostics.blocks.leakage import leakage_estimates
from seqjepa.diagnostics.blocks.literature import literature_estimates
from seqjepa.diagnostics.blocks.retrieval import retrieval_estimates
from seqjepa.diagnostics.blocks.sequences import sequence_estimates
from seqjepa.diagnostics.blocks.shared import shared_estimates
from seqjepa.diagnostics.blocks.subspaces import subspace_estimates
from seqjepa.diagnostics.bounds import settled
from seqjepa.diagnostics.context import Context, Fitted, rounded, unanswered
from seqjepa.diagnostics.diagnosis import DIRECTIONS, METRIC, Diagnosis, Split, check_savable, described, without
from seqjepa.diagnostics.distinct import Distinct, distinct_identities, of_identities
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.guard import Found, Guard
from seqjepa.diagnostics.ideals import OF_IDEALS, Ideals, ideal_values, with_ideals
from seqjepa.diagnostics.many import COMPARISONS, corrected
from seqjepa.diagnostics.measures.probes import PROBES, ProbeName
from seqjepa.diagnostics.metric import Metric
from seqjepa.diagnostics.registry import METRICS
from seqjepa.io.bars import bar_console
from seqjepa.sweeps import Sweeps
from seqjepa.types import InputError, NotIdentifiable
from seqjepa.types.precision import single_precision

FEWEST = 20  # identities
BLOCKS: dict[str, Callable[[Context], dict[str, dict[Key, Estimate]]]] = {
    "effects": effect_estimates,
    "shared": shared_estimates,
    "subspaces": subspace_estimates,
    "group": group_estimates,
    "irreps": irreps_estimates,
    "leakage": leakage_estimates,
    "actions": action_estimates,
    "classes": class_estimates,
    "contents": content_estimates,
    "retrieval": retrieval_estimates,
    "sequences": sequence_estimates,
    "health": health_estimates,
    "literature": literature_estimates,
}


def check_options(
    probes: Collection[str] = ("linear",),
    skip: Collection[str] = (),
    metrics: Sequence[Metric] = (),
    identities: int = FEWEST,
) -> None:
    """Refuse what ``diagnose`` would refuse, before anything is encoded.

    Args:
        probes: names of probes.
        skip: names of blocks.
        metrics: of one's own.
        identities: how many there will be.

    Raises:
        InputError: too few identities; an unknown probe or block; a metric without a function, without a name, or with
            a name that is taken.
    """
    if identities < FEWEST:
        raise InputError(f"{identities} identities; {FEWEST} are the least for a split with intervals")
    for option, names, choices in (("probes", probes, PROBES), ("skip", skip, BLOCKS)):
        if unknown := [name for name in names if name not in choices]:
            raise InputError(f"{option}: {unknown[0]!r} is not one of {', '.join(choices)}")
    taken = set(METRICS)
    for metric in metrics:
        if not isinstance(metric, Metric):
            kind = type(metric).__name__
            raise InputError(f"metrics: each is a Metric, as in Metric(name, question, compute), not a {kind}")
        if not callable(metric.compute):
            raise InputError(f"metrics: {metric.name!r} has no function to compute it")
        if not isinstance(metric.name, str) or not metric.name.strip() or metric.name in taken:
            raise InputError(f"metrics: the name {metric.name!r} is empty or taken; taken are {', '.join(taken)}")
        try:
            METRIC.validate_python(described(metric))
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(f"metrics: {metric.name!r}: {first['loc'][0]}: {first['msg'].lower()}") from error
        taken.add(metric.name)


@single_precision()
def diagnose(
    sweeps: Sweeps,
    baselines: Mapping[str, Sweeps] | None = None,
    *,
    seed: int = 0,
    probes: Sequence[str] = ("linear",),
    skip: Sequence[str] = (),
    metrics: Sequence[Metric] = (),
    ideals: Ideals | bool = True,
    progress: bool = False,
) -> Diagnosis:
    """In which subspaces each factor lives, what can be read from where, and whether the representation has collapsed.

    Identities are split once, by the seed: 40 % train, 10 % validate (choose hyperparameters), 50 % test.
    ``METRICS`` has every metric's question, definition, null and ideal. Over all cells the verdicts against a null hold
    the false discovery rate at 5 %. Identities that occur more than once are counted once, and the metadata's
    "repeated" says so.

    Args:
        sweeps: of the encoder.
        baselines: of others over the same identities and poses; shown beside it.
        seed: of the split, and of whatever is drawn.
        probes: of the leakage matrix, actions, classes and contents: "linear", "knn", "mlp".
        skip: blocks to leave out: "effects", "shared", "subspaces", "group", "irreps", "leakage", "actions", "classes",
            "contents", "retrieval", "sequences", "health", "literature".
        metrics: of one's own, each a function from a ``Context`` to estimates; tables, files and pages show them. One
            that fails is left out, as a block or a probe is; ``metadata["left_out"]`` says why.
        ideals: compute what known representations would be told under this design (``ideals.ideal_values``), and put
            it beside every estimate; or what was computed for sweeps of the same design, split and blocks; or not.
        progress: show a bar.

    Returns:
        All estimates, the split, and each factor's leading directions.

    Raises:
        InputError: fewer than 20 identities; an unknown probe or block; a metric whose name is taken; more dimensions
            than there is memory for; or baselines over other identities.

    Example:
        How far apart an identity's views are on average, as a metric of one's own::

            def spread(context):
                swept = {name: z[context.split.test] for name, z in context.swept.items()}
                moved = {name: z.var(2).sum(-1).mean(1) for name, z in swept.items()}
                return {name: from_ratio(Ratio(v, torch.ones_like(v))) for name, v in moved.items()}

            mine = Metric("spread", "how far apart are the views of a sweep? 0: in one place", spread)
            found = diagnose(sweeps, metrics=[mine])["spread"]["rotation"]
    """
    check_options(probes, skip, metrics, sweeps.identities)
    for name, other in (baselines or {}).items():
        if not sweeps.same_design(other):
            raise InputError(f"baselines: {name!r} was swept over other identities or poses")
    distinct = distinct_identities([sweeps, *(baselines or {}).values()], FEWEST)
    wanted = {name: block for name, block in BLOCKS.items() if name not in skip}

    unknown = Guard(OF_IDEALS)

    @cache
    def known() -> Ideals:
        if ideals is not True:
            return ideals or {}
        return ideal_values(of_identities(sweeps, distinct.kept), seed, wanted, unknown)

    asked = _Asked(seed, [name for name in PROBES if name in probes], skip, metrics, known, progress)
    others = {name: _diagnosed(other, distinct, asked, {}) for name, other in (baselines or {}).items()}
    return without(_diagnosed(sweeps, distinct, asked, others), unknown.left_out)


class _Asked(NamedTuple):
    """What ``diagnose`` was asked for, the same for the encoder and its baselines."""

    seed: int
    probes: Sequence[ProbeName]
    skip: Sequence[str]
    metrics: Sequence[Metric]
    ideals: Callable[[], Ideals]  # computed when first asked for, after metrics of one's own
    progress: bool


def _diagnosed(sweeps: Sweeps, distinct: Distinct, asked: _Asked, others: Mapping[str, Diagnosis]) -> Diagnosis:
    """All estimates of one encoder's sweeps, of the distinct identities among them."""
    seed, probes, skip, metrics, ideals, progress = asked
    sweeps = of_identities(sweeps, distinct.kept)
    context = Context.of(sweeps, seed, probes)
    guard = Guard()
    # First: a mistake in a metric of one's own shows at once.
    own = {m.name: guard.tried(f"metric {m.name}", lambda m=m: _own(m, context)) for m in metrics}
    estimates: dict[str, dict[Key, Estimate]] = {}
    wanted = [name for name in BLOCKS if name not in skip]
    for name in track(wanted, "diagnosing", disable=not progress, transient=True, console=bar_console()):
        estimates |= guard.block(name, lambda c, block=BLOCKS[name]: _settled(block(c)), context)
    estimates |= {name: of for name, of in own.items() if of is not None}
    known = guard.tried("ideals", ideals) or {}
    estimates, comparisons = corrected(with_ideals(estimates, known))
    metadata: dict[str, Any] = {"identities": sweeps.identities, "dim": sweeps.dim, "split_seed": seed}
    metadata[COMPARISONS] = comparisons
    metadata["swept"] = ", ".join(f"{f.name} {f.low:g} to {f.high:g} {f.unit}".strip() for f in sweeps.factors)
    metadata |= {"repeated": distinct.told} if distinct.told else {}
    found = Diagnosis(
        estimates,
        dict(sweeps.metadata) | metadata,
        dict(others),
        Split(*(tuple(distinct.kept[part].tolist()) for part in context.split)),
        _subspaces(context),
        {metric.name: replace(metric, compute=None) for metric in metrics},
    )
    return without(found, guard.left_out)


def _settled(found: Found) -> dict[str, dict[Key, Estimate]]:
    return {metric: settled(of, METRICS[metric]) for metric, of in found.items()}


def _own(metric: Metric, context: Context) -> dict[Key, Estimate]:
    """The estimates of a metric of one's own, as a file can keep them; where it cannot be answered at all, why."""
    assert metric.compute is not None
    try:
        found = metric.compute(context)
    except NotIdentifiable as error:
        return {"all": unanswered(error)}
    if not isinstance(found, Mapping):
        raise InputError(f"{metric.name!r} returned a {type(found).__name__}, not Estimates by name")
    for key, estimate in found.items():
        parts = key if isinstance(key, tuple) else (key,)
        if not isinstance(estimate, Estimate) or not parts or not all(isinstance(part, str) for part in parts):
            kind = type(estimate).__name__
            raise InputError(f"{metric.name!r} returned {key!r}: {kind}, not an Estimate by name or names")
        for number in (estimate.value, estimate.null, *(estimate.interval or ()), *(estimate.null_interval or ())):
            if number is not None and not (isinstance(number, int | float) and isfinite(number)):
                raise InputError(f"{metric.name!r} returned {number!r} for {key!r}, not a finite number")
        if estimate.p is not None and not 0 <= estimate.p <= 1:
            raise InputError(f"{metric.name!r} returned p = {estimate.p!r} for {key!r}, not from 0 to 1")
        check_savable(estimate, f"{metric.name!r} returned for {key!r} what a file cannot keep")
    return dict(found)


def _subspaces(context: Context) -> dict[str, Float[Tensor, "D K"]]:
    """Each factor's leading directions, to the digits that a file keeps."""
    found = {}
    for name, fitted in context.fitted.items():
        if isinstance(fitted, Fitted):
            basis = fitted.subspace.directions(min(context.sweeps.dim, DIRECTIONS))
            found[name] = torch.tensor(rounded(basis.flatten()), dtype=torch.float64).reshape(basis.shape)
    return found
