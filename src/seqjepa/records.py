"""What sweeps may carry beside codes: a predictor's guesses, and the codes of a class probe."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int64
from torch import Tensor

from seqjepa.types import InputError


@dataclass(frozen=True)
class Guesses:
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
            raise InputError("guesses: a view cannot be asked for where it is the source")


@dataclass(frozen=True)
class ClassCodes:
    """Codes of single views, for a class probe on many images.

    Attributes:
        fit: (N, D) codes of training images at one random pose each; ``fit_labels`` (N,) their classes.
        report: (M, D) codes of held-out images at one random pose each; ``report_labels`` (M,) their classes.
    """

    fit: Float[Tensor, "N D"]
    fit_labels: Int64[Tensor, " N"]
    report: Float[Tensor, "M D"]
    report_labels: Int64[Tensor, " M"]
