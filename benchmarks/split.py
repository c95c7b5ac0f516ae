"""How well runs split pose from content: ``python benchmarks/split.py RUN [RUN …] [--json FILE] [--identities N]``.

Each run is read over its own held-out images and factors. Of 10,000 training images nine tenths train the probes and
one validates; 10,000 held-out ones test, two random poses each (seven for z_agg); the sweeps are of N held-out images.
"isolated" are estimates of sweeps in which one factor moves and the others stay neutral. Several runs are one
recipe's seeds: their mean and their range are printed. No label was used in training.
"""

import argparse
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from seqjepa.diagnostics import Diagnosis, diagnose, factor_subspace
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.measures.overlaps import Halves, factor_overlap, matched_subspaces, squared_cosines
from seqjepa.diagnostics.measures.probes import PROBES, ProbeName, Rows, probe_classes
from seqjepa.diagnostics.swept import grid_kernel
from seqjepa.extraction import represent
from seqjepa.factors import sample_poses, warp
from seqjepa.factors.relative_pose import translation_unit
from seqjepa.images import load_images
from seqjepa.rng import generator
from seqjepa.sweeps import Sweeps
from seqjepa.training.config import config_from_yaml
from seqjepa.training.saved import SavedEncoder, load_encoder
from seqjepa.types import Factor, Images, NotIdentifiable, Pose

VIEWS = (1, 3, 7)
AT_ONCE = 500
METRICS = ("action", "action_error", "explained_variance", "common_orbit", "orbit_share", "retrieval", "overlap")


def main(runs: list[Path], out: Path | None, identities: int, count: int) -> None:
    found = [estimates(run, identities, count) for run in track(runs, "runs")]
    table = Table("estimate", "mean", "lowest", "highest", title=f"{runs[0].name}, {len(runs)} run(s)")
    for name in found[0]:
        values = [each[name] for each in found]
        table.add_row(name, *(f"{f(values):.4f}" for f in (statistics.fmean, min, max)))
    Console().print(table)
    if out:
        out.write_text(json.dumps({str(run): each for run, each in zip(runs, found, strict=True)}, indent=1))


def estimates(run: Path, identities: int, count: int) -> dict[str, float]:
    """Every estimate of one run, by name."""
    config, encoder = config_from_yaml(run / "config.yaml"), load_encoder(run)
    train, test = (load_images(config.images.source, split, config.images.root) for split in ("train", "test"))
    factors, border = config.factors.factors(), config.factors.border
    shown = dict(border=border, circular_mask=config.factors.circular_mask, progress=False)
    sweeps = represent(encoder, test, factors, identities, 36, probe_images=train, probe_count=count, **shown)
    asked = {"subspaces", "group", "retrieval", "actions"}
    whole = diagnose(sweeps, probes=("mlp",), skip=[block for block in BLOCKS if block not in asked])
    content = diagnose(part_of(sweeps, "content"), skip=[block for block in BLOCKS if block != "effects"])
    rows = {}
    for name, part in (("content", [encoder.parts["content"]]), ("pose", pose_of(encoder))):
        rows |= {f"class from {name}, {f}": value for f, value in class_shares(sweeps, part).items()}
    for name, value in relative_pose(sweeps, encoder.parts, translation_unit(factors)).items():
        rows[f"between two views, by the group law: {name}"] = value
    rows |= values_of(whole, METRICS)
    if len(factors) > 1:
        rows |= isolated(one_at_a_time(encoder, test, factors, identities, shown))
    for key, estimate in content.estimates["sensitivity"].items():
        if estimate.value is not None:
            rows[f"sensitivity of the content to {named(key)}"] = estimate.value
    warped = partial(warp, taps=2, border=border, circular_mask=config.factors.circular_mask)
    return rows | aggregated_classes(encoder, factors, train, test, count, warped)


def values_of(diagnosis: Diagnosis, metrics: Sequence[str]) -> dict[str, float]:
    """The estimates that could be answered; overlaps with their null, orbit shares with their bound."""
    rows = {}
    for metric in metrics:
        for key, estimate in diagnosis.estimates.get(metric, {}).items():
            if estimate.value is not None:
                rows[f"{metric} {named(key)}"] = estimate.value
                if estimate.null is not None and metric == "overlap":
                    rows[f"{metric} {named(key)}, its null"] = estimate.null
                if metric == "orbit_share" and "bound" in estimate.details:
                    rows[f"{metric} {named(key)}, the bound of the images' intrinsic pose"] = estimate.details["bound"]
    return rows


def one_at_a_time(
    encoder: SavedEncoder, images: Images, factors: tuple[Factor, ...], identities: int, shown: dict[str, Any]
) -> Sweeps:
    """Each factor's sweep with all others at the identity, of the same identities."""
    found = [represent(encoder, images, (factor,), identities, 36, joint=0, **shown) for factor in factors]
    values, grids = ({k: v for each in found for k, v in getattr(each, what).items()} for what in ("values", "grids"))
    nothing: dict[str, Any] = dict(extra={}, parts={}, predictions={}, intrinsic_pose={})
    nothing |= dict(poses={}, joint_poses=None, group_values={}, group_poses={})
    nothing |= dict(joint_values=torch.zeros(identities, 0, len(factors)))
    return replace(found[0], factors=factors, values=values, grids=grids, **nothing)


def isolated(sweeps: Sweeps) -> dict[str, float]:
    """Of sweeps where one factor moves: variance in each factor's own number of dimensions, and overlaps of those."""
    found = values_of(diagnose(sweeps, skip=[b for b in BLOCKS if b != "subspaces"]), ["explained_variance"])
    first = torch.arange(len(next(iter(sweeps.values.values())))) % 2 == 0
    halves: dict[str, Halves] = {}
    for name, codes in sweeps.values.items():
        k = 1 if sweeps.factor(name).period is None else 2
        both = factor_subspace(codes, first, grid_kernel(sweeps, name)).halves
        halves[name] = Halves(both[0].basis[:, :k], both[1].basis[:, :k])
    isotropic = torch.eye(sweeps.dim, dtype=torch.float64)
    for a, b in combinations(halves, 2):
        drawn = [matched_subspaces(isotropic, halves[name].first.shape[1], seed) for seed, name in enumerate((a, b))]
        try:
            found[f"overlap {a} {b}"] = factor_overlap(halves[a], halves[b]).value
        except NotIdentifiable:  # halves of the images do not agree on the directions
            continue
        found[f"overlap {a} {b}, its null"] = float(squared_cosines(*drawn).mean(1).quantile(0.95))
    return {f"isolated: {name}": value for name, value in found.items()}


def named(key: str | tuple) -> str:
    return key if isinstance(key, str) else " ".join(map(str, key))


def part_of(sweeps: Sweeps, name: str) -> Sweeps:
    """The sweeps as if a part of the code were all of it."""
    first, last = sweeps.parts[name]

    def cut(swept: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {factor: codes[..., first:last] for factor, codes in swept.items()}

    codes = dict(values=cut(sweeps.values), group_values=cut(sweeps.group_values), joint=sweeps.joint[..., first:last])
    return replace(sweeps, **codes, extra={}, parts={}, predictions={}, probe=None)


def pose_of(encoder: SavedEncoder) -> list[slice]:
    return [part for name, part in encoder.parts.items() if name != "content"]


def reading_rows(train: int, test: int) -> Rows:
    """Nine tenths of the training images train, one validates, the held-out ones test."""
    place = torch.cat([torch.randperm(train, generator=generator(0, "split", train)), torch.full((test,), train)])
    return Rows(place < 0.9 * train, (place >= 0.9 * train) & (place < train), place >= train)


def class_shares(sweeps: Sweeps, parts: list[slice], probes: Sequence[ProbeName] = PROBES) -> dict[str, float]:
    """The share of right answers of each probe, from one view at a random pose."""
    probe = sweeps.probe
    assert probe is not None
    codes = torch.cat([torch.cat([probe.train, probe.test])[:, 0, part] for part in parts], -1)
    labels = torch.cat([probe.train_labels, probe.test_labels])
    rows = reading_rows(len(probe.train), len(probe.test))
    return {
        name: float((probe_classes(name, codes, labels, rows) == probe.test_labels).double().mean()) for name in probes
    }


def relative_pose(sweeps: Sweeps, parts: dict[str, slice], unit: float) -> dict[str, float]:
    """What lies between two views, as their pose parts say it without any probe: R², and the median error."""
    probe = sweeps.probe
    assert probe is not None
    first, second = probe.test.double().unbind(1)
    rows = {}
    for i, factor in enumerate(sweeps.factors):
        part = parts[factor.name]
        here, there = probe.test_values[..., i].double().unbind(1)
        if factor.name == "rotation":
            said = angle(second[:, part]) - angle(first[:, part])
            true = (there - here).deg2rad()
            rows["rotation R²"] = r2(torch.stack([said.sin(), said.cos()], 1), torch.stack([true.sin(), true.cos()], 1))
            off = (said - true + torch.pi).remainder(2 * torch.pi) - torch.pi
            rows["rotation, median error [deg]"] = float(off.abs().median().rad2deg())
            rows["rotation, share over 30°"] = float((off.abs() > torch.pi / 6).double().mean())
        else:
            said = (second - first)[:, part]
            true = ((there / here).log() if factor.logarithmic else (there - here) / unit)[:, None]
            rows[f"{factor.name} R²"] = r2(said, true)
    return rows


def angle(vector: Tensor) -> Tensor:
    return torch.atan2(vector[:, 1], vector[:, 0])


def r2(said: Tensor, true: Tensor) -> float:
    return float((1 - (said - true).square().sum(0) / (true - true.mean(0)).square().sum(0)).mean())


@torch.no_grad()
def aggregated_classes(
    encoder: SavedEncoder,
    factors: tuple[Factor, ...],
    train: Images,
    test: Images,
    count: int,
    warped: Callable[[Tensor, Pose], Tensor],
) -> dict[str, float]:
    """The class, read linearly from z_agg over more and more views."""
    content, sets = encoder.parts["content"], []
    for name, images in (("fit", train), ("report", test)):
        order = torch.randperm(len(images), generator=generator(0, "aggregated", name))[:count]
        poses = sample_poses(factors, (len(order), max(VIEWS)), generator(0, "aggregated poses", name))
        codes = [
            torch.stack([encoder(view) for view in warped(images.pixels[who], pose).unbind(1)], 1)
            for who, pose in zip(order.split(AT_ONCE), map(Pose, poses.values.split(AT_ONCE)), strict=True)
        ]
        sets.append((torch.cat(codes), encoder.actions(poses.values), images.labels[order]))
    labels = torch.cat([labels for *_, labels in sets])
    rows, found = reading_rows(len(sets[0][2]), len(sets[1][2])), {}
    for views in VIEWS:
        z_agg = torch.cat([encoder.aggregate(z[:, -views:], a[:, a.shape[1] - views + 1 :]) for z, a, _ in sets])
        said = probe_classes("linear", z_agg[:, content], labels, rows)
        found[f"class from z_agg of {views} view(s), linear"] = float((said == sets[1][2]).double().mean())
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--identities", type=int, default=256)
    parser.add_argument("--count", type=int, default=10_000)
    options = parser.parse_args()
    main(options.runs, options.json, options.identities, options.count)
