"""The objective: pure functions, the terms made of them, and their weighted sum.

A new term is a file in this folder with a function under ``@term``; nothing else is to be edited.
"""

from seqjepa.objective.coding_rates import coding_rate, coding_rate_at_unit_gain, unit_norm_coding_rate
from seqjepa.objective.cosine_prediction import cosine_prediction_loss
from seqjepa.objective.cross_correlations import barlow_twins_loss, cross_correlation
from seqjepa.objective.discovery import TERMS
from seqjepa.objective.gaussian_slices import epps_pulley, random_directions, sliced_epps_pulley
from seqjepa.objective.loss import Loss, compute_loss
from seqjepa.objective.nt_xent import contrastive_loss
from seqjepa.objective.pose_terms import equivariance_loss, pose_anchor_loss
from seqjepa.objective.terms import Part, Term, term
from seqjepa.objective.variance_covariance import covariance_loss, variance_loss

__all__ = [
    "TERMS",
    "Loss",
    "Part",
    "Term",
    "barlow_twins_loss",
    "coding_rate",
    "coding_rate_at_unit_gain",
    "compute_loss",
    "contrastive_loss",
    "cosine_prediction_loss",
    "covariance_loss",
    "cross_correlation",
    "epps_pulley",
    "equivariance_loss",
    "pose_anchor_loss",
    "random_directions",
    "sliced_epps_pulley",
    "term",
    "unit_norm_coding_rate",
    "variance_loss",
]
