"""A draw of a case: its estimates, and what the very same probes, operators and mean orbits do on further identities.

As cheap as can be: without ideals, without a network beside the operator (of these codes none would do better), without
blocks of which nothing is asked, and on further identities, of which values alone are wanted, without null draws.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from unittest import mock

import torch

from calibrated.cases import CASES, ON_FURTHER_IDENTITIES, Asked
from seqjepa.diagnostics import METRICS, Context, Estimate
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.bounds import settled
from seqjepa.diagnostics.context import split_identities
from seqjepa.diagnostics.distinct import distinct_identities, of_identities
from seqjepa.diagnostics.many import corrected
from seqjepa.diagnostics.measures import leakage
from seqjepa.diagnostics.measures.probes import Rows
from seqjepa.sweeps import Sweeps


def one_draw(case: str, draw: int, asked: Collection[Asked]) -> dict[Asked, tuple[Estimate, float]]:
    """Each estimate that is asked for, and the truth."""
    torch.set_num_threads(1)
    known = CASES[case]
    sweeps = known.make(1000 * draw + 17, known.identities)
    sweeps = of_identities(sweeps, distinct_identities([sweeps], 1).kept)
    context = replace(Context.of(sweeps, draw, ("linear",)), networks=False)
    found = _estimates(context, {metric for metric, _ in asked})
    found = corrected({metric: settled(of, METRICS[metric]) for metric, of in found.items()})[0]
    further = {name for name in asked if known.truths[name] == ON_FURTHER_IDENTITIES}
    truths = {name: known.truths[name] for name in asked}
    if further:
        more = known.make(1000 * draw + 500, known.further)
        more = of_identities(more, distinct_identities([more], 1).kept)
        with mock.patch.object(leakage, "PERMUTATIONS", 2):
            again = _estimates(_on_further(sweeps, more, draw), {metric for metric, _ in further})
        again = {metric: settled(of, METRICS[metric]) for metric, of in again.items()}  # as the intervals are
        values = {name: again[name[0]][name[1]].value for name in further}
        truths |= {name: math.nan if value is None else value for name, value in values.items()}
    return {name: (found[name[0]][name[1]], truths[name]) for name in asked}


def _estimates(context: Context, metrics: set[str]) -> dict[str, Mapping]:
    blocks = {METRICS[metric].block for metric in metrics}
    return {metric: of for name in BLOCKS if name in blocks for metric, of in BLOCKS[name](context).items()}


def _on_further(sweeps: Sweeps, more: Sweeps, draw: int) -> Context:
    """The same identities to train and to validate on, and further ones to test on."""
    train, validation, test = split_identities(sweeps.identities, draw)
    kept = ~test
    every = {n: torch.cat([codes[kept], more.values[n]]) for n, codes in sweeps.values.items()}
    probe = (
        sweeps.probe
        and more.probe
        and replace(
            sweeps.probe,
            test=more.probe.test,
            test_values=more.probe.test_values,
            test_labels=more.probe.test_labels,
        )
    )
    together = Sweeps.from_arrays(
        every,
        sweeps.factors,
        sweeps.grids,
        torch.cat([sweeps.labels[kept], more.labels]),
        torch.cat([sweeps.joint[kept], more.joint]),
        torch.cat([sweeps.joint_values[kept], more.joint_values]),
        probe=probe,
    )
    none, all_of = (make(more.identities, dtype=torch.bool) for make in (torch.zeros, torch.ones))
    split = Rows(
        torch.cat([train[kept], none]),
        torch.cat([validation[kept], none]),
        torch.cat([none[: int(kept.sum())], all_of]),
    )
    return replace(Context.of(together, draw, ("linear",), split), networks=False)
