"""What sweeps may carry beside representations: a predictor's predictions, and a set for probes of many images."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int64
from torch import Tensor

from seqjepa.types import InputError


@dataclass(frozen=True)
class Predictions:
    """What a predictor makes of views that it has not seen, along one factor's sweep.

    Attributes:
        predicted: (I, P, Q, D) the predicted representations of Q questions at each of P base poses of I identities.
        source: (I, P, Q) the grid place of the last view that it saw, from which the action leads on.
        target: (I, P, Q) the grid place of the view whose representation was asked for.
    """

    predicted: Float[Tensor, "_ _ _ _"]
    source: Int64[Tensor, "_ _ _"]
    target: Int64[Tensor, "_ _ _"]

    def __post_init__(self) -> None:
        if self.source.shape != self.target.shape:
            raise InputError(f"predictions: {tuple(self.source.shape)} sources and {tuple(self.target.shape)} targets")
        if (self.source == self.target).any():
            raise InputError("predictions: a view cannot be asked for where it is the source")


@dataclass(frozen=True)
class ProbeSet:
    """Representations of two views each of many images, at random poses, for probes that want many images.

    Attributes:
        train, test: (N, 2, D) representations of training images, and of held-out ones.
        train_values, test_values: (N, 2, F) the factors' values, in their units.
        train_labels, test_labels: (N,) classes.
    """

    train: Float[Tensor, "_ _ _"]
    train_values: Float[Tensor, "_ _ _"]
    train_labels: Int64[Tensor, " _"]
    test: Float[Tensor, "_ _ _"]
    test_values: Float[Tensor, "_ _ _"]
    test_labels: Int64[Tensor, " _"]
