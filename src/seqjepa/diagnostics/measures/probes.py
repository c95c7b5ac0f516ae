"""Probes of one budget for any representation: linear, nearest neighbours, a small network.

A probe predicts rows of targets from rows of representations. Training rows fit it, validation rows choose its one
hyperparameter (a penalty, a number of neighbours, when to stop), and its predictions are returned for the test rows.
scikit-learn is imported where a probe needs it: a training run, which shares these modules, does not.
"""

from __future__ import annotations

import copy
import warnings
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from seqjepa.diagnostics.measures.principal import PrincipalCodes
from seqjepa.diagnostics.measures.ridge import check_parts, principal_ridge

ProbeName = Literal["linear", "knn", "mlp"]
PROBES: tuple[ProbeName, ...] = ("linear", "knn", "mlp")
NEIGHBOURS = (1, 5, 15, 45)
INVERSE_PENALTIES = (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1e4, 1e6)
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
    probe_name: ProbeName,
    codes: Float[Tensor, "N D"],
    targets: Float[Tensor, "N K"],
    rows: Rows,
    seed: int = 0,
    fitted: int | None = None,
    more: Float[Tensor, "N E"] | None = None,
    principal: PrincipalCodes | None = None,
) -> Float[Tensor, "M K"]:
    """A probe's predictions (M, K) of the targets for the M test rows.

    Each column has a hyperparameter of its own. A network's answers are made smaller, down to its training mean, where
    that is nearer to the validation rows: what it has learnt by heart then does not pass for worse than nothing.

    Args:
        probe_name: "linear" is ridge regression, "knn" the mean of nearest neighbours, "mlp" a network of one layer.
        codes: (N, D) representations.
        targets: (N, K).
        rows: which rows train, validate and test.
        seed: of the network's weights and batches.
        fitted: how many of the columns are targets. The further ones are the same number of columns, permuted, as often
            as there are: a network is fitted to the first alone, and answers the others by making its answers smaller.
        more: (N, E) what a linear probe is given beside the representations, for the columns that are better read with
            it on the validation rows.
        principal: the representations in their principal coordinates, where these are known.
    """
    check_parts(*rows)
    x = principal or PrincipalCodes.of(codes, *rows)
    y, y_validation = targets[rows.train].double(), targets[rows.validation].double()
    if probe_name == "linear":
        linear = principal_ridge(x, y, y_validation, targets[rows.test])
        if more is None:
            return linear.predicted
        wider = PrincipalCodes.of(torch.cat([codes.double(), more], 1), *rows)
        with_more = principal_ridge(wider, y, y_validation, targets[rows.test])
        return torch.where(with_more.validated < linear.validated, with_more.predicted, linear.predicted)
    if probe_name == "knn":
        candidates = [(n, k) for n in neighbourhoods(x) for k in NEIGHBOURS if k <= len(y)]
        errors = torch.stack(
            [(n.mean(y, n.of_validation[:, :k]) - y_validation).square().sum(0) for n, k in candidates]
        )
        best, read = errors.argmin(0), torch.zeros(int(rows.test.sum()), y.shape[1], dtype=torch.float64)
        for index in best.unique().tolist():
            near, k = candidates[index]
            read[:, best == index] = near.mean(y[:, best == index], near.of_test[:, :k])
        return read
    width = y.shape[1] if fitted is None else fitted
    validated, read = _network_values(x, y[:, :width], y_validation[:, :width], seed)
    mean, times = y.mean(0), y.shape[1] // width
    said = (validated - mean[:width]).repeat(1, times), (read - mean[:width]).repeat(1, times)
    kept = ((said[0] * (y_validation - mean)).sum(0) / said[0].square().sum(0).clamp(min=1e-300)).clamp(0, 1)
    return mean + kept * said[1]


def probe_classes(
    probe_name: ProbeName,
    codes: Float[Tensor, "N D"],
    labels: Int64[Tensor, " N"],
    rows: Rows,
    seed: int = 0,
    principal: PrincipalCodes | None = None,
) -> Int64[Tensor, " M"]:
    """A probe's predicted classes (M,) for the M test rows.

    Args:
        probe_name: "linear" is multinomial logistic regression, "knn" a vote of neighbours, "mlp" a network.
        codes: (N, D) representations.
        labels: (N,) classes.
        rows: which rows train, validate and test.
        seed: of the network's weights and batches.
        principal: as in ``probe_values``.
    """
    check_parts(*rows)
    x = principal or PrincipalCodes.of(codes, *rows)
    y, y_validation = labels[rows.train], labels[rows.validation]
    if not x.scale.numel():  # nothing differs: the majority
        return y.mode().values.expand(int(rows.test.sum()))
    if probe_name == "knn":
        known = labels.unique()  # a class's number may be large
        votes = (y[:, None] == known).double()
        candidates = [(n, k) for n in neighbourhoods(x) for k in NEIGHBOURS if k <= len(y)]
        hits = [
            int((known[n.mean(votes, n.of_validation[:, :k]).argmax(1)] == y_validation).sum()) for n, k in candidates
        ]
        near, k = candidates[int(np.argmax(hits))]
        return known[near.mean(votes, near.of_test[:, :k]).argmax(1)]
    if probe_name == "mlp":
        return torch.from_numpy(_network_classes(x, y.numpy(), y_validation.numpy(), seed))
    return torch.from_numpy(_logistic_classes(x, y.numpy(), y_validation.numpy()))


def _logistic_classes(x: PrincipalCodes, y: np.ndarray, y_validation: np.ndarray) -> np.ndarray:
    """The classes that logistic regression says, of the penalties and the two scalings the best on validation rows.

    From the largest penalty on, each fit from where the last one ended, at least to 1, until two do no better.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    best, said = (-1.0, -np.inf), y[:1]
    for parts in (x.proportional, x.whitened):
        train, validation, test = (part.numpy() for part in parts)
        model = LogisticRegression(max_iter=300, warm_start=True)
        path, since = (-1.0, -np.inf), 0
        for c in INVERSE_PENALTIES:
            with warnings.catch_warnings():  # a fit that stops at the limit of its budget is still judged held out
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.set_params(C=c).fit(train, y)
            score = _score(model, validation, y_validation)
            path, since = (score, 0) if score > path else (path, since + 1)
            if score > best:
                best, said = score, np.asarray(model.predict(test))
            if since >= 2 and c >= 1:
                break
    return said


def _score(model, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Accuracy, and between equals the mean log-likelihood of the classes that were trained."""
    column = np.searchsorted(model.classes_, y).clip(max=len(model.classes_) - 1)
    known = model.classes_[column] == y
    likelihood = model.predict_proba(x)[np.arange(len(y)), column].clip(1e-300)
    return float((model.predict(x) == y).mean()), float(np.log(likelihood[known]).mean()) if known.any() else -np.inf


class Neighbourhood(NamedTuple):
    """The nearest training rows of each validation and test row, nearest first."""

    of_validation: np.ndarray
    of_test: np.ndarray

    @staticmethod
    def mean(values: Float[Tensor, "A K"], near: np.ndarray) -> Float[Tensor, "B K"]:
        """The mean of the values of each row's neighbours."""
        from scipy.sparse import csr_array

        count, k = near.shape
        weights = np.full(count * k, 1 / k)
        average = csr_array((weights, near.ravel(), np.arange(0, count * k + 1, k)), shape=(count, len(values)))
        return torch.from_numpy(average @ values.numpy())


def neighbourhoods(x: PrincipalCodes) -> list[Neighbourhood]:
    """As the representation has its directions, and with all of them as loud as each other."""
    from sklearn.neighbors import NearestNeighbors

    found = []
    for train, validation, test in (x.proportional, x.whitened):
        if not train.shape[1]:  # nothing differs: every row is as near
            train, validation, test = (part.new_zeros(len(part), 1) for part in (train, validation, test))
        index = NearestNeighbors(n_neighbors=min(NEIGHBOURS[-1], len(train))).fit(train.numpy())
        found.append(Neighbourhood(*(index.kneighbors(part.numpy())[1] for part in (validation, test))))
    return found


def _network_values(
    x: PrincipalCodes, y: Tensor, y_validation: Tensor, seed: int
) -> tuple[Float[Tensor, "B K"], Float[Tensor, "M K"]]:
    """What a network says of the validation and of the test rows, of two scalings the better on validation rows."""
    from sklearn.neural_network import MLPRegressor
    from sklearn.preprocessing import StandardScaler

    if not x.scale.numel():
        return y.mean(0).expand(len(x.validation), -1), y.mean(0).expand(len(x.test), -1)
    scale = StandardScaler().fit(y.numpy())
    goal, tuned = two_d(scale.transform(y.numpy())), two_d(scale.transform(y_validation.numpy()))
    found = []
    for parts in (x.proportional, x.whitened):
        train, validation, test = (part.numpy() for part in parts)
        network = MLPRegressor(hidden_layer_sizes=(HIDDEN,), random_state=seed % 2**32)

        def score(network, x=validation) -> float:
            return -float(((two_d(network.predict(x)) - tuned) ** 2).sum())

        best = stopped_early(network, train, goal, score)
        read = [torch.from_numpy(scale.inverse_transform(two_d(best.predict(part)))) for part in (validation, test)]
        found.append((score(best), *read))
    return max(found, key=lambda f: f[0])[1:]


def _network_classes(x: PrincipalCodes, y: np.ndarray, y_validation: np.ndarray, seed: int) -> np.ndarray:
    """The classes that a network says of the test rows, of two scalings the better on validation rows."""
    from sklearn.neural_network import MLPClassifier

    found = []
    for parts in (x.proportional, x.whitened):
        train, validation, test = (part.numpy() for part in parts)
        network = MLPClassifier(hidden_layer_sizes=(HIDDEN,), random_state=seed % 2**32)

        def score(network, x=validation) -> tuple[float, float]:
            return _score(network, x, y_validation)

        best = stopped_early(network, train, y, score)
        found.append((score(best), best.predict(test)))
    return max(found, key=lambda f: f[0])[1]


def stopped_early(network, x: np.ndarray, y: np.ndarray, score):
    """The network as it did best by a score on the validation rows, within ``STEPS`` steps.

    Args:
        network: scikit-learn's, not yet fitted.
        x, y: the training rows.
        score: of a network, higher for a better one.
    """
    from sklearn.base import is_classifier

    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y  # what scikit-learn asks of a single target
    network.set_params(batch_size=min(BATCH, len(x)))
    best, best_score, since = network, None, 0
    extra = {"classes": np.unique(y)} if is_classifier(network) else {}
    steps = -(-len(x) // BATCH)  # of an epoch
    for _ in range(-(-STEPS // steps)):
        network.partial_fit(x, y, **extra)
        since += steps
        now = score(network)
        if best_score is None or now > best_score:
            best, best_score, since = copy.deepcopy(network), now, 0
        if since > PATIENCE:
            break
    return best


def two_d(values) -> np.ndarray:
    """What an estimator predicts as rows, which it leaves out where there is one column."""
    values = np.asarray(values)
    return values if values.ndim == 2 else values[:, None]
