"""Moments of pictures: complex Zernike moments, and what is made of them to be invariant; Hu's."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import factorial
from typing import Any

import torch
from torch import Tensor

import seqjepa as sj
from seqjepa.diagnostics.assembly import BLOCKS
from truths.pictures import IDENTITIES, blobs, irreps_of, turned

HU_SIDE = 97  # of which the pictures fill the inner part, so that no pose leaves the frame


def zernike() -> dict[str, Any]:
    """Complex Zernike moments A_nm, by their own formula: order m is frequency m; their magnitudes turn nothing."""
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


def hu() -> dict[str, Any]:
    """Hu's seven moments, and the two steps to them: by how much each factor moves them, beside another picture.

    Central moments μ_pq = Σ (x - x̄)^p (y - ȳ)^q f do not see shifts; η_pq = μ_pq / μ_00^(1 + (p + q)/2) not the scale
    either; Hu's (1962) seven polynomials of η not the rotation either. On a pixel grid up to resampling.
    """
    found: dict[str, Any] = {}
    pictures = blobs(IDENTITIES, HU_SIDE).abs()
    factors = sj.affine_factors(rotation=(-180, 180), translate_x=(-6, 6), translate_y=(-6, 6), scale=(0.6, 1.0))
    codes = {"raw moments": _raw, "central": _central, "normalised": _normalised, "Hu": _hu}
    for name, code in codes.items():

        def of(who: Tensor, pose: Tensor, code: Callable[[Tensor], Tensor] = code) -> Tensor:
            parts = zip(who.split(500), pose.split(500), strict=True)
            return torch.cat(
                [code(sj.warp(pictures[w], sj.Pose(p[:, None]), taps=1)[:, 0, 0].double()) for w, p in parts]
            )

        sweeps = sj.Sweeps.from_function(_standardised(of), factors, IDENTITIES, steps=9, base_poses=2, joint=0)
        told = sj.diagnose(sweeps, skip=[block for block in BLOCKS if block != "effects"], ideals=False)
        found[name] = {f.name: round(told["sensitivity"][f.name].value or 0.0, 6) for f in factors}
        print("Hu:", name, found[name], flush=True)
    return found


def _standardised(code: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """Each moment in units of how the pictures differ in it."""
    still = code(torch.arange(IDENTITIES), torch.zeros(IDENTITIES, 4, dtype=torch.float64))
    return lambda who, pose: (code(who, pose) - still.mean(0)) / still.std(0)


ORDERS = [(p, n - p) for n in range(4) for p in range(n + 1)]


def _moments(f: Tensor, x: Tensor, y: Tensor) -> dict[tuple[int, int], Tensor]:
    return {(p, q): (f * x**p * y**q).sum((1, 2)) for p, q in ORDERS}


def _axis(f: Tensor) -> Tensor:
    return torch.linspace(-1, 1, f.shape[-1], dtype=torch.float64)


def _raw(f: Tensor) -> Tensor:
    axis = _axis(f)
    return torch.stack([*_moments(f, axis[None, None], axis[None, :, None]).values()], 1)


def _centred(f: Tensor) -> dict[tuple[int, int], Tensor]:
    axis = _axis(f)
    raw = _moments(f, axis[None, None], axis[None, :, None])
    centre = [(raw[of] / raw[0, 0])[:, None, None] for of in ((1, 0), (0, 1))]
    return _moments(f, axis[None, None] - centre[0], axis[None, :, None] - centre[1])


def _central(f: Tensor) -> Tensor:
    return torch.stack([m for (p, q), m in _centred(f).items() if p + q != 1], 1)


def _etas(f: Tensor) -> dict[tuple[int, int], Tensor]:
    mu = _centred(f)
    return {(p, q): m / mu[0, 0] ** (1 + (p + q) / 2) for (p, q), m in mu.items() if p + q > 1}


def _normalised(f: Tensor) -> Tensor:
    return torch.stack([*_etas(f).values()], 1)


def _hu(f: Tensor) -> Tensor:
    n = _etas(f)
    a, b = n[3, 0] + n[1, 2], n[2, 1] + n[0, 3]
    c, d = n[3, 0] - 3 * n[1, 2], 3 * n[2, 1] - n[0, 3]
    e, g = n[2, 0] - n[0, 2], n[1, 1]
    return torch.stack(
        [
            n[2, 0] + n[0, 2],
            e**2 + 4 * g**2,
            c**2 + d**2,
            a**2 + b**2,
            c * a * (a**2 - 3 * b**2) + d * b * (3 * a**2 - b**2),
            e * (a**2 - b**2) + 4 * g * a * b,
            d * a * (a**2 - 3 * b**2) - c * b * (3 * a**2 - b**2),
        ],
        1,
    )
