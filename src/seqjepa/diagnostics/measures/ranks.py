"""Effective ranks: how many dimensions a cloud of representations fills."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

RankKind = Literal["sigma_participation", "rankme", "eigen_entropy", "participation", "stable"]


def effective_rank(
    z: Float[Tensor, "N D"], kind: RankKind = "sigma_participation", centre: bool | None = None
) -> float:
    """An effective rank in [1, min(N, D)], from singular values σ of the representations and λ = σ².

    Args:
        z: representations (N, D), converted to float64.
        kind: "sigma_participation" (Σσ)²/Σσ², the seed run's; "rankme" exp H(σ/Σσ) (Garrido et al., 2023);
            "eigen_entropy" exp H(λ/Σλ) (Roy & Vetterli, 2007); "participation" (Σλ)²/Σλ²; "stable" Σλ/max λ.
        centre: take the mean over N away first. If left out, as the kind is defined: "rankme" does not, all others do.

    Returns:
        The rank; 0 for representations that are all equal (all zero when not centred).

    Raises:
        ValueError: an unknown kind.
    """
    z = z.double()
    centred = kind != "rankme" if centre is None else centre
    sigma = torch.linalg.svdvals(z - z.mean(0) if centred else z)
    # Singular values at the rounding level of float64 are zero: a constant representation has no rank, not a full one.
    floor = torch.finfo(torch.float64).eps * max(z.shape) * max(z.abs().max().item(), 1e-300)
    return rank_of_spectrum(sigma[sigma > floor], kind)


def rank_of_spectrum(sigma: Float[Tensor, " R"], kind: RankKind) -> float:
    """The effective rank of singular values, all above 0; 0 where there is none."""
    if not len(sigma):
        return 0.0
    eigen = sigma.square()
    if kind == "sigma_participation":
        value = sigma.sum() ** 2 / eigen.sum()
    elif kind == "rankme":
        value = torch.distributions.Categorical(probs=sigma).entropy().exp()
    elif kind == "eigen_entropy":
        value = torch.distributions.Categorical(probs=eigen).entropy().exp()
    elif kind == "participation":
        value = eigen.sum() ** 2 / eigen.square().sum()
    elif kind == "stable":
        value = eigen.sum() / eigen.max()
    else:
        raise ValueError(f"kind {kind!r} is not one of {', '.join(RankKind.__args__)}")
    return value.item()
