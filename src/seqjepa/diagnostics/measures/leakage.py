"""What can be read from where? Every factor and the class, from a representation, a subspace or its complement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import Ratio, Resampled, expanded
from seqjepa.diagnostics.measures.principal import PrincipalCodes
from seqjepa.diagnostics.measures.probes import ProbeName, Rows, probe_classes, probe_values
from seqjepa.rng import generator
from seqjepa.types import NotIdentifiable

PERMUTATIONS = 200


@dataclass(frozen=True)
class ProbeResult:
    """How well one target is read from one representation.

    Attributes:
        score: R² of a factor or accuracy of the class, as a ratio of sums over the test identities.
        null: (P,) draws of what knowing nothing scores. For a factor the same probe's R² of values that are permuted
            over identities in each part of the split: fitted anew, but for a network, whose answers are only scaled
            anew. For the class see ``class_null``.
        said: (M, J, K) the predicted targets of a factor for the test identities' views; empty for the class.
    """

    score: Ratio
    null: Float[Tensor, " P"]
    said: Float[Tensor, "M J K"]


def between_identities(targets: Float[Tensor, "I J K"]) -> float:
    """The share of a factor's variance that lies between identities; 1/J when it is drawn without regard to them.

    Far above that, who the image is tells the factor's value, and a probe may read the one for the other.
    """
    centred = targets - targets.mean((0, 1))
    return float(centred.mean(1).square().sum() * targets.shape[1] / centred.square().sum().clamp(min=1e-300))


def principal_views(codes: Float[Tensor, "I J D"], split: Rows) -> PrincipalCodes | None:
    """All views in their principal coordinates, what every probe of them begins with; None without views."""
    views = codes.shape[1]
    return PrincipalCodes.of(codes.flatten(0, 1), *split.repeated(views)) if views else None


def probe_factors(
    codes: Float[Tensor, "I J D"],
    targets: Mapping[str, Float[Tensor, "I J _"]],
    split: Rows,
    probe_name: ProbeName,
    seed: int = 0,
    more: Float[Tensor, "I J E"] | None = None,
    principal: PrincipalCodes | None = None,
) -> dict[str, ProbeResult]:
    """How well each factor is read by one probe that predicts all of them.

    Args:
        codes: representations of J views of each identity.
        targets: by name, see ``Kind.target``; none of them constant.
        split: masks (I,) of the identities that train, validate and test.
        probe_name: which probe, see ``probe_values``.
        seed: of permutations and of the network.
        more: what a linear probe may use beside the representations, see ``probe_values``.
        principal: see ``principal_views``, where it is known.

    Raises:
        NotIdentifiable: no view of a joint design.

    Returns:
        By name; without a factor that is constant over the test identities.
    """
    identities, views, dim = codes.shape
    if not views:
        raise NotIdentifiable("the sweeps hold no joint design")
    rows = split.repeated(views)
    together = torch.cat(list(targets.values()), -1)
    width, random = together.shape[-1], generator(seed, "permuted identities", identities)
    permuted = [together[permutation(split, random)] for _ in range(PERMUTATIONS)]
    asked = torch.cat([together, *permuted], -1)
    beside = None if more is None else more.flatten(0, 1)
    read = probe_values(probe_name, codes.reshape(-1, dim), asked.flatten(0, 1), rows, seed, width, beside, principal)
    true = asked[split.test]
    read = read.unflatten(0, true.shape[:2]).unflatten(-1, (-1, width))
    total = (true - true.mean((0, 1))).square().sum(1).unflatten(-1, (-1, width))  # (M, 1 + P, K), as what follows
    residual = (read - true.unflatten(-1, (-1, width))).square().sum(1)
    results, first = {}, 0
    for name, target in targets.items():
        columns = slice(first, first + target.shape[-1])
        sums, errors = total[..., columns].sum(-1), residual[..., columns].sum(-1)
        if sums[:, 0].sum() > 0:
            scores = 1 - errors.sum(0) / sums.sum(0)
            results[name] = ProbeResult(
                Ratio(sums[:, 0] - errors[:, 0], sums[:, 0]), scores[1:], read[:, :, 0, columns]
            )
        first = columns.stop
    return results


def probe_class(
    codes: Float[Tensor, "I J D"],
    labels: Int64[Tensor, " I"],
    split: Rows,
    probe_name: ProbeName,
    seed: int = 0,
    principal: PrincipalCodes | None = None,
) -> ProbeResult:
    """How well the class is read from the representations.

    Args:
        codes: of J views of each identity.
        labels: the identities' classes.
        split: masks (I,) of the identities that train, validate and test.
        probe_name: which probe, see ``probe_classes``.
        seed: of the network.
        principal: see ``principal_views``, where it is known.

    Raises:
        NotIdentifiable: no joint design, unknown labels, a single class to learn from, or test identities most of which
            are of classes that no training identity has.
    """
    views = codes.shape[1]
    if not views:
        raise NotIdentifiable("the sweeps hold no joint design")
    if (labels < 0).any() or len(labels[split.train].unique()) < 2:
        raise NotIdentifiable("the identities have no labels, or all the same one")
    true, known = labels[split.test], labels[split.train].unique()
    if torch.isin(true, known).double().mean() < 0.5:
        raise NotIdentifiable("most test identities are of classes that none was trained on")
    rows = split.repeated(views)
    read = probe_classes(probe_name, codes.flatten(0, 1), labels.repeat_interleave(views), rows, seed, principal)
    read = read.unflatten(0, (len(true), views))
    right = (read == true[:, None]).double().sum(1)
    return ProbeResult(
        Ratio(right, torch.full_like(right, views)), class_null(read, true, seed), torch.zeros(0, views, 0)
    )


def class_null(read: Int64[Tensor, "M J"], true: Int64[Tensor, " M"], seed: int = 0) -> Float[Tensor, " P"]:
    """Draws of the accuracy of a probe that knows nothing: around that of the best constant for these very identities.

    Below it reaches as far as the probe's own answers do when they and the classes are drawn with replacement, each for
    itself, and above it as much further as these vary: whoever knows nothing lies between the two, mostly under the
    best constant. The median is the best constant's accuracy, never under 1/K with K classes.

    Args:
        read: (M, J) what the probe says of J views of each identity.
        true: (M,) the identities' classes.
        seed: of what is drawn.
    """
    classes, which = true.unique(return_inverse=True)
    agrees = torch.stack([(read == c).double().mean(1) for c in classes], 1)
    random = generator(seed, "permuted classes", len(true))
    answers, asked = torch.randint(len(true), (2, PERMUTATIONS + 1, len(true)), generator=random)
    accuracy = agrees[answers, which[asked]].mean(1).sort().values
    middle = PERMUTATIONS // 2
    raised = accuracy[middle:] - accuracy[middle] + which.bincount().max() / len(true)
    return torch.cat([accuracy[:middle], raised])


def doubted(accuracy: Ratio) -> Resampled:
    """An accuracy, in resamples of its identities and of two more, one that is always right and one that never is.

    Of few identities that are all right the plain bootstrap is sure of 1 (Agresti & Coull, 1998, add two of each).
    """
    most = accuracy.denominator.max()
    right = torch.cat([accuracy.numerator, torch.stack([most, most * 0])])
    return Resampled(accuracy.value, Ratio(right, torch.cat([accuracy.denominator, most.repeat(2)])).resampled())


def readable_drop(whole: Ratio, rest: Ratio) -> Resampled:
    """How much more is read from the one than from the other, where R² under 0 is nothing read; with its resamples."""
    read, other = whole.resampled(), rest.resampled()
    value = max(whole.value, 0.0) - max(rest.value, 0.0)
    return Resampled(value, expanded(read.clamp(min=0) - other.clamp(min=0), value, len(whole.numerator)))


def permutation(split: Rows, random: torch.Generator) -> Int64[Tensor, " I"]:
    """Identities permuted within each part, so that the parts keep their values."""
    order = torch.arange(len(split.train))
    for part in split:
        where = part.nonzero()[:, 0]
        order[where] = where[torch.randperm(len(where), generator=random)]
    return order
