"""Factor subspaces: in which directions a factor moves the code, how concentrated, and shared with whom.

All in float64. A sweep is Z of shape (I, P, G, D): I identities, P base poses, G grid values, D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from seqjepa.types import InputError


def within_orbit_covariance(sweep: Float[Tensor, "I P G D"]) -> Float[Tensor, "D D"]:
    """C_f = mean over orbits and grid of (z - mean of its orbit)(z - mean of its orbit)ᵀ.

    Centring within each orbit takes away who the image is and where it started; what is left is the factor's doing.
    """
    z = sweep.double()
    centred = (z - z.mean(2, keepdim=True)).flatten(0, 2)
    return centred.T @ centred / len(centred)


def common_orbit_covariance(sweep: Float[Tensor, "I P G D"]) -> Float[Tensor, "D D"]:
    """The covariance over the grid of the orbit that all identities share: the mean over identities and base poses."""
    return within_orbit_covariance(sweep.double().mean((0, 1), keepdim=True))


@dataclass(frozen=True)
class FactorSubspace:
    """Where a factor lives.

    Attributes:
        basis: (D, D) orthonormal directions, by falling variance on the fitting identities.
        fitted: (D,) their share of the factor's variance on the identities that fitted them; sums to 1.
        held_out: (D,) the same of identities that did not; the honest one.
        null: (D,) shares in an isotropic Gaussian null of the same trace, through the same procedure, 95th percentile.
        dim: k_f, how many leading directions stand above the null, held out; 0 where none does.
    """

    basis: Float[Tensor, "D D"]
    fitted: Float[Tensor, " D"]
    held_out: Float[Tensor, " D"]
    null: Float[Tensor, " D"]
    dim: int

    def directions(self, k: int | None = None) -> Float[Tensor, "D K"]:
        """The leading k directions (k_f of them when not told)."""
        return self.basis[:, : self.dim if k is None else k]


def factor_subspace(
    sweep: Float[Tensor, "I P G D"], fit: Bool[Tensor, " I"], *, draws: int = 20, seed: int = 0
) -> FactorSubspace:
    """A factor's subspace, fitted on some identities and judged on the others.

    The directions are the eigenvectors of C_f over the identities in ``fit``. k_f counts the leading directions whose
    share of the held-out variance exceeds the 95th percentile of an isotropic Gaussian null: parallel analysis (Horn,
    1965), on held-out shares, where noise has nothing to gain from being selected.

    Args:
        sweep: codes along the factor's sweep.
        fit: which identities fit the directions; the rest report.
        draws: of the null.
        seed: of the null.

    Raises:
        InputError: no identity to fit on, or none to report on, or a factor that does not move the code at all.
    """
    if not fit.any() or fit.all():
        raise InputError("a subspace needs identities to fit on and others to report on")
    z = sweep.double()
    fitted_covariance, held_covariance = within_orbit_covariance(z[fit]), within_orbit_covariance(z[~fit])
    if fitted_covariance.trace() <= 0 or held_covariance.trace() <= 0:
        raise InputError("not identifiable: the factor does not move the code at all")
    values, vectors = torch.linalg.eigh(fitted_covariance)
    basis = vectors.flip(1)
    fitted = values.flip(0).clamp(min=0) / values.clamp(min=0).sum()
    held_out = explained_shares(basis, held_covariance)

    random = torch.Generator().manual_seed(seed)
    shares = []
    for _ in range(draws):
        noise = torch.randn(z.shape, generator=random, dtype=torch.float64)
        null_basis = torch.linalg.eigh(within_orbit_covariance(noise[fit])).eigenvectors.flip(1)
        shares.append(explained_shares(null_basis, within_orbit_covariance(noise[~fit])))
    null = torch.stack(shares).quantile(0.95, dim=0)
    below = (held_out <= null).nonzero()
    return FactorSubspace(basis, fitted, held_out, null, int(below[0]) if len(below) else len(held_out))


def explained_shares(basis: Float[Tensor, "D K"], covariance: Float[Tensor, "D D"]) -> Float[Tensor, " K"]:
    """The share of a covariance along each direction: diag(Uᵀ C U) / tr C."""
    return (basis * (covariance @ basis)).sum(0) / covariance.trace()


def explained_variance(basis: Float[Tensor, "D K"], covariance: Float[Tensor, "D D"]) -> float:
    """EV@k = tr(U_kᵀ C U_k) / tr C, in [0, 1]; k/D for a random subspace in expectation.

    Args:
        basis: U_k, orthonormal; fitted on identities that are not in the covariance.
        covariance: of the identities that report.
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
        InputError: an empty subspace.
    """
    if not u.shape[1] or not v.shape[1]:
        raise InputError("not identifiable: a subspace without dimension overlaps with nothing")
    return float((u.double().T @ v.double()).square().sum()) / min(u.shape[1], v.shape[1])


def subspace_alignment(basis: Float[Tensor, "D K"], covariance: Float[Tensor, "D D"]) -> float:
    """tr(U_gᵀ C_f U_g) / Σ_{i ≤ k} λ_i(C_f), in [0, 1]: of what k dimensions can hold of f, the share in g's.

    Directed; 1 when g's subspace is f's own leading one. A random subspace holds tr C_f · k/D of f in expectation.
    """
    inside = (basis.double() * (covariance.double() @ basis.double())).sum()
    most = torch.linalg.eigvalsh(covariance.double()).flip(0)[: basis.shape[1]].sum()
    return float(inside / most)
