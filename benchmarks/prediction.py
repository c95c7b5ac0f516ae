"""What predicting under known actions adds: each hypothesis is trained with the prediction on, and again with it off.

    python benchmarks/prediction.py --out runs/prediction                 # every hypothesis, measured on validation
    python benchmarks/prediction.py --out runs/prediction --only planes/on baseline/off --seeds 1 2
    python benchmarks/prediction.py --out runs/prediction --only … --test      # the same runs on the test split, once

MNIST, rotation by ±180° and nothing else, every view at a random pose, a small encoder (--size). The loss is a
prediction and one term against collapse (VICReg's variance and covariance of z): no pose anchor, no equivariance term,
no given group action, no label. "off" has weight 0 of all that predicts; z then depends on nothing behind it, so
operator, teacher and form of the prediction are the baseline's, and hypotheses share a control. "blind" predicts
without being told the actions. A run is a line of OUT/results.jsonl; one that has its line is not made again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from anti_collapse import read
from networks.predicting import CHOSEN, TERMS, Encoder, NoTeacher, Planes

import seqjepa as sj
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.measures.probes import Rows, probe_classes
from seqjepa.objective import compute_loss
from seqjepa.recipes import RECIPES, change
from seqjepa.rng import derive_seed, generator, seed_everything
from seqjepa.training.objects import gathered
from seqjepa.training.optimiser import learning_rate_at
from seqjepa.training.preparing import prepare
from seqjepa.training.saved import SavedEncoder, describe, save_model
from seqjepa.training.views import epoch_poses, make_batch
from seqjepa.types import Images

HELD_OUT = 1_000
IDENTITIES = {"small": 40, "full": 400, "large": 400, "whole": 400}  # swept
PROBES = {name: ("linear", "mlp") if swept > 40 else ("linear",) for name, swept in IDENTITIES.items()}
PROBED = 10_000  # training images that probes learn from, at most
ASKED = {"validation": ("effects", "actions"), "test": ("effects", "group", "actions")}
MODES = ("on", "off", "blind")
KEPT = ("sensitivity", "orbit_share", "operator", "action", "action_error")


@dataclass(frozen=True)
class Size:
    """How much is trained: pixels of a side, the encoder, images, and passes over them."""

    side: int
    encoder: str
    train: int
    epochs: int


SIZES = {
    "small": Size(14, "mlp", 3_000, 8),
    "full": Size(28, "convnet", 10_000, 20),
    "large": Size(28, "strided", 10_000, 20),
    "whole": Size(28, "strided", 50_000, 12),
}


@dataclass(frozen=True)
class Variant:
    """A hypothesis, and all that its runs depend on.

    Attributes:
        predicts: what is to be seen if it holds; written before it was run.
        predicting: the terms that predict, with their weights; all 0 in the control.
        collapse: weight of VICReg of z.
        operator: "" for seq-JEPA's transformer and its predictor; else how views are moved, linearly in z.
        teacher: "ema", or "none": the gradient flows into the target.
        asked: terms that stay on in the control.
        changes: of the configuration.
        longer: its epochs over those of the size.
    """

    predicts: str
    predicting: dict[str, float] = field(default_factory=lambda: {"prediction": 1.0})
    collapse: float = 1.0
    operator: str = ""
    teacher: str = "ema"
    asked: dict[str, float] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    longer: float = 1.0


BASE = Variant("The baseline: seq-JEPA's own prediction reads as much of rotation and class as no prediction at all.")
LINEAR = replace(BASE, predicting={"squared": 1.0}, operator="planes", teacher="none")
VARIANTS = {
    "baseline": BASE,
    "no teacher": replace(
        BASE,
        teacher="none",
        predicts="With the gradient into both sides the target moves to where it can be predicted: R² rises.",
    ),
    "planes": replace(
        LINEAR,
        predicts="A predictor that can only turn z in learnt planes by learnt multiples of the angle cannot hide "
        "rotation in its weights, so the code must turn: R² ≥ 0.9, and one linear operator fits.",
    ),
    "mixture": replace(
        LINEAR,
        operator="mixture",
        predicts="A matrix mixed from 8 learnt ones by a network of the action does the same without being orthogonal.",
    ),
    "more views": replace(
        BASE,
        changes=dict(factors=dict(views=8)),
        longer=0.5,
        predicts="Seven observed views instead of three say what the digit is from all sides: class from z_agg rises. "
        "Half of the epochs, so that as many views are encoded.",
    ),
    "every view from the others": replace(
        LINEAR,
        predicting={"squared": 1.0, "unseen_views": 1.0},
        predicts="Each view is predicted from the aggregate of those others that never saw it: four targets a sequence "
        "instead of one, so class and R² rise above those of planes.",
    ),
    "harder target": replace(
        BASE,
        changes=dict(factors=dict(translate_x=(-2, 2), translate_y=(-2, 2))),
        predicts="Shifts beside the rotation make the target hard to reach without actions: R² of rotation rises.",
    ),
    "easier target": replace(
        BASE,
        changes=dict(factors=dict(rotation=(-45, 45))),
        predicts="Small turns are predictable early, so rotation is learnt (±45°): R² higher than at ±180°.",
    ),
    "pose head": replace(
        BASE,
        asked={"relative_pose": 1.0},
        predicts="A head that reads the angle between two views makes z equivariant; prediction adds class to it.",
    ),
    "contrast across poses": replace(
        BASE,
        predicting={"across_poses": 1.0},
        teacher="none",
        predicts="The prediction must be nearer to its target than to other poses of the same image, which no "
        "invariant code can do: R² ≥ 0.9; and nearer than to other images, so class ≥ 90 %.",
    ),
    "planes, contrast across poses": replace(
        LINEAR,
        predicting={"across_poses": 1.0},
        predicts="The two together: the operator makes the code turn, the contrast tells images apart. Both targets.",
    ),
    "longer": replace(
        BASE,
        longer=3.0,
        predicts="The baseline has not converged: with three times the epochs R² and class rise.",
    ),
    "half of the planes still": replace(
        LINEAR,
        operator="half still",
        predicts="Of 32 planes next to none can hold what does not turn, where a linear probe reads the class. With "
        "half of them still at first the class from z_agg rises by 10 points or more, and R² stays that of planes.",
    ),
    "half still, contrast across images": replace(
        LINEAR,
        predicting={"across_images": 1.0},
        operator="half still",
        predicts="The prediction must be nearer to its target than to other images' targets, which the still half can "
        "do at every pose: the class rises above that of half of the planes still.",
    ),
    "half still, stronger contrast": replace(
        LINEAR,
        predicting={"across_images": 10.0},
        operator="half still",
        predicts="VICReg of weight 1 asks for variance that no class needs; where the contrast weighs ten times as "
        "much, the class rises by 5 points or more, and R² does not fall.",
    ),
    "half still, longer": replace(
        LINEAR,
        operator="half still",
        longer=3.0,
        predicts="With three times the epochs both go on rising: R² ≥ 0.9 and class ≥ 90 % at full size.",
    ),
}


def control(variant: Variant) -> Variant:
    """The same without what predicts; what is without effect then is as in the baseline."""
    return replace(variant, predicting={}, teacher=BASE.teacher, operator="")


def configured(variant: Variant, size: Size, seed: int, blind: bool) -> sj.Config:
    """The run's configuration."""
    objective = dict(
        rate=dict(kind="none"),
        prediction=dict(weight=variant.predicting.get("prediction", 0.0)),
        vicreg=dict(weight=variant.collapse, target="z"),
    )
    epochs = round(variant.longer * size.epochs)
    shared = dict(epochs=epochs, batch_size=64, precision="float32", device="cpu", seed=seed, evaluate_every=100)
    model = dict(aggregator="networks.predicting:aggregation", action_conditioning=not blind)
    model |= dict(layers=1, action_embedding=16, ema_decay=0.98)
    fixed = dict(model=model, objective=objective, factors=dict(first_view="random"), probes=dict(hidden=16))
    optimiser = dict(learning_rate=2e-3)
    return change(change(RECIPES["mnist_rotation_fast"](), **shared, **fixed, optimiser=optimiser), **variant.changes)


@cache
def images_of(split: str, size: Size) -> tuple[Images, Images]:
    """Training images; and others of the training split to choose by, or of the test split."""
    whole = sj.load_images("mnist", "train")
    order = torch.randperm(len(whole), generator=generator("prediction", "split"))
    train = shrunk(whole[order[HELD_OUT : HELD_OUT + size.train]], size.side)
    if split == "validation":
        return train, shrunk(whole[order[:HELD_OUT]], size.side)
    test = sj.load_images("mnist", "test")
    chosen = torch.randperm(len(test), generator=generator("prediction", "test"))[:HELD_OUT]
    return train, shrunk(test[chosen], size.side)


def shrunk(images: Images, side: int) -> Images:
    """Means of squares of pixels."""
    factor = images.pixels.shape[-1] // side
    return replace(images, pixels=F.avg_pool2d(images.pixels.float(), factor).round().to(torch.uint8))


def trained(variant: Variant, size: Size, seed: int, blind: bool, folder: Path) -> None:
    """Train a run and save its model: ``sj.train`` without online probes, evaluations and checkpoints."""
    CHOSEN.append(variant.operator)
    torch.manual_seed(derive_seed(seed, "prediction", "encoder"))
    weights = {**variant.predicting, **variant.asked}
    terms = [TERMS[name].with_settings(weight=w) for name, w in weights.items() if name in TERMS]
    teacher = NoTeacher() if variant.teacher == "none" else None
    encoder = Encoder(size.encoder, size.side)
    images = images_of("validation", size)[0]
    objects = gathered(images_of("validation", size), None, encoder, None, teacher, terms)
    run = prepare(objects.recorded(configured(variant, size, seed, blind)), folder, objects)
    config, steps = run.config, len(images) // run.config.batch_size
    for epoch in range(1, config.epochs + 1):
        seed_everything(seed, "epoch", epoch)
        poses = epoch_poses(config.factors, len(images), seed, epoch)
        order = torch.randperm(len(images), generator=generator(seed, epoch, "order"))
        for step, index in enumerate(order[: steps * config.batch_size].split(config.batch_size)):
            now = (epoch - 1) * steps + step
            for group in run.optimiser.param_groups:
                group["lr"] = learning_rate_at(now, steps, steps * config.epochs, config.optimiser)
            batch = make_batch(images, index, poses, config.factors, run.normalise)
            loss = compute_loss(run.model(batch.views, batch.actions), run.terms)
            loss.loss.backward()
            run.optimiser.step()
            run.optimiser.zero_grad()
            run.model.teacher.update(run.model.encoder, config.model.ema_decay)
        print(epoch, {name: round(float(value), 3) for name, value in loss.logged.items()}, flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(config.to_yaml(), encoding="utf-8")
    save_model(folder, run.model, describe(config, run.normalise, images.image_shape))


def measured(variant: Variant, named: str, folder: Path, split: str) -> dict[str, float]:
    """Every number of a run of a named size by its name, on validation or test images."""
    CHOSEN.append(variant.operator)
    size = SIZES[named]
    encoder = sj.load_encoder(folder, trust=True, encoder=Encoder(size.encoder, size.side))
    train, held_out = images_of(split, size)
    train = train[torch.arange(min(PROBED, len(train)))]
    factors = encoder.config.factors.factors()
    sweeps = sj.represent(encoder, held_out, factors, IDENTITIES[named], 24, base_poses=1, joint=2, probe_images=train,
                          probe_count=len(train), device="cpu", progress=False)  # fmt: skip
    skip = [block for block in BLOCKS if block not in ASKED[split]]
    found = sj.diagnose(sweeps, probes=PROBES[named], skip=skip, progress=False)
    values = classes(encoder, train, held_out)
    for metric in KEPT:
        for key, estimate in found.estimates.get(metric, {}).items():
            if estimate.value is not None and "rotation" in key:
                values[" ".join([metric, *((key,) if isinstance(key, str) else key)])] = estimate.value
    if isinstance(operator := getattr(encoder.model.aggregator, "operator", None), Planes):
        values |= {f"frequency {i}": float(f) for i, f in enumerate(operator.frequencies.sort().values)}
    return values


@torch.no_grad()
def classes(encoder: SavedEncoder, train: Images, held_out: Images) -> dict[str, float]:
    """Right answers of a linear probe at random poses: from z of a view, the mean of z over the views, and z_agg."""
    found: dict[str, list[Tensor]] = {"z": [], "mean z": [], "z_agg": []}
    for split, images in (("train", train), ("held out", held_out)):
        poses = epoch_poses(encoder.config.factors, len(images), "prediction", "probes", split)
        for index in torch.arange(len(images)).split(250):
            batch = make_batch(images, index, poses, encoder.config.factors, encoder.normalise)
            outputs = encoder.model(batch.views, batch.actions)
            found["z"].append(outputs.z[:, 0])
            found["mean z"].append(outputs.z.mean(1))
            found["z_agg"].append(outputs.z_agg)
    place = torch.arange(len(train) + len(held_out))
    rows = Rows(place < 0.9 * len(train), (place >= 0.9 * len(train)) & (place < len(train)), place >= len(train))
    labels = torch.cat([train.labels, held_out.labels])
    said = {name: probe_classes("linear", torch.cat(codes), labels, rows) for name, codes in found.items()}
    return {f"class from {name}": float((each == held_out.labels).double().mean()) for name, each in said.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of results.jsonl and the runs")
    runs = [f"{name}/{mode}" for name in VARIANTS for mode in MODES]
    usual = [run for run in runs if not run.endswith("blind")]
    parser.add_argument("--only", nargs="+", choices=runs, default=usual, metavar="NAME/MODE", help=", ".join(runs))
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--test", action="store_true", help="measure the runs on the test split")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        for name, mode in (run.split("/") for run in options.only):
            made(
                name, mode, seed, options.size, "test" if options.test else "validation", options.out / "results.jsonl"
            )
    return 0


def made(name: str, mode: str, seed: int, size: str, split: str, path: Path) -> None:
    """Write the row of a run, unless it is there."""
    variant = control(VARIANTS[name]) if mode == "off" else VARIANTS[name]
    depends = {k: v for k, v in asdict(variant).items() if k != "predicts"} | {"seed": seed, "blind": mode == "blind"}
    depends |= asdict(SIZES[size])
    rows = read(path)
    if any(row["run"] == depends and row["split"] == split for row in rows):
        return
    folder = path.parent / "runs" / hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:12]
    started = time.process_time()
    if not (folder / "model.safetensors").exists():
        shutil.rmtree(folder, ignore_errors=True)
        trained(variant, SIZES[size], seed, mode == "blind", folder)
    seconds = round(time.process_time() - started, 1)
    values = measured(variant, size, folder, split)
    row = dict(
        name=name,
        mode=mode,
        size=size,
        split=split,
        run=depends,
        values=values,
        seconds=seconds,
        torch=torch.__version__,
    )
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(name, mode, seed, split, {k: round(v, 3) for k, v in values.items() if "freq" not in k}, seconds, flush=True)


if __name__ == "__main__":
    sys.exit(main())
