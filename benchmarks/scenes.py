"""Encoders on scenes: ``python benchmarks/scenes.py SETTING FOLDER [NAME=RUN …]``.

Settings: "objects3d", all four factors of held-out objects; "orientation", any rotation alone, as the runs were
trained, with what their aggregators make of sequences; "photometric", crop, light, colour and blur of the held-out
pictures of the archive that SEQJEPA_CIFAR names (npz); "unseen", the same with hues that are not trained on.

Each encoder leaves a FOLDER/NAME.csv, and is not asked again where it is there: pixels at half the resolution, 64
principal components of whole ones, histograms of oriented gradients (of pictures), the first run's architecture
untrained, and the runs that are named. ``benchmarks/scenes_page.py`` makes tables and figures of them.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from collect import estimates_csv
from encoders import gradients
from torch import Tensor, nn

import seqjepa as sj
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.encoders import untrained
from seqjepa.encoders.calling import Encoder
from seqjepa.factors import Scene
from seqjepa.factors.objects3d import FACTORS
from seqjepa.factors.scenes import random_views
from seqjepa.io.files import write_atomic
from seqjepa.recipes import RECIPES
from seqjepa.rng import generator
from seqjepa.training.saved import SavedEncoder

SIDE, FITTED = 32, 2000  # pixels of objects a side; views that principal components are fitted on
ALONE = ("effects", "shared", "subspaces", "leakage", "actions", "health")


@dataclass(frozen=True)
class Setting:
    """What is asked.

    Attributes:
        scenes: makes the scenes of training, which principal components are fitted on, and held out.
        design: of the sweeps.
        blocks: of estimates.
        encoders: those that nobody trained, pixels aside.
    """

    scenes: Callable[[], tuple[Scene, Scene]]
    design: dict[str, Any]
    blocks: tuple[str, ...]
    encoders: tuple[str, ...]


def objects(names: tuple[str, ...], count: int, side: int = SIDE) -> tuple[Scene, Scene]:
    """Objects under some factors; those of training have another seed."""
    factors = tuple(factor for factor in FACTORS if factor.name in names)
    return sj.Objects3D(550, side, 0, factors), sj.Objects3D(count, side, 1, factors)


def pictures(**other: tuple[float, float]) -> tuple[Scene, Scene]:
    """The recipe's factors of the archive's pictures; of some other ranges than those it trains on."""
    source, recipe = f"npz:{os.environ.get('SEQJEPA_CIFAR', 'cifar.npz')}", RECIPES["cifar100_augment_fast"]()
    ranges = {**recipe.scene.ranges, **other}
    return tuple(sj.kornia_scene(sj.load_images(source, split), **ranges) for split in ("train", "test"))  # pyright: ignore[reportReturnType]


SETTINGS = {
    "objects3d": Setting(
        partial(objects, ("orientation", "position", "light", "hue"), 88),
        dict(identities=88, steps=12, base_poses=2, joint=24, seed=0),
        ALONE,
        ("PCA-64", "untrained"),
    ),
    "orientation": Setting(
        partial(objects, ("orientation",), 132),
        dict(identities=132, steps=12, base_poses=2, joint=24, seed=0),
        (*ALONE, "sequences"),
        ("PCA-64", "untrained"),
    ),
    "photometric": Setting(
        pictures,
        dict(identities=96, steps=11, base_poses=2, joint=16, seed=0),
        ALONE,
        ("PCA-64", "HOG", "untrained"),
    ),
    "unseen": Setting(
        partial(pictures, hue=(90, 162)),  # as wide as the hues that are trained on, -36 to 36
        dict(identities=96, steps=5, base_poses=1, joint=16, seed=0),
        ("leakage", "actions"),
        ("PCA-64", "untrained"),
    ),
}


def pixels(images: Tensor) -> Tensor:
    """All colours at half the resolution, in a row: 768 numbers of 32 × 32 pixels."""
    return nn.functional.avg_pool2d(images, 2).flatten(1)


def encoders(names: tuple[str, ...], train: Scene, runs: Mapping[str, SavedEncoder]) -> dict[str, Encoder]:
    """Those of a setting by name, the runs, and pixels."""
    made: dict[str, Callable[[], Encoder]] = {
        "PCA-64": lambda: sj.PixelPCA.fit(random_views(train, FITTED, generator("principal components")), 64),
        "HOG": lambda: gradients,
        "untrained": lambda: untrained(runs[next(iter(runs))], 0),
    }
    return {name: made[name]() for name in names} | dict(runs) | {"pixels": pixels}  # the widest takes longest


def main(name: str, folder: Path, runs: list[str]) -> None:
    setting = SETTINGS[name]
    train, test = setting.scenes()
    folder.mkdir(parents=True, exist_ok=True)
    loaded = {of: sj.load_encoder(path) for of, _, path in (run.partition("=") for run in runs)}
    for of, encoder in encoders(setting.encoders if loaded else setting.encoders[:-1], train, loaded).items():
        file = folder / f"{of}.csv"
        if file.exists():
            continue
        start = time.process_time()
        sweeps = sj.represent(encoder, test, group_sweeps=False, progress=False, **setting.design)
        encoded = time.process_time()
        # Known representations are asked once for the design, which all encoders share.
        ideals = of == "PCA-64"
        skip = [block for block in BLOCKS if block not in setting.blocks]
        write_atomic(file, estimates_csv(sj.diagnose(sweeps, skip=skip, ideals=ideals)))
        took = encoded - start, time.process_time() - encoded
        print(f"{of}: {sweeps.dim} dimensions, {took[0]:.0f} s to encode, {took[1]:.0f} s to diagnose", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in SETTINGS:
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
