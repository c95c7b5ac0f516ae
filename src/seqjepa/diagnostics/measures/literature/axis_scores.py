"""DCI, MIG and SAP: does each factor have single dimensions of its own? All three change when a code is rotated."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import Ratio

BINS = 20  # as in disentanglement_lib (Locatello et al., 2019)
RIDGE = 1e-3  # of the standardised dimensions' mean variance


def attribute_gap(z: Float[Tensor, "N D"], targets: Float[Tensor, "N T"]) -> float:
    """SAP of one factor (Kumar et al., 2018): the best dimension's R² less the second best's; 0 to 1.

    R² of the dimension from the factor's targets by least squares; for one target the squared correlation, as in the
    paper. A circle has two targets, its sine and cosine, and its two best dimensions share it: SAP is about 0 for a
    perfect one.
    """
    z, t = _centred(z), _centred(targets)
    variance, shared = z.square().sum(0), t.T @ z
    # Indicators of levels sum to 1, so that one of them says nothing more: their matrix has no inverse.
    explained = (shared * (torch.linalg.pinv(t.T @ t, hermitian=True) @ shared)).sum(0)
    scores = torch.where(variance > 1e-18 * variance.max(), explained / variance.clamp(min=1e-300), 0.0)
    first, second = scores.topk(2).values.tolist() if len(scores) > 1 else (float(scores[0]), 0.0)
    return first - second


def binned(values: Float[Tensor, " ..."]) -> Int64[Tensor, " ..."]:
    """Each column in ``BINS`` bins of equal width from its least to its largest value."""
    low, high = values.amin(0), values.amax(0)
    return ((values - low) / (high - low).clamp(min=1e-300) * BINS).long().clamp(max=BINS - 1)


def information_gap(z: Int64[Tensor, "N D"], factor: Int64[Tensor, " N"]) -> float:
    """MIG of one factor (Chen et al., 2018): (I₁ − I₂) / H of the two dimensions that know most of it; 0 to 1.

    Args:
        z, factor: binned.
    """
    dims = torch.arange(z.shape[1])
    cell = (dims * BINS + z) * BINS + factor[:, None]
    joint = torch.bincount(cell.flatten(), minlength=z.shape[1] * BINS**2).reshape(-1, BINS, BINS).double() / len(z)
    own, of = joint.sum(2), joint.sum(1)[0]
    entropy = _entropy(of)
    information = _entropy(own) + entropy - _entropy(joint.flatten(1))
    first, second = information.topk(2).values.tolist() if len(dims) > 1 else (float(information[0]), 0.0)
    return (first - second) / max(float(entropy), 1e-300)


def importances(z: Float[Tensor, "N D"]) -> Callable[[Mapping[str, Float[Tensor, "N _"]]], Float[Tensor, "D F"]]:
    """How much a linear probe of each factor leans on each dimension: |weight| of standardised ones, over its targets.

    Eastwood & Williams (2018) take a lasso's weights or a forest's importances; this is ridge regression. What of it
    depends on z alone is done once: gives back a function of the targets by factor.
    """
    z = _centred(z)
    z = z / _loudness(z)
    weights_of = _ridge(z)

    def of(targets: Mapping[str, Float[Tensor, "N _"]]) -> Float[Tensor, "D F"]:
        columns = []
        for target in targets.values():
            t = _centred(target)
            t = t / t.square().mean(0).sqrt().clamp(min=1e-300)
            columns.append(weights_of(t).square().sum(1).sqrt())
        return torch.stack(columns, 1)

    return of


def informativeness(z: Float[Tensor, "I J D"], train: Bool[Tensor, " I"]) -> Callable[[Float[Tensor, "I J T"]], Ratio]:
    """DCI's I of one factor: how well the regression whose weights are the importances predicts held-out identities.

    As R², 1 for an exact prediction and 0 for the mean's, where Eastwood & Williams (2018) give the error and
    disentanglement_lib the accuracy of a classifier. What depends on z alone is done once: gives back a function of the
    factor's targets. It does not change when a code is rotated, but for the standardising of its dimensions.

    Args:
        z: views of each identity.
        train: the identities that the regression is fitted on; the others are predicted.
    """
    fitted, held_out = z[train].double().flatten(0, 1), z[~train].double()
    mean = fitted.mean(0)
    scale = _loudness(fitted - mean)
    fitted, held_out = (fitted - mean) / scale, (held_out - mean) / scale
    weights_of = _ridge(fitted)

    def of(targets: Float[Tensor, "I J T"]) -> Ratio:
        known, truth = targets[train].double().flatten(0, 1), targets[~train].double()
        weights = weights_of(known - known.mean(0))
        error = (held_out @ weights + known.mean(0) - truth).square().sum((1, 2))
        total = (truth - truth.mean((0, 1))).square().sum((1, 2))
        return Ratio(total - error, total)

    return of


def _loudness(centred: Float[Tensor, "N D"]) -> Float[Tensor, " D"]:
    """Standard deviations, those of dimensions that stand still as large as makes no difference."""
    size = centred.square().mean(0).sqrt()
    return size.clamp(min=1e-12 * float(centred.square().mean().sqrt()) + 1e-300)


def _ridge(z: Float[Tensor, "N D"]) -> Callable[[Float[Tensor, "N T"]], Float[Tensor, "D T"]]:
    """The ridge regression's weights as a function of its targets; factored once, in rows where these are fewer."""
    few = len(z) < z.shape[1]
    normal = z @ z.T if few else z.T @ z
    factored = torch.linalg.cholesky(normal + RIDGE * len(z) * torch.eye(len(normal), dtype=z.dtype))
    if few:  # (ZᵀZ + λ)⁻¹ Zᵀ = Zᵀ (Z Zᵀ + λ)⁻¹
        return lambda targets: z.T @ torch.cholesky_solve(targets, factored)
    return lambda targets: torch.cholesky_solve(z.T @ targets, factored)


def dci_disentanglement(importance: Float[Tensor, "D F"]) -> float:
    """DCI's D: is a dimension important for one factor only? Σ_d ρ_d (1 − H_F(P_d)), ρ a dimension's share; 0 to 1."""
    total = importance.sum(1)
    share = importance / total[:, None].clamp(min=1e-300)
    alone = 1 - _entropy(share) / torch.log(torch.tensor(float(importance.shape[1])))
    return float((alone * total).sum() / total.sum().clamp(min=1e-300))


def dci_completeness(importance: Float[Tensor, " D"]) -> float:
    """DCI's C of one factor: does one dimension hold it? 1 − H_D(P); 0 to 1, and 1 − log 2/log D for a circle."""
    share = importance / importance.sum().clamp(min=1e-300)
    return float(1 - _entropy(share) / torch.log(torch.tensor(float(len(share)))))


def _centred(values: Tensor) -> Tensor:
    return values.double() - values.double().mean(0)


def _entropy(share: Float[Tensor, "*_ K"]) -> Float[Tensor, "*_"]:
    return torch.special.entr(share).sum(-1)
