"""Wavelet scattering of kymatio: less movement by shifts the larger its window, and frequencies of its orientations."""

from __future__ import annotations

from typing import Any

import torch

import seqjepa as sj
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.types import Factor
from truths.pictures import IDENTITIES, blobs, circle_grid, irreps_of, turned

SIDE, ORIENTATIONS, FAR = 32, 8, 2.0
WINDOWS = (1, 2, 3, 4)


def scattering() -> dict[str, Any]:
    """Mallat (2012): a shift by c moves coefficients in windows of 2^J by no more than a multiple of |c| 2^-J.

    So the mean square movement falls with J. And |x ⋆ ψ_θ| does not tell θ from θ + 180°, so that under a rotation the
    first order, averaged over the picture, has even frequencies alone; averaged over orientations, too, it stays. On
    pixels up to the windows' own grid, which half a turn does not map onto itself.
    """
    from kymatio.scattering2d.frontend.torch_frontend import ScatteringTorch2D  # pyright: ignore[reportMissingImports]

    found: dict[str, Any] = {"shift, by J": {}, "rotation": {}}
    pictures = blobs(IDENTITIES, SIDE)
    grid = torch.linspace(-FAR, FAR, 9, dtype=torch.float64)
    poses = torch.zeros(IDENTITIES, len(grid), 4, dtype=torch.float64)
    poses[..., 1] = grid
    shifted = sj.warp(pictures, sj.Pose(poses), taps=1)[:, :, 0]
    for window in WINDOWS:
        transform = ScatteringTorch2D(J=window, shape=(SIDE, SIDE), L=ORIENTATIONS, max_order=2)
        codes = torch.cat([transform(part.contiguous()).flatten(2) for part in shifted.float().split(8)])
        factor = Factor("shift", -FAR, FAR, "px")
        sweeps = sj.Sweeps.from_arrays({"shift": _leading(codes)[:, None]}, [factor], {"shift": grid})
        told = sj.diagnose(sweeps, skip=[block for block in BLOCKS if block != "effects"], ideals=False)
        found["shift, by J"][str(window)] = round(told["sensitivity"]["shift"].value or 0.0, 6)
    print(found, flush=True)

    views = turned(blobs(IDENTITIES, SIDE), 2 * ORIENTATIONS)[:, :, 0]
    transform = ScatteringTorch2D(J=3, shape=(SIDE, SIDE), L=ORIENTATIONS, max_order=1)
    maps = torch.cat([transform(part.contiguous()) for part in views.float().split(8)])  # (I, G, 1 + J L, H, W)
    everywhere = maps.mean((-2, -1)).double()
    orbits = everywhere - everywhere.mean(1, keepdim=True)
    energy = torch.fft.fft(orbits, dim=1).abs().square().sum((0, 2))
    found["rotation"]["energy at odd frequencies"] = round(float(energy[1::2].sum() / energy[1:].sum()), 6)
    found["rotation"]["first order"] = irreps_of(everywhere[:, None])
    averaged = everywhere[..., 1:].unflatten(-1, (3, ORIENTATIONS)).mean(-1)
    sweeps = sj.Sweeps.from_arrays(
        {"rotation": averaged[:, None]},
        [Factor("rotation", -180.0, 180.0, "deg", 360.0)],
        {"rotation": circle_grid(2 * ORIENTATIONS)},
    )
    told = sj.diagnose(sweeps, skip=[block for block in BLOCKS if block != "effects"], ideals=False)
    found["rotation"]["sensitivity, mean over orientations"] = round(told["sensitivity"]["rotation"].value or 0.0, 6)
    return found


def _leading(codes: torch.Tensor, kept: int = 256) -> torch.Tensor:
    """Codes (I, G, D) in leading components, which hold all but 1e-6 of their variance."""
    flat = codes.double().flatten(0, 1)
    flat = flat - flat.mean(0)
    left, values, _ = torch.linalg.svd(flat, full_matrices=False)
    assert float(values[kept:].square().sum() / values.square().sum()) < 1e-6
    return (left[:, :kept] * values[:kept]).unflatten(0, codes.shape[:2])
