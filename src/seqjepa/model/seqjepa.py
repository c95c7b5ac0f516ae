"""seq-JEPA (Ghaemi et al., 2025): predict the code of a view from views seen before and the actions between them."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from seqjepa.model.aggregators import ActionEmbedding, Aggregator, Predictor
from seqjepa.model.split.aggregator import GroupActionMean, GroupActionPredictor
from seqjepa.model.teachers import Ema, StopGradient, TeacherName
from seqjepa.types import WHOLE, Outputs

AggregatorName = Literal["transformer", "group_action"]


class SeqJEPA(nn.Module):
    """Encoder → action-conditioned aggregator → predictor, against a teacher.

    Of V views, the first V - 1 are observed and the last is the target. A token is a view's code beside the
    embedded action that leads to the next view; the last observed view's action leads into the target and
    goes to the predictor instead, so its place in the token is zero.

    Args:
        encoder: images (B, C, H, W) to codes (B, D).
        code_dim: D.
        action_dim: columns of an action.
        action_embedding: dimensions of an embedded action.
        hidden: width of the predictor.
        aggregator: "transformer", with a predictor that learns; or "group_action", where known actions move the code's
            parts, which needs an encoder with ``parts`` that are poses, and takes none of the four settings above.
        projection_dim: of a linear layer between the content and its contrastive term, so that what the term wants to
            ignore may stay in the content (Chen et al., SimCLR, 2020, section 4.2); 0 leaves it out.
        teacher: "ema" or "stop_gradient".
        action_conditioning: False embeds every action as zero, so nothing after the encoder knows the actions.
    """

    def __init__(
        self,
        encoder: nn.Module,
        code_dim: int,
        *,
        action_dim: int = 5,
        action_embedding: int = 64,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
        hidden: int = 512,
        aggregator: AggregatorName = "transformer",
        projection_dim: int = 0,
        teacher: TeacherName = "ema",
        action_conditioning: bool = True,
    ) -> None:
        super().__init__()
        self.parts = dict(getattr(encoder, "parts", WHOLE))
        self.code_dim, self.action_dim = code_dim, action_dim
        self.encoder = encoder
        if aggregator == "group_action":
            self.embedded_dim, self.aggregate_dim = action_dim, code_dim
            self.embed_action = nn.Identity()
            self.aggregator = GroupActionMean(code_dim, self.parts)
            self.predictor = GroupActionPredictor(self.parts)
        else:
            self.embedded_dim, self.aggregate_dim = action_embedding, code_dim + action_embedding
            self.embed_action = ActionEmbedding(action_dim, action_embedding)
            self.aggregator = Aggregator(code_dim + action_embedding, layers, heads, dropout)
            self.predictor = Predictor(code_dim + 2 * action_embedding, hidden, code_dim)
        content = self.parts.get("content", slice(0, 0))
        self.project = nn.Linear(content.stop - content.start, projection_dim, bias=False) if projection_dim else None
        self.teacher = Ema(encoder) if teacher == "ema" else StopGradient()
        self.action_conditioning = action_conditioning

    def forward(self, views: Float[Tensor, "B V C H W"], actions: Float[Tensor, "B V-1 A"]) -> Outputs:
        observed = views[:, :-1]
        z = self.encode(observed)
        embedded = self.embed_action(actions)
        if not self.action_conditioning:
            embedded = torch.zeros_like(embedded)
        z_agg = self.aggregate(z, embedded[:, :-1])
        prediction = self.predictor(z_agg, embedded[:, -1])
        target = self.teacher(self.encoder, _channels_last(views[:, -1]))
        projection = None if self.project is None else self.project(z[..., self.parts["content"]])
        return Outputs(z, z_agg, prediction, target, self.parts, actions, projection)

    def encode(self, views: Float[Tensor, "B S C H W"]) -> Float[Tensor, "B S D"]:
        """The codes of all views, which go through the encoder as one batch."""
        return self.encoder(_channels_last(views.flatten(0, 1))).unflatten(0, views.shape[:2])

    def aggregate(self, z: Float[Tensor, "B S D"], embedded: Float[Tensor, "B S-1 E"]) -> Float[Tensor, "B F"]:
        """z_agg from S codes and the embedded actions between them."""
        return self.aggregator(torch.cat([z, F.pad(embedded, (0, 0, 0, 1)).to(z.dtype)], -1))


def _channels_last(images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    return images.contiguous(memory_format=torch.channels_last)
