"""Does a factor act linearly on the code, and do its operators compose as the factor's own group does?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from sklearn.neural_network import MLPRegressor
from torch import Tensor

from seqjepa.diagnostics.bootstrap import Ratio
from seqjepa.diagnostics.readers import HIDDEN, Rows, stopped_early
from seqjepa.diagnostics.readout import PENALTIES
from seqjepa.types import NotIdentifiable

LEAST = 0.05  # what even a network must explain for the question to make sense
Parts = tuple[Bool[Tensor, " I"], Bool[Tensor, " I"], Bool[Tensor, " I"]]


@dataclass(frozen=True)
class LinearOperator:
    """z(g_δ x) ≈ z(x) M_δ + b_δ for every δ of a grid.

    Attributes:
        weights: (G, D, D) M_δ, applied to rows from the right.
        offset: (G, D) b_δ.
        score: 1 - E_M / min(E_identity, E_mean) on the reporting identities: 1 for a linear action, 0 for one that is
            no better than leaving the code where it is, or than the mean of moved codes.
    """

    weights: Float[Tensor, "G D D"]
    offset: Float[Tensor, "G D"]
    score: Ratio

    def move(self, z: Float[Tensor, "*batch D"], step: int) -> Float[Tensor, "*batch D"]:
        """The codes, moved by the grid's value of that index."""
        return z @ self.weights[step] + self.offset[step]


def linear_operator(sweep: Float[Tensor, "I P G D"], identity: int, parts: Parts) -> LinearOperator:
    """Ridge regression from the code at the grid's identity to the code at each value (cf. Connor & Rozell, 2020).

    Args:
        sweep: codes along the factor's sweep.
        identity: index of the identity in the grid.
        parts: masks of the identities that fit, tune (the penalty, one for all values) and report.
    """
    z = sweep.double()
    fit, tune, report = (z[part] for part in parts)
    x = fit[:, :, identity].flatten(0, 1)
    y = fit.flatten(0, 1).flatten(1)
    mean_x, mean_y = x.mean(0), y.mean(0)
    values, vectors = torch.linalg.eigh((x - mean_x).T @ (x - mean_x))
    projected = vectors.T @ ((x - mean_x).T @ (y - mean_y))
    spread = float(values.mean()) or 1.0

    def weights_at(penalty: float) -> Float[Tensor, "D E"]:
        return vectors @ (projected / (values.clamp(min=0)[:, None] + penalty * spread))

    inputs, goal = tune[:, :, identity].flatten(0, 1) - mean_x, tune.flatten(0, 1).flatten(1) - mean_y
    penalties = (1e-12, *PENALTIES)
    best = min(penalties, key=lambda penalty: float((inputs @ weights_at(penalty) - goal).square().sum()))
    weights = weights_at(best)
    steps, dim = z.shape[2:]
    found = weights.unflatten(1, (steps, dim)).transpose(0, 1)
    offset = (mean_y - mean_x @ weights).unflatten(0, (steps, dim))
    still = report[:, :, identity : identity + 1]
    said = torch.einsum("ipd,gde->ipge", still[:, :, 0], found) + offset
    error = _per_identity(said - report, identity)
    base = _least(report, still, fit.mean((0, 1)), identity)
    return LinearOperator(found, offset, Ratio(base - error, base))


def network_operator(sweep: Float[Tensor, "I P G D"], identity: int, parts: Parts, seed: int = 0) -> Ratio:
    """The same score of a small network that is told the code and the step, and says the change: what is to be had."""
    z = sweep.double()
    steps = z.shape[2]
    still = z[:, :, identity : identity + 1]
    change = z - still
    which = torch.eye(steps, dtype=torch.float64).expand(*z.shape[:2], steps, steps)
    centred = still - still[parts[0]].mean((0, 1))
    inputs = torch.cat([centred.expand_as(z) / centred.square().mean().sqrt().clamp(min=1e-300), which], -1)
    scale = change[parts[0]].square().mean().sqrt().clamp(min=1e-300)
    rows = Rows(*(part.repeat_interleave(z.shape[1] * steps) for part in parts))
    x, y = inputs.flatten(0, 2), (change / scale).flatten(0, 2)
    network = MLPRegressor(hidden_layer_sizes=(HIDDEN,), random_state=seed % 2**32)
    goal = y[rows.tune].numpy()
    best = stopped_early(
        network,
        x[rows.fit].numpy(),
        y[rows.fit].numpy(),
        lambda n: -float(((n.predict(x[rows.tune].numpy()).reshape(goal.shape) - goal) ** 2).sum()),
    )
    report = z[parts[2]]
    said = torch.from_numpy(best.predict(x[rows.report].numpy())).reshape(report.shape) * scale
    base = _least(report, still[parts[2]], z[parts[0]].mean((0, 1)), identity)
    return Ratio(base - _per_identity(said - change[parts[2]], identity), base)


def composition_error(
    operator: LinearOperator, sweep: Float[Tensor, "I P G D"], identity: int, full_circle: bool
) -> Ratio:
    """E‖M_a M_b z - z(g_a g_b x)‖² / Var z over the grid's pairs whose product is on it; 0 for a group action.

    Steps of one factor add: on a full circle every pair has its product, else those that stay in the range. Pairs with
    the identity are left out.

    Args:
        sweep: of identities that did not fit the operator, on an evenly spaced grid.
    """
    z = sweep.double()
    steps = z.shape[2]
    still = z[:, :, identity]
    total, count = torch.zeros(len(z), dtype=torch.float64), 0
    for a in range(steps):
        once = operator.move(still, a)
        for b in range(steps):
            both = a + b - identity
            both = both % steps if full_circle else both
            if identity in (a, b) or not 0 <= both < steps:
                continue
            total += (operator.move(once, b) - z[:, :, both]).square().sum(-1).mean(1)
            count += 1
    if not count:
        raise NotIdentifiable("the grid holds no two steps and their product")
    return Ratio(total / count, _variance(z))


def inverse_error(operator: LinearOperator, sweep: Float[Tensor, "I P G D"], identity: int) -> Ratio:
    """E‖M_-a M_a z - z‖² / Var z over steps whose inverse is on the grid. Arguments as in ``composition_error``."""
    z = sweep.double()
    still = z[:, :, identity]
    pairs = [(a, 2 * identity - a) for a in range(z.shape[2]) if a != identity and 0 <= 2 * identity - a < z.shape[2]]
    if not pairs:
        raise NotIdentifiable("the grid holds no step with its inverse")
    errors = [(operator.move(operator.move(still, a), b) - still).square().sum(-1).mean(1) for a, b in pairs]
    return Ratio(torch.stack(errors).mean(0), _variance(z))


def orthogonality_defect(weights: Float[Tensor, "D D"], basis: Float[Tensor, "D K"]) -> float:
    """‖MᵀM - I‖_F / √k of an operator within a subspace: 0 for a rotation."""
    inside = basis.T @ weights @ basis
    identity = torch.eye(basis.shape[1], dtype=weights.dtype)
    return float((inside.T @ inside - identity).norm()) / math.sqrt(basis.shape[1])


@dataclass(frozen=True)
class Frequencies:
    """How often the code turns while the factor turns once.

    Attributes:
        frequency: (K,) |ω| in turns of the code a turn of the factor, by falling energy; those under ½ are left out.
        energy: (K,) their shares; sums to 1.
    """

    frequency: Float[Tensor, " K"]
    energy: Float[Tensor, " K"]

    @property
    def from_integers(self) -> float:
        """The energy's mean distance from the nearest integer; 0 for a code of the circle, ¼ by chance."""
        return float(((self.frequency - self.frequency.round()).abs() * self.energy).sum())


def frequencies(weights: Float[Tensor, "D D"], z: Float[Tensor, "N D"], step: float) -> Frequencies:
    """ω = arg λ(M_h)/h of the operator of a small step, weighted by the energy that codes have in its eigenvectors.

    Args:
        weights: M_h, applied to rows from the right.
        z: codes that it acts on.
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
        raise NotIdentifiable("no part of the code turns with the factor")
    order = energy[turning].argsort(descending=True)
    return Frequencies(omega[turning][order], energy[turning][order] / energy[turning].sum())


def _per_identity(error: Float[Tensor, "I P G D"], identity: int) -> Float[Tensor, " I"]:
    """Each identity's mean square error over poses and steps, the identity's own left out."""
    squares = error.square().sum(-1).mean(1)
    return (squares.sum(1) - squares[:, identity]) / (squares.shape[1] - 1)


def _least(report: Tensor, still: Tensor, mean: Tensor, identity: int) -> Float[Tensor, " I"]:
    """The errors of the better of two that know nothing: the code stays, or goes to the mean of moved codes."""
    stays, goes = _per_identity(report - still, identity), _per_identity(report - mean, identity)
    if min(stays.sum(), goes.sum()) <= 0:
        raise NotIdentifiable("the factor does not move the code at all")
    return stays if stays.sum() <= goes.sum() else goes


def _variance(z: Float[Tensor, "I P G D"]) -> Float[Tensor, " I"]:
    return (z - z.mean((0, 1, 2))).square().sum(-1).mean((1, 2))
