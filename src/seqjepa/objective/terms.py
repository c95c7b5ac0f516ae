"""The objective: a sum of named weighted terms, each logged alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.objective.contrastive import contrastive_loss
from seqjepa.objective.pose_terms import equivariance_loss, pose_anchor_loss
from seqjepa.objective.prediction import cosine_prediction_loss
from seqjepa.objective.rate import at_least_float32, coding_rate, coding_rate_at_unit_gain, unit_norm_coding_rate
from seqjepa.types import Outputs

TERMS = {
    "prediction": cosine_prediction_loss,
    "coding_rate": coding_rate,
    "unit_norm_coding_rate": unit_norm_coding_rate,
    "pose_anchor": pose_anchor_loss,
    "equivariance": equivariance_loss,
    "contrastive": contrastive_loss,
}
RateKind = Literal["coding_rate", "unit_norm_coding_rate", "none"]
RateTarget = Literal["z_agg", "z", "both"]


@dataclass(frozen=True)
class Rate:
    """Which rate is maximised, of which codes.

    With the target "z" the rate is taken for each view over the batch, then averaged over views.
    """

    kind: RateKind
    weight: float
    target: RateTarget
    alpha: float
    eps: float

    def __call__(self, z: Float[Tensor, "B D"]) -> Float[Tensor, ""]:
        return coding_rate(z, self.alpha) if self.kind == "coding_rate" else unit_norm_coding_rate(z, self.eps)

    def codes(self, outputs: Outputs) -> dict[str, list[Tensor]]:
        """For each target the batches whose rates are averaged."""
        views = list(outputs.z.unbind(1))
        return {"z_agg": {"z_agg": [outputs.z_agg]}, "z": {"z": views}, "both": {"z_agg": [outputs.z_agg], "z": views}}[
            self.target
        ]


@dataclass(frozen=True)
class Objective:
    """The weights of all terms; a term of weight 0 is not computed, but for the prediction, which is always logged.

    Attributes:
        rate: the anti-collapse term, maximised.
        prediction: weight of mean(1 - cos(prediction, target)).
        origin, equivariance: weights of the terms that make parts of the code a pose.
        contrastive: weight of the contrastive term between the observed views' contents, or what is projected of them.
        temperature: of the contrastive term.
    """

    rate: Rate
    prediction: float = 1.0
    pose_anchor: float = 0.0
    equivariance: float = 0.0
    contrastive: float = 0.0
    temperature: float = 0.2

    def split_terms(self, outputs: Outputs) -> dict[str, tuple[float, Tensor]]:
        """Weight and value of the terms that need a split code, by name."""
        found = {}
        for name, weight, loss in (
            ("pose_anchor", self.pose_anchor, pose_anchor_loss),
            ("equivariance", self.equivariance, equivariance_loss),
        ):
            if weight:
                if outputs.actions is None:
                    raise ValueError(f"the term {name!r} needs the outputs' actions")
                found[name] = weight, loss(outputs.z, outputs.actions, outputs.parts)
        if self.contrastive:
            contents = outputs.z[..., outputs.parts["content"]] if outputs.projection is None else outputs.projection
            loss = contrastive_loss(contents, self.temperature)
            found["contrastive"] = self.contrastive, loss
        return found


@dataclass(frozen=True)
class Terms:
    """The loss, and every term by name: ``prediction``, ``rate_z_agg``, …, with what helps to read them.

    ``loss`` is the only entry with gradient; all in ``logged`` are detached.
    """

    loss: Float[Tensor, ""]
    logged: dict[str, Float[Tensor, ""]]


def compute_loss(outputs: Outputs, objective: Objective) -> Terms:
    """The weighted sum of all terms; rates count negatively, averaged over views and summed over their targets.

    Raises:
        FloatingPointError: a term is not finite; the message names it.
    """
    prediction, rate = cosine_prediction_loss(outputs.prediction, outputs.target), objective.rate
    logged = {
        "prediction": prediction.detach(),
        "norm_z": _mean_norm(outputs.z),
        "norm_z_agg": _mean_norm(outputs.z_agg),
    }
    loss = objective.prediction * prediction
    for name, (weight, value) in objective.split_terms(outputs).items():
        loss = loss + weight * value
        logged[name] = value.detach()
    if rate.kind != "none":
        for name, batches in rate.codes(outputs).items():
            try:
                value = torch.stack([rate(z) for z in batches]).mean()
            except FloatingPointError as error:
                raise FloatingPointError(f"the term 'rate_{name}': {error}") from error
            loss = loss - rate.weight * value
            logged[f"rate_{name}"] = value.detach()
            if rate.kind == "coding_rate":
                batch, dim = batches[0].shape
                logged[f"rate_{name}_over_unit"] = value.detach() / coding_rate_at_unit_gain(batch, dim, rate.alpha)
    logged["loss"] = loss.detach()
    finite = torch.stack(list(logged.values())).isfinite()
    if not finite.all():  # all at once, since each look from the host stops a GPU
        name, value = list(logged.items())[finite.tolist().index(False)]
        raise FloatingPointError(f"the term {name!r} is {value.item()}")
    return Terms(loss, {"loss": loss.detach(), **logged})


def _mean_norm(z: Tensor) -> Tensor:
    return at_least_float32(z.detach()).norm(dim=-1).mean()
