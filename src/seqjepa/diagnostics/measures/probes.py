"""Probes of one budget for any code: linear, nearest neighbours, a small network. Fitted, tuned and judged apart.

A probe answers rows of targets from rows of codes: ``fit`` rows fit it, ``tune`` rows choose its one hyperparameter
(a penalty, a number of neighbours, when to stop), ``report`` rows are what its answers are returned for. scikit-learn
is imported where a probe needs it: a training run, which shares these modules, does not.
"""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from seqjepa.diagnostics.measures.ridge import ridge_probe

ProbeName = Literal["linear", "knn", "mlp"]
Parts = tuple[Bool[Tensor, " I"], Bool[Tensor, " I"], Bool[Tensor, " I"]]  # identities that fit, tune and report
PROBES: tuple[ProbeName, ...] = ("linear", "knn", "mlp")
NEIGHBOURS = (1, 5, 15, 45)
INVERSE_PENALTIES = (0.01, 0.1, 1.0)
HIDDEN, BATCH, STEPS, PATIENCE = 128, 200, 1500, 300


@dataclass(frozen=True)
class Rows:
    """Which rows do what; an identity's rows all do the same."""

    fit: Bool[Tensor, " N"]
    tune: Bool[Tensor, " N"]
    report: Bool[Tensor, " N"]


def probe_values(
    probe_name: ProbeName, codes: Float[Tensor, "N D"], targets: Float[Tensor, "N K"], rows: Rows, seed: int = 0
) -> Float[Tensor, "M K"]:
    """What the probe_name reads for the targets of the M reporting rows."""
    if probe_name == "linear":
        return ridge_probe(codes, targets, rows.fit, rows.tune, rows.report).predicted
    x = _Parts.of(codes, rows)
    y, y_tune = targets[rows.fit].double().numpy(), targets[rows.tune].double().numpy()
    if probe_name == "knn":
        near_tune, near_report = x.neighbours()
        errors = [((y[near_tune[:, :k]].mean(1) - y_tune) ** 2).sum() for k in x.counts]
        k = x.counts[int(np.argmin(errors))]
        return torch.from_numpy(y[near_report[:, :k]].mean(1))
    from sklearn.neural_network import MLPRegressor
    from sklearn.preprocessing import StandardScaler

    scale = StandardScaler().fit(y)
    network = MLPRegressor(hidden_layer_sizes=(HIDDEN,), random_state=seed % 2**32)
    goal, tuned = two_d(scale.transform(y)), two_d(scale.transform(y_tune))
    best = stopped_early(network, x.fit, goal, lambda n: -float(((two_d(n.predict(x.tune)) - tuned) ** 2).sum()))
    return torch.from_numpy(scale.inverse_transform(two_d(best.predict(x.report))))


def probe_classes(
    probe_name: ProbeName, codes: Float[Tensor, "N D"], labels: Int64[Tensor, " N"], rows: Rows, seed: int = 0
) -> Int64[Tensor, " M"]:
    """What the probe_name takes for the classes of the M reporting rows: multinomial logistic regression when linear."""
    x = _Parts.of(codes, rows)
    y, y_tune = labels[rows.fit].numpy(), labels[rows.tune].numpy()
    if probe_name == "knn":
        near_tune, near_report = x.neighbours()
        votes = np.eye(int(labels.max()) + 1)[y]
        hits = [(votes[near_tune[:, :k]].sum(1).argmax(1) == y_tune).sum() for k in x.counts]
        k = x.counts[int(np.argmax(hits))]
        return torch.from_numpy(votes[near_report[:, :k]].sum(1).argmax(1))
    if probe_name == "mlp":
        from sklearn.neural_network import MLPClassifier

        network = MLPClassifier(hidden_layer_sizes=(HIDDEN,), random_state=seed % 2**32)
        best = stopped_early(network, x.fit, y, lambda n: float((n.predict(x.tune) == y_tune).mean()))
        return torch.from_numpy(best.predict(x.report))
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():  # a fit that stops at the limit of its budget is still a fit, and judged held out
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = [LogisticRegression(C=c, max_iter=300).fit(x.fit, y) for c in INVERSE_PENALTIES]
    best = max(fitted, key=lambda model: float((model.predict(x.tune) == y_tune).mean()))
    return torch.from_numpy(best.predict(x.report))


@dataclass(frozen=True)
class _Parts:
    """Codes of the three parts, centred and scaled as a whole so that directions keep their proportions."""

    fit: np.ndarray
    tune: np.ndarray
    report: np.ndarray

    @staticmethod
    def of(codes: Float[Tensor, "N D"], rows: Rows) -> _Parts:
        x = codes.double()
        mean = x[rows.fit].mean(0)
        # A code's directions keep their proportions: scaling each to 1 would lift what the encoder made small.
        scale = (x[rows.fit] - mean).square().sum(1).mean().div(x.shape[1]).sqrt().clamp(min=1e-300)
        return _Parts(*(((x[part] - mean) / scale).numpy() for part in (rows.fit, rows.tune, rows.report)))

    @property
    def counts(self) -> list[int]:
        return [k for k in NEIGHBOURS if k <= len(self.fit)]

    def neighbours(self) -> tuple[np.ndarray, np.ndarray]:
        from sklearn.neighbors import NearestNeighbors

        index = NearestNeighbors(n_neighbors=self.counts[-1]).fit(self.fit)
        return index.kneighbors(self.tune)[1], index.kneighbors(self.report)[1]


def stopped_early(network, x: np.ndarray, y: np.ndarray, score):
    """The network as it did best by a score on the tuning identities, within ``STEPS`` steps of Adam."""
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
