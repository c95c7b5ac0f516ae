"""What sweeps may carry beside representations: a predictor's predictions, and a set for probes of many images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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


BOTH, VISION, ACTION = FORMS = ("vision and action", "vision", "action")


@dataclass(frozen=True)
class SequenceCodes:
    """What an aggregator and a predictor make of sequences: consecutive views of the joint design, around its end.

    Attributes:
        observed: views of a sequence in training.
        last: (Q,) the place in the joint design of the last view of each of Q sequences of an identity.
        aggregates: z_agg (I, Q, F) by name: the form and the length, as in "vision 3". "vision and action": as trained.
            "vision": the actions withheld. "action": every view is replaced by the mean of all.
        upcoming: (I, Q, D) the predicted representation of the view after the last, of ``observed`` views; None where
            the joint design has no more.
        seen: low and high of the factors that are one number, by name: the range that the model was trained on, in the
            factor's unit. None of those that it was not trained on, or of which it does not say.
    """

    observed: int
    last: Int64[Tensor, " _"]
    aggregates: Mapping[str, Float[Tensor, "_ _ _"]]
    upcoming: Float[Tensor, "_ _ _"] | None = None
    seen: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = self.lengths
        if not lengths or any(f"{form} {length}" not in self.aggregates for form in FORMS for length in lengths):
            raise InputError(f"sequences: {sorted(self.aggregates)!r:.200}: each form of each length is needed")

    @property
    def lengths(self) -> list[int]:
        """Views of the sequences, ascending."""
        ends = {name.rpartition(" ")[2] for name in self.aggregates}
        return sorted(int(end) for end in ends if end.isdecimal() and len(end) <= 4)

    def of(self, form: str, length: int) -> Float[Tensor, "I Q F"]:
        """The aggregates of one form and length."""
        return self.aggregates[f"{form} {length}"]
