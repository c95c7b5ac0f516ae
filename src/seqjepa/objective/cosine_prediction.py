"""How far the prediction is from its target: their cosine."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from seqjepa.objective.coding_rates import at_least_float32
from seqjepa.objective.terms import Part, term
from seqjepa.types import Outputs


def cosine_prediction_loss(prediction: Float[Tensor, "B D"], target: Float[Tensor, "B D"]) -> Float[Tensor, ""]:
    """mean(1 - cos(prediction, target)), in [0, 2]; chance is 1 in high dimension. Computed in float32 at least.

    The negative cosine similarity of SimSiam (Chen & He, 2021), shifted to 0 at its best.
    """
    prediction, target = at_least_float32(prediction), at_least_float32(target)
    return (1 - F.cosine_similarity(prediction, target, dim=-1)).mean()


@term(weight=1.0, always=True)
def prediction(outputs: Outputs) -> list[Part]:
    """mean(1 - cos(prediction, target))

    Beside it the mean norms of z and z_agg are logged, which a cosine does not see.
    """
    value = cosine_prediction_loss(outputs.prediction, outputs.target)
    return [Part("prediction", value, {"norm_z": _mean_norm(outputs.z), "norm_z_agg": _mean_norm(outputs.z_agg)})]


def _mean_norm(z: Tensor) -> Float[Tensor, ""]:
    return at_least_float32(z.detach()).norm(dim=-1).mean()
