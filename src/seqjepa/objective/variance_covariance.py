"""VICReg: every dimension varies over the batch, and no two vary together (Bardes, Ponce & LeCun, 2022)."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from seqjepa.objective.coding_rates import at_least_float32
from seqjepa.objective.targets import Target, batches_of, names_of
from seqjepa.objective.terms import Part, term
from seqjepa.types import Outputs

EPS = 1e-4  # added to the variance under the root, as in the paper: the gradient stays finite where a code collapsed

Deviation = Annotated[float, Field(gt=0, description="Standard deviation that each dimension is to reach.")]
Covariance = Annotated[
    float, Field(ge=0, description="Covariance beside the variance; the paper's weights are 1 and 25.")
]


def variance_loss(z: Float[Tensor, "B D"], deviation: float = 1.0) -> Float[Tensor, ""]:
    """mean over dimensions of max(0, γ - √(Var z_j + 1e-4)), in [0, γ); 0 where every dimension varies enough.

    VICReg (Bardes et al., 2022), eq. 1 and 2, the variance over B - 1. Its gradient at collapse is finite.

    Raises:
        ValueError: fewer than two representations.
    """
    return (deviation - (_centred(z).square().sum(0) / (len(z) - 1) + EPS).sqrt()).clamp_min(0).mean()


def covariance_loss(z: Float[Tensor, "B D"]) -> Float[Tensor, ""]:
    """Σ_{i≠j} Cov(z)²_ij / D, at least 0. VICReg (Bardes et al., 2022), eq. 3 and 4, the covariance over B - 1.

    It falls with the representations' norm, so alone it is met by collapse.

    Raises:
        ValueError: fewer than two representations.
    """
    centred = _centred(z)
    with torch.autocast(z.device.type, enabled=False):
        covariance = centred.T @ centred / (len(z) - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / z.shape[1]


@term(weight=0.0)
def vicreg(
    outputs: Outputs, target: Target = "z_agg", deviation: Deviation = 1.0, covariance: Covariance = 0.04
) -> list[Part]:
    """VICReg's variance + covariance, by which dimensions vary over the batch, each on its own.

    Invariance, its third term, is the prediction. There is no expander: it is taken of the representation itself. Of z
    it is taken for each view over the batch, then averaged.

    Args:
        outputs: of the whole batch.
        target: of z_agg, of z, or of both, each with the term's weight.
        deviation: γ.
        covariance: what the covariance counts beside the variance.
    """
    parts = []
    for name in names_of(target):
        batches = batches_of(outputs, name)
        varied = torch.stack([variance_loss(z, deviation) for z in batches]).mean()
        together = torch.stack([covariance_loss(z) for z in batches]).mean()
        watched = {f"vicreg_{name}_variance": varied.detach(), f"vicreg_{name}_covariance": together.detach()}
        parts.append(Part(f"vicreg_{name}", varied + covariance * together, watched))
    return parts


def _centred(z: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
    if len(z) < 2:
        raise ValueError("a variance needs at least two representations")
    z = at_least_float32(z)
    return z - z.mean(0)
