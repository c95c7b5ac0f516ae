"""SIE's and seq-JEPA's probes of a relative rotation, on the same codes: ``probe_protocols.py FILE NAME=RUN …``.

Both read the rotation between two views of an object from [z₁, z₂] by a network (2D → 1024 → 1024 → 4, ReLU, Adam,
mean squared error), on objects never seen. What differs, by their published code:

* SIE (Garrido et al., 2023) reports 1 - Σ(q - q̂)² / Σ(q - m)² with m *one number*, the mean of all four columns, so
  that a constant is paid for what the columns' means differ by; its probe is fitted on the frozen encoder, 50 epochs.
* seq-JEPA (Ghaemi et al., 2025) reports the mean over the columns of their R² (``sklearn.metrics.r2_score``), of a
  probe that learns while the encoder does.

The target of both is the quaternion of R₁⁻¹R₂ as a product of the views' own, which jumps to its negative. Views are
rotated as in 3DIEBench (three Euler angles within ±90°) or by any rotation of SO(3). Beside the scores stand the best
constant's, those of the rotation's matrix as a target, and the angle between what is read and what is true. Here both
are of one probe, fitted as SIE's: what the score and the target change, and nothing else. Without runs: of the best
constant alone, which needs no encoder. What stands in FILE already is not asked again.
"""

import csv
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from scipy.spatial.transform import Rotation as Turn
from torch import Tensor, nn

import seqjepa as sj
from seqjepa.diagnostics.measures.bootstrap import identity_weights, percentile_interval
from seqjepa.factors.objects3d import FACTORS
from seqjepa.factors.scenes import pixels_of
from seqjepa.io.files import write_atomic
from seqjepa.rng import generator
from seqjepa.types.rotations import conjugate, matrix, multiply, quaternion

IDENTITIES, SIDE, VIEWS, PAIRS = 550, 32, 12, 2  # PAIRS of each identity's views an epoch
EPOCHS, BATCH, HIDDEN, RESAMPLES, DRAWN = 50, 256, 1024, 1000, 100_000
LAWS = ("as in 3DIEBench", "any rotation")
Scored = dict[str, tuple[float, float, float]]


@dataclass(frozen=True)
class Views:
    """Codes (I, V, D) of identities at rotations (I, V, 4)."""

    codes: Tensor
    rotations: Tensor


def rotations(law: str, count: int, seed: int) -> Tensor:
    """Unit quaternions (w, x, y, z), with the sign that the law's formula gives them."""
    uniform = torch.rand(count, 3, generator=generator(seed, "probe protocols", law), dtype=torch.float64)
    if law == LAWS[0]:
        return torch.from_numpy(Turn.from_euler("xyz", (180 * uniform - 90).numpy(), degrees=True).as_quat())[
            :, [3, 0, 1, 2]
        ]
    return FACTORS[0].drawn(uniform)


def product(first: Tensor, second: Tensor) -> Tensor:
    """The quaternion of R₁⁻¹R₂, without a rule for its sign."""
    return multiply(conjugate(first), second)


TARGETS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "quaternion": (product, lambda said: nn.functional.normalize(said, dim=-1)),
    "matrix": (lambda a, b: matrix(product(a, b)).flatten(-2), lambda said: quaternion(said.unflatten(-1, (3, 3)))),
}


def pairs_of(views: Views, count: int, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """[z₁, z₂] and both rotations of so many pairs of different views of each identity, (I * count, _)."""
    identities, seen, _ = views.codes.shape
    drawn = torch.rand(identities, count, seen, generator=random).argsort(-1)[..., :2]
    row = torch.arange(identities)[:, None]
    codes = torch.cat([views.codes[row, drawn[..., 0]], views.codes[row, drawn[..., 1]]], -1)
    turned = [views.rotations[row, drawn[..., side]].flatten(0, 1) for side in (0, 1)]
    return codes.flatten(0, 1), turned[0], turned[1]


def fitted(train: Views, target: Callable[[Tensor, Tensor], Tensor], seed: int) -> nn.Module:
    """The network of both papers, fitted on frozen codes."""
    torch.manual_seed(seed)
    width = target(*train.rotations[0, :2, None]).shape[-1]
    hidden = [nn.Linear(2 * train.codes.shape[-1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU()]
    probe, random = nn.Sequential(*hidden, nn.Linear(HIDDEN, width)), generator(seed, "probe protocols", "pairs")
    optimiser = torch.optim.Adam(probe.parameters(), 1e-3)
    for _ in range(EPOCHS):
        codes, first, second = pairs_of(train, PAIRS, random)
        wanted = target(first, second).float()
        for part in torch.randperm(len(codes), generator=random).split(BATCH):
            optimiser.zero_grad()
            nn.functional.mse_loss(probe(codes[part]), wanted[part]).backward()
            optimiser.step()
    return probe


def scores(said: Tensor, true: Tensor, degrees: Tensor, identities: int) -> Scored:
    """Each score with its 95 % interval over identities; said and true are (I * P, K)."""
    by_identity = [x.double().unflatten(0, (identities, -1)) for x in (said, true)]
    left = (by_identity[1] - by_identity[0]).square().sum(1)  # (I, K)
    first, second, count = by_identity[1].sum(1), by_identity[1].square().sum(1), by_identity[1].shape[1]
    weights = torch.cat([torch.ones(1, identities, dtype=torch.float64), identity_weights(identities, RESAMPLES, 0)])
    apart, rows = weights @ left, weights.sum(1, keepdim=True) * count  # (R, K), (R, 1)
    columns = weights @ second - (weights @ first).square() / rows
    pooled = (weights @ second).sum(1) - (weights @ first).sum(1).square() / (rows[:, 0] * true.shape[1])
    off = degrees.double().unflatten(0, (identities, -1)).mean(1)
    found = {
        "SIE": 1 - apart.sum(1) / pooled,
        "seq-JEPA": (1 - apart / columns).mean(1),
        "by variance": 1 - apart.sum(1) / columns.sum(1),
        "degrees": weights @ off / weights.sum(1),
    }
    return {name: (float(draws[0]), *percentile_interval(draws[1:], 0.95)) for name, draws in found.items()}


def degrees_apart(said: Tensor, true: Tensor) -> Tensor:
    """The angle between rotations."""
    return torch.rad2deg(2 * (said.double() * true).sum(-1).abs().clamp(max=1).acos())


def measured(encoder: Callable[[Tensor], Tensor], seen: dict[str, tuple[Tensor, Tensor]], seed: int = 0) -> list[dict]:
    """What the probes say of one encoder under one law: a row for each target, and for the best constant of each."""
    views, rows = {}, []
    for split, (pixels, turned) in seen.items():
        with torch.no_grad():
            codes = torch.cat([encoder(part.float() / 255).float() for part in pixels.flatten(0, 1).split(500)])
        views[split] = Views(codes.unflatten(0, pixels.shape[:2]), turned)
    loud = views["train"].codes.std()
    views = {split: Views(of.codes / loud, of.rotations) for split, of in views.items()}
    for name, (target, read) in TARGETS.items():
        probe = fitted(views["train"], target, seed)
        codes, first, second = pairs_of(views["test"], VIEWS, generator(seed, "probe protocols", "tested"))
        true = target(first, second)
        constant = target(*pairs_of(views["train"], VIEWS, generator(seed, "probe protocols", "constant"))[1:]).mean(0)
        with torch.no_grad():
            answers = {"probe": probe(codes), "constant": constant.expand(len(codes), -1)}
        for what, said in answers.items():
            off = degrees_apart(read(said.double()), product(first, second))
            rows.append({"target": name, "answer": what, **scores(said, true, off, len(views["test"].codes))})
    return rows


def main(file: Path, runs: dict[str, Path]) -> None:
    scenes = {
        split: sj.Objects3D(IDENTITIES // (seed + 1), SIDE, seed, FACTORS[:1])
        for seed, split in enumerate(("train", "test"))
    }
    who = {split: torch.arange(len(scene)).repeat_interleave(VIEWS) for split, scene in scenes.items()}
    for law in LAWS:
        there = {row["encoder"] for row in rows_of(file) if row["law"] == law}
        wanted = [name for name in ("PCA-64", *runs) if name not in there]
        if not wanted:
            continue
        seen = {}
        for seed, (split, scene) in enumerate(scenes.items()):
            turned = rotations(law, len(who[split]), seed)
            pixels = pixels_of(scene, who[split], turned).unflatten(0, (-1, VIEWS))
            seen[split] = pixels, turned.unflatten(0, (-1, VIEWS))
        shown = sj.Images(seen["train"][0][:, 0], scenes["train"].labels, scenes["train"].class_names)
        for name in wanted:
            encoder = sj.load_encoder(runs[name]) if name in runs else sj.PixelPCA.fit(shown, 64)
            save(file, [{"law": law, "encoder": name, **row} for row in measured(encoder, seen)], rows_of(file))


def constants(file: Path) -> None:
    """What each score pays for the best constant, whatever the encoder: of the law of rotations alone."""
    found = []
    for law in LAWS:
        first, second = (rotations(law, DRAWN, seed) for seed in (0, 1))
        for name, (target, read) in TARGETS.items():
            true = target(first, second)
            said = true.mean(0).expand_as(true)
            off = degrees_apart(read(said), product(first, second))
            row = {"law": law, "encoder": "", "target": name, "answer": "constant"}
            found.append(row | scores(said, true, off, 500))
    save(file, found, [])


def rows_of(file: Path) -> list[dict[str, str]]:
    """What stands in a file, if there is one."""
    if not file.exists():
        return []
    with file.open(newline="", encoding="utf-8") as rows:
        return list(csv.DictReader(rows))


def save(file: Path, found: list[dict], above: list[dict[str, str]]) -> None:
    """A line a score, below others."""
    table, named = io.StringIO(), ("law", "encoder", "target", "answer")
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow([*named, "score", "value", "low", "high"])
    rows.writerows(row.values() for row in above)
    for row in found:
        for score in ("SIE", "seq-JEPA", "by variance", "degrees"):
            rows.writerow([*(row[name] for name in named), score, *(f"{number:.6g}" for number in row[score])])
    write_atomic(file, table.getvalue())


if __name__ == "__main__":
    if len(sys.argv) < 2 or not all("=" in run for run in sys.argv[2:]):
        sys.exit(__doc__)
    if len(sys.argv) == 2:
        constants(Path(sys.argv[1]))
    else:
        main(Path(sys.argv[1]), {of: Path(path) for of, _, path in (run.partition("=") for run in sys.argv[2:])})
