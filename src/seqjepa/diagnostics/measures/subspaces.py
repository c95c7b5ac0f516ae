"""Factor subspaces: in which directions a factor moves the representation, how concentrated, and shared with whom.

All in float64. A sweep is Z of shape (I, P, G, D): I identities, P base poses, G grid values, D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from seqjepa.diagnostics.measures.directions import (
    GROUPS,
    Directions,
    Moments,
    Weighed,
    moments,
    signal_along,
    signal_directions,
    signal_filters,
)
from seqjepa.diagnostics.measures.order import ELEMENTS_AT_ONCE, directions_in_order, kernel_of, order_evidence
from seqjepa.diagnostics.measures.spans import Covariance, span_of
from seqjepa.types import InputError, NotIdentifiable

COLUMNS = 32  # directions that are kept, or all that are found
COARSE = 0.5  # of what repeats, the least that neighbours must predict
CERTAIN = 5.0  # standard errors


class OrbitCovariance:
    """C_f accumulated batch by batch, in O(D²) memory however many identities there are."""

    def __init__(self, dim: int) -> None:
        """Nothing accumulated yet, of representations of so many dimensions."""
        self._sum = torch.zeros(dim, dim, dtype=torch.float64)
        self._count = 0

    def update(self, sweep: Float[Tensor, "I P G D"]) -> None:
        """Take in the orbits of some identities, each whole."""
        for part in sweep.split(max(1, ELEMENTS_AT_ONCE // max(1, sweep[0].numel()))):
            centred = centre_orbits(part).flatten(0, 2)
            self._sum.addmm_(centred.T, centred)
            self._count += len(centred)

    def merge(self, other: OrbitCovariance) -> None:
        """Take in what another has taken in: of other identities, in another process."""
        self._sum += other._sum
        self._count += other._count

    def compute(self) -> Float[Tensor, "D D"]:
        """The covariance of all that was taken in. Raises InputError when that is nothing."""
        if not self._count:
            raise InputError("a covariance of no representations")
        return self._sum / self._count


def centre_orbits(sweep: Float[Tensor, "I P G D"]) -> Float[Tensor, "I P G D"]:
    """Representations less the mean of their own orbit, float64: content and base pose are taken away."""
    z = sweep.double()
    return z - z.mean(2, keepdim=True)


def within_orbit_covariance(sweep: Float[Tensor, "I P G D"]) -> Float[Tensor, "D D"]:
    """C_f = mean over orbits and grid of (z - mean of its orbit)(z - mean of its orbit)ᵀ: the factor's doing alone."""
    covariance = OrbitCovariance(sweep.shape[-1])
    covariance.update(sweep)
    return covariance.compute()


def common_orbit_covariance(sweep: Float[Tensor, "I P G D"]) -> Float[Tensor, "D D"]:
    """The covariance over the grid of the orbit that all identities share: the mean over identities and base poses."""
    return within_orbit_covariance(sweep.double().mean((0, 1), keepdim=True))


@dataclass(frozen=True)
class FactorSubspace:
    """Where a factor lives.

    Attributes:
        basis: (D, K) orthonormal directions fitted on the training identities: the k_f found ones, by falling signal
            variance, then further ones by theirs.
        fitted: (K,) their share of the factor's signal variance on the identities that fitted them.
        held_out: (K,) the same of identities that did not fit them, both ways, averaged; the honest one. Of
            noise alone 0 or less, or anything.
        dim: k_f, how many directions are in order along the grid, held out; 0 where none is.
        halves: the directions of the training identities, and of the others.
        signals: S of the training identities, and of the others.
        within: W, the covariance within orbits, of the same.
        along: (I, K) each identity's signal variance along the directions of the half that it is not in.
        total: (I,) each identity's whole signal variance.
        evidence: (I, T) how far the signal along each filter lies above permuted grids; see ``order_evidence``.
        all_tried: whether there are no more filters than were tried.
        train: (I,) which identities are in the first half.
    """

    basis: Float[Tensor, "D K"]
    fitted: Float[Tensor, " K"]
    held_out: Float[Tensor, " K"]
    dim: int
    halves: tuple[Directions, Directions]
    signals: tuple[Covariance, Covariance]
    within: tuple[Covariance, Covariance]
    along: Float[Tensor, "I K"]
    total: Float[Tensor, " I"]
    evidence: Float[Tensor, "I T"]
    all_tried: bool
    train: Bool[Tensor, " I"]

    def directions(self, k: int | None = None) -> Float[Tensor, "D K"]:
        """The leading k directions (k_f of them when not told)."""
        return self.basis[:, : self.dim if k is None else k]


def factor_subspace(
    sweep: Float[Tensor, "I P G D"], train: Bool[Tensor, " I"], kernel: Float[Tensor, "*_ G G"]
) -> FactorSubspace:
    """A factor's subspace, fitted on some identities and judged on the others, and the other way round.

    Directions come from the covariance of what the factor predicts and not of all that moves, so that noise, however
    loud and wherever, is not taken for the factor; see ``directions``. k_f counts those whose held-out signal exceeds
    that of permuted grids; see ``order_evidence``.

    Args:
        sweep: representations along the factor's sweep.
        train: which identities fit the directions; the rest test.
        kernel: of the factor's grid; see ``signal_kernel``. Of records each identity's own, (I, 1, G, G).

    Raises:
        InputError: no identity to train on, or none to test on.
        NotIdentifiable: a factor that does not move the representation at all, or on too coarse a grid.
    """
    if not train.any() or train.all():
        raise InputError("a subspace needs identities to train on and others to test on")
    parts = sweep[train], sweep[~train]
    kernels = kernel_of(kernel, train), kernel_of(kernel, ~train)
    spanned = _Spanned.of(parts[0], kernels[0]), _Spanned.of(parts[1], kernels[1])
    found = spanned[0].found, spanned[1].found
    # Rounding leaves a constant representation with a variance of about (ε · its size)², which is no movement.
    if min(float(of.within.trace()) for of in found) <= (1e-12 * float(sweep.abs().max())) ** 2:
        raise NotIdentifiable("the factor does not move the representation at all")
    _check_grid(found)
    # Directions are found with each identity counting by its noise; what they hold is told of all alike.
    (one, all_one), (other, all_other) = (signal_filters(of.weighed) for of in spanned)
    filters = one, other
    size = min(part.shape[1] for part in filters)
    scores = [
        order_evidence(parts[1 - half], spanned[half].lifted(filters[half][:, :size]), kernels[1 - half])
        for half in (0, 1)
    ]
    dim = directions_in_order(*scores)
    groups = min(GROUPS, *(len(part) for part in parts))  # of both halves as many, so that they pair
    first, second = (spanned[half].directions(filters[half][:, :dim], kernels[half], groups) for half in (0, 1))
    along, total, evidence = (
        _joined(train, *both)
        for both in (
            (signal_along(parts[0], second.basis, kernels[0]), signal_along(parts[1], first.basis, kernels[1])),
            (found[0].total, found[1].total),
            (scores[1], scores[0]),
        )
    )
    # A total that noise has made 0 or less has no shares.
    held_out = along.sum(0) / total.sum() if total.sum() > 0 else torch.zeros(along.shape[1], dtype=torch.float64)
    signals, within = (
        (Covariance(getattr(found[0], name), spanned[0].span), Covariance(getattr(found[1], name), spanned[1].span))
        for name in ("signal", "within")
    )
    return FactorSubspace(
        first.basis,
        first.fitted,
        held_out,
        dim,
        (first, second),
        signals,
        within,
        along,
        total,
        evidence,
        all_one and all_other,
        train,
    )


@dataclass(frozen=True)
class _Spanned:
    """One half's orbits and their moments, in the span of the orbits where that is smaller; it is None elsewhere."""

    orbits: Float[Tensor, "I P G R"]
    span: Float[Tensor, "D R"] | None
    still: int
    found: Moments
    weighed: Weighed

    @staticmethod
    def of(sweep: Float[Tensor, "I P G D"], kernel: Float[Tensor, "*_ G G"]) -> _Spanned:
        identities, poses, steps, dim = sweep.shape
        span = None
        if identities * poses * (steps - 1) < dim:
            orbits = centre_orbits(sweep)
            span = span_of(orbits[:, :, 1:].flatten(0, 2))  # an orbit's points sum to 0
            sweep = orbits if span is None else orbits @ span
        return _Spanned(sweep, span, dim - sweep.shape[-1], *moments(sweep, kernel))

    def lifted(self, columns: Float[Tensor, "*N R K"]) -> Float[Tensor, "*N D K"]:
        return columns if self.span is None else self.span @ columns

    def directions(self, filters: Float[Tensor, "R K"], kernel: Float[Tensor, "*_ G G"], groups: int) -> Directions:
        inside = signal_directions(
            self.orbits, self.found, filters, kernel, COLUMNS, COLUMNS, self.weighed, groups, self.still
        )
        return Directions(self.lifted(inside.basis), inside.fitted, self.lifted(inside.left_out))


def _joined(train: Bool[Tensor, " I"], first: Tensor, second: Tensor) -> Tensor:
    """Both halves' rows in the identities' order."""
    whole = torch.empty(len(train), *first.shape[1:], dtype=first.dtype)
    whole[train], whole[~train] = first, second
    return whole


def _check_grid(found: tuple[Moments, Moments]) -> None:
    """Raises NotIdentifiable where orbits repeat over base poses or identities, but neighbours do not predict them."""
    repeated, total = (torch.cat([getattr(of, name) for of in found]) for name in ("repeated", "total"))
    if _above_zero(repeated) and _above_zero(COARSE * repeated - total):
        share = float(total.mean() / repeated.mean())
        raise NotIdentifiable(
            f"the grid is too coarse: of what repeats in other orbits neighbouring values predict {100 * share:.0f} %"
        )


def _above_zero(values: Float[Tensor, " I"]) -> bool:
    return float(values.mean()) > CERTAIN * float(values.std()) / len(values) ** 0.5


def explained_shares(basis: Float[Tensor, "D K"], covariance: Float[Tensor, "D D"]) -> Float[Tensor, " K"]:
    """The share of a covariance along each direction: diag(Uᵀ C U) / tr C."""
    return (basis * (covariance @ basis)).sum(0) / covariance.trace()


def explained_variance(basis: Float[Tensor, "D K"], covariance: Float[Tensor, "D D"]) -> float:
    """EV@k = tr(U_kᵀ C U_k) / tr C, in [0, 1]; k/D for a random subspace in expectation.

    Args:
        basis: U_k, orthonormal; fitted on identities that are not in the covariance.
        covariance: of the test identities.
    """
    return float(explained_shares(basis.double(), covariance.double()).sum())


def principal_angles(u: Float[Tensor, "D K"], v: Float[Tensor, "D L"]) -> Float[Tensor, " M"]:
    """The min(K, L) principal angles between two subspaces [rad], ascending (Björck & Golub, 1973).

    Small angles are taken from their sines, which cosines near 1 cannot resolve (Knyazev & Argentati, 2002).

    Args:
        u, v: orthonormal bases.
    """
    u, v = u.double(), v.double()
    if u.shape[1] < v.shape[1]:
        u, v = v, u
    cosines = torch.linalg.svdvals(u.T @ v).clamp(0, 1)
    sines = torch.linalg.svdvals(v - u @ (u.T @ v)).clamp(0, 1).flip(0)
    return torch.where(cosines.square() < 0.5, cosines.acos(), sines.asin())


def subspace_overlap(u: Float[Tensor, "D K"], v: Float[Tensor, "D L"]) -> float:
    """‖UᵀV‖²_F / min(K, L) = the mean cos² of the principal angles, in [0, 1]; max(K, L)/D by chance.

    Raises:
        NotIdentifiable: an empty subspace.
    """
    if not u.shape[1] or not v.shape[1]:
        raise NotIdentifiable("a subspace without dimension overlaps with nothing")
    return float((u.double().T @ v.double()).square().sum()) / min(u.shape[1], v.shape[1])


def subspace_alignment(basis: Float[Tensor, "D K"], covariance: Float[Tensor, "D D"]) -> float:
    """tr(U_gᵀ C_f U_g) / Σ_{i ≤ k} λ_i(C_f), in [0, 1]: of what k dimensions can hold of f, the share in g's.

    Directed; 1 when g's subspace is f's own leading one. A random subspace holds tr C_f · k/D of f in expectation.
    """
    inside = (basis.double() * (covariance.double() @ basis.double())).sum()
    most = torch.linalg.eigvalsh(covariance.double()).flip(0)[: basis.shape[1]].sum()
    return float(inside / most)
