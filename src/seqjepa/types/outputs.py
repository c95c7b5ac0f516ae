"""What a model returns."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

WHOLE: Mapping[str, slice] = MappingProxyType({"z": slice(None)})  # the parts of a representation that is not split


class Outputs(NamedTuple):
    """What a model returns for a batch of view sequences; the names that losses, probes and diagnostics use.

    A tuple rather than a dataclass, so that what wraps a module (precision, data parallelism) can walk through it.

    Attributes:
        z: representations of the observed views, (B, S, D) with S = V - 1.
        z_agg: the aggregate of the observed views, (B, E).
        prediction: the predicted representation of the target view, (B, D).
        target: the teacher's representation of the target view, (B, D), without gradient.
        parts: named blocks of z along its last axis; one block "z" unless the model splits its representation.
        actions: those between the views, as the model was given them, (B, S, A).
        projection: of the observed views' contents, for the contrastive term, (B, S, K); None in a model without one.
        halves: z_agg of the first and of the second half of the observed views alone, (B, 2, E), for terms that compare
            two aggregates of an image; None where no term asks for them.
        key: what a term's random draws are a function of. Training gives seed, epoch and step, the same on all ranks.
    """

    z: Float[Tensor, "B S D"]
    z_agg: Float[Tensor, "B E"]
    prediction: Float[Tensor, "B D"]
    target: Float[Tensor, "B D"]
    parts: Mapping[str, slice] = WHOLE
    actions: Float[Tensor, "B S A"] | None = None
    projection: Float[Tensor, "B S K"] | None = None
    halves: Float[Tensor, "B 2 E"] | None = None
    key: tuple[int, ...] = ()
