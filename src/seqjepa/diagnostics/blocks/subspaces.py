"""How many dimensions each factor has, how concentrated, and shared with whom."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from seqjepa.diagnostics.blocks.pairs import NO_DIRECTION, halves_of, hidden, pair_estimates, share_along
from seqjepa.diagnostics.context import Context, Fitted, answered, rounded, told, unanswered
from seqjepa.diagnostics.estimate import Estimate, Key, Samples
from seqjepa.diagnostics.measures.bootstrap import RESAMPLES, expanded, identity_weights
from seqjepa.diagnostics.measures.order import SIGNIFICANT, combined, count_above, permuted_signal, permuted_variance
from seqjepa.diagnostics.measures.subspaces import FactorSubspace, centre_orbits
from seqjepa.diagnostics.swept import TRANSLATION
from seqjepa.diagnostics.views import reads
from seqjepa.types import NotIdentifiable

NORMAL_95 = 1.645
CURVE = 32  # dimensions of the curves that are kept


@reads("joint design")
def subspace_estimates(context: Context) -> dict[str, dict[Key, Estimate]]:
    """Dimension, explained variance (of all orbits, and of the common one), reliability, overlap, alignment."""
    metrics: dict[str, dict[Key, Estimate]] = {m: {} for m in ("dimension", "explained_variance", "common_orbit")}
    for name, fitted in context.fitted.items():
        if isinstance(fitted, NotIdentifiable):
            for metric in metrics.values():
                metric[name] = unanswered(fitted)
            continue
        codes = context.swept[name]
        k = min(_natural_dimension(context, name), context.sweeps.dim)
        metrics["dimension"][name] = _dimension(fitted.subspace)
        metrics["explained_variance"][name] = answered(
            lambda c=codes, f=fitted, k=k: _explained_variance(c, f, k, context.seed)
        )
        metrics["common_orbit"][name] = answered(
            lambda c=codes, k=k, f=fitted: _common_orbit(c, context.first_half, k, f.kernel.ndim > 2)
        )
    return metrics | pair_estimates(context)


def _natural_dimension(context: Context, name: str) -> int:
    """2 for a circle and for x and y together, 1 for a line; in general what a probe's target takes."""
    if name == TRANSLATION:
        return 2
    factor = context.sweeps.factor(name)
    return {"levels": factor.size - 1, "vector": factor.size, "rotation": 9, "direction": 3}.get(
        factor.space, 1 if factor.period is None else 2
    )


def _dimension(subspace: FactorSubspace) -> Estimate:
    halves = (subspace.evidence[half] for half in (subspace.train, ~subspace.train))
    first, second = (identity_weights(len(part), RESAMPLES, 0) @ part / len(part) ** 0.5 for part in halves)
    scores = combined(first, second)
    # What was not found is noise, as far as is known: its scores, resampled, have a variance of 2 and not of 1.
    scores[:, subspace.dim :] /= 2**0.5
    counts = [count_above(row) for row in scores]
    samples = _samples(torch.tensor(counts).double())
    verdict = "" if subspace.dim else NO_DIRECTION
    if subspace.dim == subspace.evidence.shape[1] and not subspace.all_tried:
        verdict = "at least so many: no more were tried"
    return told(float(subspace.dim), samples, 0.0, "permuted grids", {"threshold": SIGNIFICANT}, verdict)


def _explained_variance(codes: Float[Tensor, "I P G D"], fitted: Fitted, k: int, seed: int) -> Estimate:
    """EV@k of the signal covariance, each half's directions judged on the other half."""
    space = fitted.subspace
    if not space.dim:
        raise NotIdentifiable(NO_DIRECTION)
    part = space.along[:, :k].sum(1)
    if hidden(space.total):
        raise NotIdentifiable("noise hides how much the factor moves the representation in all")
    along = torch.cat(
        [
            (centre_orbits(codes[half]) @ of.basis[:, :k]).flatten(0, 1)
            for half, of in ((space.train, space.halves[1]), (~space.train, space.halves[0]))
        ]
    )
    kernel = fitted.kernel
    if kernel.ndim > 2:  # one base pose of each identity, whose own kernel it has
        kernel = torch.cat([kernel[space.train], kernel[~space.train]])[:, 0]
    null = permuted_signal(along, kernel, seed) / space.total.mean()
    details = {
        "k": k,
        "null_share": NORMAL_95 * _one_direction(along, kernel) / float(space.total.mean()),
        "held_out": rounded(space.held_out[:CURVE]),
        "fitted": rounded(space.fitted[:CURVE]),
    }
    halves = halves_of(space, k)
    share = share_along(space, part, space.total, halves)
    kept, draws = min(1.0, max(0.0, share.value)), share.draws
    if halves.chosen:
        # What the leading directions hold lies above what is held of other images and below what is held of those
        # that chose them, to first order by as much (perturbed eigenvalues): so the interval reaches up to half way.
        of_choosers = min(1.0, sum(float(of.fitted[:k].sum()) for of in space.halves) / 2)
        draws = draws + (draws > share.value) * max(0.0, of_choosers - kept) / 2
    samples = _samples(draws.clamp(0.0, 1.0))
    return told(kept, samples, null, "permuted grids", details | {"unclipped": share.value})


def _one_direction(along: Float[Tensor, "N G K"], kernel: Float[Tensor, "*_ G G"]) -> float:
    """The standard deviation of the leading direction's signal variance over permuted grids."""
    variances = permuted_variance(along[:, None, :, :1], kernel if kernel.ndim == 2 else kernel[:, None])
    return float(variances.sum().sqrt()) / along.shape[0] / along.shape[1]


def _common_orbit(codes: Float[Tensor, "I P G D"], half: Bool[Tensor, " I"], k: int, records: bool) -> Estimate:
    """EV@k of the orbit that all identities share: directions from one half's mean orbit, variance of the other's.

    Only products of different identities count, so that what is not common to them counts nowhere.
    """
    if records:
        raise NotIdentifiable("identities were recorded at values of their own, so they have no orbit in common")
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
    value, null = float(ratio[0]), k / codes.shape[-1]
    samples = _samples(expanded(ratio[1:], value, count))
    return told(value, samples, null, "a random subspace", details)


def _samples(values: Float[Tensor, " R"]) -> Samples:
    return Samples(resampled=tuple(rounded(values)))
