"""What can be read by ridge regression: weights from training rows, penalties from validation rows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from seqjepa.types import InputError

PENALTIES = tuple(10.0**e for e in range(-6, 5))


@dataclass(frozen=True)
class RidgeProbe:
    """A ridge readout and its held-out scores.

    Attributes:
        weights: (D, K); ``codes @ weights + intercept`` reads the targets.
        intercept: (K,).
        penalty: (K,) the one chosen for each column, relative to the representations' mean variance.
        r2: (K,) R² on the test rows; NaN for a target that is constant there.
        predicted: (M, K) its predictions for the test rows.
    """

    weights: Float[Tensor, "D K"]
    intercept: Float[Tensor, " K"]
    penalty: Float[Tensor, " K"]
    r2: Float[Tensor, " K"]
    predicted: Float[Tensor, "M K"]


def solve_ridge(
    codes: Float[Tensor, "N D"], targets: Float[Tensor, "N K"], penalties: Float[Tensor, " L"]
) -> tuple[Float[Tensor, "L D K"], Float[Tensor, "L K"]]:
    """Weights and intercepts of argmin ‖Y - XW - b‖² + penalty · ‖W‖² for several penalties (Hoerl & Kennard, 1970).

    One symmetric eigen-decomposition of XᵀX serves them all.
    """
    x, y = codes.double(), targets.double()
    mean_x, mean_y = x.mean(0), y.mean(0)
    centred = x - mean_x
    values, vectors = torch.linalg.eigh(centred.T @ centred)
    projected = vectors.T @ (centred.T @ (y - mean_y))
    weights = vectors @ (projected / (values.clamp(min=0)[:, None] + penalties.double()[:, None, None]))
    return weights, mean_y - mean_x @ weights


def ridge_probe(
    codes: Float[Tensor, "N D"],
    targets: Float[Tensor, "N K"],
    train: Bool[Tensor, " N"],
    validation: Bool[Tensor, " N"],
    test: Bool[Tensor, " N"],
) -> RidgeProbe:
    """A linear readout of each target: weights from ``train``, penalty from ``validation``, R² on ``test``.

    Rows of one identity belong into one of the three, or the readout knows the image already.

    Args:
        codes: (N, D) representations.
        targets: (N, K).
        train: (N,) the rows that fit the weights.
        validation: (N,) the rows that choose each column's penalty.
        test: (N,) the rows that are predicted.

    Raises:
        InputError: the parts overlap or one is empty.
    """
    if (train.int() + validation.int() + test.int()).max() > 1:
        raise InputError("the rows that train, validate and test must be different ones")
    if not (train.any() and validation.any() and test.any()):
        raise InputError("a probe needs rows to train, to validate and to test on")
    x, y = codes.double(), targets.double()
    spread = float((x[train] - x[train].mean(0)).square().sum() / x.shape[1]) or 1.0
    penalties = torch.tensor(PENALTIES, dtype=torch.float64)
    weights, intercepts = solve_ridge(x[train], y[train], penalties * spread)
    errors = (x[validation] @ weights + intercepts[:, None] - y[validation]).square().sum(1)
    best = errors.argmin(0)
    columns = torch.arange(y.shape[1])
    chosen, intercept = weights[best, :, columns].T, intercepts[best, columns]
    predicted = x[test] @ chosen + intercept
    return RidgeProbe(chosen, intercept, penalties[best], r2(predicted, y[test]), predicted)


def r2(predicted: Float[Tensor, "M K"], true: Float[Tensor, "M K"]) -> Float[Tensor, " K"]:
    """1 - residual / total sum of squares of each column; NaN where the truth is constant."""
    total = (true - true.mean(0)).square().sum(0)
    residual = (predicted - true).square().sum(0)
    return torch.where(total > 0, 1 - residual / total, torch.nan)
