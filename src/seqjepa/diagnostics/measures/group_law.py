"""Do a factor's operators compose as its own group does, and what do they do to the representation?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.diagnostics.measures.operators import LinearOperator, code_pairs
from seqjepa.rng import generator
from seqjepa.types import NotIdentifiable

COMPOSITIONS = 24
NULL_DRAWS = 1000
EQUAL = 1e-3  # turns by which two frequencies of one pair may differ
NEAR_HIGHEST = 0.75  # of half the grid's values
MUCH = 0.1  # share of the energy


def composition_error(operator: LinearOperator, sweep: Float[Tensor, "I P G D"], full_circle: bool) -> Ratio:
    """E‖M_a M_b z - z(g_a g_b x)‖² / Var z over pairs of steps whose product is on the grid; 0 for a group action.

    Over at most ``COMPOSITIONS`` such pairs, drawn at random.

    Args:
        operator: fitted on other identities.
        sweep: of the test identities.
    """
    z, size = sweep.double(), sweep.shape[2]
    both = [(a, b) for a in operator.steps for b in operator.steps if a + b and (full_circle or abs(a + b) < size)]
    order = torch.randperm(len(both), generator=generator("compositions", len(both)))[:COMPOSITIONS]
    errors = []
    for a, b in (both[i] for i in order):
        at, to = code_pairs(z, a + b, full_circle)
        said = operator.move(operator.move(at, b), a)
        errors.append((said - to).square().sum(-1).mean((1, 2)))
    if not errors:
        raise NotIdentifiable("the grid holds no two steps and their product")
    return Ratio(torch.stack(errors).mean(0), _variance(z))


def inverse_error(operator: LinearOperator, sweep: Float[Tensor, "I P G D"]) -> Ratio:
    """E‖M_-a M_a z - z‖² / Var z over steps that have their inverse. Arguments as in ``composition_error``."""
    z = sweep.double()
    there = [step for step in operator.steps if -step in operator.steps]
    errors = [(operator.move(operator.move(z, a), -a) - z).square().sum(-1).mean((1, 2)) for a in there]
    return Ratio(torch.stack(errors).mean(0), _variance(z))


def drift(operator: LinearOperator, sweep: Float[Tensor, "I P G D"]) -> Ratio:
    """‖M_h^G z - z‖² / Var z after one turn in single steps; 0 for a circle, 1 where z has gone to its mean.

    Args:
        operator: of a full circle, fitted on other identities.
        sweep: of the test identities, G steps a turn.
    """
    z = sweep.double()
    moved = z
    for _ in range(sweep.shape[2]):
        moved = operator.move(moved, 1)
    return Ratio((moved - z).square().sum(-1).mean((1, 2)), _variance(z))


def orthogonality_defect(
    weights: Float[Tensor, "D D"], offset: Float[Tensor, " D"], basis: Float[Tensor, "D K"], scale: float = 1.0
) -> float:
    """‖HᵀH - I‖_F / √(k + 1) of an operator within a subspace, H its matrix on [z / scale; 1]: 0 for a rotation.

    In homogeneous coordinates a shift is no isometry either.

    Args:
        weights, offset: M and b of z M + b.
        basis: orthonormal, the active subspace.
        scale: of the representations within it.
    """
    k = basis.shape[1]
    h = torch.eye(k + 1, dtype=weights.dtype)
    h[:k, :k] = basis.T @ weights @ basis
    h[k, :k] = offset @ basis / scale
    return float((h.T @ h - torch.eye(k + 1, dtype=weights.dtype)).norm()) / math.sqrt(k + 1)


@dataclass(frozen=True)
class Frequencies:
    """How often the representation turns while the factor turns once.

    Attributes:
        frequency: (K,) |ω| in turns of the representation a turn of the factor, by falling energy; those under ½ are
            left out.
        energy: (K,) their shares; sums to 1.
    """

    frequency: Float[Tensor, " K"]
    energy: Float[Tensor, " K"]

    @property
    def from_integers(self) -> float:
        """The energy's mean distance from the nearest integer; 0 for a representation of the circle, ¼ by chance."""
        return float(((self.frequency - self.frequency.round()).abs() * self.energy).sum())

    def by_chance(self, seed: int = 0) -> Float[Tensor, " N"]:
        """The same distance for frequencies drawn at random with these energies; those that are equal are one."""
        pairs = (self.frequency[:, None] - self.frequency).abs() < EQUAL
        energy = self.energy.new_zeros(len(pairs)).index_add_(0, pairs.int().argmax(1), self.energy)
        drawn = torch.rand(NULL_DRAWS, len(energy), generator=generator(seed, "frequencies"), dtype=torch.float64)
        return (drawn / 2) @ energy


@dataclass(frozen=True)
class Folded:
    """What a grid of so many values cannot tell of frequencies.

    Attributes:
        details: the highest frequency that the grid can tell, and the share of the energy that lies near it.
        verdict: in words, where that is much; None else.
    """

    details: dict[str, float]
    verdict: str | None


def folded(frequency: Float[Tensor, " K"], energy: Float[Tensor, " K"], steps: int) -> Folded:
    """How much energy lies at or near the highest frequency of a grid, half its values.

    A frequency ω above G/2 looks like G - ω there: 5 on 9 values like 4. Only energy below ¾ of G/2 is taken for its
    own, since what is smooth falls off before.

    Args:
        frequency, energy: as found, and their shares of all energy.
        steps: G, values of the grid.
    """
    share = float(energy[frequency > NEAR_HIGHEST * steps / 2].sum())
    told = {"highest_frequency": (steps - 1) // 2, "may_be_folded": round(share, 9)}
    if share < MUCH:
        return Folded(told, None)
    return Folded(
        told, f"not told: {share:.0%} of the energy is at frequencies that may be others, folded by {steps} grid values"
    )


def frequencies(weights: Float[Tensor, "D D"], z: Float[Tensor, "N D"], step: float) -> Frequencies:
    """ω = arg λ(M_h)/h of the operator of a small step, weighted by the energy that z has in its eigenvectors.

    Args:
        weights: M_h, applied to rows from the right.
        z: representations that it acts on.
        step: h [rad]; frequencies up to π/h can be told apart.

    Raises:
        NotIdentifiable: no energy turns.
    """
    values, vectors = torch.linalg.eig(weights.T)
    coefficients = torch.linalg.lstsq(vectors, z.double().T.to(vectors.dtype)).solution
    energy = coefficients.abs().square().mean(1) * vectors.abs().square().sum(0)
    omega = (values.angle() / step).abs()
    turning = omega >= 0.5
    if float(energy[turning].sum()) <= 1e-9 * float(energy.sum()):
        raise NotIdentifiable("no part of the representation turns with the factor")
    order = energy[turning].argsort(descending=True)
    return Frequencies(omega[turning][order], energy[turning][order] / energy[turning].sum())


def _variance(z: Float[Tensor, "I P G D"]) -> Float[Tensor, " I"]:
    """Each identity's part of the variance, unbiased: their means are centred at the mean of as few."""
    own, count = z.mean((1, 2)), len(z)
    within = (z - own[:, None, None]).square().sum(-1).mean((1, 2))
    return within + (own - own.mean(0)).square().sum(-1) * count / max(1, count - 1)
