"""What neighbours on a grid predict of a value, and what is only rounding."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

NEIGHBOURS = 2  # on either side
FEWEST_VALUES = 2 * NEIGHBOURS + 1
ROUNDING_STEPS = 32  # of the number format, by which equal representations may differ


def interpolation(
    values: Float[Tensor, " G"], period: float | None = None
) -> tuple[Float[Tensor, "H G"], Float[Tensor, " H"]]:
    """What is left of each value after the cubic through its two neighbours on either side, as weights on the grid.

    Lagrange's interpolation in the factor's value and not its index, so that the grid need not be even. Next to the
    ends of a line a value has no such neighbours and no row.

    Args:
        values: the grid, ascending, in the factor's unit (a logarithmic factor's in its logarithm).
        period: of a grid that covers the whole circle; its ends are neighbours.

    Returns:
        The weights, and each row's sum of squares: the variance that white noise of variance 1 has in what is left.
    """
    at, size = values.double(), len(values)
    places = range(size) if period is not None else range(NEIGHBOURS, size - NEIGHBOURS)
    steps = [step for step in range(-NEIGHBOURS, NEIGHBOURS + 1) if step]
    weights = torch.zeros(len(places), size, dtype=torch.float64)
    for row, place in enumerate(places):
        near = torch.tensor([(place + step) % size for step in steps])
        turns = torch.tensor([(place + step) // size for step in steps], dtype=torch.float64)
        where = at[near] + turns * (period or 0.0)
        weights[row, place] = 1.0
        weights[row, near] -= lagrange(at[place], where)
    return weights, weights.square().sum(1)


def lagrange(at: Float[Tensor, ""], known: Float[Tensor, " N"]) -> Float[Tensor, " N"]:
    """Weights of values at N known places, so that their sum is the polynomial of degree N - 1 through them, there.

    Args:
        at: the place that is asked for.
        known: the places, each another.
    """
    each = []
    for one, own in enumerate(known):
        others = torch.cat([known[:one], known[one + 1 :]])
        each.append(((at - others) / (own - others)).prod())
    return torch.stack(each)


def noise_covariance(
    z: Float[Tensor, "I P G D"], values: Float[Tensor, " G"], period: float | None = None
) -> Float[Tensor, "D D"]:
    """The covariance of what differs from one grid value to the next without being predicted by its neighbours.

    Of noise that is independent from view to view it is the noise's own; detail finer than the grid counts as noise.
    """
    weights, gain = interpolation(values, period)
    left = torch.einsum("hg,ipgd->iphd", weights / gain[:, None].sqrt(), z.double()).flatten(0, 2)
    return left.T @ left / max(1, len(left))


def negligible(energy: float, z: Tensor) -> bool:
    """Whether a mean square of so much is no more than the rounding of representations of this size and format."""
    exact = z.dtype if z.is_floating_point() else torch.float64
    scale = float(z.double().square().sum(-1).mean()) if z.numel() else 0.0
    return not energy > (ROUNDING_STEPS * torch.finfo(exact).eps) ** 2 * scale
