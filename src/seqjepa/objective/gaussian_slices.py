"""SIGReg: in every direction, representations are distributed as N(0, 1) (LeJEPA; Balestriero & LeCun, 2025)."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from seqjepa.objective.coding_rates import at_least_float32
from seqjepa.objective.targets import Target, batches_of, names_of
from seqjepa.objective.terms import Part, term
from seqjepa.rng import generator
from seqjepa.types import Outputs

Slices = Annotated[int, Field(gt=0, le=65536, description="Random directions, drawn anew in every step.")]
Knots = Annotated[int, Field(ge=3, le=10_000, description="Points at which characteristic functions are compared.")]
Limit = Annotated[float, Field(gt=0, description="They lie evenly in [-limit, limit].")]


def epps_pulley(x: Float[Tensor, "B M"], knots: int = 17, limit: float = 5.0) -> Float[Tensor, " M"]:
    """B ∫ |mean_b e^{itx_b} - e^{-t²/2}|² e^{-t²/2} dt of every column, by the trapezoidal rule; at least 0.

    The test of Epps & Pulley (1983) against N(0, 1), as LeJEPA has it (Balestriero & LeCun, 2025, arXiv:2511.08544,
    section 4.2, algorithm 1). √(2π) - √(2π/3) = 1.06 on average for B independent draws of N(0, 1), whatever B; 0.41 B
    where all are 0. The gradient is bounded everywhere.

    Args:
        x: samples in rows.
        knots: points of the rule, two or more.
        limit: they lie in [-limit, limit], above 0. Neighbours should be less than 2π / max |x| apart.
    """
    # Integrand and window are even in t: twice the half from 0 would do, but not for an even number of knots.
    t = torch.linspace(-limit, limit, knots, dtype=x.dtype, device=x.device)
    phi = (-t.square() / 2).exp()
    angles = x[..., None] * t
    apart = (angles.cos().mean(0) - phi).square() + angles.sin().mean(0).square()  # (M, T)
    return len(x) * torch.trapezoid(apart * phi, t)


def random_directions(dim: int, slices: int, *key: int | str) -> Float[Tensor, "D M"]:
    """Unit vectors in columns, uniform on the sphere; a pure function of the key, drawn on the CPU."""
    return F.normalize(torch.randn(dim, slices, generator=generator("slices", *key)), dim=0)


def sliced_epps_pulley(
    z: Float[Tensor, "B D"], directions: Float[Tensor, "D M"], knots: int = 17, limit: float = 5.0
) -> Float[Tensor, ""]:
    """The mean over directions of ``epps_pulley`` of z along them: SIGReg (LeJEPA, definition 2 and algorithm 1).

    In float32 at least, outside autocast.

    Args:
        z: representations of one batch, not centred and not scaled: both count.
        directions: unit vectors in columns.
        knots: points of the trapezoidal rule.
        limit: they lie in [-limit, limit].
    """
    z = at_least_float32(z)
    with torch.autocast(z.device.type, enabled=False):
        return epps_pulley(z @ directions.to(z), knots, limit).mean()


@term(weight=0.0)
def sigreg(
    outputs: Outputs, target: Target = "z_agg", slices: Slices = 256, knots: Knots = 17, limit: Limit = 5.0
) -> list[Part]:
    """SIGReg, by which representations are N(0, I): the Epps-Pulley statistic along random directions.

    Directions are a function of the run's seed, the epoch and the step, so they are the same on every process and in a
    resumed run. Of z it is taken for each view over the batch, then averaged. The statistic counts the batch once
    (B times a mean), so a weight belongs to a batch size.

    Args:
        outputs: of the whole batch.
        target: of z_agg, of z, or of both, each with the term's weight.
        slices: directions.
        knots: points of the trapezoidal rule.
        limit: they lie in [-limit, limit].
    """
    parts = []
    for name in names_of(target):
        batches = batches_of(outputs, name)
        directions = random_directions(batches[0].shape[1], slices, *outputs.key).to(batches[0].device)
        found = [sliced_epps_pulley(z, directions, knots, limit) for z in batches]
        parts.append(Part(f"sigreg_{name}", torch.stack(found).mean()))
    return parts
