"""Probes of one budget for any representation: linear, nearest neighbours, a small network.

A probe predicts rows of targets from rows of representations. Training rows fit it, validation rows choose its one
hyperparameter (a penalty, a number of neighbours, when to stop), and its predictions are returned for the test rows.
scikit-learn is imported where a probe needs it: a training run, which shares these modules, does not.
"""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from seqjepa.diagnostics.measures.ridge import ridge_probe

ProbeName = Literal["linear", "knn", "mlp"]
PROBES: tuple[ProbeName, ...] = ("linear", "knn", "mlp")
NEIGHBOURS = (1, 5, 15, 45)
INVERSE_PENALTIES = (0.01, 0.1, 1.0)
HIDDEN, BATCH, STEPS, PATIENCE = 128, 200, 1500, 300


class Rows(NamedTuple):
    """Masks of the rows, or of the identities, that train, validate and test; an identity's rows all do the same."""

    train: Bool[Tensor, " N"]
    validation: Bool[Tensor, " N"]
    test: Bool[Tensor, " N"]

    def repeated(self, views: int) -> Rows:
        """The rows of so many views of each identity, an identity's together."""
        return Rows(*(part.repeat_interleave(views) for part in self))


def probe_values(
    probe_name: ProbeName, codes: Float[Tensor, "N D"], targets: Float[Tensor, "N K"], rows: Rows, seed: int = 0
) -> Float[Tensor, "M K"]:
    """A probe's predictions (M, K) of the targets for the M test rows.

    Args:
        probe_name: "linear" is ridge regression, "knn" the mean of nearest neighbours, "mlp" a network of one layer.
        codes: (N, D) representations.
        targets: (N, K), each column scaled alike where the probe needs it.
        rows: which rows train, validate and test.
        seed: of the network's weights and batches.
    """
    if probe_name == "linear":
        return ridge_probe(codes, targets, rows.train, rows.validation, rows.test).predicted
    x = _Scaled.of(codes, rows)
    y, y_validation = targets[rows.train].double().numpy(), targets[rows.validation].double().numpy()
    if probe_name == "knn":
        near_validation, near_test = x.neighbours()
        errors = [((y[near_validation[:, :k]].mean(1) - y_validation) ** 2).sum() for k in x.counts]
        k = x.counts[int(np.argmin(errors))]
        return torch.from_numpy(y[near_test[:, :k]].mean(1))
    from sklearn.neural_network import MLPRegressor
    from sklearn.preprocessing import StandardScaler

    scale = StandardScaler().fit(y)
    network = MLPRegressor(hidden_layer_sizes=(HIDDEN,), random_state=seed % 2**32)
    goal, tuned = two_d(scale.transform(y)), two_d(scale.transform(y_validation))
    best = stopped_early(
        network, x.train, goal, lambda n: -float(((two_d(n.predict(x.validation)) - tuned) ** 2).sum())
    )
    return torch.from_numpy(scale.inverse_transform(two_d(best.predict(x.test))))


def probe_classes(
    probe_name: ProbeName, codes: Float[Tensor, "N D"], labels: Int64[Tensor, " N"], rows: Rows, seed: int = 0
) -> Int64[Tensor, " M"]:
    """A probe's predicted classes (M,) for the M test rows.

    Args:
        probe_name: "linear" is multinomial logistic regression, "knn" a vote of neighbours, "mlp" a network.
        codes: (N, D) representations.
        labels: (N,) classes.
        rows: which rows train, validate and test.
        seed: of the network's weights and batches.
    """
    x = _Scaled.of(codes, rows)
    y, y_validation = labels[rows.train].numpy(), labels[rows.validation].numpy()
    if probe_name == "knn":
        near_validation, near_test = x.neighbours()
        votes = np.eye(int(labels.max()) + 1)[y]
        hits = [(votes[near_validation[:, :k]].sum(1).argmax(1) == y_validation).sum() for k in x.counts]
        k = x.counts[int(np.argmax(hits))]
        return torch.from_numpy(votes[near_test[:, :k]].sum(1).argmax(1))
    if probe_name == "mlp":
        from sklearn.neural_network import MLPClassifier

        network = MLPClassifier(hidden_layer_sizes=(HIDDEN,), random_state=seed % 2**32)
        best = stopped_early(network, x.train, y, lambda n: float((n.predict(x.validation) == y_validation).mean()))
        return torch.from_numpy(best.predict(x.test))
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():  # a fit that stops at the limit of its budget is still a fit, and judged held out
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = [LogisticRegression(C=c, max_iter=300).fit(x.train, y) for c in INVERSE_PENALTIES]
    best = max(fitted, key=lambda model: float((model.predict(x.validation) == y_validation).mean()))
    return torch.from_numpy(best.predict(x.test))


@dataclass(frozen=True)
class _Scaled:
    """Representations of the three parts, centred, and scaled as a whole: directions keep their proportions."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @staticmethod
    def of(codes: Float[Tensor, "N D"], rows: Rows) -> _Scaled:
        x = codes.double()
        mean = x[rows.train].mean(0)
        # Directions keep their proportions: scaling each to 1 would lift what the encoder made small.
        scale = (x[rows.train] - mean).square().sum(1).mean().div(x.shape[1]).sqrt().clamp(min=1e-300)
        return _Scaled(*(((x[part] - mean) / scale).numpy() for part in (rows.train, rows.validation, rows.test)))

    @property
    def counts(self) -> list[int]:
        return [k for k in NEIGHBOURS if k <= len(self.train)]

    def neighbours(self) -> tuple[np.ndarray, np.ndarray]:
        from sklearn.neighbors import NearestNeighbors

        index = NearestNeighbors(n_neighbors=self.counts[-1]).fit(self.train)
        return index.kneighbors(self.validation)[1], index.kneighbors(self.test)[1]


def stopped_early(network, x: np.ndarray, y: np.ndarray, score):
    """The network as it did best by a score on the validation rows, within ``STEPS`` steps.

    Args:
        network: scikit-learn's, not yet fitted.
        x, y: the training rows.
        score: of a network, higher for a better one.
    """
    from sklearn.base import is_classifier

    network.set_params(batch_size=min(BATCH, len(x)))
    best, best_score, since = network, -np.inf, 0
    extra = {"classes": np.unique(y)} if is_classifier(network) else {}
    steps = -(-len(x) // BATCH)  # of an epoch
    for _ in range(-(-STEPS // steps)):
        network.partial_fit(x, y, **extra)
        since += steps
        if (now := score(network)) > best_score:
            best, best_score, since = copy.deepcopy(network), now, 0
        if since > PATIENCE:
            break
    return best


def two_d(values) -> np.ndarray:
    """What an estimator predicts as rows, which it leaves out where there is one column."""
    values = np.asarray(values)
    return values if values.ndim == 2 else values[:, None]
