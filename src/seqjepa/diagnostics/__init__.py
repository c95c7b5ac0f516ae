"""Diagnostics: pure functions on codes."""

from seqjepa.diagnostics.bootstrap import Ratio, difference_interval
from seqjepa.diagnostics.rank import effective_rank
from seqjepa.diagnostics.readout import RidgeProbe, ridge_probe
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
from seqjepa.diagnostics.variance import VarianceShares, sensitivity, variance_shares

__all__ = [
    "FactorSubspace",
    "Ratio",
    "RidgeProbe",
    "VarianceShares",
    "common_orbit_covariance",
    "difference_interval",
    "effective_rank",
    "explained_variance",
    "factor_subspace",
    "principal_angles",
    "ridge_probe",
    "sensitivity",
    "subspace_alignment",
    "subspace_overlap",
    "variance_shares",
    "within_orbit_covariance",
]
