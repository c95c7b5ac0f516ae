"""Objectives as pure functions, and their sum of named weighted terms."""

from seqjepa.objective.objective import TERMS, Rate, Terms, compute_loss
from seqjepa.objective.prediction import cosine_prediction_loss
from seqjepa.objective.rate import coding_rate, coding_rate_at_unit_gain, unit_norm_coding_rate

__all__ = [
    "TERMS",
    "Rate",
    "Terms",
    "coding_rate",
    "coding_rate_at_unit_gain",
    "compute_loss",
    "cosine_prediction_loss",
    "unit_norm_coding_rate",
]
