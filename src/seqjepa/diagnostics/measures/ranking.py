"""Does the predictor land on the right view? Its prediction's rank among all views of one sweep."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.sweeps.containers import Predictions
from seqjepa.types import NotIdentifiable

HITS = (1, 5)


def target_ranks(predictions: Predictions, sweep: Float[Tensor, "I P G D"]) -> Float[Tensor, "I P Q"]:
    """The rank of the right view by cosine similarity with the prediction, from 1; equals share their mean rank.

    Candidates are all G views of the sweep but the source, so G - 1.

    Raises:
        NotIdentifiable: predictions of other dimensions than the representations.
    """
    if predictions.predicted.shape[-1] != sweep.shape[-1]:
        predicted, dim = predictions.predicted.shape[-1], sweep.shape[-1]
        raise NotIdentifiable(f"predictions have {predicted} dimensions, representations {dim}: another space")
    codes = F.normalize(sweep.double(), dim=-1)
    near = F.normalize(predictions.predicted.double(), dim=-1) @ codes.mT
    right = near.gather(-1, predictions.target[..., None])
    candidate = torch.ones_like(near, dtype=torch.bool).scatter_(-1, predictions.source[..., None], False)
    nearer = ((near > right) & candidate).sum(-1)
    equal = ((near == right) & candidate).sum(-1) - 1
    return 1 + nearer + equal / 2


def retrieval_scores(ranks: Float[Tensor, "I P Q"], candidates: int) -> dict[str, tuple[Ratio, float]]:
    """MRR, H@1 and H@5 as ratios over identities, each with its chance level: H_n / n and k / n for n candidates."""
    count = torch.full((len(ranks),), float(ranks[0].numel()), dtype=torch.float64)
    places = torch.arange(1, candidates + 1, dtype=torch.float64)
    scores = {"mrr": (Ratio((1 / ranks.double()).sum((1, 2)), count), float((1 / places).mean()))}
    for k in HITS:
        hits = (ranks <= k).double().sum((1, 2))
        scores[f"h@{k}"] = (Ratio(hits, count), min(1.0, k / candidates))
    return scores
