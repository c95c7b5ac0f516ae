"""How many dimensions each factor has, how concentrated, and shared with whom."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from seqjepa.diagnostics.context import Context, Fitted, answered, from_ratio, rounded, unanswered
from seqjepa.diagnostics.estimate import Estimate, Key, Samples
from seqjepa.diagnostics.measures.bootstrap import RESAMPLES, Ratio, identity_weights, recentred
from seqjepa.diagnostics.measures.overlaps import (
    MOST_DIMENSIONS,
    REDUCED,
    RELIABLE,
    Halves,
    factor_overlap,
    leading_directions,
    resampled_directions,
    resampled_overlaps,
)
from seqjepa.diagnostics.measures.subspaces import (
    FactorSubspace,
    captured,
    centre_orbits,
    dimensions_above,
    isotropic_null,
)
from seqjepa.types import NotIdentifiable

CURVE = 32  # dimensions of the curves that are kept


def subspace_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """Dimension, explained variance (of all orbits, and of the common one), reliability, overlap, alignment."""
    metrics: dict[str, dict[Key, Estimate]] = {m: {} for m in ("dimension", "explained_variance", "common_orbit")}
    for name, fitted in context.fitted.items():
        if isinstance(fitted, NotIdentifiable):
            for metric in metrics.values():
                metric[name] = unanswered(fitted)
            continue
        codes, subspace = context.swept[name], fitted.subspace
        tested = codes[context.split.test]
        along = captured(tested, subspace.basis)
        k = min(_natural_dimension(context, name), along.shape[1])
        metrics["dimension"][name] = _dimension(subspace, along)
        metrics["explained_variance"][name] = from_ratio(
            Ratio(along[:, :k].sum(1), along.sum(1)),
            isotropic_null(tuple(tested.shape), k),
            "isotropic noise",
            {"k": k, "null_share": subspace.null}
            | {"held_out": rounded(subspace.held_out[:CURVE]), "fitted": rounded(subspace.fitted[:CURVE])},
        )
        metrics["common_orbit"][name] = answered(lambda c=codes, k=k: _common_orbit(c, context.first_half, k))
    return metrics | _pairs(context)


def _natural_dimension(context: Context, name: str) -> int:
    """2 for a circle and for x and y together, 1 for a line."""
    return 2 if name == "translation" or context.sweeps.factor(name).period is not None else 1


def _dimension(subspace: FactorSubspace, along: Float[Tensor, "I D"]) -> Estimate:
    sums = identity_weights(len(along), RESAMPLES, 0) @ along
    shares = sums / sums.sum(1, keepdim=True)
    samples = _samples(torch.tensor([dimensions_above(row, subspace.null) for row in shares]).double())
    verdict = "" if subspace.dim else "no direction stands above noise"
    return Estimate(float(subspace.dim), samples.interval_around(0.0), 0.0, "isotropic noise", verdict, samples=samples)


def _common_orbit(codes: Float[Tensor, "I P G D"], half: Bool[Tensor, " I"], k: int) -> Estimate:
    """EV@k of the orbit that all identities share: directions from one half's mean orbit, variance of the other's.

    Only products of different identities count, so that what is not common to them counts nowhere.
    """
    orbits = torch.cat([centre_orbits(part).mean(1) for part in codes.split(16)])
    vectors = torch.linalg.svd(orbits[half].mean(0), full_matrices=False).Vh.T
    tested = orbits[~half]
    along = tested @ vectors
    inside, whole = (flat @ flat.T for flat in (along[..., :k].flatten(1), tested.flatten(1)))
    count = len(tested)
    weights = torch.cat([torch.ones(1, count, dtype=torch.float64), identity_weights(count, RESAMPLES, 0)])
    pairs = [((weights @ m) * weights).sum(1) - weights.square() @ m.diagonal() for m in (inside, whole)]
    common = float(pairs[1][0]) / (count - 1) / float(whole.trace())
    if common <= 2 / count:
        raise NotIdentifiable("the identities share no orbit distinguishable from chance")
    ratio = pairs[0] / pairs[1]
    curve = (along.sum(0).square().sum(0) - along.square().sum((0, 1))) / pairs[1][0]
    details = {"k": k, "held_out": rounded(curve[:CURVE]), "share_of_variance": common}
    samples, null = _samples(ratio[1:]), k / codes.shape[-1]
    value = float(ratio[0])
    return Estimate(value, samples.interval_around(value), null, "a random subspace", details=details, samples=samples)


def _pairs(context: Context) -> dict[str, dict[Key, Estimate]]:
    """Reliability of every subspace, overlap and alignment of every two, from halves of the identities."""
    fitted = {name: f for name, f in context.fitted.items() if isinstance(f, Fitted)}
    dim = context.sweeps.dim
    pooled = sum(((f.first + f.second) / (f.first + f.second).trace() for f in fitted.values()), torch.zeros(dim, dim))
    reduced = leading_directions(pooled, min(REDUCED, dim)) if fitted else pooled
    found: dict[str, _Directions] = {}
    reliability: dict[Key, Estimate] = {}
    for name, of in context.fitted.items():
        if isinstance(of, NotIdentifiable):
            reliability[name] = unanswered(of)
        elif not (k := min(of.subspace.dim, MOST_DIMENSIONS)):
            reliability[name] = unanswered(NotIdentifiable("no direction stands above noise"))
        else:
            halves = Halves(of.subspace.directions(k), leading_directions(of.second, k))
            own = torch.cat([_own_covariance(part, reduced) for part in context.swept[name].split(16)])
            found[name] = _Directions(halves, resampled_directions(own, context.first_half, k, RESAMPLES, context.seed))
            reliability[name] = answered(lambda d=found[name]: _reliability(d))
    overlap: dict[Key, Estimate] = {}
    alignment: dict[Key, Estimate] = {}
    for f in context.swept:
        for g in context.swept:
            if f == g or {f, g} in ({"translation", "translate_x"}, {"translation", "translate_y"}):
                continue  # a part of the other by construction
            missing = next((reliability[n] for n in (f, g) if n not in found), None)
            if missing is not None:
                overlap[f, g] = alignment[f, g] = missing
                continue
            both = found[f], found[g]
            overlap[f, g] = overlap.get((g, f)) or answered(lambda b=both: _overlap(*b, pooled, context.seed))
            codes, own = context.swept[f][context.split.test], fitted[f].subspace
            alignment[f, g] = answered(lambda c=codes, o=own, d=found[g]: _alignment(c, o, d.halves))
    return {"reliability": reliability, "overlap": overlap, "alignment": alignment}


@dataclass(frozen=True)
class _Directions:
    """A factor's directions in either half, and in either half of each bootstrap resample."""

    halves: Halves
    resampled: tuple[Float[Tensor, "R M K"], Float[Tensor, "R M K"]]


def _overlap(f: _Directions, g: _Directions, pooled: Float[Tensor, "D D"], seed: int) -> Estimate:
    found = factor_overlap(f.halves, g.halves, pooled, seed)
    details = {
        "angles_deg": rounded(found.angles.rad2deg()),
        "chance": found.chance,
        "matched_null": found.matched_null,
        "reliability": list(found.reliability),
        "disattenuated": found.disattenuated,
    }
    samples = _samples(recentred(resampled_overlaps(f.resampled, g.resampled), found.value))
    interval = samples.interval_around(found.value)
    return Estimate(found.value, interval, found.null, "random subspaces", found.verdict, "", details, samples)


def _alignment(tested: Float[Tensor, "I P G D"], own: FactorSubspace, other: Halves) -> Estimate:
    """Of the variance that f's own leading directions hold of f, held out, how much g's hold."""
    if other.reliability < RELIABLE:
        raise NotIdentifiable(
            f"halves of the identities agree by {other.reliability:.2f} on the other, under {RELIABLE}"
        )
    k = other.first.shape[1]
    theirs, ours = captured(tested, other.first).sum(1), captured(tested, own.directions(k)).sum(1)
    chance = k / tested.shape[-1] / float(own.held_out[:k].sum())
    return from_ratio(Ratio(theirs, ours), min(1.0, chance), "a random subspace")


def _reliability(directions: _Directions) -> Estimate:
    dim, k = directions.halves.first.shape
    value = directions.halves.reliability
    first, second = directions.resampled
    agree = (first.mT @ second).square().sum((1, 2)) / k
    samples = _samples(recentred((agree - k / dim) / (1 - k / dim), value))
    verdict = "" if value >= RELIABLE else f"under {RELIABLE}: its directions are not known"
    return Estimate(value, samples.interval_around(value), 0.0, "chance", verdict, "", {"k": k}, samples)


def _own_covariance(part: Float[Tensor, "I P G D"], basis: Float[Tensor, "D M"]) -> Float[Tensor, "I M M"]:
    inside = (centre_orbits(part) @ basis).flatten(1, 2)
    return inside.mT @ inside / inside.shape[1]


def _samples(values: Float[Tensor, " R"]) -> Samples:
    return Samples(resampled=tuple(rounded(values)))
