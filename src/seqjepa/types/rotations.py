"""Rotations in space as unit quaternions, and directions, which they move.

A quaternion is (w, x, y, z): a turn by α about the unit axis n is (cos α/2, n sin α/2), counter-clockwise as seen from
the axis' tip; q and -q are the same rotation. ``multiply(b, a)`` turns by a first, then by b, as matrices do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.types.kinds import Kind

AXES = ("x", "y", "z")


def multiply(b: Float[Tensor, "*#batch 4"], a: Float[Tensor, "*#batch 4"]) -> Float[Tensor, "*_ 4"]:
    """The quaternion product b a: the rotation a, then b."""
    w, v, x, u = b[..., :1], b[..., 1:], a[..., :1], a[..., 1:]
    v, u = torch.broadcast_tensors(v, u)
    return torch.cat([w * x - (v * u).sum(-1, keepdim=True), w * u + x * v + torch.linalg.cross(v, u)], -1)


def conjugate(q: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 4"]:
    """The rotation back."""
    return torch.cat([q[..., :1], -q[..., 1:]], -1)


def turn(axis: Float[Tensor, "*#batch 3"], angle: Float[Tensor, "*#batch"]) -> Float[Tensor, "*_ 4"]:
    """The quaternion of a turn about a unit axis, the angle in radians."""
    half = angle[..., None] / 2
    return torch.cat([half.cos(), axis * half.sin()], -1)


def rotate(q: Float[Tensor, "*#batch 4"], v: Float[Tensor, "*#batch 3"]) -> Float[Tensor, "*_ 3"]:
    """A vector turned."""
    axis, v = torch.broadcast_tensors(q[..., 1:], v)
    across = 2 * torch.linalg.cross(axis, v)
    return v + q[..., :1] * across + torch.linalg.cross(axis, across)


def matrix(q: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 3 3"]:
    """The rotation matrix, acting on columns."""
    return rotate(q[..., None, :], torch.eye(3, dtype=q.dtype, device=q.device)).mT


def quaternion(r: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 4"]:
    """The quaternion of the rotation that is nearest to a matrix (orthogonal Procrustes); w ≥ 0."""
    u, _, vh = torch.linalg.svd(r)
    flip = torch.ones(*r.shape[:-2], 3, dtype=r.dtype, device=r.device)
    flip[..., 2] = torch.linalg.det(u @ vh).sign()
    r = (u * flip[..., None, :]) @ vh
    # The leading eigenvector of a symmetric matrix that is linear in the rotation (Bar-Itzhack, 2000): no case is lost.
    (a, b, c), (d, e, f), (g, h, i) = (row.unbind(-1) for row in r.unbind(-2))
    entries = [a + e + i, h - f, c - g, d - b, h - f, a - e - i, d + b, g + c]
    entries += [c - g, d + b, e - a - i, h + f, d - b, g + c, h + f, i - a - e]
    return canonical(torch.linalg.eigh(torch.stack(entries, -1).unflatten(-1, (4, 4))).eigenvectors[..., -1])


def canonical(q: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 4"]:
    """Of q and -q the one with w > 0; of half turns, with w = 0, the one whose next number but 0 is above it."""
    first = q.gather(-1, (q != 0).int().argmax(-1, keepdim=True))
    return torch.where(first < 0, -q, q)


def random_rotation(uniform: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 4"]:
    """Rotations without preference from uniform numbers in [0, 1) (Shoemake, 1992)."""
    u, v, w = uniform[..., 0], 2 * math.pi * uniform[..., 1], 2 * math.pi * uniform[..., 2]
    a, b = (1 - u).sqrt(), u.sqrt()
    return canonical(torch.stack([a * v.sin(), a * v.cos(), b * w.sin(), b * w.cos()], -1))


def random_direction(uniform: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 3"]:
    """Directions without preference from uniform numbers in [0, 1)."""
    z, angle = 2 * uniform[..., 0] - 1, 2 * math.pi * uniform[..., 1]
    across = (1 - z.square()).clamp(min=0).sqrt()
    return torch.stack([across * angle.cos(), across * angle.sin(), z], -1)


class _Turned(Kind):
    """What rotations and directions have in common: steps are rotations."""

    def neutral(self) -> Tensor:
        """No turn."""
        return torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64)

    def compose(self, second: Tensor, first: Tensor) -> Tensor:
        """The product of the two."""
        return multiply(second, first)

    def inverse(self, step: Tensor) -> Tensor:
        """The conjugate."""
        return conjugate(step)

    def action(self, step: Tensor) -> Tensor:
        """The quaternion with w ≥ 0."""
        return canonical(step)

    def error_unit(self, unit: str) -> str:
        """An angle."""
        return "deg"


@dataclass(frozen=True)
class Rotation(_Turned):
    """A rotation in space, SO(3), as a unit quaternion (w, x, y, z). A step turns about the world's axes."""

    width = 4
    in_words = "a rotation in space"

    def act(self, step: Tensor, value: Tensor) -> Tensor:
        """Turned from the left."""
        return multiply(step, value)

    def difference(self, after: Tensor, before: Tensor) -> Tensor:
        """The turn from one to the other, about axes of the world."""
        return multiply(after, conjugate(before))

    def target(self, value: Tensor) -> Tensor:
        """The nine entries of its matrix: no jump, and the same for q and -q."""
        return matrix(value.double()).flatten(-2)

    def read(self, said: Tensor) -> Tensor:
        """The nearest rotation."""
        return quaternion(said.unflatten(-1, (3, 3)))

    def error(self, read: Tensor, true: Tensor) -> Tensor:
        """The angle of the rotation from one to the other [deg]."""
        step = multiply(read, conjugate(true))
        return 2 * torch.atan2(step[..., 1:].norm(dim=-1), step[..., 0].abs()).rad2deg()

    def constant(self, values: Tensor) -> Tensor:
        """The rotation nearest to the mean matrix."""
        return self.read(self.target(values).mean(0))


@dataclass(frozen=True)
class Direction(_Turned):
    """A unit vector in space, S², as the direction of a light. A step is the shortest turn from one to the other."""

    width = 3
    in_words = "a direction in space"

    def act(self, step: Tensor, value: Tensor) -> Tensor:
        """Turned."""
        return rotate(step, value)

    def difference(self, after: Tensor, before: Tensor) -> Tensor:
        """The shortest turn; for opposite directions about an axis square to them."""
        axis, cos = torch.linalg.cross(before, after), (before * after).sum(-1, keepdim=True)
        plain = torch.cat([1 + cos, axis], -1)
        # (1 + cos, axis) vanishes where the two are opposite: any axis square to them will do.
        least = torch.nn.functional.one_hot(before.abs().argmin(-1), 3).to(before.dtype)
        square = torch.nn.functional.normalize(torch.linalg.cross(before, least), dim=-1)
        opposite = torch.cat([torch.zeros_like(cos), square], -1)
        return torch.nn.functional.normalize(torch.where(cos < -1 + 1e-12, opposite, plain), dim=-1)

    def target(self, value: Tensor) -> Tensor:
        """Its three coordinates."""
        return value.double()

    def read(self, said: Tensor) -> Tensor:
        """The answer, of length 1; of an answer of 0, the mean of directions that cancel, one like any other."""
        somewhere = torch.tensor([0.0, 0.0, 1.0], dtype=said.dtype, device=said.device)
        told = torch.where((said == 0).all(-1, keepdim=True), somewhere, said)
        return torch.nn.functional.normalize(told, dim=-1)

    def error(self, read: Tensor, true: Tensor) -> Tensor:
        """The angle between them [deg]."""
        across = torch.linalg.cross(read, true).norm(dim=-1)
        return torch.atan2(across, (read * true).sum(-1)).rad2deg()

    def constant(self, values: Tensor) -> Tensor:
        """The mean direction."""
        return self.read(values.double().mean(0))

    @property
    def steps(self) -> Kind:
        """Rotations."""
        return Rotation()
