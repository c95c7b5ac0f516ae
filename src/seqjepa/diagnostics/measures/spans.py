"""Fewer rows than dimensions: all that N rows say lies in their span, and costs N³ there and not D³.

Nothing is left out by it: outside of the span every row is 0, and so is every covariance of rows. Of large matrices the
leading eigenvectors are found by themselves, to rounding, by Lanczos' method (ARPACK, Lehoucq et al., 1998).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.rng import generator

LARGE = 1024  # a matrix of so many rows has its leading eigenvectors found without all others
FEW = 8  # times fewer eigenvectors than rows are wanted then, at least


@dataclass(frozen=True)
class Covariance:
    """A symmetric (D, D) matrix that is 0 outside of a subspace.

    Attributes:
        inside: in the subspace's coordinates.
        span: (D, R) its orthonormal basis; None for all dimensions.
    """

    inside: Float[Tensor, "R R"]
    span: Float[Tensor, "D R"] | None = None

    def __matmul__(self, columns: Float[Tensor, "*N D K"]) -> Float[Tensor, "*N D K"]:
        if self.span is None:
            return self.inside @ columns
        return self.span @ (self.inside @ (self.span.mT @ columns))

    def trace(self) -> float:
        """The sum of its eigenvalues."""
        return float(self.inside.trace())

    def between(self, basis: Float[Tensor, "D K"] | None) -> Float[Tensor, "K K"]:
        """Uᵀ C U; for no basis, all of C."""
        if basis is None:
            return self.inside if self.span is None else self.span @ self.inside @ self.span.T
        return basis.T @ (self @ basis)


def span_of(rows: Float[Tensor, "N D"]) -> Float[Tensor, "D N"] | None:
    """An orthonormal basis whose span holds the rows; None where they are as many as there are dimensions."""
    return None if rows.shape[0] >= rows.shape[1] else torch.linalg.qr(rows.double().T).Q


def scatter_of(parts: Sequence[Float[Tensor, "_ D"]]) -> Covariance:
    """XᵀX of rows that come in parts, centred where they should be."""
    dim = parts[0].shape[1]
    span = span_of(torch.cat([part.double() for part in parts])) if sum(map(len, parts)) < dim else None
    inside = torch.zeros(*[dim if span is None else span.shape[1]] * 2, dtype=torch.float64)
    for part in parts:
        within = part.double() if span is None else part.double() @ span
        inside.addmm_(within.T, within)
    return Covariance(inside, span)


def principal_components(
    parts: Sequence[Float[Tensor, "_ D"]], k: int
) -> tuple[Float[Tensor, " K"], Float[Tensor, "D K"]]:
    """The k leading eigenvalues of XᵀX, falling, and their eigenvectors; fewer where rows or dimensions are.

    Args:
        parts: of the rows of X, centred where they should be.
        k: how many.
    """
    scatter = scatter_of(parts)
    values, vectors = leading_eigenvectors(scatter.inside, k)
    return values, vectors if scatter.span is None else scatter.span @ vectors


def leading_eigenvectors(matrix: Float[Tensor, "D D"], k: int) -> tuple[Float[Tensor, " K"], Float[Tensor, "D K"]]:
    """The k largest eigenvalues of a symmetric matrix, falling, and their eigenvectors."""
    found = None
    if len(matrix) >= max(LARGE, FEW * k):
        found = _lanczos(lambda column: matrix @ column, len(matrix), k)
    if found is None:
        values, vectors = torch.linalg.eigh(matrix)
        return values.flip(0)[:k], vectors.flip(1)[:, :k]
    return found


def leading_of_operator(
    times: Callable[[Float[Tensor, "D K"]], Float[Tensor, "D K"]], dim: int, k: int
) -> tuple[Float[Tensor, " K"], Float[Tensor, "D K"]]:
    """``leading_eigenvectors`` of a symmetric matrix that is known by what it makes of columns.

    Args:
        times: the matrix times columns.
        dim: its rows, D.
        k: how many eigenvectors.
    """
    found = _lanczos(times, dim, k) if dim >= max(LARGE, FEW * k) else None
    return found or leading_eigenvectors(times(torch.eye(dim, dtype=torch.float64)), k)


def _lanczos(
    times: Callable[[Float[Tensor, "D K"]], Float[Tensor, "D K"]], dim: int, k: int
) -> tuple[Float[Tensor, " K"], Float[Tensor, "D K"]] | None:
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

    start = torch.randn(dim, generator=generator("leading eigenvectors", dim), dtype=torch.float64)

    def product(column):
        return times(torch.from_numpy(column.reshape(-1, 1))).numpy()[:, 0]

    operator = LinearOperator((dim, dim), matvec=product, dtype="float64")  # pyright: ignore[reportCallIssue]
    try:
        values, vectors = eigsh(operator, k, which="LA", v0=start.numpy(), ncv=min(dim, max(20, 3 * k)))
    except ArpackError:  # eigenvalues too near each other, or all 0
        return None
    return torch.from_numpy(values.copy()).flip(0), torch.from_numpy(vectors.copy()).flip(1)
