"""What each ingredient of a split recipe buys: ``python benchmarks/split_ablation.py RECIPE OUT [--seeds 3] […]``.

Everything on, and each named term or part off or replaced, one at a time, trained for fewer steps than the recipe, each
with several seeds, into OUT/NAME/SEED; runs that are there are taken as they are. Judged on images that no run was
trained on: by default the last 10,000 training images, in bf16 where the hardware has it. Prints means and ranges, and
writes OUT/table.json.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from split import class_shares, pose_of, relative_pose

from seqjepa.diagnostics import factor_subspace, sensitivity
from seqjepa.diagnostics.measures.orbits import orbit_share
from seqjepa.diagnostics.swept import grid_kernel
from seqjepa.extraction import represent
from seqjepa.factors.relative_pose import translation_unit
from seqjepa.images import load_images
from seqjepa.sweeps.design import neutral_index
from seqjepa.training.config import config_from_yaml
from seqjepa.training.hardware import has_bf16
from seqjepa.training.saved import SavedEncoder, load_encoder

OFF = {
    "all on": [],
    "no prediction": ["--objective.prediction.weight", "0"],
    "no pose anchor": ["--objective.pose_anchor.weight", "0"],
    "no equivariance": ["--objective.equivariance.weight", "0"],
    "no contrastive": ["--objective.contrastive.weight", "0"],
    "no canonicalization": ["--model.split.canonicalize", "false"],
    "no jitter": ["--model.split.jitter", "0"],
    "no projection": ["--model.split.projection_dim", "0"],
    "the other pose network": [],
    "learnt aggregator": ["--model.aggregator", "transformer", "--model.heads", "1"],
    "no teacher": ["--model.teacher", "stop_gradient"],
}
OTHER = {"c4_equivariant": "plain", "plain": "c4_equivariant"}
AFTERWARDS = {
    "no canonicalization step": dict(canonicalization_steps=0),
    "no test-time views": dict(test_time_views=1),
}
IDENTITIES, COUNT = 128, 5_000


def main(recipe: str, out: Path, seeds: int, epochs: int, images: int, only: list[str]) -> None:
    source = out / "images.npz"
    if not source.exists():
        hold_out(source, images)
    runs = {(name, seed): out / name.replace(" ", "_") / str(seed) for name in only for seed in range(seeds)}
    for (name, seed), run in track(runs.items(), "training"):
        if not (run / "model.safetensors").exists():
            command = [sys.executable, "-m", "seqjepa", "train", recipe, "--out", str(run), "--seed", str(seed)]
            command += ["--epochs", str(epochs), "--images.source", f"npz:{source}", *changes(name, recipe)]
            subprocess.run([*command, "--images.test", "1000"], check=True, capture_output=True)
    found: dict[str, list[dict[str, float]]] = {}
    for (name, _), run in track(runs.items(), "judging"):
        encoder = load_encoder(run)
        encoder.forward = torch.autocast("cpu", torch.bfloat16, enabled=has_bf16("cpu"))(encoder.forward)
        found.setdefault(name, []).append(estimates(run, encoder))
        for other, settings in AFTERWARDS.items() if name == "all on" else ():
            kept = {setting: getattr(encoder.encoder, setting) for setting in settings}
            change(encoder, settings)
            found.setdefault(other, []).append(estimates(run, encoder))
            change(encoder, kept)
    (out / "table.json").write_text(json.dumps(found, indent=1))
    columns = list(found[only[0]][0])
    table = Table("", *columns, title=f"{recipe}, {images:,} images × {epochs} epochs, {seeds} seeds")
    for name, rows in found.items():
        table.add_row(name, *(said([row[column] for row in rows]) for column in columns))
    Console(width=200).print(table)


def hold_out(file: Path, images: int) -> None:
    """MNIST's first training images to train on, the last 10,000 to judge by; the test split is not looked at."""
    whole = load_images("mnist", "train")
    arrays = {}
    for split, part in (("train", whole[:images]), ("test", whole[50_000:])):
        arrays |= {f"{split}_images": part.pixels[:, 0].numpy(), f"{split}_labels": part.labels.numpy()}
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, **arrays)


def changes(name: str, recipe: str) -> list[str]:
    if name == "the other pose network":
        from seqjepa.recipes import RECIPES

        return ["--model.split.pose_net", OTHER[RECIPES[recipe]().model.split.pose_net]]
    return OFF[name]


def change(encoder: SavedEncoder, settings: dict[str, int]) -> None:
    for setting, value in settings.items():
        setattr(encoder.encoder, setting, value)


def estimates(run: Path, encoder: SavedEncoder) -> dict[str, float]:
    config = config_from_yaml(run / "config.yaml")
    train, test = (load_images(config.images.source, split, None) for split in ("train", "test"))
    factors = config.factors.factors()
    sweeps = represent(
        encoder,
        test,
        factors,
        IDENTITIES,
        36,
        base_poses=1,
        joint=2,
        probe_images=train,
        probe_count=COUNT,
        progress=False,
    )
    fit = torch.arange(IDENTITIES) % 2 == 0
    content, turn = encoder.parts["content"], sweeps.values["rotation"]
    rows = {
        "class, linear [%]": 100 * class_shares(sweeps, [content], ["linear"])["linear"],
        "class from the pose, MLP [%]": 100 * class_shares(sweeps, pose_of(encoder), ["mlp"])["mlp"],
    }
    relative = relative_pose(sweeps, encoder.parts, translation_unit(factors))
    rows |= {name: value for name, value in relative.items() if "R²" in name or "median" in name}
    rows["rotation EV@2"] = float(factor_subspace(turn, fit, grid_kernel(sweeps, "rotation")).held_out[:2].sum())
    rows["common orbit"] = orbit_share(turn, fit).share.value
    for factor in factors:
        codes, index = sweeps.values[factor.name][..., content], neutral_index(factor, sweeps.grids[factor.name])
        assert index is not None, "a range without the identity"
        rows[f"content's sensitivity to {factor.name}"] = sensitivity(codes, index).value
    return rows


def said(values: list[float]) -> str:
    return f"{statistics.fmean(values):.3g} [{min(values):.3g}, {max(values):.3g}]"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--only", nargs="+", choices=OFF, default=list(OFF))
    options = parser.parse_args()
    main(options.recipe, options.out, options.seeds, options.epochs, options.images, options.only)
