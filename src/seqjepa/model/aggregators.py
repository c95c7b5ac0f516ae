"""The action-conditioned aggregator and the predictor of seq-JEPA (Ghaemi et al., 2025)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seqjepa.model.aggregation import Aggregation, AggregatorSpec, asked_dim
from seqjepa.types import InputError


class ActionEmbedding(nn.Module):
    """Linear without bias, then batch norm without gain, so that every embedded action has unit variance."""

    def __init__(self, actions: int, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(actions, dim, bias=False)
        self.norm = nn.BatchNorm1d(dim, affine=False)

    def forward(self, actions: Float[Tensor, "B S A"]) -> Float[Tensor, "B S E"]:
        """Embedded actions, normalised over the batch and the sequence."""
        return self.norm(self.linear(actions).flatten(0, 1)).unflatten(0, actions.shape[:2])


class Aggregator(nn.Module):
    """A post-norm transformer encoder (Vaswani et al., 2017) over [AGG] and the observed views; returns token 0.

    Tokens carry no position: what tells views apart is the action that follows each.

    Args:
        dim: of a token, a multiple of ``heads``.
        layers: of the transformer.
        heads: of its attention.
        dropout: in attention and feed-forward layers.
    """

    def __init__(self, dim: int, layers: int = 2, heads: int = 4, dropout: float = 0.1) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, dim))
        layer = nn.TransformerEncoderLayer(dim, heads, 4 * dim, dropout, activation="relu", batch_first=True)
        self.transformer = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(dim), enable_nested_tensor=False)

    def reset_parameters(self) -> None:
        """The token as it is at first; the layers have their own."""
        nn.init.zeros_(self.token)

    def forward(self, tokens: Float[Tensor, "B S E"]) -> Float[Tensor, "B E"]:
        """z_agg: what the transformer makes of the token [AGG] among the tokens of the observed views."""
        sequence = torch.cat([self.token.expand(len(tokens), -1, -1).to(tokens.dtype), tokens], 1)
        *layers, last = self.transformer.layers
        for layer in layers:
            sequence = layer(sequence)
        assert isinstance(last, nn.TransformerEncoderLayer)
        assert self.transformer.norm is not None
        return self.transformer.norm(_first_token(last, sequence))


def _first_token(layer: nn.TransformerEncoderLayer, sequence: Float[Tensor, "B S E"]) -> Float[Tensor, "B E"]:
    """What a post-norm layer makes of token 0 alone: nothing after the last layer reads the others."""
    token = sequence[:, :1]
    attended, _ = layer.self_attn(token, sequence, sequence, need_weights=False)
    token = layer.norm1(token + layer.dropout1(attended))
    fed = layer.linear2(layer.dropout(layer.activation(layer.linear1(token))))
    return layer.norm2(token + layer.dropout2(fed))[:, 0]


class Predictor(nn.Module):
    """[z_agg, embedded action into the target view] → hidden → batch norm → ReLU → representation."""

    def __init__(self, dim_in: int, dim_hidden: int, dim_out: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(dim_in, dim_hidden),
            nn.BatchNorm1d(dim_hidden),
            nn.ReLU(inplace=True),
            nn.Linear(dim_hidden, dim_out),
        )

    def forward(self, z_agg: Float[Tensor, "B E"], action: Float[Tensor, "B A"]) -> Float[Tensor, "B D"]:
        """The predicted representation of the view to which the embedded action leads."""
        return self.layers(torch.cat([z_agg, action], -1))


def transformer(spec: AggregatorSpec) -> Aggregation:
    """A transformer over views and embedded actions, and a predictor with one hidden layer.

    Raises:
        InputError: heads that do not divide the width of a token.
    """
    width = spec.code_dim + spec.action_embedding
    if width % spec.heads:
        what = f"the aggregator's width {width} (representation {spec.code_dim} + action {spec.action_embedding})"
        raise InputError(f"model.heads: {spec.heads} does not divide {what}")
    embed_action = ActionEmbedding(spec.action_dim, spec.action_embedding)
    return _with_predictor(embed_action, Aggregator(width, spec.layers, spec.heads, spec.dropout), width, spec)


def around(aggregator: nn.Module, spec: AggregatorSpec) -> Aggregation:
    """An aggregator of one's own, tokens (B, S, D + E) to (B, F), with embedded actions and a predictor around it."""
    dim = asked_dim(aggregator, spec)
    return _with_predictor(ActionEmbedding(spec.action_dim, spec.action_embedding), aggregator, dim, spec)


def _with_predictor(embed_action: nn.Module, aggregator: nn.Module, dim: int, spec: AggregatorSpec) -> Aggregation:
    predictor = Predictor(dim + spec.action_embedding, spec.hidden, spec.code_dim)
    return Aggregation(embed_action, aggregator, predictor, spec.action_embedding, dim)
