"""Families of solid shapes by formula, whose instances have no symmetry: each orientation looks like no other."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

ACROSS, AROUND = 24, 32  # of the grid that a surface is made of


def _signed_power(values: np.ndarray, power: float) -> np.ndarray:
    return np.sign(values) * np.abs(values) ** power


def superquadric(u: np.ndarray, v: np.ndarray, up: float, around: float) -> np.ndarray:
    """A superquadric (Barr, 1981): exponents under 1 make boxes and cylinders, 1 an ellipsoid, 2 a double pyramid.

    Args:
        u: latitude from -π/2 to π/2.
        v: longitude from -π to π.
        up, around: exponents of the two.
    """
    x = _signed_power(np.cos(u), up) * _signed_power(np.cos(v), around)
    y = _signed_power(np.cos(u), up) * _signed_power(np.sin(v), around)
    return np.stack([x, y, _signed_power(np.sin(u), up)], -1)


def _torus(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    r = 0.7 + 0.3 * np.cos(2 * u)
    return np.stack([r * np.cos(v), r * np.sin(v), 0.3 * np.sin(2 * u)], -1)


def _spring(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    turn, tube = 1.5 * v, 2 * u
    r = 0.75 + 0.2 * np.cos(tube)
    return np.stack([r * np.cos(turn), r * np.sin(turn), v / math.pi * 0.85 + 0.2 * np.sin(tube)], -1)


def _star(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return superquadric(u, v, 0.3, 1.0) * np.stack([1 + 0.3 * np.cos(5 * v)] * 2 + [0.5 * np.ones_like(v)], -1)


def _cone(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    shape = superquadric(u, v, 0.3, 1.0)
    width = 0.55 - 0.45 * shape[..., 2:]
    return np.concatenate([shape[..., :2] * width, shape[..., 2:]], -1)


def _dumbbell(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    width = 0.35 + 0.65 * np.sin(u) ** 2
    shape = superquadric(u, v, 0.8, 1.0)
    return np.concatenate([shape[..., :2] * width[..., None], shape[..., 2:]], -1)


def _bumps(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return (
        superquadric(u, v, 1.0, 1.0)
        * (1 + 0.25 * np.cos(3 * v) * np.cos(u) ** 3 + 0.2 * np.sin(3 * u))[..., None]
        * 0.8
    )


def _screw(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    shape = superquadric(u, v, 0.25, 0.25) * np.array([0.8, 0.5, 1.0])
    turn = 1.2 * shape[..., 2]
    x, y = shape[..., 0], shape[..., 1]
    return np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn), shape[..., 2]], -1)


FAMILIES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "box": lambda u, v: superquadric(u, v, 0.2, 0.2),
    "cylinder": lambda u, v: superquadric(u, v, 0.2, 1.0),
    "ellipsoid": lambda u, v: superquadric(u, v, 1.0, 1.0),
    "pyramids": lambda u, v: superquadric(u, v, 1.8, 1.8),
    "cone": _cone,
    "torus": _torus,
    "spring": _spring,
    "star": _star,
    "dumbbell": _dumbbell,
    "bumps": _bumps,
    "screw": _screw,
}


def mesh(family: str, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An instance of a family: vertices (M, 3) within the unit ball, their normals (M, 3), and triangles (T, 3).

    Three scales, a taper along z, and bends of the family's surface towards x and y: no turn leaves it as it was.

    Args:
        family: of ``FAMILIES``.
        numbers: five uniform numbers in [0, 1) that tell instances apart.
    """
    u, v = np.meshgrid(
        np.linspace(-math.pi / 2, math.pi / 2, ACROSS), np.linspace(-math.pi, math.pi, AROUND), indexing="ij"
    )
    points = FAMILIES[family](u, v)
    points = points * np.array([1.0, 0.55 + 0.15 * numbers[0], 0.8 + 0.3 * numbers[1]])
    width = 1 + (0.25 + 0.25 * numbers[2]) * points[..., 2:]
    points = np.concatenate([points[..., :2] * width, points[..., 2:]], -1)
    points[..., 0] += (0.25 + 0.3 * numbers[3]) * points[..., 2] ** 2
    points[..., 1] += (0.3 + 0.3 * numbers[4]) * points[..., 0] ** 2
    points -= (points.reshape(-1, 3).max(0) + points.reshape(-1, 3).min(0)) / 2
    points /= np.linalg.norm(points, axis=-1).max()
    slope_u, slope_v = np.gradient(points, axis=0), np.gradient(points, axis=1)
    normals = np.cross(slope_v, slope_u)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True).clip(1e-9)
    at = np.arange(ACROSS * AROUND).reshape(ACROSS, AROUND)
    a, b, c, d = (part.ravel() for part in (at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]))
    triangles = np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)])
    return points.reshape(-1, 3), normals.reshape(-1, 3), triangles
