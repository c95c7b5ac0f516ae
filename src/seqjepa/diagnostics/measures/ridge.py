"""What can be read by ridge regression: weights from training rows, penalties from validation rows."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from seqjepa.diagnostics.measures.principal import PrincipalCodes
from seqjepa.types import InputError

PENALTIES = tuple(10.0**e for e in range(-6, 5))
PROBE_PENALTIES = tuple(10.0**e for e in range(-24, 7))  # relative to the mean variance; 0 and infinity beside them
SHRINKAGES = tuple(1 / (1 + 10.0 ** (e / 2)) for e in range(-3, 4))  # of the coefficients of whitened directions
NO_OTHER = 1e-3  # a penalty of this share of a variance leaves its coefficient as it is


@dataclass(frozen=True)
class RidgeProbe:
    """A ridge readout and its held-out scores.

    Attributes:
        penalty: (K,) the one chosen for each column, relative to the representations' mean variance: 0 is least
            squares, infinity the constant. NaN where the penalty was put on whitened directions.
        r2: (K,) R² on the test rows; NaN for a target that is constant there.
        predicted: (M, K) its predictions for the test rows.
        validated: (K,) the squared error on the validation rows.
    """

    penalty: Float[Tensor, " K"]
    r2: Float[Tensor, " K"]
    predicted: Float[Tensor, "M K"]
    validated: Float[Tensor, " K"]


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
    check_parts(train, validation, test)
    x = PrincipalCodes.of(codes, train, validation, test)
    return principal_ridge(x, targets[train], targets[validation], targets[test])


def check_parts(train: Bool[Tensor, " N"], validation: Bool[Tensor, " N"], test: Bool[Tensor, " N"]) -> None:
    """Raises InputError for parts that overlap or are empty."""
    if (train.int() + validation.int() + test.int()).max() > 1:
        raise InputError("the rows that train, validate and test must be different ones")
    if not (train.any() and validation.any() and test.any()):
        raise InputError("a probe needs rows to train, to validate and to test on")


def principal_ridge(
    codes: PrincipalCodes, train: Float[Tensor, "A K"], validation: Float[Tensor, "B K"], test: Float[Tensor, "C K"]
) -> RidgeProbe:
    """``ridge_probe`` in principal coordinates, where each penalty keeps a share of each direction's coefficient.

    s² / (s² + p) of it under a penalty on the representation's own directions, 1 / (1 + p) under one on whitened
    directions. The second reads a quiet direction among loud ones where there are fewer rows than dimensions. Penalties
    of 0 and infinity are among them: no end of the path is a limit of it.

    Args:
        codes: the three parts of the representations.
        train: (A, K) targets that fit the coefficients.
        validation: (B, K) targets that choose each column's penalty.
        test: (C, K) targets that the predictions are judged on.
    """
    mean = train.double().mean(0)
    coefficients = codes.train.T @ (train.double() - mean) / len(train)
    tuned = validation.double() - mean
    penalties, errors, shares = [], [], []
    for penalty in path(codes.scale):
        share = kept_shares(codes.scale, penalty)
        said = codes.validation @ (share[:, None] * coefficients)
        penalties.append(penalty)
        shares.append(share)
        errors.append((said - tuned).square().sum(0))
        if penalty == 0:
            penalties += [torch.nan] * len(SHRINKAGES)
            shares += [torch.full_like(share, kept) for kept in SHRINKAGES]
            errors += [(kept * said - tuned).square().sum(0) for kept in SHRINKAGES]
    best = torch.stack(errors).argmin(0)
    predicted = codes.test @ (torch.stack(shares)[best].T * coefficients) + mean
    penalty = torch.tensor(penalties, dtype=torch.float64)[best]
    return RidgeProbe(penalty, r2(predicted, test.double()), predicted, torch.stack(errors).amin(0))


def path(scale: Float[Tensor, " R"]) -> list[float]:
    """Penalties from 0 to infinity, without those that change nothing for directions of these standard deviations."""
    if not len(scale):
        return [inf]
    low, high = float(scale.min().square()) * NO_OTHER, float(scale.max().square()) / NO_OTHER
    return [0.0, *(p for p in PROBE_PENALTIES if low < p < high), inf]


def kept_shares(scale: Float[Tensor, " R"], penalty: float) -> Float[Tensor, " R"]:
    """The share of each direction's coefficient that a penalty keeps: s² / (s² + p)."""
    variance = scale.square()
    return torch.ones_like(variance) if penalty == 0 else variance / (variance + penalty)


def r2(predicted: Float[Tensor, "M K"], true: Float[Tensor, "M K"]) -> Float[Tensor, " K"]:
    """1 - residual / total sum of squares of each column; NaN where the truth is constant."""
    total = (true - true.mean(0)).square().sum(0)
    residual = (predicted - true).square().sum(0)
    return torch.where(total > 0, 1 - residual / total, torch.nan)
