"""The plan of a diagnosis: what it will take, said before it starts, and the design that fits into a budget."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import seqjepa
from seqjepa.diagnostics.views import View
from seqjepa.encoders.asking import Encoder
from seqjepa.extraction.plan import FLOAT, Plan, duration, size
from seqjepa.extraction.sequences import has_sequences
from seqjepa.types import Images, InputError
from seqjepa.workflows.budgeted import design_file, keep_design, kept_design
from seqjepa.workflows.sweeping import Sweeping

LOG = logging.getLogger(__name__)
KEPT_FROM = 60.0  # seconds of encoding from which representations are kept in the cache
SECONDS = {"s": 1, "sec": 1, "min": 60, "h": 3600}
BYTES = {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
ENOUGH, FEWEST = 100, 24  # identities
# Grid values and base poses, in the order in which they are given up for identities, and with how many identities they
# are kept. docs/design-of-a-diagnosis.md has the measurement (benchmarks/designs.py).
LADDER = ((25, 5, ENOUGH), (25, 2, ENOUGH), (25, 1, ENOUGH), (13, 1, FEWEST), (9, 1, FEWEST))
PROBE_SHARE = 0.2  # of the views, at most, for probes of many images


@dataclass(frozen=True)
class Budget:
    """What encoding may take: seconds, bytes of memory, or both."""

    seconds: float = math.inf
    bytes: float = math.inf


def read_budget(texts: str | Sequence[str]) -> Budget:
    """``"10min"``, ``"4GiB"`` or both, in any order.

    Raises:
        InputError: something else, or one of them twice.
    """
    found: dict[str, float] = {}
    for text in [texts] if isinstance(texts, str) else texts:
        parts = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]+)\s*", text) if isinstance(text, str) else None
        unit = parts[2].lower() if parts else ""
        kind = "seconds" if unit in SECONDS else "bytes" if unit in BYTES else None
        amount = float(parts[1]) * (SECONDS | BYTES).get(unit, 0) if parts else 0.0
        if kind is None or kind in found or not 0 < amount < math.inf:
            raise InputError(f"budget: a time (90s, 10min, 2h), a memory (500MiB, 4GiB), or one of each, not {text!r}")
        found[kind] = amount
    return Budget(**found)


def as_read(sweeping: Sweeping, read: Collection[View], encoders: Collection[Encoder]) -> Sweeping:
    """The sweeping without the views that nothing reads; what is left out is said.

    Args:
        sweeping: of everything.
        read: what the blocks that are asked read, see ``views_read``.
        encoders: that are swept: predictions are of those with a predictor, and made from group sweeps.
    """
    predicted = "predictions" in read and any(has_sequences(encoder) for encoder in encoders)
    fewer = replace(
        sweeping,
        group_sweeps="group sweeps" in read or predicted,
        joint=sweeping.joint if "joint design" in read else 0,
        probe_images=sweeping.probe_images if "probe set" in read else 0,
    )
    left_out = sum(sweeping.views_by_kind().values()) - sum(fewer.views_by_kind().values())
    if left_out:
        LOG.info("not encoded, since no block that is asked reads them: %s views", f"{left_out:,}")
    return fewer


def planned(sweeping: Sweeping, encoder: Encoder, passes: Sequence[str], budget: Budget | None) -> Sweeping:
    """Measure the encoder on a few batches and say the plan; with a budget choose the design that fits into it.

    Args:
        sweeping: as asked for.
        encoder: that will be swept.
        passes: baselines that cost as much as the encoder, by name.
        budget: for encoding the encoder and these baselines.

    Returns:
        The same sweeping with the batch size that was found; with a budget, also with its identities, steps, base poses
        and probe images.

    Raises:
        InputError: not even the least design fits.
    """
    file = None if budget is None else design_file(sweeping, encoder, (len(passes), budget))
    before = kept_design(file, sweeping) if file is not None and file.exists() else None
    if before is not None:
        sweeping = before
        LOG.info(
            "the budget: identities %d, steps %d, base poses %d, probe images %d, as it chose before",
            *(sweeping.identities, sweeping.steps, sweeping.base_poses, sweeping.probe_images),
        )
    plan = sweeping.plan(encoder)
    if budget is not None and before is None and plan.measured is not None:
        fitting = fitted(sweeping, plan, 1 + len(passes), budget)
        if fitting != sweeping:
            plan = replace(plan, design=fitting.views_by_kind(), done=0)
            wider = math.sqrt(sweeping.identities / fitting.identities)
            LOG.info(
                "the budget: identities %d, steps %d, base poses %d, probe images %d, where %d, %d, %d and %d were "
                "asked for; intervals are about %.1f times as wide for the fewer identities",
                *(fitting.identities, fitting.steps, fitting.base_poses, fitting.probe_images),
                *(sweeping.identities, sweeping.steps, sweeping.base_poses, sweeping.probe_images, max(1.0, wider)),
            )
            sweeping = fitting
    LOG.info("the plan: %s", told(plan, passes, sweeping))
    kept = before is not None or plan.done > 0 or plan.seconds >= KEPT_FROM or plan.measured is None
    if kept and file is not None and before is None:
        keep_design(file, sweeping)
    found = plan.measured.batch_size if plan.measured else None
    return replace(sweeping, found_batch=found, cache=sweeping.cache if kept else None)


def diagnosis_key(sweeping: Sweeping, encoder: Encoder, asked: Mapping[str, object]) -> str | None:
    """What a diagnosis depends on: encoder, pictures, poses, options and this package's version; None of a scene.

    Args:
        sweeping: as asked for.
        encoder: that is diagnosed.
        asked: further options, plain data.
    """
    swept = sweeping.key(encoder)
    if swept is None or not isinstance(sweeping.train, Images | None):
        return None
    trained = (
        "" if sweeping.train is None else hashlib.sha256(sweeping.train.pixels.cpu().numpy().tobytes()).hexdigest()
    )
    whole = [seqjepa.__version__, swept, sweeping.layers, sweeping.source, trained, asked]
    return hashlib.sha256(json.dumps(whole, sort_keys=True, default=list).encode()).hexdigest()[:32]


def told(plan: Plan, passes: Sequence[str], sweeping: Sweeping) -> str:
    """The plan in one line, with what the baselines add and what halves it."""
    whole = duration((1 + len(passes)) * plan.seconds)
    more = f"; as many for {' and '.join(passes)}, {whole} in all" if passes and plan.seconds else ""
    half = f"; half of it: --identities {max(FEWEST, sweeping.identities // 2)} (intervals 1.4 times as wide)"
    return f"{plan}{more}{half if plan.seconds > KEPT_FROM else ''}"


def fitted(sweeping: Sweeping, plan: Plan, passes: int, budget: Budget) -> Sweeping:
    """The design with the narrowest intervals that a budget is enough for, by the rule of ``LADDER``.

    Nothing is made larger than it was asked for.

    Args:
        sweeping: as asked for.
        plan: its plan, measured.
        passes: how often views are encoded: the encoder, and baselines like it.
        budget: for all of them.

    Raises:
        InputError: not even the least design fits.
    """
    assert plan.measured is not None
    batch = plan.measured.peak_bytes
    held = min(passes, 2) * FLOAT * sum(plan.dims.values())  # bytes a view: an encoder's, and one baseline's beside it
    views = min(
        budget.seconds / (passes * plan.measured.seconds),
        (budget.bytes - batch) / held,
    )
    if plan.views <= views:
        return sweeping
    probes = sweeping.probe_images if sweeping.train is not None else 0
    probes = max(0, min(probes, int(PROBE_SHARE * views / 4)))
    chosen = sweeping
    for wanted in (probes, 0):  # probes of many images are the first to go where too little is left
        chosen = _widest(replace(sweeping, probe_images=wanted), views)
        if chosen.identities >= FEWEST:
            return chosen
    least = sum(replace(chosen, identities=FEWEST).views_by_kind().values())
    seconds = duration(passes * least * plan.measured.seconds)
    raise InputError(
        f"budget: {max(0, int(views)):,} views are too few; the least are {least:,} ({FEWEST} identities), "
        f"{seconds} and {size(batch + held * least)}"
    )


def _widest(sweeping: Sweeping, views: float) -> Sweeping:
    """The first design of ``LADDER`` with identities enough, else the last, of so many views at most."""
    chosen, probes = sweeping, sweeping.views_by_kind()["probes"]
    for steps, base_poses, enough in LADDER:
        steps, base_poses = min(steps, sweeping.steps), min(base_poses, sweeping.base_poses)
        chosen = replace(sweeping, identities=1, steps=steps, base_poses=base_poses)
        each = sum(chosen.views_by_kind().values()) - probes
        count = max(0, int((views - probes) // each))
        chosen = replace(chosen, identities=min(count, sweeping.identities))
        if count >= min(enough, sweeping.identities):
            break
    return chosen
