"""Diagnostics: pure functions on codes."""

from seqjepa.diagnostics.rank import effective_rank
from seqjepa.diagnostics.subspace import (
    FactorSubspace,
    common_orbit_covariance,
    explained_variance,
    factor_subspace,
    principal_angles,
    subspace_alignment,
    subspace_overlap,
    within_orbit_covariance,
)
from seqjepa.diagnostics.variance import Ratio, VarianceShares, sensitivity, variance_shares

__all__ = [
    "FactorSubspace",
    "Ratio",
    "VarianceShares",
    "common_orbit_covariance",
    "effective_rank",
    "explained_variance",
    "factor_subspace",
    "principal_angles",
    "sensitivity",
    "subspace_alignment",
    "subspace_overlap",
    "variance_shares",
    "within_orbit_covariance",
]
