"""Which design gives the narrowest intervals for a number of views? ``python benchmarks/designs.py [VIEWS …]``.

Of a trained encoder and of PCA of the pixels, on MNIST: for each number of views and each design (grid values, base
poses, views of the joint design) as many identities as the views are enough for. Beside half the width of the
intervals, the median over cells and then over metrics, stands the error: how far estimates lie from those of a design
of 128 identities, 25 grid values and 5 base poses, in the same median. A design with narrow intervals around something
else would be no good.
"""

import json
import statistics
import sys
from pathlib import Path

import seqjepa as sj
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.workflows.defaults import RANGES

KEPT = ("effects", "shared", "subspaces", "leakage", "actions")
REFERENCE = (128, 25, 5, 20)
DESIGNS = [  # grid values, base poses, joint views
    (25, 1, 20),
    (13, 1, 20),
    (9, 1, 20),
    (5, 1, 20),
    (9, 2, 20),
    (13, 2, 20),
    (25, 2, 20),
    (25, 5, 20),
    (9, 5, 20),
    (9, 1, 5),
]
LEAST = 24  # identities


def per_identity(steps: int, base_poses: int, joint: int, factors: int = 4) -> int:
    """Views of an identity, group sweeps around two base poses at most included."""
    odd = steps if steps % 2 else steps + 1
    return (steps + (factors - 1) * odd) * (base_poses + min(base_poses, 2)) + joint


def diagnosed(encoder, images: sj.Images, identities: int, steps: int, base_poses: int, joint: int, seed: int):
    """Value and half-width of every cell, by metric."""
    factors = sj.affine_factors(**RANGES)
    sweeps = sj.represent(
        encoder, images, factors, identities, steps, base_poses, seed, joint=joint, batch_size=512, progress=False
    )
    skip = [name for name in BLOCKS if name not in KEPT]
    diagnosis = sj.diagnose(sweeps, skip=skip, ideals=False, seed=seed, progress=False)
    cells: dict[str, dict[str, tuple[float, float]]] = {}
    for metric, estimates in diagnosis.estimates.items():
        for key, estimate in estimates.items():
            if estimate.value is not None and estimate.interval is not None:
                half = (estimate.interval[1] - estimate.interval[0]) / 2
                cells.setdefault(metric, {})[str(key)] = (estimate.value, half)
    return cells


def compared(cells, reference) -> dict[str, tuple[float, float, int]]:
    """By metric the median half-width, the median distance from the reference, and how many cells have both."""
    found = {}
    for metric, of in cells.items():
        both = [
            (half, abs(value - reference[metric][key][0]))
            for key, (value, half) in of.items()
            if key in reference.get(metric, {})
        ]
        if both:
            found[metric] = (statistics.median(h for h, _ in both), statistics.median(e for _, e in both), len(both))
    return found


def main() -> None:
    """Measure, print and write ``designs.json``."""
    views = [int(text) for text in sys.argv[1:]] or [8_000, 24_000]
    train, test = sj.load_images("mnist", "train"), sj.load_images("mnist", "test")
    example = Path(__file__).parents[1] / "examples" / "mnist_affine_fast.safetensors"
    encoders = {"trained": sj.load_encoder(example), "pca": sj.PixelPCA.fit(train)}
    rows = []
    for name, encoder in encoders.items():
        reference = diagnosed(encoder, test, *REFERENCE, seed=1)
        for total in views:
            for design in DESIGNS:
                identities = min(total // per_identity(*design), len(test)) // 2 * 2
                if identities < LEAST:
                    continue
                cells = diagnosed(encoder, test, identities, *design, seed=0)
                metrics = compared(cells, reference)
                rows.append(dict(encoder=name, views=total, design=design, identities=identities, metrics=metrics))
                width, error = (statistics.median(of[place] for of in metrics.values()) for place in (0, 1))
                said = f"{name:8} {total:7,} steps {design[0]:2} base {design[1]} joint {design[2]:2}"
                count = sum(of[2] for of in metrics.values())
                print(
                    f"{said} identities {identities:5}: width {width:.4f} error {error:.4f} cells {count}", flush=True
                )
                Path("designs.json").write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
