"""Do two halves of the images agree on a factor's directions, and do two factors share them?"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.context import Context, Fitted, answered, codes_covariance, rounded, told, unanswered
from seqjepa.diagnostics.estimate import Estimate, Key, Samples
from seqjepa.diagnostics.measures.bootstrap import (
    RESAMPLES,
    Resampled,
    identity_weights,
    jackknife_draws,
    jackknife_ratio,
    percentile_interval,
    without_bias,
)
from seqjepa.diagnostics.measures.directions import Directions, signal_along
from seqjepa.diagnostics.measures.order import kernel_of
from seqjepa.diagnostics.measures.overlaps import (
    IN_PART,
    MOST_DIMENSIONS,
    RELIABLE,
    Halves,
    factor_overlap,
    matched_subspaces,
    shared_in_part,
    sharing_verdict,
    squared_cosines,
)
from seqjepa.diagnostics.measures.spans import Covariance
from seqjepa.diagnostics.measures.subspaces import FactorSubspace
from seqjepa.types import NotIdentifiable

NO_DIRECTION = "no direction stands above noise"


def pair_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """Reliability of every subspace, overlap and alignment of every two, from halves of the identities."""
    found: dict[str, Halves] = {}
    reliability: dict[Key, Estimate] = {}
    for name, of in context.fitted.items():
        if isinstance(of, NotIdentifiable):
            reliability[name] = unanswered(of)
        elif not of.subspace.dim:
            reliability[name] = unanswered(NotIdentifiable(NO_DIRECTION))
        else:
            found[name] = halves_of(of.subspace, min(of.subspace.dim, MOST_DIMENSIONS))
            reliability[name] = answered(lambda h=found[name]: _reliability(h))
    overlap: dict[Key, Estimate] = {}
    alignment: dict[Key, Estimate] = {}
    null = _Null(context)
    for f in context.swept:
        aligned = _alignments(context, f, found, null) if f in found else None
        for g in context.swept:
            if context.nested(f, g):
                continue
            missing = next((reliability[n] for n in (f, g) if n not in found), None)
            if missing is not None:
                overlap[f, g] = alignment[f, g] = missing
                continue
            both = found[f], found[g]
            overlap[f, g] = overlap.get((g, f)) or answered(lambda b=both: _overlap(*b, null))
            assert aligned is not None
            alignment[f, g] = answered(aligned[g])
    return {"reliability": reliability, "overlap": overlap, "alignment": alignment}


def halves_of(space: FactorSubspace, k: int) -> Halves:
    """The k leading directions of both halves; where k is more than were found, the further ones are held."""

    def left_out(of: Directions) -> Float[Tensor, "N D K"]:
        own = of.left_out[..., :k]
        if own.shape[2] == k:
            return own
        held = of.basis[:, own.shape[2] : k].expand(len(own), -1, -1)
        return torch.linalg.qr(torch.cat([own, held], 2)).Q

    first, second = space.halves
    chosen = k < space.dim
    return Halves(first.basis[:, :k], second.basis[:, :k], (left_out(first), left_out(second)), chosen)


class _Null:
    """Random subspaces of the representations' covariance, in its span's coordinates, each dimension drawn once."""

    def __init__(self, context: Context) -> None:
        self._sweeps, self._seed = context.sweeps, context.seed
        self._drawn: dict[tuple[int, int], Float[Tensor, "N R K"]] = {}

    @cached_property
    def _spread(self) -> tuple[Covariance, str]:
        return codes_covariance(self._sweeps)

    @property
    def is_of(self) -> str:
        return f"random subspaces of the covariance of the {self._spread[1]}"

    def subspaces(self, k: int, which: int = 0) -> Float[Tensor, "N R K"]:
        if (k, which) not in self._drawn:
            self._drawn[k, which] = matched_subspaces(self._spread[0].inside, k, self._seed + which)
        return self._drawn[k, which]

    def within(self, signal: Covariance) -> Float[Tensor, "R R"]:
        """A covariance in the same coordinates."""
        return signal.between(self._spread[0].span)


def _reliability(halves: Halves) -> Estimate:
    value, k = halves.reliability, halves.first.shape[1]
    samples = _samples(jackknife_draws(value, halves.reliability_left_out(), high=1.0))
    verdict = "" if value >= RELIABLE else f"under {RELIABLE}: its directions are not known"
    return told(value, samples, 0.0, "chance", {"k": k}, verdict)


def _overlap(f: Halves, g: Halves, null: _Null) -> Estimate:
    found = factor_overlap(f, g)
    assert found.left_out is not None
    chance = squared_cosines(null.subspaces(f.first.shape[1]), null.subspaces(g.first.shape[1], 1))
    each = [
        percentile_interval(jackknife_draws(float(c), left, 0.0, 1.0))
        for c, left in zip(found.cosines, found.left_out.T, strict=True)
    ]
    raw = without_bias(found.value, found.left_out.mean(1))
    value = min(1.0, max(0.0, raw))
    draws = jackknife_draws(raw, found.left_out.mean(1), 0.0, 1.0)
    low = torch.tensor([interval[0] for interval in each], dtype=torch.float64)[: chance.shape[1]]
    part = shared_in_part(low, chance)
    details: dict[str, object] = {
        "angles_deg": rounded(found.angles.rad2deg()),
        "chance": found.chance,
        "reliability": list(found.reliability),
        "with_bias": found.value,
        "disattenuated": found.disattenuated,
    }
    if part:
        details[IN_PART] = True  # what stays true of "shared", should that not survive the other comparisons
    verdict = sharing_verdict(value, percentile_interval(draws), chance.mean(1), part)
    return told(value, _samples(draws), chance.mean(1), null.is_of, details, verdict)


def _alignments(context: Context, f: str, found: dict[str, Halves], null: _Null) -> dict[str, Callable[[], Estimate]]:
    """Of the signal variance that f's own leading directions hold, held out, how much each other factor's hold."""
    of = context.fitted[f]
    assert isinstance(of, Fitted)
    space, codes = of.subspace, context.swept[f]
    others = [name for name in found if name != f]
    along = torch.empty(len(codes), sum(found[name].first.shape[1] for name in others), dtype=torch.float64)
    for half in (0, 1):
        mine = space.train if half == 0 else ~space.train
        bases = [(found[name].second, found[name].first)[half] for name in others]
        if bases:
            along[mine] = signal_along(codes[mine], torch.cat(bases, 1), kernel_of(of.kernel, mine))
    widths = [found[name].first.shape[1] for name in others]
    asked: dict[str, Callable[[], Estimate]] = {}
    for name, theirs in zip(others, along.split(widths, 1) if others else (), strict=True):
        asked[name] = partial(_alignment, of, theirs.sum(1), found[name], null)
    return asked


def _alignment(of: Fitted, theirs: Float[Tensor, " I"], other: Halves, null: _Null) -> Estimate:
    if other.reliability < RELIABLE:
        raise NotIdentifiable(
            f"halves of the identities agree by {other.reliability:.2f} on the other, under {RELIABLE}"
        )
    space, k = of.subspace, other.first.shape[1]
    ours = space.along[:, :k].sum(1)
    if hidden(ours):
        raise NotIdentifiable("noise hides how much the factor moves along its own directions")
    found = share_along(of.subspace, theirs, ours, other)
    samples = _samples(found.draws.clamp(min=0.0))
    shares = space.train.double().mean(), (~space.train).double().mean()
    signal = shares[0] * null.within(space.signals[0]) + shares[1] * null.within(space.signals[1])
    drawn = null.subspaces(k)
    chance = (drawn * (signal @ drawn)).sum((1, 2)) / ours.mean()
    return told(max(0.0, found.value), samples, chance, null.is_of, {"unclipped": found.value})


def hidden(variances: Float[Tensor, " I"]) -> bool:
    """Whether the sum of these signal variances is not above 0, or not in 97.5 % of resamples of the identities."""
    sums = identity_weights(len(variances), RESAMPLES, 0) @ variances
    return bool(variances.sum() <= 0 or (sums <= 0).double().mean() > 0.025)


def share_along(
    space: FactorSubspace, part: Float[Tensor, " I"], whole: Float[Tensor, " I"], along: Halves
) -> Resampled:
    """A share of a factor's signal variance, in resamples of variances and directions.

    Without a group of identities it is taken from the variances, with the directions held, and from the directions,
    with the variances held, to first order. What the whole is taken of is held.

    Args:
        space: the factor's.
        part: each identity's signal variance along the directions of the half that it is not in.
        whole: what it is a share of.
        along: the directions.
    """
    assert along.left_out is not None
    groups = len(along.left_out[0])
    group = torch.empty(len(part), dtype=torch.long)
    for half in (space.train, ~space.train):
        group[half] = torch.arange(int(half.sum())) % groups
    member = torch.nn.functional.one_hot(group, groups).double()
    moved = torch.zeros(groups, dtype=torch.float64)
    # Variances of one half are taken along the directions of the other half.
    for half, signal, basis, left in (
        (space.train, space.signals[0], along.second, along.left_out[1]),
        (~space.train, space.signals[1], along.first, along.left_out[0]),
    ):
        held = (basis * (signal @ basis)).sum()
        moved += half.sum() * ((left * (signal @ left)).sum((1, 2)) - held)
    left = len(part) - member.sum(0)
    left_out = (part.sum() - part @ member + moved) / left, (whole.sum() - whole @ member) / left
    # Which of many directions lead is a choice, and of its bias a jackknife shows noise, twenty times.
    return jackknife_ratio(float(part.mean()), float(whole.mean()), left_out, unbiased=not along.chosen)


def _samples(values: Float[Tensor, " R"]) -> Samples:
    return Samples(resampled=tuple(rounded(values)))
