"""Prediction losses."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def cosine_prediction_loss(prediction: Float[Tensor, "B D"], target: Float[Tensor, "B D"]) -> Float[Tensor, ""]:
    """mean(1 - cos(prediction, target)), in [0, 2]; chance is 1 in high dimension. Computed in float32 at least.

    The negative cosine similarity of SimSiam (Chen & He, 2021), shifted to 0 at its best.
    """
    if prediction.dtype != torch.float64:
        prediction, target = prediction.float(), target.float()
    return (1 - F.cosine_similarity(prediction, target, dim=-1)).mean()
