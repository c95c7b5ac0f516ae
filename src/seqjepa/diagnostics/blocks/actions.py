"""Is the transformation between two views read from their representations, and how far off is the probe?"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.blocks.leakage import NULL_IS
from seqjepa.diagnostics.context import Context, from_draws, from_ratio, rounded, unanswered
from seqjepa.diagnostics.estimate import Estimate, Key
from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.diagnostics.measures.leakage import ProbeResult, probe_factors
from seqjepa.diagnostics.measures.probes import ProbeName, Rows
from seqjepa.diagnostics.measures.relative_probe import (
    median_over_identities,
    relative_values,
    view_pairs,
    view_products,
)
from seqjepa.diagnostics.views import reads
from seqjepa.rng import generator
from seqjepa.types import Factor, NotIdentifiable

KEPT = 500  # pairs of a true and a predicted value


@reads("probe set", "joint design")
def action_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """How well the transformation between two views is read from both their representations, and how far off.

    From the probe set of many images where there is one, else from the joint design.
    """
    factors, r2, errors = context.sweeps.factors, {}, {}
    try:
        codes, values, split = _probe_pairs(context)
        wanted = {  # of two views there is one pair, of J views in a round J
            name: (between[:, : codes.shape[1]], target[:, : codes.shape[1]])
            for name, (between, target) in relative_values(factors, values).items()
        }
    except NotIdentifiable as error:
        none: dict[Key, Estimate] = {
            (f.name, probe_name): unanswered(error) for f in factors for probe_name in context.probes_but("knn")
        }
        return {"action": none, "action_error": none}
    for probe_name in context.probes_but("knn"):
        targets = {name: target for name, (_, target) in wanted.items()}
        more = view_products(codes, split.train) if probe_name == "linear" else None
        results = probe_factors(codes, targets, split, probe_name, context.seed, more) if targets else {}
        for factor in factors:
            key = (factor.name, probe_name)
            if factor.name not in results:
                r2[key] = errors[key] = unanswered(NotIdentifiable("the factor is constant"))
                continue
            asked = _Asked(factor, wanted[factor.name][0], split, context.seed)
            r2[key], errors[key] = asked.estimates(results[factor.name], probe_name)
    return {"action": r2, "action_error": errors}


def _probe_pairs(context: Context) -> tuple[Tensor, Tensor, Rows]:
    """Representations (I, J, 2D) of pairs of views, the factors' values, and the split."""
    probe = context.sweeps.probe
    if probe is None:
        return view_pairs(context.sweeps.joint), context.sweeps.joint_values, context.split
    codes = torch.cat([probe.train, probe.test]).flatten(1).unsqueeze(1)
    return codes, torch.cat([probe.train_values, probe.test_values]), context.probe_set_split()


@dataclass(frozen=True)
class _Asked:
    """What lies between two views by one factor, (I, J, W) in its unit, and the split."""

    factor: Factor
    values: Float[Tensor, "I J W"]
    split: Rows
    seed: int

    def estimates(self, result: ProbeResult, probe_name: ProbeName) -> tuple[Estimate, Estimate]:
        """R², and the median error."""
        factor, (train, _, test) = self.factor, self.split
        kind = factor.kind
        true, read = self.values[test], kind.read(result.said)
        details: dict[str, object] = {"trained on": int(train.sum()), "tested on": int(test.sum())}
        unit = {"unit": kind.error_unit(factor.unit)}
        if factor.period is not None and factor.space == "number":
            chosen = torch.randperm(true.numel(), generator=generator(self.seed, "pairs kept"))[:KEPT]
            wrapped = (true + factor.period / 2) % factor.period - factor.period / 2
            details |= {"true": rounded(wrapped.flatten()[chosen]), "predicted": rounded(read.flatten()[chosen])}
        details["probe"] = "linear, with products of the two views" if probe_name == "linear" else probe_name
        constant = kind.constant(self.values[train].flatten(0, 1)).expand_as(true)
        off, ignorant = kind.error(read, true), kind.error(constant, true)
        r2 = from_ratio(result.score, result.null, NULL_IS, details)
        if factor.space == "levels":  # a median of right and wrong says nothing: a share
            wrong = Ratio(off.sum(1), torch.full((len(off),), float(off.shape[1]), dtype=torch.float64))
            return r2, from_ratio(wrong, float(ignorant.mean()), "the constant", unit)
        return r2, from_draws(median_over_identities(off), float(ignorant.median()), "the constant", unit)
