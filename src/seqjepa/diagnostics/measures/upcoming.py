"""The next view of a sequence: where it stands for a prediction among the identity's views, and how near it is."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.diagnostics.measures.ranking import Placed, placed
from seqjepa.sweeps.containers import Predictions


def placed_next(predicted: Float[Tensor, "I Q D"], views: Float[Tensor, "I J D"], last: Int64[Tensor, " Q"]) -> Placed:
    """Where the view after the last one stands by cosine similarity with the prediction, among all but the last.

    Args:
        predicted: of Q sequences of each identity.
        views: of the joint design.
        last: the place of each sequence's last view; the next one follows it, around the end.

    Raises:
        NotIdentifiable: predictions of other dimensions than the representations.
    """
    identities, views_each = views.shape[:2]
    source = last[None, None].expand(identities, 1, -1)
    asked = Predictions(predicted[:, None], source, (source + 1) % views_each)
    return placed(asked, views[:, None])


def prediction_errors(
    predicted: Float[Tensor, "M Q D"], views: Float[Tensor, "M J D"], last: Int64[Tensor, " Q"]
) -> tuple[Ratio, float]:
    """1 - cosine of the prediction with the next view, and its mean with the identity's other views but the last.

    Args:
        predicted, views, last: as in ``placed_next``.
    """
    near = 1 - F.normalize(predicted.double(), dim=-1) @ F.normalize(views.double(), dim=-1).mT  # (M, Q, J)
    upcoming = (last + 1) % views.shape[1]
    windows = torch.arange(len(last))
    right = near[:, windows, upcoming]
    other = torch.ones(len(last), views.shape[1], dtype=torch.bool)
    other[windows, upcoming] = False
    other[windows, last] = False
    error = Ratio(right.sum(1), torch.full((len(right),), float(len(last)), dtype=torch.float64))
    return error, float(near[:, other].mean())
