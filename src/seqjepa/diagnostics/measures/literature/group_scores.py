"""D_LSBD, the Lie derivative, linear CKA, and the ratio of standard deviations of tmeasures."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Complex, Float
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.diagnostics.measures.spans import principal_components
from seqjepa.diagnostics.measures.subspaces import centre_orbits
from seqjepa.rng import generator
from seqjepa.types import NotIdentifiable

FREQUENCIES = (1, 2, 3, 4)
NULL_DRAWS = 200


def d_lsbd(sweep: Float[Tensor, "I P G D"], train: Bool[Tensor, " I"]) -> Ratio:
    """D_LSBD of a full circle (Tonnaer et al., 2022): the dispersion of ρ(g)⁻¹ z(g x) in a plane; 0 to 1.

    The plane holds the two leading components of the training identities' orbits, scaled to equal variance, ρ turns it
    ω times a turn with the ω that disperses least. 0: z turns in one plane as the group does. Around each identity's
    own mean and base pose, where the paper has a single orbit.

    Args:
        sweep: over an evenly cut full circle.
        train: the identities that the plane and ω are fitted on; the others are judged.

    Raises:
        NotIdentifiable: orbits that are points, or lines.
    """
    inside, turns = _in_plane(sweep, train)
    judged = inside[~train]
    energy = judged.abs().square().mean((1, 2))
    return Ratio(energy - _kept(judged, turns), energy)


def d_lsbd_by_chance(sweep: Float[Tensor, "I P G D"], train: Bool[Tensor, " I"], seed: int = 0) -> Float[Tensor, " N"]:
    """``d_lsbd`` where each judged orbit's grid is permuted: about 1 - 1/G, since noise turns a little with anything.

    Args:
        sweep, train: as in ``d_lsbd``.
        seed: of the permutations.
    """
    inside, turns = _in_plane(sweep, train)
    judged, random = inside[~train], generator(seed, "d_lsbd", "permuted grid")
    energy = float(judged.abs().square().mean((1, 2)).sum())
    kept = [
        float(_kept(judged.gather(2, torch.rand(judged.shape, generator=random).argsort(2)), turns).sum())
        for _ in range(NULL_DRAWS)
    ]
    return 1 - torch.tensor(kept, dtype=torch.float64) / energy


def _kept(inside: Complex[Tensor, "I P G"], turns: Complex[Tensor, " G"]) -> Float[Tensor, " I"]:
    """What does not disperse of each identity when ρ is taken back."""
    return (inside * turns).mean(2).abs().square().mean(1)


def _in_plane(
    sweep: Float[Tensor, "I P G D"], train: Bool[Tensor, " I"]
) -> tuple[Complex[Tensor, "I P G"], Complex[Tensor, " G"]]:
    """Orbits in the training identities' plane, scaled, and what takes their best ρ back at each grid value."""
    orbits = centre_orbits(sweep)
    flat = orbits[train].flatten(0, 2)
    values, vectors = (found.flip(-1) for found in principal_components([flat], 2))
    if len(values) < 2 or float(values[0]) <= 1e-12 * max(float(values[1]), 1e-300):
        raise NotIdentifiable("its orbits lie in no plane")
    inside = torch.view_as_complex((orbits @ (vectors * values.rsqrt())).contiguous())
    steps = sweep.shape[2]
    turns = torch.arange(steps, dtype=torch.float64) * (2 * math.pi / steps)
    tried = [torch.exp(-1j * sign * k * turns) for k in FREQUENCIES if k <= (steps - 1) // 2 for sign in (1, -1)]
    return inside, max(tried, key=lambda back: float(_kept(inside[train], back).sum()))


def lie_derivative(sweep: Float[Tensor, "I P G D"], neutral: int, step: float) -> Ratio:
    """The local equivariance error for ρ = 1 (Gruver et al., 2023): ‖∂z/∂g‖² at the neutral pose, over z's variance.

    Args:
        sweep: over an even grid.
        neutral: its index of the neutral pose; central differences of its two neighbours.
        step: of the grid; the unit of the answer is one over its unit squared.

    Raises:
        NotIdentifiable: the neutral pose is at the grid's end, or all identities have the same representation.
    """
    if not 0 < neutral < sweep.shape[2] - 1:
        raise NotIdentifiable("the neutral pose lies at the end of the range")
    z = sweep.double()
    slope = ((z[:, :, neutral + 1] - z[:, :, neutral - 1]) / (2 * step)).square().sum(-1).mean(1)
    apart = z[:, :, neutral] - z[:, :, neutral].mean(0)
    variance = apart.square().sum(-1).mean(1) * len(z) / (len(z) - 1)
    if float(variance.sum()) <= 1e-18 * float(z[:, :, neutral].square().sum()):
        raise NotIdentifiable("all identities have the same representation")
    return Ratio(slope, variance)


def linear_cka(a: Float[Tensor, "N D"], b: Float[Tensor, "N E"], a_norm: float | None = None) -> float:
    """Linear centred kernel alignment (Kornblith et al., 2019): ‖AᵀB‖²_F / (‖AᵀA‖_F ‖BᵀB‖_F), centred; 0 to 1.

    Args:
        a, b: of the same N views.
        a_norm: ‖AᵀA‖_F, where it is known.
    """
    a, b = a.double() - a.double().mean(0), b.double() - b.double().mean(0)
    size = (gram_norm(a) if a_norm is None else a_norm) * gram_norm(b)
    return float((a.T @ b).square().sum()) / max(size, 1e-300)


def gram_norm(a: Float[Tensor, "N D"]) -> float:
    """‖AᵀA‖_F of centred A."""
    a = a.double() - a.double().mean(0)
    return float((a.T @ a).norm() if len(a) > a.shape[1] else (a @ a.T).norm())


def deviation_ratios(sweep: Float[Tensor, "I P G D"]) -> Float[Tensor, " D"]:
    """NormalizedVarianceInvariance of each dimension (Quiroga et al., 2020; tmeasures), at all base poses together.

    The mean over identities of the standard deviation along the orbit, over the mean along the orbit of the standard
    deviation between identities. 0: the dimension stays; about 1: the factor moves it as another image would; infinite
    where all identities have the same, as in the two dimensions of a perfect circle; NaN where nothing differs.

    ``sensitivity`` is the same question asked of the whole code, in variances: with every grid value as reference in
    turn, its mean is Σ_d E_i[s_id²] / Σ_d E_g[t_gd²], with s along the orbit and t between identities, since the mean
    squared distance of two different values of an orbit is twice its variance. So the two agree, as Σ s̄² / Σ t̄²,
    where all identities move by as much; else E s² exceeds (E s)².
    """
    z = sweep.double()
    along, between = z.std(2).mean((0, 1)), z.std(0).mean((0, 1))
    return along / between
