"""The contrastive term: an image's contents seen in two views are each other's nearest."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from seqjepa.model.needs import OBSERVED_PAIR, SPLIT_CODE, Need
from seqjepa.objective.coding_rates import at_least_float32
from seqjepa.objective.targets import compares_aggregates, names_of, views_of
from seqjepa.objective.terms import Part, term
from seqjepa.settings import Section
from seqjepa.types import Outputs

Contrasted = Annotated[
    Literal["content", "z_agg", "z", "both"],
    Field(description="Representations that are contrasted; content: of a split code; both: z_agg and z."),
]
Temperature = Annotated[float, Field(gt=0, description="Divides the cosine similarities.")]


def contrastive_loss(codes: Float[Tensor, "B S P"], temperature: float = 0.2) -> Float[Tensor, ""]:
    """-log softmax of the cosine similarity, over temperature, of two views of an image among all of the batch.

    NT-Xent (SimCLR; Chen et al., 2020, eq. 1); with more than two views a view's positives are averaged outside of the
    logarithm (Khosla et al., 2020, eq. 2, an image as its class). At chance log(B S - 1); at least 0.

    Raises:
        ValueError: fewer than two views or images, or temperature ≤ 0.
    """
    batch, views, _ = codes.shape
    if views < 2 or batch < 2:
        raise ValueError(f"a contrastive loss needs at least two views of two images, not {views} of {batch}")
    if temperature <= 0:
        raise ValueError(f"temperature must be above 0, not {temperature}")
    unit = F.normalize(at_least_float32(codes), dim=-1).flatten(0, 1)
    with torch.autocast(unit.device.type, enabled=False):
        near = unit @ unit.T / temperature
    itself = torch.eye(len(near), dtype=torch.bool, device=near.device)
    log_share = near - near.masked_fill(itself, -torch.inf).logsumexp(1, keepdim=True)
    image = torch.arange(batch, device=near.device).repeat_interleave(views)
    positive = (image[:, None] == image) & ~itself
    return -log_share[positive].mean()


def _needs(settings: Section) -> list[Need]:
    return [SPLIT_CODE, OBSERVED_PAIR] if getattr(settings, "target") == "content" else [OBSERVED_PAIR]  # noqa: B009


@term(weight=0.0, needs=_needs, halves=compares_aggregates)
def contrastive(
    outputs: Outputs, target: Contrasted = "content", temperature: Temperature = 0.2
) -> Float[Tensor, ""] | list[Part]:
    """NT-Xent, by which an image in two views is its own nearest in the batch.

    The views are: for the contents of a split code and for z, the observed ones, each alone; for z_agg, the aggregates
    of the first and of the second half of the observed views, which share no view. Contents are contrasted in their
    projection where the model has one (``model.split.projection_dim``).
    """
    if target == "content":
        contents = outputs.z[..., outputs.parts["content"]] if outputs.projection is None else outputs.projection
        return contrastive_loss(contents, temperature)
    return [
        Part(f"contrastive_{name}", contrastive_loss(views_of(outputs, name), temperature)) for name in names_of(target)
    ]
