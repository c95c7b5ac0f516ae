"""Objectives as pure functions, and their sum of named weighted terms."""

from seqjepa.objective.contrastive import contrastive_loss
from seqjepa.objective.pose_terms import equivariance_loss, pose_anchor_loss
from seqjepa.objective.prediction import cosine_prediction_loss
from seqjepa.objective.rate import coding_rate, coding_rate_at_unit_gain, unit_norm_coding_rate
from seqjepa.objective.terms import TERMS, Objective, Rate, Terms, compute_loss

__all__ = [
    "TERMS",
    "Objective",
    "Rate",
    "Terms",
    "coding_rate",
    "coding_rate_at_unit_gain",
    "compute_loss",
    "contrastive_loss",
    "cosine_prediction_loss",
    "equivariance_loss",
    "pose_anchor_loss",
    "unit_norm_coding_rate",
]
