"""Pictures that turn, and what a diagnosis says of the irreps of their representations."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import seqjepa as sj
from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.types import Factor

FULL = Factor("rotation", -180.0, 180.0, "deg", 360.0)
IDENTITIES, SIDE = 64, 33


def circle_grid(steps: int) -> Tensor:
    """Of a full circle, in degrees."""
    return torch.arange(steps, dtype=torch.float64) * (360.0 / steps) - 180.0


def irreps_of(sweep: Tensor) -> dict[str, Any]:
    """The block's answer for orbits (I, 1, G, D)."""
    sweeps = sj.Sweeps.from_arrays({"rotation": sweep}, [FULL], {"rotation": circle_grid(sweep.shape[2])})
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
