"""What sweeps may carry beside codes: a predictor's predictions, and codes for probes on many images."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int64
from torch import Tensor

from seqjepa.types import InputError


@dataclass(frozen=True)
class Predictions:
    """What a predictor makes of views that it has not seen, along one factor's sweep.

    Attributes:
        predicted: (I, P, Q, D) the predicted codes of Q questions at each of P base poses of I identities.
        source: (I, P, Q) the grid place of the last view that it saw, from which the action leads on.
        target: (I, P, Q) the grid place of the view whose code was asked for.
    """

    predicted: Float[Tensor, "I P Q D"]
    source: Int64[Tensor, "I P Q"]
    target: Int64[Tensor, "I P Q"]

    def __post_init__(self) -> None:
        if (self.source == self.target).any():
            raise InputError("predictions: a view cannot be asked for where it is the source")


@dataclass(frozen=True)
class ProbeSet:
    """Codes of two views each of many images, at random poses, for probes that want many images.

    Attributes:
        fit, report: (N, 2, D) codes of training images, and of held-out ones.
        fit_values, report_values: (N, 2, F) the factors' values, in their units.
        fit_labels, report_labels: (N,) classes.
    """

    fit: Float[Tensor, "N 2 D"]
    fit_values: Float[Tensor, "N 2 F"]
    fit_labels: Int64[Tensor, " N"]
    report: Float[Tensor, "M 2 D"]
    report_values: Float[Tensor, "M 2 F"]
    report_labels: Int64[Tensor, " M"]
