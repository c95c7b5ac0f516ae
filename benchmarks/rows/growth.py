"""How the cost of subspaces grows with samples and with dimensions."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from statistics import median

import torch

from rows.effort import Effort
from rows.row import Row, Target
from rows.subspaces import DIM, KERNEL, STEPS, codes
from rows.timing import interleaved, said
from seqjepa.diagnostics import factor_subspace

PART = 20  # identities that a process takes in at once: few enough for the fewest samples to be several parts
PEAK = """
import re, sys
sys.path[:0] = {paths!r}
from rows.subspaces import DIM, codes
from seqjepa.diagnostics import OrbitCovariance
covariance = OrbitCovariance(DIM)
for part in range({parts}):
    covariance.update(codes(part, {size}))
covariance.compute()
print(int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024)
"""


def rows(effort: Effort) -> list[Row]:
    return [*samples(effort), *dimensions(effort)]


def samples(effort: Effort) -> list[Row]:
    """Time over the number of representations, and peak memory of a process that takes them in part by part."""
    all_codes = codes(0, effort.samples[-1] // STEPS)

    def work(count: int):
        part = all_codes[: count // STEPS]
        train = torch.arange(len(part)) % 2 == 0
        return lambda: factor_subspace(part, train, KERNEL)

    took = {
        count: median(interleaved({"": work(count)}, max(1, min(effort.few, 40_000 // count)))[""])
        for count in effort.samples
    }
    slope = slope_of(took)
    few, many = effort.samples[0], effort.samples[-1]
    peaks = {count: peak_mib(count) for count in (few, many)}
    between = f"{few:,} → {many:,} representations of {DIM}"
    growth = peaks[many] / peaks[few]
    return [
        Row(
            f"growth of subspaces' time, {between}",
            "linear: slope 1",
            f"{said(took[few])} → {said(took[many])}, slope {slope:.2f}",
            None,
            Target(1.05, unit="(slope)"),
            slope,
            {f"{count}_s": seconds for count, seconds in took.items()} | {"slope": slope},
        ),
        Row(
            f"growth of peak memory, {between}",
            f"flat: {peaks[few]:.0f} MiB",
            f"{peaks[many]:.0f} MiB",
            growth,
            Target(1.1),
            growth,
            {f"{count}_mib": peak for count, peak in peaks.items()},
        ),
    ]


def slope_of(took: dict[int, float]) -> float:
    """The slope of log time over log size, least squares."""
    x = torch.tensor([math.log(size) for size in took], dtype=torch.float64)
    y = torch.tensor([math.log(seconds) for seconds in took.values()], dtype=torch.float64)
    x, y = x - x.mean(), y - y.mean()
    return float((x * y).sum() / (x * x).sum())


def peak_mib(count: int) -> float:
    """The peak memory of a process that accumulates a covariance of that many representations, part by part."""
    size = min(PART, count // STEPS)
    paths = [str(Path(__file__).parents[1])]
    script = PEAK.format(paths=paths, parts=count // STEPS // size, size=size)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return float(done.stdout)


def dimensions(effort: Effort) -> list[Row]:
    """Time of subspaces over the number of dimensions."""
    train = torch.arange(effort.identities) % 2 == 0
    took = {}
    for dim in effort.dims:
        wide = codes(0, effort.identities, dim)
        few = 1 if dim > 1000 else effort.few
        took[dim] = median(interleaved({"": lambda z=wide: factor_subspace(z, train, KERNEL)}, few)[""])
    low, high = effort.dims[0], effort.dims[-1]
    steep = slope_of({dim: took[dim] for dim in effort.dims[-3:]})
    return [
        Row(
            f"growth of subspaces' time, {low} → {high} dimensions ({effort.identities * STEPS:,} representations)",
            "eigh: slope 3",
            f"{said(took[low])} → {said(took[high])}, slope {steep:.2f} at the end",
            values={f"{dim}_s": seconds for dim, seconds in took.items()} | {"slope": steep},
        ),
    ]
