"""Diagnostics: in which subspaces factors live, what can be read from where; pure functions on representations."""

from seqjepa.diagnostics.assembly import check_options, diagnose
from seqjepa.diagnostics.context import Context, from_draws, from_ratio
from seqjepa.diagnostics.diagnosis import Diagnosis, Split
from seqjepa.diagnostics.estimate import Estimate
from seqjepa.diagnostics.measures.bootstrap import Ratio, Resampled, difference_interval
from seqjepa.diagnostics.measures.health import lidar, two_nn
from seqjepa.diagnostics.measures.leakage import probe_class, probe_factors
from seqjepa.diagnostics.measures.operators import linear_operator
from seqjepa.diagnostics.measures.orbits import orbit_spectrum
from seqjepa.diagnostics.measures.overlaps import Halves, Overlap, factor_overlap
from seqjepa.diagnostics.measures.ranks import effective_rank
from seqjepa.diagnostics.measures.ridge import RidgeProbe, ridge_probe
from seqjepa.diagnostics.measures.subspaces import (
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
from seqjepa.diagnostics.measures.variance import VarianceShares, sensitivity, variance_shares
from seqjepa.diagnostics.metric import Metric
from seqjepa.diagnostics.registry import METRICS
from seqjepa.diagnostics.tables import (
    identities_table,
    interval_widths,
    layers_table,
    metrics_markdown,
    metrics_table,
)

__all__ = [
    "METRICS",
    "Context",
    "Diagnosis",
    "Estimate",
    "FactorSubspace",
    "Halves",
    "Metric",
    "OrbitCovariance",
    "Overlap",
    "Ratio",
    "Resampled",
    "RidgeProbe",
    "Split",
    "VarianceShares",
    "check_options",
    "common_orbit_covariance",
    "diagnose",
    "difference_interval",
    "effective_rank",
    "explained_variance",
    "factor_overlap",
    "factor_subspace",
    "from_draws",
    "from_ratio",
    "identities_table",
    "interval_widths",
    "layers_table",
    "lidar",
    "linear_operator",
    "metrics_markdown",
    "metrics_table",
    "orbit_spectrum",
    "principal_angles",
    "probe_class",
    "probe_factors",
    "ridge_probe",
    "sensitivity",
    "subspace_alignment",
    "subspace_overlap",
    "two_nn",
    "variance_shares",
    "within_orbit_covariance",
]
