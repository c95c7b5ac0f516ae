"""Coding rates: how much volume a batch of representations spans (Ma et al., 2007; Yu et al., MCR², 2020)."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from seqjepa.objective.targets import Target, batches_of, names_of
from seqjepa.objective.terms import Part, term
from seqjepa.types import Outputs

Kind = Annotated[
    Literal["coding_rate", "unit_norm_coding_rate", "none"],
    Field(description="logdet(I + alpha Cov), the same of unit-norm representations, or none."),
]
Alpha = Annotated[float, Field(gt=0, description="Gain of the covariance in coding_rate.")]
Eps = Annotated[float, Field(gt=0, description="Distortion of unit_norm_coding_rate.")]


def coding_rate(z: Float[Tensor, "B D"], alpha: float = 1.0) -> Float[Tensor, ""]:
    """R(Z) = logdet(I + α · Z̃ᵀZ̃ / B) [nat], Z̃ centred over the batch; 0 for a collapsed batch, without upper bound.

    It grows with the representations' norm, so as a regulariser it can be satisfied by scale alone: compare it with
    ``coding_rate_at_unit_gain``. Solved through the smaller of the two Gram matrices (Sylvester's identity), by
    Cholesky, in float32 at least and outside autocast.

    Args:
        z: representations of one batch.
        alpha: how much volume counts, above 0.

    Raises:
        ValueError: fewer than two representations, or alpha ≤ 0.
        FloatingPointError: a representation that is not finite, or a matrix that is not positive definite.
    """
    if alpha <= 0:
        raise ValueError(f"alpha must be above 0, not {alpha}")
    return _logdet_identity_plus_covariance(z, alpha)


def unit_norm_coding_rate(z: Float[Tensor, "B D"], eps: float = 0.5) -> Float[Tensor, ""]:
    """½ logdet(I + d/ε² · Cov(z/‖z‖)) [nat]: the rate of directions alone, so it cannot be bought by norm.

    The coding rate of MCR² (Yu et al., 2020, eq. 7) with centred, unit-norm representations; at most
    ½ r log(1 + d/(r ε²)) with r = min(B - 1, d).

    Raises:
        ValueError: fewer than two representations, or eps ≤ 0.
        FloatingPointError: as for ``coding_rate``.
    """
    if eps <= 0:
        raise ValueError(f"eps must be above 0, not {eps}")
    unit = torch.nn.functional.normalize(at_least_float32(z), dim=-1)
    return 0.5 * _logdet_identity_plus_covariance(unit, unit.shape[-1] / eps**2)


def coding_rate_at_unit_gain(batch: int, dim: int, alpha: float = 1.0) -> float:
    """R_unit = r log(1 + α D / r), r = min(B - 1, D): the most that codes of mean square 1 per dimension reach.

    R / R_unit above 1 means that volume was bought with norm.
    """
    rank = min(batch - 1, dim)
    return rank * math.log(1 + alpha * dim / rank)


@term(weight=0.01, maximised=True, always=True)
def rate(
    outputs: Outputs, kind: Kind = "coding_rate", target: Target = "z_agg", alpha: Alpha = 1.0, eps: Eps = 0.5
) -> list[Part]:
    """The volume that a batch of representations spans, against collapse.

    The rate of z is taken for each view over the batch, then averaged over views. Beside coding_rate its share of
    ``coding_rate_at_unit_gain`` is logged: above 1, volume was bought with norm.

    Args:
        outputs: of the whole batch.
        kind: which rate; "none" leaves the term out.
        target: the rate of z_agg, of z, or both, each with the term's weight.
        alpha: gain of "coding_rate".
        eps: distortion of "unit_norm_coding_rate".
    """
    if kind == "none":
        return []
    parts = []
    for name in names_of(target):
        batches = batches_of(outputs, name)
        try:
            rates = [coding_rate(z, alpha) if kind == "coding_rate" else unit_norm_coding_rate(z, eps) for z in batches]
        except FloatingPointError as error:
            raise FloatingPointError(f"of {name}: {error}") from error
        value, watched = torch.stack(rates).mean(), {}
        if kind == "coding_rate":
            batch, dim = batches[0].shape
            watched[f"rate_{name}_over_unit"] = value.detach() / coding_rate_at_unit_gain(batch, dim, alpha)
        parts.append(Part(f"rate_{name}", value, watched))
    return parts


def at_least_float32(z: Tensor) -> Tensor:
    """In float32, or as it is in float64."""
    return z if z.dtype == torch.float64 else z.float()


def _logdet_identity_plus_covariance(z: Float[Tensor, "B D"], gain: float) -> Float[Tensor, ""]:
    """logdet(I + gain · Z̃ᵀZ̃ / B)."""
    batch, dim = z.shape
    if batch < 2:
        raise ValueError("a rate needs at least two representations: one alone spans no volume")
    with torch.autocast(z.device.type, enabled=False):
        centred = at_least_float32(z)
        centred = centred - centred.mean(0)
        gram = centred @ centred.T if batch <= dim else centred.T @ centred
        identity = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
        factor, info = torch.linalg.cholesky_ex(identity + (gain / batch) * gram)
        if not ((info == 0) & factor.diagonal().isfinite().all()):
            raise FloatingPointError(
                "coding rate: I + covariance is not positive definite; a representation is not finite or far too large"
            )
        return 2 * factor.diagonal().log().sum()
