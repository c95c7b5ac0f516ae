"""Which representations a term is taken of."""

from __future__ import annotations

from typing import Annotated, Literal

from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from seqjepa.settings import Section
from seqjepa.types import Outputs

Target = Annotated[
    Literal["z_agg", "z", "both"],
    Field(description="Representations that it is taken of; both: of each, with the term's weight."),
]


def names_of(target: str) -> tuple[str, ...]:
    """The representations that a target names, in the order of the log."""
    return ("z_agg", "z") if target == "both" else (target,)


def batches_of(outputs: Outputs, name: str) -> list[Float[Tensor, "B D"]]:
    """The batches of a representation: one of z_agg, and one for each observed view of z.

    A statistic of a batch is taken of each view alone, then averaged: views of one image are not independent.
    """
    return [outputs.z_agg] if name == "z_agg" else list(outputs.z.unbind(1))


def views_of(outputs: Outputs, name: str) -> Float[Tensor, "B S D"]:
    """Representations of the same image: z of its observed views, or z_agg of the two halves of its sequence.

    Raises:
        ValueError: of z_agg, from a model that was not asked for halves.
    """
    if name == "z":
        return outputs.z
    if outputs.halves is None:
        raise ValueError("two aggregates of an image are compared, and the outputs have no halves")
    return outputs.halves


def compares_aggregates(settings: Section) -> bool:
    """Whether with these settings a term compares the aggregates of a sequence's halves."""
    return getattr(settings, "target") in ("z_agg", "both")  # noqa: B009  (a term's settings are made at run time)
