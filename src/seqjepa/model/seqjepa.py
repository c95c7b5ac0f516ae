"""seq-JEPA (Ghaemi et al., 2025): predict a view's representation from earlier views and the actions between."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from seqjepa.model.aggregation import Aggregation
from seqjepa.model.teachers import Teacher
from seqjepa.types import WHOLE, Outputs


class SeqJEPA(nn.Module):
    """Encoder → action-conditioned aggregator → predictor, against a teacher.

    Of V views, the first V - 1 are observed and the last is the target. A token is a view's representation beside the
    embedded action that leads to the next view; the last observed view's action leads into the target and
    goes to the predictor instead, so its place in the token is zero.

    Args:
        encoder: images (B, C, H, W) to representations (B, D), with an attribute ``parts`` if they have named blocks.
        code_dim: D.
        aggregation: what makes z_agg and the prediction; see ``build_aggregation``.
        teacher: a module (encoder, images) to target representations, without gradient; see ``TEACHERS``.
        action_dim: columns of an action.
        projection_dim: of a linear layer between the part "content" and its contrastive term, so that what the term
            wants to ignore may stay in the content (Chen et al., SimCLR, 2020, section 4.2); 0 leaves it out.
        action_conditioning: False embeds every action as zero, so nothing after the encoder knows the actions.
        halves: whether z_agg of the first and of the second half of the observed views is computed too, for terms that
            compare the two.
    """

    teacher: Teacher

    def __init__(
        self,
        encoder: nn.Module,
        code_dim: int,
        aggregation: Aggregation,
        teacher: Teacher,
        *,
        action_dim: int = 5,
        projection_dim: int = 0,
        action_conditioning: bool = True,
        halves: bool = False,
    ) -> None:
        super().__init__()
        self.parts = dict(getattr(encoder, "parts", WHOLE))
        self.code_dim, self.action_dim = code_dim, action_dim
        self.embedded_dim, self.aggregate_dim = aggregation.embedded_dim, aggregation.dim
        self.encoder = encoder
        self.embed_action = aggregation.embed_action
        self.aggregator, self.predictor = aggregation.aggregator, aggregation.predictor
        content = self.parts.get("content", slice(0, 0))
        self.project = nn.Linear(content.stop - content.start, projection_dim, bias=False) if projection_dim else None
        self.teacher = teacher
        self.action_conditioning, self.halves = action_conditioning, halves

    def forward(self, views: Float[Tensor, "B V C H W"], actions: Float[Tensor, "B V-1 A"]) -> Outputs:
        """Representations of the observed views, their aggregate, the prediction for the last view, and its target.

        Args:
            views: sequences of V ≥ 2 normalised views, the last of which is the target.
            actions: what leads from each view to the next.
        """
        z = self.encode(views[:, :-1])
        embedded = self.embed_action(actions)
        if not self.action_conditioning:
            embedded = torch.zeros_like(embedded)
        z_agg = self.aggregate(z, embedded[:, :-1])
        prediction = self.predictor(z_agg, embedded[:, -1])
        target = self.teacher(self.encoder, _channels_last(views[:, -1]))
        projection = None if self.project is None else self.project(z[..., self.parts["content"]])
        halves = self._of_halves(z, embedded) if self.halves else None
        return Outputs(z, z_agg, prediction, target, self.parts, actions, projection, halves)

    def encode(self, views: Float[Tensor, "B S C H W"]) -> Float[Tensor, "B S D"]:
        """The representations of all views, which go through the encoder as one batch."""
        return self.encoder(_channels_last(views.flatten(0, 1))).unflatten(0, views.shape[:2])

    def aggregate(self, z: Float[Tensor, "B S D"], embedded: Float[Tensor, "B S-1 E"]) -> Float[Tensor, "B F"]:
        """z_agg from S representations and the embedded actions between them."""
        return self.aggregator(torch.cat([z, F.pad(embedded, (0, 0, 0, 1)).to(z.dtype)], -1))

    def _of_halves(self, z: Float[Tensor, "B S D"], embedded: Float[Tensor, "B S E"]) -> Float[Tensor, "B 2 F"]:
        middle = z.shape[1] // 2
        first = self.aggregate(z[:, :middle], embedded[:, : middle - 1])
        return torch.stack([first, self.aggregate(z[:, middle:], embedded[:, middle:-1])], 1)


def _channels_last(images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    return images.contiguous(memory_format=torch.channels_last)
