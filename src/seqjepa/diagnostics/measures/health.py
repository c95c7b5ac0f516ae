"""Has the representation collapsed? Ranks of several kinds, intrinsic dimension, LiDAR."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int64
from scipy.special import gammaincinv, stdtrit
from torch import Tensor

from seqjepa.diagnostics.measures.neighbours import negligible
from seqjepa.diagnostics.measures.ranks import RankKind, effective_rank, rank_of_spectrum
from seqjepa.diagnostics.measures.repeats import first_of_equal
from seqjepa.diagnostics.measures.spans import span_of
from seqjepa.rng import generator
from seqjepa.types import InputError, NotIdentifiable

GROUPS = 20  # of identities, each left out once by the jackknife
RANKS: dict[RankKind, bool] = {  # whether the representations are centred
    "rankme": False,
    "eigen_entropy": True,
    "sigma_participation": True,
    "participation": True,
    "stable": True,
}


def two_nn(z: Float[Tensor, "N D"], discard: float = 0.1) -> float:
    """The intrinsic dimension of a cloud from the ratio μ of each point's two nearest distances (Facco et al., 2017).

    The slope through the origin of -log(1 - F(μ)) over log μ, the largest tenth of the μ left out. It wants
    independent points: views of one image are no such thing.

    Args:
        z: representations, one an identity.
        discard: share of the largest ratios that is left out.

    Raises:
        NotIdentifiable: fewer than 20 distinct representations; those that differ by rounding alone are the same.
    """
    from sklearn.neighbors import NearestNeighbors

    distinct = z[first_of_equal(z).unique()].double().numpy()
    if len(distinct) < 20:
        raise NotIdentifiable(f"{len(distinct)} distinct representations; 20 are the least")
    distances = NearestNeighbors(n_neighbors=3).fit(distinct).kneighbors()[0]
    ratio = torch.from_numpy(distances[:, 1] / distances[:, 0]).sort().values
    kept = int(len(ratio) * (1 - discard))
    x = ratio[:kept].log()
    y = -torch.log1p(-torch.arange(1, kept + 1, dtype=torch.float64) / len(ratio))
    return float((x * y).sum() / (x * x).sum())


def two_nn_interval(value: float, count: int, discard: float = 0.1, level: float = 0.95) -> tuple[float, float]:
    """The interval of ``two_nn``: log μ is exponential with the dimension as its rate, so n · d / d̂ is Gamma(n).

    No resampling of identities would do: leaving some out, or drawing some twice, changes who is whose neighbour.

    Args:
        value: what ``two_nn`` gave.
        count: of distinct representations.
        discard: share of the largest ratios that was left out.
        level: of the interval.
    """
    kept = count * (1 - discard)
    low, high = gammaincinv(kept, [(1 - level) / 2, (1 + level) / 2]) / kept
    return value * float(low), value * float(high)


def lidar(z: Float[Tensor, "I V D"], delta: float = 1e-4) -> float:
    """LiDAR (Thilak et al., 2023): the effective rank of Σ_w^(-½) Σ_b Σ_w^(-½), with an image's views as a class.

    Counts the directions in which images differ by more than their own views do; in [1, min(I - 1, D)].

    Args:
        z: representations of V views of each of I images.
        delta: ridge on Σ_w, relative to its mean eigenvalue.

    Raises:
        NotIdentifiable: fewer than two images or two views, or views that do not differ.
    """
    images, views, dim = z.shape
    if images < 2 or views < 2:
        raise NotIdentifiable(f"{images} images of {views} views; 2 of 2 are the least")
    codes = z.double() - z.double().mean((0, 1))
    span = span_of(codes.flatten(0, 1))
    codes = codes if span is None else codes @ span
    between = codes.mean(1)
    within = (codes - between[:, None]).flatten(0, 1)
    sigma_w = within.T @ within / (images * (views - 1))
    if negligible(float(sigma_w.trace()), z):
        raise NotIdentifiable("an image's views all have the same representation")
    ridge = delta * sigma_w.trace() / dim * torch.eye(len(sigma_w), dtype=torch.float64)
    # L⁻¹ is Σ_w^(-½) but for a rotation, which no eigenvalue sees, and costs a tenth of it.
    whitened = torch.linalg.solve_triangular(torch.linalg.cholesky(sigma_w + ridge), between.T, upper=False).T
    return effective_rank(whitened, "eigen_entropy", centre=False)


def ranks(z: Float[Tensor, "I V D"], seed: int = 0) -> dict[str, tuple[float, Float[Tensor, " G"]]]:
    """Every kind of effective rank, and its values with each of ``GROUPS`` random groups of identities left out.

    One pass over the representations and one spectrum for each group serve them all. RankMe is of the representations
    as they are, the others of centred ones. A bootstrap would be wrong here: it draws identities twice, and a
    representation that occurs twice fills no further dimension, so that nearly all resampled ranks lie under the
    sample's own.

    Args:
        z: representations of V views of each of I identities.

    Raises:
        InputError: fewer than two identities.
        NotIdentifiable: representations that are all the same, up to rounding.
    """
    if len(z) < 2:
        raise InputError("ranks with intervals need two or more identities")
    offset = z.double().mean((0, 1))  # taken away before products are formed: else a large one leaves no digits
    if negligible(float((z.double() - offset).square().sum(-1).mean()), z):
        raise NotIdentifiable("all representations are the same")
    group = jackknife_groups(len(z), seed)
    found: dict[str, list[float]] = {kind: [] for kind in RANKS}
    scatters = _few_scatters if z[..., 0].numel() < z.shape[-1] else _many_scatters
    for centred, uncentred in scatters(z, offset, group):
        spectra = {True: _spectrum(centred, z.shape[-1]), False: _spectrum(uncentred, z.shape[-1])}
        for kind, is_centred in RANKS.items():
            found[kind].append(rank_of_spectrum(spectra[is_centred], kind))
    return {kind: (values[0], torch.tensor(values[1:], dtype=torch.float64)) for kind, values in found.items()}


def _many_scatters(
    z: Float[Tensor, "I V D"], offset: Float[Tensor, " D"], group: Int64[Tensor, " I"]
) -> Iterator[tuple[Float[Tensor, "D D"], Float[Tensor, "D D"]]]:
    """ZᵀZ of centred representations and of others, of all identities and without each group."""
    moments = [_moments(z[group == g].double().flatten(0, 1) - offset) for g in range(int(group.max()) + 1)]
    count, total, outer = (sum(parts) for parts in zip(*moments, strict=True))
    for n, first, second in [(0, 0.0, 0.0), *moments]:
        left, mean = count - n, (total - first) / (count - n)
        centred = outer - second - left * torch.outer(mean, mean)
        yield centred, centred + left * torch.outer(mean + offset, mean + offset)


def _few_scatters(
    z: Float[Tensor, "I V D"], offset: Float[Tensor, " D"], group: Int64[Tensor, " I"]
) -> Iterator[tuple[Float[Tensor, "N N"], Float[Tensor, "N N"]]]:
    """Z Zᵀ of the same, which has the same eigenvalues but for zeros."""
    flat, rows = z.double().flatten(0, 1), group.repeat_interleave(z.shape[1])
    apart = flat - offset
    centred, uncentred = apart @ apart.T, flat @ flat.T
    for left_out in range(-1, int(group.max()) + 1):
        kept = (rows != left_out).nonzero()[:, 0]
        own = centred[kept][:, kept]
        yield own - own.mean(0) - own.mean(1, keepdim=True) + own.mean(), uncentred[kept][:, kept]


def _moments(z: Float[Tensor, "N D"]) -> tuple[int, Float[Tensor, " D"], Float[Tensor, "D D"]]:
    return len(z), z.sum(0), z.T @ z


def _spectrum(scatter: Float[Tensor, "M M"], dim: int) -> Float[Tensor, " R"]:
    """Singular values of D columns from the matrix of their squares, which resolves them to √ε of the largest."""
    eigen = torch.linalg.eigvalsh(scatter)
    return eigen[eigen > dim * torch.finfo(torch.float64).eps * eigen[-1]].sqrt()


def jackknife_groups(identities: int, seed: int) -> Int64[Tensor, " I"]:
    """For each identity the group with which it is left out."""
    order = torch.randperm(identities, generator=generator(seed, "jackknife", identities))
    return order % min(GROUPS, identities)


def jackknife_interval(value: float, left_out: Float[Tensor, " G"], level: float = 0.95) -> tuple[float, float]:
    """value ± t · standard error of the delete-a-group jackknife (Kott, 2001)."""
    groups = len(left_out)
    error = float(((left_out - left_out.mean()).square().sum() * (groups - 1) / groups).sqrt())
    reach = float(stdtrit(groups - 1, (1 + level) / 2)) * error
    return value - reach, value + reach


def offset_share(z: Float[Tensor, "N D"]) -> float:
    """‖mean‖² / mean ‖z‖², in [0, 1]: how much of an uncentred rank is about the mean alone."""
    z = z.double()
    return float(z.mean(0).square().sum() / z.square().sum(1).mean().clamp(min=1e-300))
