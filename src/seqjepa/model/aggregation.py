"""What stands between the representations of the observed views and the prediction of the target's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqjepa.types import InputError


@dataclass(frozen=True)
class AggregatorSpec:
    """What an aggregator is built from.

    Attributes:
        code_dim: dimensions D of a code.
        action_dim: columns of an action.
        parts: named blocks of a representation.
        action_embedding: dimensions E of an embedded action.
        layers, heads, dropout: of a transformer.
        hidden: width of the predictor's hidden layer.
    """

    code_dim: int
    action_dim: int
    parts: Mapping[str, slice]
    action_embedding: int = 64
    layers: int = 2
    heads: int = 4
    dropout: float = 0.1
    hidden: int = 512


class Aggregation(NamedTuple):
    """The modules that make z_agg and the prediction.

    Attributes:
        embed_action: actions (B, V - 1, A) to embedded actions (B, V - 1, E).
        aggregator: tokens (B, S, D + E) to z_agg (B, F). A token is [representation, embedded action that leads on].
        predictor: z_agg (B, F) and the embedded action into the target view (B, E) to a representation (B, D).
        embedded_dim: E.
        dim: F.
    """

    embed_action: nn.Module
    aggregator: nn.Module
    predictor: nn.Module
    embedded_dim: int
    dim: int


def asked_dim(aggregator: nn.Module, spec: AggregatorSpec) -> int:
    """The dimensions that an aggregator of one's own returns for two blank sequences of two tokens.

    Raises:
        InputError: it returns something else than (B, F).
    """
    training = aggregator.training
    with torch.no_grad():
        found = aggregator.eval()(torch.zeros(2, 2, spec.code_dim + spec.action_embedding))
    aggregator.train(training)
    if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != 2:
        what = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise InputError(f"model.aggregator: returns {what} for tokens (2, 2, D + E), not (2, F)")
    return found.shape[1]
