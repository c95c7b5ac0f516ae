"""Factor subspaces: in which directions a factor moves the representation, how concentrated, and shared with whom.

All in float64. A sweep is Z of shape (I, P, G, D): I identities, P base poses, G grid values, D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import scipy.optimize
import scipy.special
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from seqjepa.types import InputError, NotIdentifiable

ELEMENTS_AT_ONCE = 2**22  # representations are taken to float64 in parts of this many numbers


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
        basis: (D, K) orthonormal directions, by falling variance on the training identities: all D.
        fitted: (K,) their share of the factor's variance on the identities that fitted them; all D sum to 1.
        held_out: (K,) the same of identities that did not; the honest one.
        null: the share of any one direction in isotropic noise, 95th percentile; see ``isotropic_null``.
        dim: k_f, how many leading directions stand above the null, held out; 0 where none does.
    """

    basis: Float[Tensor, "D K"]
    fitted: Float[Tensor, " K"]
    held_out: Float[Tensor, " K"]
    null: float
    dim: int

    def directions(self, k: int | None = None) -> Float[Tensor, "D K"]:
        """The leading k directions (k_f of them when not told)."""
        return self.basis[:, : self.dim if k is None else k]


def factor_subspace(sweep: Float[Tensor, "I P G D"], train: Bool[Tensor, " I"]) -> FactorSubspace:
    """A factor's subspace, fitted on some identities and judged on the others.

    The directions are the eigenvectors of C_f over the identities in ``train``. k_f counts the leading directions whose
    share of the held-out variance exceeds the 95th percentile of an isotropic Gaussian null of the same trace: parallel
    analysis (Horn, 1965), on held-out shares, where noise has nothing to gain from being selected.

    Args:
        sweep: representations along the factor's sweep.
        train: which identities fit the directions; the rest test.

    Raises:
        InputError: no identity to train on, or none to test on.
        NotIdentifiable: a factor that does not move the representation at all.
    """
    return subspace_of(*half_covariances(sweep, train), isotropic_null(sweep[~train].shape))


def half_covariances(
    sweep: Float[Tensor, "I P G D"], train: Bool[Tensor, " I"]
) -> tuple[Float[Tensor, "D D"], Float[Tensor, "D D"]]:
    """C_f of the training identities, and of the others. Raises as ``factor_subspace``."""
    if not train.any() or train.all():
        raise InputError("a subspace needs identities to train on and others to test on")
    halves = within_orbit_covariance(sweep[train]), within_orbit_covariance(sweep[~train])
    # Rounding leaves a constant representation with a variance of about (ε · its size)², which is no movement.
    if min(half.trace() for half in halves) <= (1e-12 * float(sweep.abs().max())) ** 2:
        raise NotIdentifiable("the factor does not move the representation at all")
    return halves


def subspace_of(fitted: Float[Tensor, "D D"], held_out: Float[Tensor, "D D"], null: float) -> FactorSubspace:
    """``factor_subspace`` from both covariances."""
    values, vectors = torch.linalg.eigh(fitted)
    basis = vectors.flip(1)
    shares = explained_shares(basis, held_out)
    fitted_shares = values.flip(0).clamp(min=0) / values.clamp(min=0).sum()
    return FactorSubspace(basis, fitted_shares, shares, null, dimensions_above(shares, null))


def dimensions_above(held_out: Float[Tensor, " D"], null: float) -> int:
    """How many leading directions stand above the null.

    Shares of directions in the order of their fitted variance fall, but for chance; so they are first made to (isotonic
    regression), or one direction that is low by chance would hide all that follow it.
    """
    falling = scipy.optimize.isotonic_regression(held_out.numpy(), increasing=False).x
    return int((falling > null).sum())


def isotropic_null(shape: tuple[int, ...], k: int = 1, percentile: float = 0.95) -> float:
    """The share of isotropic Gaussian noise in k directions fitted on other noise, at a percentile.

    Such directions are independent of the noise they are judged on, so the sums of squares along them are χ² of
    n = I·P·(G - 1) degrees each, and the share of k among D is Beta(nk/2, n(D - k)/2) exactly: no draws are needed.

    Args:
        shape: (I, P, G, D) of the test representations.
    """
    identities, base_poses, steps, dim = shape
    if k >= dim:
        return 1.0
    degrees = identities * base_poses * (steps - 1)
    return float(scipy.special.betaincinv(degrees * k / 2, degrees * (dim - k) / 2, percentile))


def captured(sweep: Float[Tensor, "I P G D"], basis: Float[Tensor, "D K"]) -> Float[Tensor, "I K"]:
    """Each identity's within-orbit sum of squares along each direction, averaged over its poses and grid."""
    parts = sweep.split(max(1, ELEMENTS_AT_ONCE // max(1, sweep[0].numel())))
    return torch.cat([(centre_orbits(part) @ basis).square().mean((1, 2)) for part in parts])


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
