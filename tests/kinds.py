"""Factors of four kinds, perfect codes of each, and what a diagnosis says of codes that are made of them."""

import math

import pytest
import torch

import seqjepa as sj
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.sweeps import Sweeps
from seqjepa.types.factor import value_columns
from seqjepa.types.rotations import matrix
from tests.ground_truths import contents, orthogonal

I = 40  # noqa: E741 (identities)
FEW = dict(identities=I, steps=9, base_poses=2, joint=10)
NAMES = ("line", "circle", "rotation", "levels")
DIMS = {"line": 1, "circle": 2, "rotation": 9, "levels": 3}
KINDS = pytest.mark.parametrize("kind", NAMES)


def made(kind, name="one"):
    """A factor of a kind."""
    if kind == "line":
        return sj.Factor(name, -1, 1)
    if kind == "circle":
        return sj.Factor(name, -180, 180, "deg", 360.0)
    return sj.Factor.rotation(name) if kind == "rotation" else sj.Factor.levels(name, 4)


def own(kind, values):
    """A perfect code (B, K) of a factor's values, centred, in as many dimensions as it fills."""
    if kind == "line":
        return 2 * values
    if kind == "circle":
        return torch.cat([values.deg2rad().cos(), values.deg2rad().sin()], 1)
    if kind == "rotation":
        return matrix(values).flatten(1)
    return torch.nn.functional.one_hot(values[:, 0].long(), 4).double() @ corners()


def corners():
    """Four points of a regular tetrahedron."""
    return torch.tensor([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=torch.float64)


def asked(code, factors, blocks, **design):
    """What some blocks say of a code, a function of identities and of each factor's values by name."""
    columns = value_columns(factors)

    def f(who, values):
        return code(who, {factor.name: values[:, columns[factor.name]] for factor in factors})

    labels = torch.arange(I) % 4
    return told(Sweeps.from_function(f, factors, labels=labels, **{**FEW, **design}), blocks)


def told(sweeps, blocks):
    """What some blocks say of sweeps."""
    skip = [name for name in BLOCKS if name not in blocks]
    return sj.diagnose(sweeps, skip=skip, ideals=False, probes=["linear"])


def noisy(size, dim, seed=11):
    """Noise that is drawn anew for every view."""
    random = torch.Generator().manual_seed(seed)
    return lambda count: size * torch.randn(count, dim, generator=random, dtype=torch.float64)


def placed(kind, phi, shared=None, dim=None):
    """Two factors of a kind in a code: the second's directions at an angle to the first's, or some of them the same."""
    k = DIMS[kind]
    dim = dim or 2 * k + 4
    turned, content = orthogonal(dim, 3), contents(I, 4, 0)
    first = turned[:, :k]
    second = math.cos(phi) * first + math.sin(phi) * turned[:, k : 2 * k]
    if shared is not None:
        second = torch.cat([first[:, :shared], turned[:, k : 2 * k - shared]], 1)

    def code(who, values):
        moved = own(kind, values["one"]) @ first.T + own(kind, values["two"]) @ second.T
        return moved + content[who] @ turned[:, 2 * k : 2 * k + 4].T

    return code, (made(kind, "one"), made(kind, "two"))


def swept_of(kind, name="one"):
    """An axis that a factor of a kind is swept along."""
    return f"{name}_x" if kind == "rotation" else name
