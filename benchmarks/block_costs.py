"""What each block of a diagnosis costs, in CPU seconds: ``python benchmarks/block_costs.py [DIM …]``.

128 images of CIFAR-10's sample (SEQJEPA_CIFAR), or of the embedded digits without it, moved as ``seqjepa diagnose``
does; the code is a random projection of the picture into so many dimensions, through tanh, so that nothing but the
statistics takes long. One thread. Prints a table of seconds and shares, ``subspaces of factors`` being what all blocks
share, and ``ideals`` the blocks of the two known representations, which do not depend on the dimension. Options:
``--base-poses N --steps N --identities N``; ``--block NAME`` profiles one block by cProfile; ``--save FOLDER`` writes
every estimate, so that two versions can be compared by ``--compare OLD NEW``.
"""

import argparse
import cProfile
import json
import math
import os
import pstats
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import seqjepa as sj
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.context import Context
from seqjepa.diagnostics.ideals import ideal_values
from seqjepa.types.precision import single_precision

DIMS = (384, 1024, 2048, 3072)
SHARED, IDEALS = "subspaces of factors", "ideals"
Found = dict[str, dict[str, dict[str, float]]]


class Projection:
    """A picture to D numbers."""

    def __init__(self, dim: int) -> None:
        self.dim, self.random = dim, torch.Generator().manual_seed(0)
        self.weights = torch.empty(0)

    def __call__(self, images: Tensor) -> Tensor:
        flat = images.flatten(1)
        if not self.weights.numel():
            self.weights = torch.randn(flat.shape[1], self.dim, generator=self.random) / math.sqrt(flat.shape[1])
        return (flat @ self.weights).tanh()


def swept(dim: int, options: argparse.Namespace) -> sj.Sweeps:
    """The sweeps, with a probe set of as many images as ``whole_diagnosis`` has."""
    where = os.environ.get("SEQJEPA_CIFAR")
    source = f"npz:{where}" if where else "digits"
    design: dict[str, Any] = dict(identities=options.identities, steps=options.steps, base_poses=options.base_poses)
    test, train = sj.load_images(source, "test"), sj.load_images(source, "train")[:1000]
    return sj.represent(
        Projection(dim), test, sj.affine_factors(**RANGES), **design, probe_images=train, progress=False
    )


RANGES: dict[str, Any] = dict(rotation=(-180, 180), translate_x=(-7, 7), translate_y=(-7, 7), scale=(0.5, 1))


@single_precision()
def costs(sweeps: sj.Sweeps, profile: str | None = None) -> tuple[dict[str, float], Found]:
    """CPU seconds of each block, and every number that it gave."""
    took, numbers = {}, {}
    begun = time.process_time()
    context = Context.of(sweeps, 0, ["linear"])
    took[SHARED] = time.process_time() - begun
    for name, block in BLOCKS.items():
        if profile in (None, name):
            with cProfile.Profile() if profile else open(os.devnull) as kept:
                begun = time.process_time()
                found = block(context)
                took[name] = time.process_time() - begun
            if isinstance(kept, cProfile.Profile):
                pstats.Stats(kept).sort_stats("tottime").print_stats(25)
            numbers |= {metric: {str(key): numbers_of(e) for key, e in of.items()} for metric, of in found.items()}
    if profile in (None, IDEALS):
        begun = time.process_time()
        ideal_values(sweeps, 0, BLOCKS)
        took[IDEALS] = time.process_time() - begun
    return took, numbers


def numbers_of(estimate: Any) -> dict[str, float]:
    """What an estimate says in numbers."""
    ends = dict(zip(("low", "high"), estimate.interval or (), strict=False))
    return {k: v for k, v in {"value": estimate.value, "null": estimate.null, **ends}.items() if v is not None}


def compared(old: Path, new: Path) -> float:
    """The largest relative difference of any number."""
    worst = 0.0
    for file in sorted(new.glob("*.json")):
        a, b = (json.loads((folder / file.name).read_text()) for folder in (old, new))
        if a.keys() != b.keys():
            sys.exit(f"{file.name}: other metrics")
        for metric in a:
            for key in a[metric]:
                one, other = a[metric][key], b[metric][key]
                if one.keys() != other.keys():
                    sys.exit(f"{file.name}: {metric} {key}: {one} and {other}")
                for what in one:
                    off = abs(one[what] - other[what]) / max(abs(one[what]), 1e-3)
                    if off > 1e-9:
                        print(f"{file.name}: {metric} {key} {what}: {one[what]!r} → {other[what]!r}")
                    worst = max(worst, off)
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dims", nargs="*", type=int, default=list(DIMS))
    parser.add_argument("--identities", type=int, default=128)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--base-poses", type=int, default=1)
    parser.add_argument("--block")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--compare", nargs=2, type=Path)
    options = parser.parse_args()
    if options.compare:
        print(f"largest relative difference: {compared(*options.compare):.1e}")
        return
    torch.set_num_threads(1)
    took = {}
    for dim in options.dims:
        took[dim], numbers = costs(swept(dim, options), options.block)
        print(dim, {name: round(seconds, 2) for name, seconds in took[dim].items()}, flush=True)
        if options.save:
            options.save.mkdir(parents=True, exist_ok=True)
            (options.save / f"{dim}.json").write_text(json.dumps(numbers))
    print(table(took))


def table(took: dict[int, dict[str, float]]) -> str:
    """Seconds and shares as Markdown."""
    dims, whole = list(took), {dim: sum(of.values()) for dim, of in took.items()}
    lines = ["| block | " + " | ".join(f"D = {dim:,}" for dim in dims) + " |", "|---|" + "---|" * len(dims)]
    for name in took[dims[0]]:
        cells = [f"{took[d][name]:.1f} s, {100 * took[d][name] / whole[d]:.0f} %" for d in dims]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines.append("| **in all** | " + " | ".join(f"{whole[dim]:.1f} s" for dim in dims) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
