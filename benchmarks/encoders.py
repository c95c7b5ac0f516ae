"""Encoders side by side: ``python benchmarks/encoders.py mnist|rotation|cifar FOLDER [NAME=RUN …]`` prints a table.

With ``--isolated`` it asks of isolated sweeps alone (what one factor does, and what two share), of fewer images and
without probes and without a ResNet-18, and leaves an FOLDER/ENCODER.csv for ``benchmarks/tables_of_runs.py``.

Pixels, their principal components, histograms of oriented gradients, a ResNet-18 and the fast recipe's small encoder
that were never trained, and the runs that are named. Every diagnosis is saved in FOLDER, and not made again if it is
there. "mnist": all factors as in mnist_affine; "rotation": ±180° alone; "cifar": ±30°, ±4 px, 0.8 to 1.2 with
reflection, on the archive that SEQJEPA_CIFAR names (npz with train_images, train_labels, test_images, test_labels).
docs/results/encoders.md has the tables and what they teach.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

import torch
from collect import estimates_csv
from skimage.feature import hog
from torch import Tensor

import seqjepa as sj
from seqjepa.diagnostics import Diagnosis, Estimate
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.estimate import Key
from seqjepa.encoders.asking import Encoder
from seqjepa.io.files import write_atomic
from seqjepa.model import build_encoder

IDENTITIES, STEPS, BASE_POSES, JOINT, SEED = 192, 13, 2, 20, 0
PROBES, SLOW_PROBES = 10_000, 1_000  # images of probes for class and action; a ResNet-18 takes hours for more on a CPU
ALONE: dict[str, Any] = dict(
    identities=64, steps=13, base_poses=3, joint=20, seed=SEED, group_sweeps=False
)  # as benchmarks/full_size.py
ALONE_BLOCKS = ("effects", "shared", "subspaces")
MNIST = dict(rotation=(-75, 75), translate_x=(-7, 7), translate_y=(-7, 7), scale=(0.5, 1.0))
CIFAR = dict(rotation=(-30, 30), translate_x=(-4, 4), translate_y=(-4, 4), scale=(0.8, 1.2))
SETTINGS = {  # source, factors, border, grid values
    "mnist": ("mnist", MNIST, "zeros", STEPS),
    "rotation": ("mnist", dict(rotation=(-180, 180)), "zeros", 36),
    "cifar": (f"npz:{os.environ.get('SEQJEPA_CIFAR', 'cifar.npz')}", CIFAR, "reflection", STEPS),
}
FOUR = ("rotation", "translate_x", "translate_y", "scale")
ROWS: list[tuple[str, Key]] = [
    *(("sensitivity", f) for f in FOUR),
    *(("orbit_share", f) for f in FOUR),
    *(("dimension", f) for f in (*FOUR, "translation")),
    *(("explained_variance", f) for f in (*FOUR, "translation")),
    *(("reliability", f) for f in ("rotation", "translation", "scale")),
    ("overlap", ("rotation", "translation")),
    ("overlap", ("rotation", "scale")),
    ("overlap", ("translate_x", "translate_y")),
    *(("leakage", (f, "z", "linear")) for f in FOUR),
    *(("leakage", (f, "z_agg permuted", "linear")) for f in FOUR),
    *(("r2_lost", f) for f in FOUR),
    *(("action", (f, "mlp")) for f in FOUR),
    *(("action_error", (f, "mlp")) for f in FOUR),
    *(("cross_class_transfer", (f, "relative", "mlp")) for f in FOUR),
    ("class_probe", "linear"),
    *(("operator", f) for f in FOUR),
    *(("composition", f) for f in FOUR),
    ("frequency", "rotation"),
    ("drift", "rotation"),
    ("orbit_leading", "rotation"),
    ("orbit_aspect", "rotation"),
    *(("closure", ("rotation", f)) for f in ("translate_x", "translate_y")),
    *(("retrieval", (f, score)) for f in FOUR for score in ("mrr", "h@1")),
    *(("health", kind) for kind in ("rankme", "eigen_entropy", "two_nn", "lidar")),
]


def gradients(images: Tensor) -> Tensor:
    """Histograms of oriented gradients (Dalal & Triggs, 2005): 8 orientations in 4 × 4 cells, normalised in blocks."""
    cell = images.shape[-1] // 4
    grey = images.mean(1).numpy()
    codes = [hog(x, 8, (cell, cell), (2, 2), block_norm="L2-Hys") for x in grey]
    return torch.stack([torch.from_numpy(code) for code in codes]).float()


def grey_pixels(images: Tensor) -> Tensor:
    """Brightness in a row."""
    return images.mean(1).flatten(1)


def encoders(train: sj.Images, runs: list[str]) -> dict[str, Encoder]:
    """The baselines, and the runs given as NAME=RUN."""
    torch.manual_seed(0)
    channels = train.pixels.shape[1]
    return {
        "pixels": grey_pixels,
        "PCA-64": sj.PixelPCA.fit(train, 64),
        "HOG": gradients,
        "convnet, untrained": build_encoder("convnet", channels, 12),
        **{name: sj.load_encoder(path) for name, _, path in (run.partition("=") for run in runs)},
        "ResNet-18, untrained": build_encoder("resnet18", channels, 64).to(memory_format=torch.channels_last),
    }


def cell(estimate: Estimate | None) -> str:
    """Value and interval, or a dash; the reasons stand below the table."""
    if estimate is None or estimate.value is None:
        return "–"
    low, high = estimate.interval or (estimate.value, estimate.value)
    return f"{estimate.value:.2f} [{low:.2f}, {high:.2f}]"


def table(found: dict[str, Diagnosis]) -> str:
    """Estimates down, encoders across, and why an estimate is missing."""
    lines = ["| | | " + " | ".join(found) + " | null |", "|---" * (len(found) + 3) + "|"]
    reasons: dict[str, list[str]] = {}
    for metric, key in ROWS:
        estimates = [diagnosis.estimates.get(metric, {}).get(key) for diagnosis in found.values()]
        if not any(estimate is not None and estimate.value is not None for estimate in estimates):
            continue
        of = key if isinstance(key, str) else ", ".join(key)
        null = next((f.null for f in estimates[::-1] if f is not None and f.null is not None), None)
        lines.append(
            f"| {metric} | {of} | {' | '.join(map(cell, estimates))} | {'' if null is None else f'{null:.2f}'} |"
        )
        for name, estimate in zip(found, estimates, strict=True):
            if estimate is not None and estimate.reason:
                reasons.setdefault(f"{name}: {estimate.reason}", []).append(f"{metric} of {of}")
    return "\n".join([*lines, "", *(f"* {reason} ({'; '.join(of)})" for reason, of in reasons.items())])


def isolated(setting: str, folder: Path, runs: list[str]) -> None:
    """What is asked of isolated sweeps, a file for each encoder."""
    source, ranges, border, _ = SETTINGS[setting]
    train, test = sj.load_images(source, "train"), sj.load_images(source, "test")
    folder.mkdir(parents=True, exist_ok=True)
    for name, encoder in encoders(train, runs).items():
        file = folder / f"{file_name(name)}.csv"
        if file.exists() or name.startswith("ResNet"):
            continue
        sweeps = sj.represent(encoder, test, sj.affine_factors(**ranges), border=border, progress=False, **ALONE)
        skip = [block for block in BLOCKS if block not in ALONE_BLOCKS]
        write_atomic(file, estimates_csv(sj.diagnose(sweeps, skip=skip, progress=False)))


def file_name(encoder: str) -> str:
    return encoder.replace(" ", "-").replace(",", "")


def main(setting: str, folder: Path, runs: list[str]) -> None:
    source, ranges, border, steps = SETTINGS[setting]
    train, test = sj.load_images(source, "train"), sj.load_images(source, "test")
    factors = sj.affine_factors(**ranges)
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, encoder in encoders(train, runs).items():
        start = time.perf_counter()
        file = folder / f"{file_name(name)}.json"
        if file.exists():
            found[name] = sj.Diagnosis.load(file)
            continue
        probes = dict(probe_images=train, probe_count=SLOW_PROBES if name.startswith("ResNet") else PROBES)
        sweeps = sj.represent(
            encoder, test, factors, IDENTITIES, steps, BASE_POSES, SEED, joint=JOINT, border=border, **probes
        )
        encoded = time.perf_counter() - start
        found[name] = sj.diagnose(sweeps, probes=["linear", "mlp"])
        found[name].save(file)
        took = time.perf_counter() - start - encoded
        print(f"{name}: {sweeps.dim} dimensions, {encoded:.0f} s to encode, {took:.0f} s to diagnose", file=sys.stderr)
    print(table(found))


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if argument != "--isolated"]
    if len(given) < 2 or given[0] not in SETTINGS:
        sys.exit(__doc__)
    (isolated if "--isolated" in sys.argv else main)(given[0], Path(given[1]), given[2:])
