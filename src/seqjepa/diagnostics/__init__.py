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

__all__ = [
    "FactorSubspace",
    "common_orbit_covariance",
    "effective_rank",
    "explained_variance",
    "factor_subspace",
    "principal_angles",
    "subspace_alignment",
    "subspace_overlap",
    "within_orbit_covariance",
]
