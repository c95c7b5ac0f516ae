"""What a factor predicts of a representation, and how much of it two factors share, unbiased by noise.

A within-orbit covariance takes all that moves for the factor's doing, a strong nuisance included. What the factor does
is smooth along its grid; noise that is independent from point to point is not. So only products of *different* grid
points enter here, weighted by a kernel that predicts a point from its neighbours: independent noise has expectation 0,
as in cross-validated PCA with repeats (Stringer et al., 2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import RESAMPLES, expanded, identity_weights
from seqjepa.diagnostics.measures.neighbours import FEWEST_VALUES, NEIGHBOURS, lagrange
from seqjepa.rng import generator
from seqjepa.types import NotIdentifiable

NULL_DRAWS = 200
RESOLVED = 1e-9  # eigenvalues of the code's covariance below this share of the largest hold no direction


def signal_kernel(values: Float[Tensor, " G"], period: float | None = None) -> Float[Tensor, "G G"]:
    """K with Zᵀ K Z ≈ G · Cov(Z) for what is smooth along the grid, and E[Nᵀ K N] = 0 for independent noise N.

    Each value is predicted by the cubic through its two neighbours on either side (Lagrange's interpolation, in the
    factor's value and not its index, so that the grid need not be even), next to a line's end by the nearest four,
    and the end itself by the line through the nearest two: a cubic that leaves its points multiplies their noise.
    With W these weights, K is the matrix nearest to H (W + Wᵀ)/2 H, H centring, whose diagonal and row sums are 0:
    the first keeps a point from meeting its own noise, the second takes every orbit's mean away.

    Args:
        values: the grid, ascending, in the factor's unit (a logarithmic factor's in its logarithm).
        period: of a grid that covers the whole circle; its ends are neighbours.

    Raises:
        NotIdentifiable: fewer than five values.
    """
    size = len(values)
    if size < FEWEST_VALUES:
        raise NotIdentifiable(f"{size} grid values; {FEWEST_VALUES} are the least to predict one from its neighbours")
    at = values.double()
    weights = torch.zeros(size, size, dtype=torch.float64)
    for place in range(size):
        if period is None:
            start = min(max(place - NEIGHBOURS, 0), size - FEWEST_VALUES)
            near = [other for other in range(start, start + FEWEST_VALUES) if other != place]
            near = {0: [1, 2], size - 1: [size - 3, size - 2]}.get(place, near)
            where = at[near]
        else:
            steps = [step for step in range(-NEIGHBOURS, NEIGHBOURS + 1) if step]
            near = [(place + step) % size for step in steps]
            turns = torch.tensor([(place + step) // size for step in steps], dtype=torch.float64)
            where = at[near] + turns * period
        weights[place, near] = lagrange(at[place], where)
    centring = torch.eye(size, dtype=torch.float64) - 1 / size
    smooth = centring @ (weights + weights.T) @ centring / 2
    diagonal = smooth.diagonal()
    total = -diagonal.sum() / (2 * (size - 1))
    shift = (-diagonal - total) / (size - 2)
    kernel = smooth - shift[:, None] - shift[None, :]
    return kernel.fill_diagonal_(0.0)


def signal_covariances(sweep: Float[Tensor, "I P G D"], kernel: Float[Tensor, "*_ G G"]) -> Float[Tensor, "I D D"]:
    """Each identity's covariance of what the factor predicts: Σ_p Zᵀ K Z / (P G); symmetric, not always positive.

    Args:
        sweep: along the factor's sweep.
        kernel: see ``signal_kernel``; of each identity its own, (I, 1, G, G), for records.
    """
    z = sweep.double()
    z = z - z.mean(2, keepdim=True)  # K takes it away too; before products are formed an offset costs no digits
    count = z.shape[1] * z.shape[2]
    return torch.einsum("ipgd,ipge->ide", z, kernel @ z) / count


@dataclass(frozen=True)
class SharedVariance:
    """How far two factors move a representation along the same directions, weighted by how much.

    Attributes:
        value: ⟨C_f, C_g⟩ / √(⟨C_f, C_f⟩ ⟨C_g, C_g⟩), Frobenius products of signal covariances, in [0, 1].
        draws: (R,) in bootstrap resamples of the identities, in [0, 1].
        raw: the value before it was kept in its range.
    """

    value: float
    draws: Float[Tensor, " R"]
    raw: float


def shared_variance(f: Float[Tensor, "I D D"], g: Float[Tensor, "I D D"], seed: int = 0) -> SharedVariance:
    """The similarity of two factors' signal covariances: 0 where they share no direction, 1 where proportional.

    Each product is over pairs of *different* identities, Σ_{i≠j} ⟨C_fⁱ, C_gʲ⟩ / (I (I - 1)): the mean over all ways to
    halve the identities, so the noise of one sample meets itself nowhere. No dimension is chosen.

    Args:
        f, g: each identity's signal covariance, see ``signal_covariances``; of the same identities.
        seed: of the bootstrap.

    Raises:
        NotIdentifiable: a factor whose own product is not above 0 in 97.5 % of resamples: identities share no effect.
    """
    flat_f, flat_g = f.flatten(1), g.flatten(1)
    weights = torch.cat([torch.ones(1, len(f), dtype=torch.float64), identity_weights(len(f), RESAMPLES, seed)])
    fg, ff, gg = (_pairs(weights, a @ b.T) for a, b in ((flat_f, flat_g), (flat_f, flat_f), (flat_g, flat_g)))
    for own in (ff, gg):
        if own[0] <= 0 or (own[1:] <= 0).double().mean() > 0.025:
            raise NotIdentifiable(
                "different images do not agree on any direction of the factor; more images are needed"
            )
    similarity = fg / (ff.clamp(min=0) * gg.clamp(min=0)).sqrt().clamp(min=1e-300)
    raw = float(similarity[0])
    return SharedVariance(min(1.0, max(0.0, raw)), expanded(similarity[1:], raw, len(f), 0.0, 1.0), raw)


def _pairs(weights: Float[Tensor, "R I"], products: Float[Tensor, "I I"]) -> Float[Tensor, " R"]:
    """Weighted sums over pairs of different identities, per pair."""
    sums = ((weights @ products) * weights).sum(1) - weights.square() @ products.diagonal()
    return sums / (weights.sum(1).square() - weights.square().sum(1))


def turned_within_spectrum(
    f: Float[Tensor, "D D"], g: Float[Tensor, "D D"], spread: Float[Tensor, "D D"], seed: int = 0
) -> Float[Tensor, " N"]:
    """The null of ``shared_variance``: one of the two covariances turned at random where the representation is white.

    C → S^½ Q S^{-½} C S^{-½} Qᵀ S^½ with S the representation's covariance: as concentrated as before, in random
    directions, that lean to where representations vary much as much as any would. In half of the draws g is turned, in
    the other half f, since the two do not give the same.

    Args:
        f, g: mean signal covariances.
        spread: S, of the representations of many identities and poses, not made of f and g.
        seed: of the turns.
    """
    values, vectors = torch.linalg.eigh(spread)
    kept = values > RESOLVED * values[-1]
    root, basis = values[kept].sqrt(), vectors[:, kept]
    within = [basis.T @ covariance @ basis for covariance in (f, g)]
    draws = []
    for number, q in enumerate(_rotations(len(root), seed)):
        still, moved = within if number % 2 else within[::-1]
        turned = root[:, None] * (q @ (moved / root[:, None] / root) @ q.T) * root
        draws.append((still * turned).sum() / (still.norm() * turned.norm()).clamp(min=1e-300))
    return torch.stack(draws)


@lru_cache(maxsize=2)
def _rotations(dim: int, seed: int) -> tuple[Float[Tensor, "E E"], ...]:
    """Random orthogonal matrices, the same for every pair of factors."""
    random = generator(seed, "turned within the spectrum", dim)
    drawn = (torch.randn(dim, dim, generator=random, dtype=torch.float64) for _ in range(NULL_DRAWS))
    return tuple(torch.linalg.qr(matrix).Q for matrix in drawn)
