"""Codes whose irreps other people's libraries know: ``python benchmarks/external_truth.py [OUT.json]``.

Needs an environment of its own, none of which the package depends on (docs/external-truth.md says how it is made).
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import seqjepa as sj
from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.types import Factor

warnings.filterwarnings("ignore")
FULL = Factor("rotation", -180.0, 180.0, "deg", 360.0)
IDENTITIES, SIDE = 64, 33


def irreps_of(sweep: Tensor) -> dict[str, Any]:
    """The block's answer for orbits (I, 1, G, D)."""
    grid = torch.arange(sweep.shape[2], dtype=torch.float64) * (360.0 / sweep.shape[2]) - 180.0
    sweeps = sj.Sweeps.from_arrays({"rotation": sweep}, [FULL], {"rotation": grid})
    return told(sj.diagnose(sweeps, skip=[name for name in BLOCKS if name != "irreps"]))


def told(found: Diagnosis) -> dict[str, Any]:
    """Multiplicities that are not 0, and shares."""
    irreps = {key[1]: int(e.value) for key, e in found["irreps"].items() if e.value}
    shares = {name: found[name]["rotation"].value for name in ("no_representation", "pixel_grid")}
    return {"irreps": irreps} | {name: None if v is None else round(v, 6) for name, v in shares.items()}


def blobs(count: int, side: int) -> Tensor:
    """Smooth pictures that die out before the inscribed circle."""
    random = torch.Generator().manual_seed(0)
    place = 0.7 * (torch.rand(count, 4, 2, generator=random) - 0.5)
    size, height = 0.12 + 0.1 * torch.rand(count, 4, generator=random), torch.randn(count, 4, generator=random)
    x = torch.linspace(-1, 1, side)
    far = (x - place[..., :1])[:, :, None, :].square() + (x - place[..., 1:])[:, :, :, None].square()
    return (height[..., None, None] * (-far / (2 * size[..., None, None].square())).exp()).sum(1, keepdim=True)


def turned(pictures: Tensor, steps: int) -> Tensor:
    """(I, G, C, H, W), turned in one resampling."""
    poses = torch.zeros(len(pictures), steps, 4, dtype=torch.float64)
    poses[..., 0] = torch.arange(steps) * (2 * torch.pi / steps) - torch.pi
    return sj.warp(pictures, sj.Pose(poses), taps=1)


def escnn_networks() -> dict[str, Any]:
    """Untrained steerable networks with given irreps at their output: the value at the centre of the last map."""
    from escnn import gspaces, nn  # pyright: ignore[reportMissingImports]

    found: dict[str, Any] = {}
    pictures = turned(blobs(IDENTITIES, SIDE), 25)

    def swept(group, fields, label):
        torch.manual_seed(0)
        start = nn.FieldType(group, [group.trivial_repr])
        middle = nn.FieldType(group, [group.trivial_repr] * 4 + [group.irrep(*i) for i in one_of_each] * 3)
        end = nn.FieldType(group, [group.irrep(*i) for i in fields])
        net = nn.SequentialModule(
            nn.R2Conv(start, middle, 9, padding=0),
            nn.NormNonLinearity(middle, function="n_sigmoid", bias=False),
            nn.R2Conv(middle, end, 9, padding=0),
        ).eval()
        with torch.no_grad():
            flat = pictures.flatten(0, 1)
            maps = torch.cat([net(nn.GeometricTensor(part, start)).tensor for part in flat.split(200)])
        middle_of = maps.shape[-1] // 2
        codes = maps[..., middle_of, middle_of].unflatten(0, pictures.shape[:2])[:, None]
        found[label] = irreps_of(codes)
        print(label, found[label], flush=True)

    so2, one_of_each = gspaces.rot2dOnR2(-1, maximum_frequency=4), [(1,), (2,), (3,)]
    for k in (0, 1, 2, 3):
        swept(so2, [(k,)] * 4, f"SO(2), 4 fields of frequency {k}")
    swept(so2, [(0,)] * 3 + [(1,)] * 4 + [(2,)] * 2, "SO(2), 3 × k0 ⊕ 4 × k1 ⊕ 2 × k2")
    swept(so2, [(0,)] * 2 + [(3,)] * 3 + [(1,)] * 1, "SO(2), 2 × k0 ⊕ 1 × k1 ⊕ 3 × k3")
    one_of_each = [(1,)]
    swept(gspaces.rot2dOnR2(4), [(0,)] * 3 + [(1,)] * 4, "C4, 3 × type 0 ⊕ 4 × type 1")
    one_of_each = [(1,), (2,), (3,)]
    swept(gspaces.rot2dOnR2(8), [(0,)] * 2 + [(1,)] * 3 + [(3,)] * 2, "C8, 2 × type 0 ⊕ 3 × type 1 ⊕ 2 × type 3")
    return found


def e3nn_types() -> dict[str, Any]:
    """Types l of SO(3) under three one-parameter groups: each is one k for every k = 0 … l."""
    from e3nn import o3  # pyright: ignore[reportMissingImports]

    found: dict[str, Any] = {}
    angles = torch.arange(25, dtype=torch.float64) * (2 * torch.pi / 25) - torch.pi
    axes = {"x": o3.matrix_x, "y": o3.matrix_y, "z": o3.matrix_z}
    torch.set_default_dtype(torch.float64)
    for name in ("1x0e", "1x1o", "1x2e", "3x0e + 2x1o + 1x2e"):
        irreps = o3.Irreps(name)
        z = torch.randn(IDENTITIES, irreps.dim, generator=torch.Generator().manual_seed(1))
        for axis, matrix in axes.items():
            moved = torch.stack([z @ irreps.D_from_matrix(matrix(a)).T for a in angles], 1)
            label = f"SO(3), {name}, about {axis}"
            if name == "1x0e":
                continue  # nothing moves: not identifiable
            found[label] = irreps_of(moved[:, None])
            print(label, found[label], flush=True)
    torch.set_default_dtype(torch.float32)
    return found


def zernike() -> dict[str, Any]:
    """Complex Zernike moments A_nm, by their own formula: order m is frequency m; their magnitudes turn nothing."""
    from math import factorial

    side = 65
    pictures = turned(blobs(IDENTITIES, side), 25)
    x = (torch.arange(side, dtype=torch.float64) - (side - 1) / 2) / ((side - 1) / 2)
    radius = (x[:, None].square() + x.square()).sqrt()
    angle = torch.atan2(-x[:, None].expand(side, side), x.expand(side, side))
    columns, magnitudes = [], []
    orders = [(n, m) for n in range(6) for m in range(n % 2, n + 1, 2)]
    for n, m in orders:
        radial = sum(
            (-1) ** s * factorial(n - s)
            / (factorial(s) * factorial((n + m) // 2 - s) * factorial((n - m) // 2 - s)) * radius ** (n - 2 * s)
            for s in range((n - m) // 2 + 1)
        )  # fmt: skip
        base = torch.polar(radial * (radius <= 1), -m * angle)
        moment = (pictures[:, :, 0].double() * base).sum((2, 3))
        columns += [moment.real] + ([moment.imag] if m else [])
        magnitudes.append(moment.abs())
    per_m = {m: sum(1 for _, own in orders if own == m) for m in range(6)}
    found = {
        f"Zernike moments to order 5 (theory: {' ⊕ '.join(f'{c} × k{m}' for m, c in per_m.items())})": irreps_of(
            torch.stack(columns, -1)[:, None]
        ),
    }
    moved = torch.stack(magnitudes, -1)
    found["Zernike magnitudes"] = {"moved": float(moved.var(1).sum() / moved.var((0, 1)).sum())}
    print(json.dumps(found), flush=True)
    return found


if __name__ == "__main__":
    np.random.seed(0)  # noqa: NPY002
    answers = {"Zernike": zernike(), "e3nn": e3nn_types(), "escnn": escnn_networks()}
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(json.dumps(answers, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
