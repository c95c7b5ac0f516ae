"""In which directions a factor moves the representation, from what it predicts, however loud the noise beside it.

Three steps, each on one half of the identities, with W the within-orbit covariance and S the signal covariance
(``signal_kernel``):

1. *filters* w, the eigenvectors of S relative to W: what is read through the first is most in order along the grid.
   Loud noise only makes a direction weigh little;
2. *patterns* S w, the directions that move as the filters say (Haufe et al., 2014). For a signal of rank k they span
   its directions whatever the filters;
3. the patterns *shrunk*: a pattern's error along an eigenvector of the noise W - S is known from its eigenvalue, so
   what loud noise adds is taken back (empirical Bayes, a normal prior of one variance for all directions).

Where identities are not equally noisy each counts by the inverse of its noise in W and S (``precisions``). Otherwise
the loudest decide how well a direction is known, and what little of the factor is left in the next filters stands far
above the noise of the quiet ones: a circle had 8 dimensions instead of 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.measures.order import ELEMENTS_AT_ONCE, kernel_of
from seqjepa.diagnostics.measures.spans import leading_eigenvectors

RESOLVED = 1e-12  # eigenvalues below this share of the largest are rounding
MOST_FILTERS = 128
SAMPLES_EACH = 4  # degrees of freedom for each principal component
WELL_KNOWN = 16  # degrees of freedom a dimension, from which W needs no ridge
GROUPS = 20  # of identities, each left out once
STRENGTHS = 60  # of the prior, tried
LEAST_NOISE = 0.05  # of the mean noise, that every identity is taken to have beside its own


@dataclass(frozen=True)
class Moments:
    """Second moments of one half of the identities.

    Attributes:
        within: W, the covariance within orbits.
        signal: S, the covariance of what the factor predicts; symmetric, not always positive.
        total: (I,) each identity's trace of its own S.
        degrees: of freedom of W: orbits times (G - 1).
        repeated: per identity, the share of orbits' variance that repeats in its other base poses (with one base
            pose: in the other identities), whatever the grid's order.
    """

    within: Float[Tensor, "D D"]
    signal: Float[Tensor, "D D"]
    total: Float[Tensor, " I"]
    degrees: int
    repeated: Float[Tensor, " I"]


class Weighed(NamedTuple):
    """What each identity counts, W and S of all so, and W's degrees of freedom."""

    weights: Float[Tensor, " I"]
    within: Float[Tensor, "D D"]
    signal: Float[Tensor, "D D"]
    degrees: int


@dataclass(frozen=True)
class Directions:
    """A factor's directions as one half of the identities shows them.

    Attributes:
        basis: (D, K) orthonormal: first the k found ones, by falling signal variance, then others by theirs.
        fitted: (K,) their share of the signal variance of the identities that fitted them.
        left_out: (N, D, m) the m ≤ k leading ones with each of N groups of identities left out, filters held.
    """

    basis: Float[Tensor, "D K"]
    fitted: Float[Tensor, " K"]
    left_out: Float[Tensor, "N D M"]


def precisions(sweep: Float[Tensor, "I P G D"], kernel: Float[Tensor, "*_ G G"]) -> Float[Tensor, " I"]:
    """What each identity counts in W and S: one over its noise, the mean of all 1.

    Its noise is what the grid's neighbours do not predict of its orbits, with ``LEAST_NOISE`` of the mean's added, so
    that an identity without any does not count for all.

    Args:
        sweep: along the factor's sweep.
        kernel: see ``signal_kernel``.
    """
    noise = torch.cat([(z - own @ z).square().mean((1, 2, 3)) for z, own in _orbits(sweep, kernel)])
    if float(noise.mean()) <= 0:
        return torch.ones_like(noise)
    weights = 1 / (noise + LEAST_NOISE * noise.mean())
    return weights / weights.mean()


def moments(sweep: Float[Tensor, "I P G D"], kernel: Float[Tensor, "*_ G G"]) -> tuple[Moments, Weighed]:
    """Second moments of a sweep, all identities alike and each by its noise, in one pass and O(D²) memory.

    Args:
        sweep: along the factor's sweep.
        kernel: see ``signal_kernel``.
    """
    weights = precisions(sweep, kernel)
    identities, poses, steps, dim = sweep.shape
    within, signal, within_weighed, signal_weighed = torch.zeros(4, dim, dim, dtype=torch.float64)
    totals, means, alike, own = [], torch.zeros(steps, dim, dtype=torch.float64), [], []
    alike_all, place = bool((weights == weights[0]).all()), 0
    for orbits, own_kernel in _orbits(sweep, kernel):
        predicted = own_kernel @ orbits
        flat, counts = orbits.flatten(0, 2), weights[place : place + len(orbits), None, None, None]
        within.addmm_(flat.T, flat)
        signal.addmm_(flat.T, predicted.flatten(0, 2))
        if not alike_all:
            counted = (orbits * counts).flatten(0, 2)
            within_weighed.addmm_(counted.T, flat)
            signal_weighed.addmm_(counted.T, predicted.flatten(0, 2))
        place += len(orbits)
        totals.append((orbits * predicted).sum((1, 2, 3)))
        sums = orbits.sum(1)
        means += sums.sum(0)
        alike.append(sums.square().sum((1, 2)))
        own.append(orbits.square().sum((1, 2, 3)))
    count = identities * poses * steps
    if poses > 1:
        repeated = (torch.cat(alike) - torch.cat(own)) / (poses - 1)
    else:
        across = torch.cat([(orbits.sum(1) * means).sum((1, 2)) for orbits, _ in _orbits(sweep, kernel)])
        repeated = (across - torch.cat(alike)) / max(1, identities - 1)
    degrees = identities * poses * (steps - 1)
    within, signal = within / count, (signal + signal.T) / (2 * count)
    plain = Moments(within, signal, torch.cat(totals) / (poses * steps), degrees, repeated / (poses * steps))
    if alike_all:
        return plain, Weighed(weights, within, signal, degrees)
    within, signal = ((each + each.T) / (2 * count) for each in (within_weighed, signal_weighed))
    return plain, Weighed(weights, within, signal, degrees)


def signal_filters(found: Moments | Weighed) -> tuple[Float[Tensor, "D T"], bool]:
    """Filters by falling share of what they read that is in order: eigenvectors of S relative to W.

    Within the leading principal components, at most as many as a quarter of W's degrees of freedom: among more, W of so
    few samples says of noise too that it is in order. Where dimensions are not few beside the samples, W gets a ridge
    of tr W / degrees, about what chance moves it by: else the many quiet directions, of which some are in order in
    these samples by chance, hide the loud one that a factor moves.
    """
    values, vectors = torch.linalg.eigh(found.within)
    kept = values > RESOLVED * values[-1]
    rank = int(kept.sum())
    kept[: max(0, len(values) - max(1, found.degrees // SAMPLES_EACH))] = False
    if len(values) * WELL_KNOWN > found.degrees:
        values = values + values.sum() / found.degrees
    whitening = vectors[:, kept] / values[kept].sqrt()
    inside = whitening.T @ found.signal @ whitening
    filters = whitening @ leading_directions(inside, min(MOST_FILTERS, len(inside)))
    return filters, filters.shape[1] == rank


def signal_directions(
    sweep: Float[Tensor, "I P G D"],
    found: Moments,
    filters: Float[Tensor, "D K"],
    kernel: Float[Tensor, "*_ G G"],
    columns: int,
    most: int,
    weighed: Weighed | None = None,
    groups: int = GROUPS,
    still: int = 0,
) -> Directions:
    """The directions that the filters' signal moves in.

    Args:
        sweep: of the identities that the moments and filters are of.
        found: their moments, unweighted: what order and shares are told of.
        filters: the k that count.
        kernel: see ``signal_kernel``.
        columns: how many directions in all, at least.
        most: how many are kept with groups left out.
        weighed: what each identity counts for the directions, and the moments so; all the same if left out.
        groups: of identities, each left out once; of fewer identities each is a group.
        still: how many further dimensions there are, in which nothing moves at all.
    """
    k, dim = filters.shape[1], len(filters)
    groups = min(groups, len(sweep))
    weights, counted = (None, found) if weighed is None else (weighed.weights, weighed)
    parts, error = _patterns(_orbits(sweep, kernel, weights), filters, groups)
    parts = _shrunk(parts, counted.within - counted.signal, error, still)
    basis, left_out = torch.zeros(dim, 0, dtype=torch.float64), torch.zeros(groups, dim, 0, dtype=torch.float64)
    if k:
        whole = parts.sum(0)
        scale = whole.norm(dim=0).clamp(min=1e-300)
        q = torch.linalg.qr(whole / scale).Q
        basis = q @ torch.linalg.eigh(q.T @ found.signal @ q).eigenvectors.flip(1)
        # Without a group the span tilts, and so do the leading directions within it. What the directions are made of
        # the patterns with must not be held: where patterns nearly depend on each other it is not known.
        own, _ = _patterns(_orbits(sweep, kernel), basis, groups)
        signals = basis.mT @ (own.sum(0) - own)
        turned = basis @ torch.linalg.eigh(signals + signals.mT).eigenvectors.flip(2)[:, :, :most]
        without = torch.linalg.qr((whole - parts) / scale).Q
        left_out = torch.linalg.qr(without @ (without.mT @ turned)).Q
    if more := max(0, min(dim, columns) - k):
        inside = basis @ basis.T
        apart = torch.eye(dim, dtype=torch.float64) - inside
        rest = apart @ found.signal @ apart - (1 + 2 * found.signal.norm()) * inside
        basis = torch.cat([basis, leading_directions(rest, more)], 1)
    fitted = (basis * (found.signal @ basis)).sum(0).clamp(min=0)
    return Directions(basis, fitted / found.signal.trace().clamp(min=float(fitted.sum())).clamp(min=1e-300), left_out)


def signal_along(
    sweep: Float[Tensor, "I P G D"], basis: Float[Tensor, "D K"], kernel: Float[Tensor, "*_ G G"]
) -> Float[Tensor, "I K"]:
    """Each identity's signal variance along each direction, averaged over its poses and grid; 0 expected of noise.

    Args:
        sweep: of identities that did not fit the basis.
        basis: directions as columns.
        kernel: see ``signal_kernel``.
    """
    parts = ((orbits @ basis, own) for orbits, own in _orbits(sweep, kernel))
    return torch.cat([(along * (own @ along)).mean((1, 2)) for along, own in parts])


def leading_directions(covariance: Float[Tensor, "D D"], k: int) -> Float[Tensor, "D K"]:
    """The k leading eigenvectors, by falling eigenvalue."""
    return leading_eigenvectors(covariance, k)[1]


def _patterns(
    sweep: Iterable[tuple[Float[Tensor, "_ P G D"], Float[Tensor, "*_ G G"]]],
    filters: Float[Tensor, "D K"],
    groups: int,
) -> tuple[Float[Tensor, "N D K"], Float[Tensor, " K"]]:
    """S w, as a sum over groups of identities, and the error variance of each column in unit noise."""
    parts = torch.zeros(groups, *filters.shape, dtype=torch.float64)
    error, place, count = torch.zeros(filters.shape[1], dtype=torch.float64), 0, 0
    for orbits, kernel in sweep:
        smooth = kernel @ (orbits @ filters)
        own = orbits.flatten(1, 2).mT @ smooth.flatten(1, 2)
        parts.index_add_(0, torch.arange(place, place + len(orbits)) % groups, own)
        error += smooth.square().sum((0, 1, 2))
        place, count = place + len(orbits), count + orbits[..., 0].numel()
    return parts / count, error / count**2


def _shrunk(
    parts: Float[Tensor, "N D K"], noise: Float[Tensor, "D D"], error: Float[Tensor, " K"], still: int
) -> Float[Tensor, "N D K"]:
    """Patterns less what noise adds: along each of its eigenvectors times τ²/(τ² + ν · error), τ² the likeliest.

    Of dimensions in which nothing moves the likelihood is the prior's at 0.
    """
    if not parts.shape[2]:
        return parts
    values, vectors = torch.linalg.eigh((noise + noise.T) / 2)
    turned = vectors.T @ parts
    energy = turned.sum(0).square()
    errors = values.clamp(min=0)[:, None] * error
    tried = torch.logspace(-12, 0, STRENGTHS, dtype=torch.float64)[:, None, None] * energy.sum(0).clamp(min=1e-300)
    weights = torch.empty_like(energy)
    for column in range(energy.shape[1]):
        prior, own, noisy = tried[:, 0, column], energy[:, column], errors[:, column]
        variance = prior[:, None] + noisy
        best = prior[((variance.log() + own / variance).sum(1) + still * prior.log()).argmin()]
        weights[:, column] = best / (best + noisy)
    return vectors @ (turned * weights)


def _centred(part: Float[Tensor, "I P G D"]) -> Float[Tensor, "I P G D"]:
    z = part.double()
    return z - z.mean(2, keepdim=True)


def _orbits(
    sweep: Float[Tensor, "I P G D"], kernel: Float[Tensor, "*_ G G"], weights: Float[Tensor, " I"] | None = None
) -> Iterator[tuple[Float[Tensor, "_ P G D"], Float[Tensor, "*_ G G"]]]:
    """Centred orbits, in parts, each as much larger as its identity counts for more; and their kernels."""
    place = 0
    for part in _parts(sweep):
        rows = slice(place, place + len(part))
        orbits = _centred(part)
        weighed = orbits if weights is None else orbits * weights[rows, None, None, None].sqrt()
        yield weighed, kernel_of(kernel, rows)
        place += len(part)


def _parts(sweep: Float[Tensor, "I P G D"]) -> tuple[Float[Tensor, "_ P G D"], ...]:
    return sweep.split(max(1, ELEMENTS_AT_ONCE // max(1, sweep[0].numel())))
