"""What can be read from where? Every factor and the class, from a representation, a subspace or its complement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.diagnostics.measures.probes import ProbeName, Rows, probe_classes, probe_values
from seqjepa.rng import generator
from seqjepa.types import Factor, NotIdentifiable

PERMUTATIONS = 20


@dataclass(frozen=True)
class ProbeResult:
    """How well one target is read from one representation.

    Attributes:
        score: R² of a factor or accuracy of the class, as a ratio of sums over the test identities.
        null: what knowing nothing scores: for a factor the 95th percentile of ``PERMUTATIONS`` linear probes of values
            permuted over identities (0, the constant's, for other probes); for the class the majority one's share.
        said: (M, J, K) the predicted targets of a factor for the test identities' views; empty for the class.
    """

    score: Ratio
    null: float
    said: Float[Tensor, "M J K"]


def factor_targets(factor: Factor, values: Float[Tensor, "I J"]) -> Float[Tensor, "I J K"]:
    """A probe's targets for a factor: sine and cosine of a cyclic one, the logarithm of a logarithmic one."""
    if factor.period is not None:
        angle = values.double() * (2 * torch.pi / factor.period)
        return torch.stack([angle.sin(), angle.cos()], -1)
    return (values.double().log() if factor.logarithmic else values.double()).unsqueeze(-1)


def between_identities(targets: Float[Tensor, "I J K"]) -> float:
    """The share of a factor's variance that lies between identities; 1/J when it is drawn without regard to them.

    Far above that, who the image is tells the factor's value, and a probe may read the one for the other.
    """
    centred = targets - targets.mean((0, 1))
    return float(centred.mean(1).square().sum() * targets.shape[1] / centred.square().sum().clamp(min=1e-300))


def probe_factors(
    codes: Float[Tensor, "I J D"],
    targets: Mapping[str, Float[Tensor, "I J _"]],
    split: Rows,
    probe_name: ProbeName,
    seed: int = 0,
) -> dict[str, ProbeResult]:
    """How well each factor is read by one probe that predicts all of them.

    Args:
        codes: representations of J views of each identity.
        targets: by name, see ``factor_targets``; none of them constant.
        split: masks (I,) of the identities that train, validate and test.
        probe_name: which probe, see ``probe_values``.
        seed: of permutations and of the network.

    Raises:
        NotIdentifiable: no view of a joint design.
    """
    identities, views, dim = codes.shape
    if not views:
        raise NotIdentifiable("the sweeps hold no joint design")
    flat = codes.reshape(-1, dim)
    rows = split.repeated(views)
    together = torch.cat(list(targets.values()), -1)
    asked = together
    if probe_name == "linear":  # further columns cost a linear probe next to nothing
        random = generator(seed, "permuted identities", identities)
        permuted = [together[_permutation(split, random)] for _ in range(PERMUTATIONS)]
        asked = torch.cat([together, *permuted], -1)
    read = probe_values(probe_name, flat, asked.flatten(0, 1), rows, seed)
    true = asked[split.test]
    columns, results = 0, {}
    width = together.shape[-1]
    for name, target in targets.items():
        wanted = torch.arange(columns, columns + target.shape[-1])
        scores = [
            _r2(read[:, wanted + start].unflatten(0, true.shape[:2]), true[..., wanted + start])
            for start in range(0, asked.shape[-1], width)
        ]
        nulls = torch.tensor([score.value for score in scores[1:]], dtype=torch.float64)
        said = read[:, wanted].unflatten(0, true.shape[:2])
        results[name] = ProbeResult(scores[0], float(nulls.quantile(0.95)) if len(nulls) else 0.0, said)
        columns += target.shape[-1]
    return results


def probe_class(
    codes: Float[Tensor, "I J D"],
    labels: Int64[Tensor, " I"],
    split: Rows,
    probe_name: ProbeName,
    seed: int = 0,
) -> ProbeResult:
    """How well the class is read from the representations.

    Args:
        codes: of J views of each identity.
        labels: the identities' classes.
        split: masks (I,) of the identities that train, validate and test.
        probe_name: which probe, see ``probe_classes``.
        seed: of the network.

    Raises:
        NotIdentifiable: no joint design, unknown labels, or a single class to learn from.
    """
    views = codes.shape[1]
    if not views:
        raise NotIdentifiable("the sweeps hold no joint design")
    if (labels < 0).any() or len(labels[split.train].unique()) < 2:
        raise NotIdentifiable("the identities have no labels, or all the same one")
    rows = split.repeated(views)
    read = probe_classes(probe_name, codes.flatten(0, 1), labels.repeat_interleave(views), rows, seed)
    true = labels[split.test]
    right = (read.unflatten(0, (len(true), views)) == true[:, None]).double().sum(1)
    majority = labels[split.train].mode().values
    score = Ratio(right, torch.full_like(right, views))
    return ProbeResult(score, float((true == majority).double().mean()), torch.zeros(0, views, 0))


def _r2(read: Float[Tensor, "I J K"], true: Float[Tensor, "I J K"]) -> Ratio:
    """R² as a ratio: (total - residual) / total, each identity's sums."""
    total = (true - true.mean((0, 1))).square().sum((1, 2))
    return Ratio(total - (read - true).square().sum((1, 2)), total)


def _permutation(split: Rows, random: torch.Generator) -> Int64[Tensor, " I"]:
    """Identities permuted within each part, so that the parts keep their values."""
    order = torch.arange(len(split.train))
    for part in split:
        where = part.nonzero()[:, 0]
        order[where] = where[torch.randperm(len(where), generator=random)]
    return order
