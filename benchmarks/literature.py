"""Scores of the literature beside ours on representations whose answer is known: ``python benchmarks/literature.py``.

Writes docs/literature.json, from which docs/external-truth.md has its table. Another file: ``literature.py OUT.json``.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

import seqjepa as sj
from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.measures.literature.group_scores import deviation_ratios
from seqjepa.sweeps import Sweeps
from seqjepa.types import Factor, Pose

I, G, P, J = 64, 13, 3, 20  # noqa: E741 (identities, grid, base poses, joint views)
FACTORS = sj.affine_factors(rotation=(-180, 180), translate_x=(-7, 7), translate_y=(-7, 7), scale=(0.5, 1.0))
HALF = sj.affine_factors(rotation=(-90, 90), translate_x=(-7, 7), translate_y=(-7, 7), scale=(0.5, 1.0))
OUT = Path(__file__).parents[1] / "docs" / "literature.json"
Code = Callable[[Tensor, Tensor], Tensor]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


STILL = normal(I, 8)
TURN = torch.linalg.qr(normal(24, 24, seed=1)).Q
BLOCKS_OF = torch.view_as_complex(normal(I, 4, 2, seed=2))
POINTS = normal(I, 6, 2, 1, seed=3)


def circle(pose: Tensor, radius: float = 1.0) -> Tensor:
    return radius * torch.cat([pose[:, :1].cos(), pose[:, :1].sin()], 1)


def lines(pose: Tensor) -> Tensor:
    """x, y and log s, each as loud as the circle."""
    return torch.cat([pose[:, 1:3] / 7, 2 * pose[:, 3:] + math.log(2)], 1)


def beside(moving: Tensor, who: Tensor) -> Tensor:
    return torch.cat([moving, STILL[who] / 2], 1)


def turned(f: Code) -> Code:
    """In 24 dimensions, none of which is a factor's own."""

    def of(who: Tensor, pose: Tensor) -> Tensor:
        code = f(who, pose)
        return code @ TURN[: code.shape[1]]

    return of


def perfect(who: Tensor, pose: Tensor) -> Tensor:
    return beside(torch.cat([circle(pose), lines(pose)], 1), who)


def blocks(*frequencies: int) -> Code:
    """Each identity has a place of its own on every circle."""

    def f(who: Tensor, pose: Tensor) -> Tensor:
        spun = BLOCKS_OF[who, : len(frequencies)] * torch.exp(1j * torch.tensor(frequencies) * pose[:, :1])
        return beside(torch.cat([torch.view_as_real(spun).flatten(1), lines(pose)], 1), who)

    return f


def planes(degrees: float, noise: float = 0.0) -> Code:
    """The plane of x and y at these angles to the circle's."""
    cos, sin, random = (
        math.cos(math.radians(degrees)),
        math.sin(math.radians(degrees)),
        torch.Generator().manual_seed(4),
    )

    def f(who: Tensor, pose: Tensor) -> Tensor:
        shift = pose[:, 1:3] / 7
        code = beside(torch.cat([circle(pose) + cos * shift, sin * shift, lines(pose)[:, 2:]], 1), who)
        return code + noise * torch.randn(code.shape, generator=random, dtype=torch.float64)

    return f


def ellipse(who: Tensor, pose: Tensor) -> Tensor:
    return beside(torch.cat([circle(pose) * torch.tensor([1.0, 0.1]), lines(pose)], 1), who)


def key_points(who: Tensor, pose: Tensor) -> Tensor:
    moved = Pose(pose)
    return ((moved.linear()[:, None] @ (7 * POINTS[who]))[..., 0] + moved.translation[:, None]).flatten(1) / 7


def warped(who: Tensor, pose: Tensor) -> Tensor:
    angle = pose.clone()
    angle[:, 0] = pose[:, 0] + 0.8 * pose[:, 0].sin()
    return perfect(who, angle)


def half_shared(who: Tensor, pose: Tensor) -> Tensor:
    """x moves along a curve in two directions, one of which is the circle's."""
    code = torch.cat([perfect(who, pose), (math.pi / 14 * pose[:, 1:2]).cos()], 1)
    code[:, 0] += (math.pi / 14 * pose[:, 1]).sin()
    code[:, 2] = 0
    return code


def mixture(who: Tensor, pose: Tensor) -> Tensor:
    code = perfect(who, pose)
    code[:, :2] *= (who % 2)[:, None]
    return code


def with_noise(f: Code, size: float, dims: int = 0) -> Code:
    """Independent noise in all dimensions, or in so many more."""
    random = torch.Generator().manual_seed(5)

    def of(who: Tensor, pose: Tensor) -> Tensor:
        code = f(who, pose)
        noise = size * torch.randn(len(who), dims or code.shape[1], generator=random, dtype=torch.float64)
        return torch.cat([code, noise], 1) if dims else code + noise

    return of


def invariant(who: Tensor, pose: Tensor) -> Tensor:
    return STILL[who]


CODES: dict[str, tuple[Code, tuple[Factor, ...]]] = {
    "S13 perfect, an axis a factor": (perfect, FACTORS),
    "S1, Q: the same, turned": (turned(perfect), FACTORS),
    "S2 multiplicative": (turned(blocks(1, 2, 1, 2)), FACTORS),
    "S3 invariant": (turned(with_noise(invariant, 1e-3)), FACTORS),
    "S4 noise": (with_noise(lambda who, pose: torch.zeros(len(who), 12).double(), 1.0), FACTORS),
    "S5 x, y at 60° to the circle": (turned(planes(60)), FACTORS),
    "S5 x, y in the circle's plane": (turned(planes(0)), FACTORS),
    "S6 the same in noise": (turned(planes(0, 1.0)), FACTORS),
    "S7 ellipse 10:1": (turned(ellipse), FACTORS),
    "S8 key points": (turned(key_points), FACTORS),
    "S9 warped angle": (turned(warped), FACTORS),
    "S10 half a circle": (turned(perfect), HALF),
    "S11 offset 1000": (lambda who, pose: turned(perfect)(who, pose) + 1000, FACTORS),
    "S12 invariant, poses follow content": (turned(with_noise(invariant, 1e-3)), FACTORS),
    "S14 loud noise beside it": (turned(with_noise(perfect, 5.0, 6)), FACTORS),
    "S15 x shares one of two directions": (turned(half_shared), FACTORS),
    "S16 constant": (lambda who, pose: torch.ones(len(who), 6).double(), FACTORS),
    "S17 half of the images do not turn": (turned(mixture), FACTORS),
    "S18 types k1 ⊕ k1 ⊕ k3": (turned(blocks(1, 1, 3)), FACTORS),
}
ROTATION, X = "rotation", "translate_x"
COLUMNS: dict[str, tuple[str, object]] = {  # heading: metric and key
    "sensitivity": ("sensitivity", ROTATION),
    "EV@2": ("explained_variance", ROTATION),
    "dimension": ("dimension", ROTATION),
    "shared with x": ("shared_variance", (ROTATION, X)),
    "overlap with x": ("overlap", (ROTATION, X)),
    "DCI D": ("axis_scores", ("dci_disentanglement", "all")),
    "DCI C": ("axis_scores", ("dci_completeness", ROTATION)),
    "DCI I": ("axis_scores", ("dci_informativeness", ROTATION)),
    "MIG": ("axis_scores", ("mig", ROTATION)),
    "MIG x": ("axis_scores", ("mig", X)),
    "SAP": ("axis_scores", ("sap", ROTATION)),
    "SAP x": ("axis_scores", ("sap", X)),
    "CKA": ("axis_scores", ("cka", ROTATION)),
    "D_LSBD": ("d_lsbd", ROTATION),
    "LEE": ("lie_derivative", ROTATION),
}
RATIO = "tmeasures"
OURS = 5  # of the columns, the first


def swept(name: str) -> Sweeps:
    """A code's sweeps; of S12 the joint design's poses follow the content, as in data that were not designed."""
    f, factors = CODES[name]
    sweeps = Sweeps.from_function(f, factors, I, steps=G, base_poses=P, joint=J)
    if not name.startswith("S12"):
        return sweeps
    values = sweeps.joint_values.clone()
    values[..., 0] = 60 * STILL[:, :1] / STILL[:, 0].abs().max() + values[..., 0] / 18
    return replace(sweeps, joint_values=values)  # the code is invariant: its representations stay


def measured(name: str) -> dict[str, float | str | None]:
    """One row: values to four decimals, None where there is no answer; what the verdict on sharing is."""
    sweeps = swept(name)
    skipped = [b for b in BLOCKS if b not in ("effects", "shared", "subspaces", "literature")]
    found: Diagnosis = sj.diagnose(sweeps, skip=skipped, ideals=False)
    row: dict[str, float | str | None] = {}
    for heading, (metric, key) in COLUMNS.items():
        estimate = found.estimates.get(metric, {}).get(key)  # pyright: ignore[reportArgumentType]
        row[heading] = None if estimate is None or estimate.value is None else round(estimate.value, 4) + 0.0
    ratio = float(deviation_ratios(sweeps.values[ROTATION]).mean())
    row[RATIO] = None if math.isnan(ratio) else round(ratio, 4) if ratio < 1e6 else "∞"
    row["verdict"] = found["shared_variance"][ROTATION, X].verdict
    return row


def main() -> int:
    rows = {}
    for name in CODES:
        rows[name] = measured(name)
        print(name, rows[name], flush=True)
    headings = {"ours": [*COLUMNS][:OURS], "literature": [*list(COLUMNS)[OURS:], RATIO]}
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    out.write_text(json.dumps(headings | {"rows": rows}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
