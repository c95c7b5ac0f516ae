"""Diagnostics: pure functions on codes."""

from seqjepa.diagnostics.anchors import anchors_table, interval_widths
from seqjepa.diagnostics.bootstrap import Ratio, difference_interval
from seqjepa.diagnostics.compare import Comparison, compare
from seqjepa.diagnostics.diagnose import diagnose
from seqjepa.diagnostics.diagnosis import Diagnosis, Figure
from seqjepa.diagnostics.health import lidar, two_nn
from seqjepa.diagnostics.layers import layers_table
from seqjepa.diagnostics.leakage import read_class, read_factors
from seqjepa.diagnostics.overlap import Halves, Overlap, factor_overlap
from seqjepa.diagnostics.randomised import leading_subspace
from seqjepa.diagnostics.rank import effective_rank
from seqjepa.diagnostics.readout import RidgeProbe, ridge_probe
from seqjepa.diagnostics.subspace import (
    FactorSubspace,
    OrbitCovariance,
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
    "Comparison",
    "Diagnosis",
    "FactorSubspace",
    "Figure",
    "Halves",
    "OrbitCovariance",
    "Overlap",
    "Ratio",
    "RidgeProbe",
    "VarianceShares",
    "anchors_table",
    "common_orbit_covariance",
    "compare",
    "diagnose",
    "difference_interval",
    "effective_rank",
    "explained_variance",
    "factor_overlap",
    "factor_subspace",
    "interval_widths",
    "layers_table",
    "leading_subspace",
    "lidar",
    "principal_angles",
    "read_class",
    "read_factors",
    "ridge_probe",
    "sensitivity",
    "subspace_alignment",
    "subspace_overlap",
    "two_nn",
    "variance_shares",
    "within_orbit_covariance",
]
