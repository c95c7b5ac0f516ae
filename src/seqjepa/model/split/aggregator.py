"""Aggregator and predictor without weights, for split representations: known actions move their pose as a group."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from seqjepa.model.aggregation import Aggregation, AggregatorSpec
from seqjepa.model.needs import DIFFERENCES, SPLIT_CODE
from seqjepa.model.split.group_action import added, apply_action

NEEDS = (SPLIT_CODE, DIFFERENCES)


def group_action(spec: AggregatorSpec) -> Aggregation:
    """Known actions move the parts of a split code: no weights, and of the settings none but the parts are used."""
    aggregator, predictor = GroupActionMean(spec.code_dim, spec.parts), GroupActionPredictor(spec.parts)
    return Aggregation(nn.Identity(), aggregator, predictor, spec.action_dim, spec.code_dim)


class GroupActionMean(nn.Module):
    """z_agg: every view's representation is moved to the last observed view by the actions between, then averaged.

    Rotations and contents are averaged as vectors and brought back to norm 1.
    """

    def __init__(self, code_dim: int, parts: Mapping[str, slice]) -> None:
        super().__init__()
        self.code_dim, self.parts = code_dim, dict(parts)

    def forward(self, tokens: Float[Tensor, "B S E"]) -> Float[Tensor, "B D"]:
        """z_agg of tokens [z, action that leads on from it], the last of which has an action of zeros."""
        z, actions = tokens.split((self.code_dim, tokens.shape[-1] - self.code_dim), -1)
        mean = apply_action(z, added(actions), self.parts).mean(1)
        unit = mean.clone()
        for name in ("rotation", "content"):
            if name in self.parts:
                unit[:, self.parts[name]] = F.normalize(mean[:, self.parts[name]], dim=-1)
        return unit


class GroupActionPredictor(nn.Module):
    """The representation of the target view: z_agg, moved by the action that leads there."""

    def __init__(self, parts: Mapping[str, slice]) -> None:
        super().__init__()
        self.parts = dict(parts)

    def forward(self, z_agg: Float[Tensor, "B D"], action: Float[Tensor, "B A"]) -> Float[Tensor, "B D"]:
        """z_agg under the action that leads into the target view."""
        return apply_action(z_agg, action, self.parts)
