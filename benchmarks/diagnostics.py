"""What the diagnostics cost beside their floor, in one run: ``python benchmarks/diagnostics.py``.

The floor of the subspaces of four factors is their four covariances and eigen-decompositions. Everything else that a
diagnosis needs of them (a second half to hold out, dimensions, overlaps, angles, alignments, ranks) stands above it.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from seqjepa.diagnostics import (
    Halves,
    diagnose,
    principal_angles,
    subspace_overlap,
    within_orbit_covariance,
)
from seqjepa.diagnostics.overlap import leading_directions
from seqjepa.diagnostics.rank import rank_of_spectrum
from seqjepa.diagnostics.subspace import FactorSubspace, isotropic_null, subspace_of
from seqjepa.factors import affine_factors
from seqjepa.sweeps import Sweeps

FACTORS, IDENTITIES, STEPS, DIM = 4, 80, 25, 512  # 80 × 25 = 2,000 codes of 512 dimensions a factor
REPEATS = 9


def codes(seed: int, identities: int = IDENTITIES) -> torch.Tensor:
    """A low-dimensional orbit with noise on it."""
    random = torch.Generator().manual_seed(seed)
    inside = torch.randn(identities, 1, STEPS, 4, generator=random) @ torch.randn(4, DIM, generator=random)
    return inside + 0.3 * torch.randn(identities, 1, STEPS, DIM, generator=random)


def floor(sweeps: list[torch.Tensor]) -> None:
    for sweep in sweeps:
        torch.linalg.eigh(within_orbit_covariance(sweep))


def figures(sweeps: list[torch.Tensor]) -> None:
    """Covariances of both halves, spectra, dimensions, overlaps, angles, reliabilities, alignments, ranks."""
    found: list[tuple[FactorSubspace, torch.Tensor, Halves]] = []
    for sweep in sweeps:
        half = len(sweep) // 2
        first, second = within_orbit_covariance(sweep[:half]), within_orbit_covariance(sweep[half:])
        subspace = subspace_of(first, second, isotropic_null(tuple(sweep[half:].shape)))
        halves = Halves(subspace.directions(), leading_directions(second, subspace.dim))
        rank_of_spectrum(subspace.fitted[subspace.fitted > 1e-12].sqrt(), "rankme")
        found.append((subspace, second, halves))
    for f, covariance, own in found:
        for g, _, other in found:
            subspace_overlap(own.first, other.second)
            principal_angles(own.first, other.second)
            inside = g.directions()
            float((inside * (covariance @ inside)).sum() / f.held_out[: g.dim].sum())


def seconds(work: Callable[[], object], repeats: int) -> float:
    """The median of several runs after one to warm up."""
    times = []
    for repeat in range(repeats + 1):
        start = time.perf_counter()
        work()
        if repeat:
            times.append(time.perf_counter() - start)
    return sorted(times)[repeats // 2]


def peak_mib(batches: int) -> float:
    """The peak memory of a process that accumulates a covariance of that many batches of 2,000 codes."""
    lines = [
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import re; import diagnostics as b",
        "from seqjepa.diagnostics import OrbitCovariance",
        "c = OrbitCovariance(b.DIM)",
        f"for seed in range({batches}): c.update(b.codes(seed))",
        "c.compute()",
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) / 1024)",
    ]
    return float(
        subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True).stdout
    )


def whole_diagnosis() -> Sweeps:
    """256 identities under four factors, five base poses, 36 steps, 64 dimensions."""
    mix = torch.randn(12, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    content = torch.randn(256, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def f(who: torch.Tensor, pose: torch.Tensor) -> torch.Tensor:
        parts = [content[who], 3 * pose[:, :1].sin(), 3 * pose[:, :1].cos(), pose[:, 1:] / 3]
        return torch.cat(parts, 1) @ mix

    factors = affine_factors(rotation=(-180, 180), translate_x=(-7, 7), translate_y=(-7, 7), scale=(0.5, 1))
    return Sweeps.from_function(f, factors, 256, torch.arange(256) % 10, steps=36, base_poses=5)


def main() -> None:
    sweeps = [codes(seed) for seed in range(FACTORS)]
    base, ours = seconds(lambda: floor(sweeps), REPEATS), seconds(lambda: figures(sweeps), REPEATS)
    whole = whole_diagnosis()
    core = seconds(lambda: diagnose(whole, families=["linear"], skip=["group"]), 1)
    took = seconds(lambda: diagnose(whole, families=["linear"]), 1)
    few, many = peak_mib(2), peak_mib(40)
    table = Table(
        "what", "measured", "limit", title=f"{FACTORS} factors, 2,000 × {DIM}; {torch.get_num_threads()} threads"
    )
    table.add_row("four covariances and eigen-decompositions", f"{1e3 * base:.0f} ms", "")
    table.add_row("all subspace figures and ranks", f"{1e3 * ours:.0f} ms = {ours / base:.2f} ×", "1.5 ×")
    table.add_row("a diagnosis of 256 identities, 1,000 bootstraps of everything", f"{core:.1f} s", "20 s")
    table.add_row("the same with operators, networks and orbits", f"{took:.1f} s", "")
    table.add_row("peak memory, 4,000 codes → 80,000 codes", f"{few:.0f} → {many:.0f} MiB", "the same")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
