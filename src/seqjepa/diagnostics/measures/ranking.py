"""Does the predictor land on the right view? Its prediction's place among all views of one sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.diagnostics.measures.neighbours import ROUNDING_STEPS
from seqjepa.sweeps.containers import Predictions
from seqjepa.types import NotIdentifiable

HITS = (1, 5)


@dataclass(frozen=True)
class Placed:
    """Where the right views stand among the candidates.

    Attributes:
        nearer: (I, P, Q) candidates that are nearer to the prediction.
        equal: (I, P, Q) others that are as near, up to rounding: the right view may come anywhere among these.
    """

    nearer: Float[Tensor, "I P Q"]
    equal: Float[Tensor, "I P Q"]

    def __getitem__(self, identities: Tensor) -> Placed:
        """Those of some of the identities."""
        return Placed(self.nearer[identities], self.equal[identities])


def placed(predictions: Predictions, sweep: Float[Tensor, "I P G D"]) -> Placed:
    """Where the right view stands by cosine similarity with the prediction.

    Candidates are all G views of the sweep but the source, so G - 1. Similarities that differ by no more than their
    number format's rounding are equal.

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
    same = ROUNDING_STEPS * max(torch.finfo(z.dtype).eps for z in (sweep, predictions.predicted))
    equal = ((near - right).abs() <= same) & candidate
    nearer = (near > right) & candidate & ~equal
    return Placed(nearer.sum(-1).double(), equal.sum(-1).double() - 1)


def retrieval_scores(found: Placed, candidates: int, hits_at: Sequence[int] = HITS) -> dict[str, tuple[Ratio, float]]:
    """MRR and H@k as ratios over identities, each with its chance level: H_n / n and k / n for n candidates.

    Of equals the score is the mean over all orders that they may come in, so that a representation in which all views
    are equal is at chance. The mean rank's own score would lie below it.
    """
    count = torch.full((len(found.nearer),), float(found.nearer[0].numel()), dtype=torch.float64)
    places = torch.arange(1, candidates + 1, dtype=torch.float64)
    harmonic = torch.cat([places.new_zeros(1), (1 / places).cumsum(0)])
    last = found.nearer + found.equal + 1
    inverse = (harmonic[last.long()] - harmonic[found.nearer.long()]) / (found.equal + 1)
    scores = {"mrr": (Ratio(inverse.sum((1, 2)), count), float((1 / places).mean()))}
    for k in hits_at:
        hits = ((k - found.nearer) / (found.equal + 1)).clamp(0, 1).sum((1, 2))
        scores[f"h@{k}"] = (Ratio(hits, count), min(1.0, k / candidates))
    return scores
