"""Does a factor act linearly on the representation?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.diagnostics.measures.health import jackknife_groups
from seqjepa.diagnostics.measures.neighbours import FEWEST_VALUES, negligible, noise_covariance
from seqjepa.diagnostics.measures.probes import HIDDEN, Rows, stopped_early, two_d
from seqjepa.diagnostics.measures.ridge import PENALTIES, solve_ridge
from seqjepa.rng import generator
from seqjepa.types import NotIdentifiable

ROWS = 6_000  # that the network sees, and is judged on
DISTANCES = 6
Map = tuple[Float[Tensor, "D D"], Float[Tensor, " D"]]  # weights, applied to rows from the right, and offset


@dataclass(frozen=True)
class LinearOperator:
    """z(g_δ x) ≈ z(x) M_δ + b_δ for steps δ of an evenly spaced grid, wherever on the grid x stands.

    Attributes:
        steps: δ in steps of the grid, negative ones too, without 0.
        weights: M_δ (D, D) by δ, applied to rows from the right.
        offset: b_δ (D,) by δ.
        penalty: of the ridge, relative to the representations' variance.
        score: 1 - E_M / min(E_identity, E_mean, E_blind) on the test identities: 1 for a linear action, 0 for one that
            is no better than leaving the representation where it is, than the mean of moved representations, or than
            one operator for all steps. The last shrinks a representation to its content, which in noise is better than
            leaving it, and says nothing of the factor.
        ceiling: the score of an exact linear isometry of what is not noise, seen through as much noise; 1 without.
    """

    steps: tuple[int, ...]
    weights: dict[int, Float[Tensor, "_ _"]]
    offset: dict[int, Float[Tensor, " _"]]
    penalty: float
    score: Ratio
    ceiling: float

    def move(self, z: Float[Tensor, "*batch D"], step: int) -> Float[Tensor, "*batch D"]:
        """The representations, moved by so many steps of the grid."""
        return z @ self.weights[step] + self.offset[step]


def linear_operator(sweep: Float[Tensor, "I P G D"], full_circle: bool, split: Rows) -> LinearOperator:
    """Ridge regression from a representation to the one some steps further on, for each number of steps.

    Fitted from every place on the grid and not from the identity alone: a shift of a shifted image is then a shift as
    well, and operators can be applied one after the other.

    Args:
        sweep: representations along the factor's sweep.
        full_circle: the grid's ends are neighbours.
        split: masks of the identities that train, validate (one penalty for all steps) and test.
    """
    z = sweep.double()
    steps = _steps(z.shape[2], full_circle)
    candidates = {penalty: {} for penalty in (1e-12, *PENALTIES)}
    loss = dict.fromkeys(candidates, 0.0)
    for step in steps:
        train, validation = (code_pairs(z[part], step, full_circle) for part in (split.train, split.validation))
        for penalty, map_, error in _penalized(train, validation, list(candidates)):
            candidates[penalty][step] = map_
            loss[penalty] += error
    penalty = min(loss, key=lambda penalty: loss[penalty])
    best = candidates[penalty]
    blind = _blind(z, full_circle, split, list(candidates))
    error, base = _errors(z, full_circle, split, best, blind)
    if negligible(float(base.mean()) / len(steps), sweep):
        raise NotIdentifiable("the factor does not move the representation at all")
    floor = _noise_floor(z, full_circle, ~split.test) * len(steps)
    weights, offsets = ({step: map_[place] for step, map_ in best.items()} for place in (0, 1))
    ceiling = min(1.0, max(0.0, 1 - floor / float(base.mean())))
    return LinearOperator(steps, weights, offsets, penalty, Ratio(base - error, base), ceiling)


def _penalized(
    train: tuple[Tensor, Tensor], validation: tuple[Tensor, Tensor], penalties: Sequence[float]
) -> list[tuple[float, Map, float]]:
    """For each penalty the map from the one to the other, and its error on the validation identities."""
    at, to = (side.flatten(0, -2) for side in train)
    spread = float((at - at.mean(0)).square().sum() / at.shape[-1]) or 1.0
    weights, offsets = solve_ridge(at, to, torch.tensor(penalties, dtype=torch.float64) * spread)
    return [
        (penalty, (weight, offset), float((validation[0] @ weight + offset - validation[1]).square().mean()))
        for penalty, weight, offset in zip(penalties, weights, offsets, strict=True)
    ]


def _blind(z: Float[Tensor, "I P G D"], full_circle: bool, split: Rows, penalties: Sequence[float]) -> Map:
    """The best map for all steps at once."""
    parts = []
    for which in (split.train, split.validation):
        pairs = [code_pairs(z[which], step, full_circle) for step in _steps(z.shape[2], full_circle)]
        at, to = (torch.cat([pair[side].flatten(0, 2) for pair in pairs]) for side in (0, 1))
        parts.append((at, to))
    return min(_penalized(parts[0], parts[1], penalties), key=lambda found: found[2])[1]


def _noise_floor(z: Float[Tensor, "I P G D"], full_circle: bool, which: Tensor) -> float:
    """The error of an exact linear isometry s → s M of z = s + n: the target's own noise, and what the source's hides.

    tr N + tr (N - N Σ⁻¹ N): the best linear estimate of s from z leaves the second (Wiener, 1949).
    """
    size = z.shape[2]
    if size < FEWEST_VALUES:
        return 0.0
    noise = noise_covariance(z[which], torch.arange(float(size)), float(size) if full_circle else None)
    flat = z[which].flatten(0, 2)
    spread = torch.cov(flat.T, correction=0).reshape(noise.shape)
    hidden = noise - noise @ torch.linalg.pinv(spread, hermitian=True) @ noise
    return float(noise.trace() + hidden.trace().clamp(min=0))


def left_out_operators(
    sweep: Float[Tensor, "I P G D"],
    full_circle: bool,
    train: Bool[Tensor, " I"],
    step: int,
    penalty: float,
    seed: int = 0,
) -> list[tuple[Float[Tensor, "D D"], Float[Tensor, " D"]]]:
    """M and b of one step with each group of the training identities left out, for a jackknife; the penalty is kept.

    Args:
        sweep: representations along the factor's sweep.
        full_circle: the grid's ends are neighbours.
        train: which identities fit the operator.
        step: δ in steps of the grid.
        penalty: of the ridge, as the operator has it.
        seed: of the groups.
    """
    at, to = (side.flatten(1, 2) for side in code_pairs(sweep[train].double(), step, full_circle))
    group = jackknife_groups(len(at), seed)
    found = []
    for left in range(int(group.max()) + 1):
        x, y = (side[group != left].flatten(0, 1) for side in (at, to))
        spread = float((x - x.mean(0)).square().sum() / x.shape[1]) or 1.0
        weights, offset = solve_ridge(x, y, torch.tensor([penalty * spread], dtype=torch.float64))
        found.append((weights[0], offset[0]))
    return found


def network_operator(sweep: Float[Tensor, "I P G D"], full_circle: bool, split: Rows, seed: int = 0) -> float:
    """The same score of a small network that is given the representation and the step, and predicts the change.

    It says what is to be had. From ``ROWS`` representations and steps drawn at random, and as many to test on.

    Args:
        sweep: representations along the factor's sweep.
        full_circle: the grid's ends are neighbours.
        split: masks of the identities that train, validate and test.
        seed: of what is drawn, and of the network.
    """
    from sklearn.neural_network import MLPRegressor

    steps = _steps(sweep.shape[2], full_circle)
    random = generator(seed, "network operator")

    def drawn(part: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Representations, those some steps further on, and which step it was."""
        count, at, to = max(1, ROWS // len(steps)), [], []
        for step in steps:
            pairs = [side.flatten(0, 2) for side in code_pairs(sweep[part], step, full_circle)]
            chosen = torch.randint(len(pairs[0]), (count,), generator=random)
            at.append(pairs[0][chosen].double())
            to.append(pairs[1][chosen].double())
        return torch.cat(at), torch.cat(to), torch.eye(len(steps)).double().repeat_interleave(count, 0)

    train, validation, test = (drawn(part) for part in split)
    mean = train[0].mean(0)
    scale = (train[0] - mean).square().mean().sqrt().clamp(min=1e-300)
    (x, y), (x_validation, y_validation), (x_test, y_test) = (
        (torch.cat([(at - mean) / scale, which], 1).numpy(), ((to - at) / scale).numpy())
        for at, to, which in (train, validation, test)
    )
    network = MLPRegressor(hidden_layer_sizes=(HIDDEN,), random_state=seed % 2**32)
    best = stopped_early(network, x, y, lambda n: -float(((two_d(n.predict(x_validation)) - y_validation) ** 2).sum()))
    error = float(((two_d(best.predict(x_test)) - y_test) ** 2).sum() * scale**2)
    weight, offset = min(_penalized(train[:2], validation[:2], (1e-12, *PENALTIES)), key=lambda found: found[2])[1]
    others = (test[0], _means(train, test), test[0] @ weight + offset)
    knows_nothing = min(float((test[1] - other).square().sum()) for other in others)
    return 1 - error / max(knows_nothing, 1e-300)


def _means(train: tuple[Tensor, Tensor, Tensor], test: tuple[Tensor, Tensor, Tensor]) -> Float[Tensor, "N D"]:
    """For each test row the training rows' mean of representations moved by its step."""
    return test[2] @ (train[2].T @ train[1] / train[2].sum(0)[:, None])


def _steps(size: int, full_circle: bool) -> tuple[int, ...]:
    """Steps either way, up to half of the grid: as far as a circle goes, and with half of the starts left on a line.

    ``DISTANCES`` different ones at most, evenly spread, the smallest among them.
    """
    most = (size - 1) // 2 if full_circle else size // 2
    count = min(DISTANCES, most)
    distances = [1 + round(i * (most - 1) / max(1, count - 1)) for i in range(count)]
    return tuple(sorted([-d for d in distances] + distances))


def code_pairs(
    z: Float[Tensor, "I P G D"], step: int, full_circle: bool
) -> tuple[Float[Tensor, "I P S D"], Float[Tensor, "I P S D"]]:
    """Representations that have one so many steps further on, and these."""
    if full_circle:
        return z, z.roll(-step, 2)
    size = z.shape[2]
    starts = torch.arange(max(0, -step), min(size, size - step))
    return z[:, :, starts], z[:, :, starts + step]


def _errors(
    z: Float[Tensor, "I P G D"], full_circle: bool, split: Rows, maps: Mapping[int, Map], blind: Map
) -> tuple[Float[Tensor, " J"], Float[Tensor, " J"]]:
    """Each test identity's squared error over all steps, and that of the best of those that know nothing."""
    sums = torch.zeros(4, int(split.test.sum()), dtype=torch.float64)
    for step in _steps(z.shape[2], full_circle):
        mean = code_pairs(z[split.train], step, full_circle)[1].mean((0, 1, 2))
        at, to = code_pairs(z[split.test], step, full_circle)
        moved, shrunk = (at @ weight + offset for weight, offset in (maps[step], blind))
        sums += torch.stack([(said - to).square().sum(-1).mean((1, 2)) for said in (moved, at, mean, shrunk)])
    return sums[0], sums[1:][sums[1:].sum(1).argmin()]
