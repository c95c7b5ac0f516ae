"""Encoders side by side on MNIST: ``python benchmarks/encoders.py [OUTPUT.json]`` prints docs/results/encoders.md.

Pixels, their principal components, a ResNet-18 that was never trained, the small encoder of the fast recipe trained and
not. MNIST is found as ``seqjepa train mnist_affine`` finds it.
"""

import sys
import time
from pathlib import Path

import torch

import seqjepa as sj
from seqjepa.diagnostics import Figure
from seqjepa.diagnostics.diagnosis import Key
from seqjepa.model import build_encoder

CHECKPOINT = Path(__file__).parents[1] / "examples" / "mnist_affine_fast.safetensors"
ANCHORS, STEPS, BASE_POSES, JOINT, SEED = 256, 13, 5, 20, 0
ROWS: list[tuple[str, Key]] = [
    *(("sensitivity", f) for f in ("rotation", "translate_x", "translate_y", "scale")),
    *(("variance_shares", (f, part)) for f in ("rotation", "translate_x") for part in ("factor", "smooth")),
    *(("dimension", f) for f in ("rotation", "translate_x", "translate_y", "scale", "translation")),
    *(("explained_variance", f) for f in ("rotation", "translate_x", "translate_y", "scale", "translation")),
    *(("reliability", f) for f in ("rotation", "translation", "scale")),
    ("overlap", ("rotation", "translation")),
    ("overlap", ("rotation", "scale")),
    ("overlap", ("translate_x", "translate_y")),
    *(("leakage", (f, "z", "linear")) for f in ("rotation", "translate_x", "translate_y", "scale", "class")),
    *(("leakage", (f, "z", "mlp")) for f in ("rotation", "translate_x", "translate_y", "scale", "class")),
    *(("necessity", f) for f in ("rotation", "translate_x", "translate_y", "scale")),
    *(("health", kind) for kind in ("rankme", "eigen_entropy", "two_nn", "lidar")),
]


def cell(figure: Figure) -> str:
    """Value and interval, or a dash; the reasons stand below the table."""
    if figure.value is None:
        return "–"
    low, high = figure.interval or (figure.value, figure.value)
    return f"{figure.value:.2f} [{low:.2f}, {high:.2f}]"


def main(output: str | None) -> None:
    train, test = sj.load_images("mnist", "train"), sj.load_images("mnist", "test")
    factors = sj.affine_factors(rotation=(-75, 75), translate_x=(-7, 7), translate_y=(-7, 7), scale=(0.5, 1.0))
    trained = sj.load_encoder(CHECKPOINT)
    torch.manual_seed(0)
    encoders = {
        "pixels": sj.pixels,
        "PCA-64 of pixels": sj.PixelPCA.fit(train, 64),
        "ResNet-18, untrained": build_encoder("resnet18", 1, 64),
        "convnet, untrained": sj.untrained(trained),
        "convnet, trained": trained,
    }
    found = {}
    for name, encoder in encoders.items():
        start = time.perf_counter()
        sweeps = sj.represent(encoder, test, factors, ANCHORS, STEPS, BASE_POSES, SEED, joint=JOINT)
        encoded = time.perf_counter() - start
        found[name] = sj.diagnose(sweeps, families=["linear", "mlp"])
        took = time.perf_counter() - start - encoded
        print(f"{name}: {sweeps.dim} dimensions, {encoded:.0f} s to encode, {took:.0f} s to diagnose", file=sys.stderr)
    print("| | | " + " | ".join(found) + " | null |")
    print("|---" * (len(found) + 3) + "|")
    for metric, key in ROWS:
        figures = [diagnosis[metric][key] for diagnosis in found.values()]
        of = key if isinstance(key, str) else ", ".join(key)
        null = next((f.null for f in figures[::-1] if f.null is not None), None)
        print(f"| {metric} | {of} | {' | '.join(map(cell, figures))} | {'' if null is None else f'{null:.2f}'} |")
    for name, diagnosis in found.items():
        for metric, key in ROWS:
            if diagnosis[metric][key].reason:
                print(f"* {name}, {metric} of {key}: {diagnosis[metric][key].reason}")
    if output:
        last = found["convnet, trained"]
        print(sj.compare(last, found["convnet, untrained"]).table(), file=sys.stderr)
        last.save(output)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
