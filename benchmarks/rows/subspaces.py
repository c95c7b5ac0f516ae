"""Subspaces, spectra, dimensions, overlaps, angles, alignments, ranks of four factors, beside what they must cost."""

from __future__ import annotations

from statistics import median

import torch
from torch import Tensor

from rows.effort import Effort
from rows.row import Row, Target
from rows.timing import interleaved, ratio, said
from seqjepa.diagnostics import FactorSubspace, diagnose, factor_subspace, principal_angles, subspace_overlap
from seqjepa.diagnostics.measures.directions import moments
from seqjepa.diagnostics.measures.ranks import rank_of_spectrum
from seqjepa.diagnostics.measures.signal import signal_kernel
from seqjepa.factors import affine_factors
from seqjepa.sweeps import Sweeps

FACTORS, STEPS, DIM = 4, 25, 512
PLANE = 4  # dimensions in which a factor moves the code


def codes(seed: int, identities: int, dim: int = DIM) -> Tensor:
    """A low-dimensional orbit with noise on it, (identities, 1, STEPS, dim)."""
    random = torch.Generator().manual_seed(seed)
    plane = torch.randn(PLANE, dim, generator=torch.Generator().manual_seed(dim))
    path = torch.stack([torch.cos(torch.pi * n * torch.linspace(0, 1, STEPS)) for n in range(1, PLANE + 1)], 1)
    inside = (torch.randn(identities, 1, 1, PLANE, generator=random) * path) @ plane
    return inside + 0.3 * torch.randn(identities, 1, STEPS, dim, generator=random)


def rows(effort: Effort) -> list[Row]:
    sweeps = [codes(seed, effort.identities) for seed in range(FACTORS)]
    took = interleaved({"estimates": lambda: estimates(sweeps), "floor": lambda: floor(sweeps)}, effort.repeats)
    times, own, least = ratio(took["estimates"], took["floor"]), median(took["estimates"]), median(took["floor"])
    codes_each = effort.identities * STEPS
    whole = whole_diagnosis(effort)
    alone = median(interleaved({"one": lambda: diagnose(whole, probes=["linear"], skip=["group"])}, 1, warm=0)["one"])
    return [
        Row(
            f"subspaces, spectra, overlaps, ranks of {FACTORS} factors, {codes_each:,} × {DIM}",
            f"{FACTORS} × 2 halves, covariances and eigh: {said(least)}",
            said(own),
            times,
            Target(2.0),  # the eigenvectors of whitened signals, patterns and held-out evidence beside the floor
            times,
            {"measured_s": own, "floor_s": least},
        ),
        Row(
            f"a diagnosis of {whole.identities} images, 1,000 resamples of all (linear, no operators)",
            "",
            said(alone),
            values={"measured_s": alone},
        ),
    ]


KERNEL = signal_kernel(torch.linspace(-1, 1, STEPS, dtype=torch.float64))


def floor(sweeps: list[Tensor]) -> None:
    """Both covariances of both halves, and their eigenvectors."""
    for sweep in sweeps:
        for half in sweep.split(len(sweep) // 2):
            found = moments(half, KERNEL)[0]
            torch.linalg.eigh(found.within)
            torch.linalg.eigh(found.signal)


def estimates(sweeps: list[Tensor]) -> None:
    """What a diagnosis needs of the factors' subspaces, without resampling."""
    found: list[FactorSubspace] = []
    for sweep in sweeps:
        subspace = factor_subspace(sweep, torch.arange(len(sweep)) < len(sweep) // 2, KERNEL)
        rank_of_spectrum(subspace.fitted[subspace.fitted > 1e-12].sqrt(), "rankme")
        found.append(subspace)
    for f in found:
        for g in found:
            one, other = f.directions(), g.halves[1].basis[:, : g.dim]
            subspace_overlap(one, other)
            principal_angles(one, other)
            float((other * (f.signals[0] @ other)).sum() / f.held_out[: g.dim].sum())


def whole_diagnosis(effort: Effort) -> Sweeps:
    """Codes of 64 dimensions under four factors."""
    identities = min(256, 4 * effort.identities)
    mix = torch.randn(12, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    content = torch.randn(identities, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def f(who: Tensor, pose: Tensor) -> Tensor:
        parts = [content[who], 3 * pose[:, :1].sin(), 3 * pose[:, :1].cos(), pose[:, 1:] / 3]
        return torch.cat(parts, 1) @ mix

    factors = affine_factors(rotation=(-180, 180), translate_x=(-7, 7), translate_y=(-7, 7), scale=(0.5, 1))
    steps, poses = (36, 5) if identities == 256 else (9, 2)
    return Sweeps.from_function(f, factors, identities, torch.arange(identities) % 10, steps=steps, base_poses=poses)
