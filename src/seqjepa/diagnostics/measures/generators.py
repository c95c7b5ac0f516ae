"""Infinitesimal generators of factors on representations, and whether their commutators close as a Lie algebra's do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.diagnostics.measures.health import jackknife_groups
from seqjepa.diagnostics.measures.neighbours import negligible
from seqjepa.diagnostics.measures.probes import Rows
from seqjepa.rng import generator
from seqjepa.types import NotIdentifiable

# Fourth-order central difference of an evenly spaced sequence.
STENCIL = ((-2, 1 / 12), (-1, -8 / 12), (1, 8 / 12), (2, -1 / 12))
NULL_DRAWS = 200


@dataclass(frozen=True)
class Generator:
    """dz/dδ ≈ A [z; 1], as a matrix on [z; 1], whose last row is zero.

    Attributes:
        matrix: (E + 1, E + 1), applied to columns from the left; δ in the factor's own unit.
        left_out: the same with each group of training identities left out.
        score: the share of the derivative's mean square that it explains, held out.
    """

    matrix: Float[Tensor, "F F"]
    left_out: Float[Tensor, "G F F"]
    score: Ratio


def derivative(
    z: Float[Tensor, "I P G E"], spacing: float, full_circle: bool
) -> tuple[Float[Tensor, "I P S E"], Float[Tensor, "I P S E"]]:
    """Representations and their derivatives along the sweep by central differences of fourth order.

    Where the grid does not close, its two ends on either side have none and are left out.

    Raises:
        NotIdentifiable: fewer than five grid values.
    """
    if z.shape[2] < 5:
        raise NotIdentifiable(f"{z.shape[2]} grid values; a derivative needs 5")
    slope = sum((weight * z.roll(-step, 2) for step, weight in STENCIL), torch.zeros_like(z)) / spacing
    return (z, slope) if full_circle else (z[:, :, 2:-2], slope[:, :, 2:-2])


def fit_generator(
    z: Float[Tensor, "I P G E"], spacing: float, full_circle: bool, split: Rows, seed: int = 0
) -> Generator:
    """Least squares of the derivative on [z; 1].

    Without a penalty: there are far more views than shared components, and a penalty chosen anew for each sample would
    vary in ways that a jackknife does not see.

    Args:
        z: representations in the space that all factors share, at about unit scale.
        spacing: of the grid, in the unit that δ is to have.
        full_circle: the grid's ends are neighbours.
        split: masks of the identities that train, validate (these train too) and test.
        seed: of the groups that are left out.
    """
    train, test = (
        _Moments.of(*derivative(z[part].double(), spacing, full_circle)) for part in (~split.test, split.test)
    )
    matrix = train.total.solve()
    group = jackknife_groups(len(train.each), seed)
    left_out = [(train.total - train.some(group == g)).solve() for g in range(int(group.max()) + 1)]
    error, moved = test.errors(matrix), test.each_target()
    if negligible(float(moved.mean()) * spacing**2, z):
        raise NotIdentifiable("the factor does not move the representation at all")
    return Generator(_square(matrix), torch.stack([_square(m) for m in left_out]), Ratio(moved - error, moved))


def closure(generators: Float[Tensor, "N F F"], i: int, j: int) -> float:
    """‖[A_i, A_j] - Σ c A‖ / (‖A_i‖ ‖A_j‖) with the best c: 0 where the generators span a Lie algebra; at most √2.

    The commutator of what only happens to be there is small in many dimensions anyway; see ``random_closures``.
    """
    a, b = generators[i], generators[j]
    commutator = (a @ b - b @ a).flatten()
    span = generators.flatten(1).T
    rest = commutator - span @ torch.linalg.lstsq(span, commutator[:, None]).solution[:, 0]
    return float(rest.norm() / (a.norm() * b.norm()).clamp(min=1e-300))


def random_closures(generators: Float[Tensor, "N F F"], i: int, j: int, seed: int = 0) -> Float[Tensor, " R"]:
    """``closure`` of the same generators, each turned at random by itself: alike in spectrum, unrelated.

    Args:
        generators: of all factors, in components that they share.
        i, j: places of the two whose commutator is taken.
        seed: of the rotations.
    """
    random = generator(seed, "random generators", i, j)
    size = generators.shape[-1] - 1
    found = []
    for _ in range(NULL_DRAWS):
        turned = []
        for matrix in generators:
            q = torch.eye(size + 1, dtype=matrix.dtype)
            q[:size, :size] = torch.linalg.qr(torch.randn(size, size, generator=random, dtype=matrix.dtype)).Q
            turned.append(q @ matrix @ q.T)
        found.append(closure(torch.stack(turned), i, j))
    return torch.tensor(found, dtype=torch.float64)


def _square(matrix: Float[Tensor, "E F"]) -> Float[Tensor, "F F"]:
    return torch.cat([matrix, torch.zeros(1, matrix.shape[1], dtype=matrix.dtype)])


@dataclass(frozen=True)
class _Sums:
    """Second moments of [z; 1] with itself and with the derivative."""

    inner: Float[Tensor, "F F"]
    outer: Float[Tensor, "F E"]

    def __sub__(self, other: _Sums) -> _Sums:
        return _Sums(self.inner - other.inner, self.outer - other.outer)

    def solve(self) -> Float[Tensor, "E F"]:
        return (torch.linalg.pinv(self.inner, hermitian=True) @ self.outer).T


@dataclass(frozen=True)
class _Moments:
    """Rows [z; 1] and derivatives of each identity, (I, N, F) and (I, N, E)."""

    each: Float[Tensor, "I N F"]
    target: Float[Tensor, "I N E"]

    @staticmethod
    def of(z: Float[Tensor, "I P S E"], slope: Float[Tensor, "I P S E"]) -> _Moments:
        rows = torch.cat([z, torch.ones_like(z[..., :1])], -1)
        return _Moments(rows.flatten(1, 2), slope.flatten(1, 2))

    @cached_property
    def total(self) -> _Sums:
        return self.some(torch.ones(len(self.each), dtype=torch.bool))

    def some(self, which: Tensor) -> _Sums:
        rows, target = self.each[which].flatten(0, 1), self.target[which].flatten(0, 1)
        return _Sums(rows.T @ rows, rows.T @ target)

    def errors(self, matrix: Float[Tensor, "E F"]) -> Float[Tensor, " I"]:
        return (self.each @ matrix.T - self.target).square().sum(-1).mean(1)

    def each_target(self) -> Float[Tensor, " I"]:
        return self.target.square().sum(-1).mean(1)
