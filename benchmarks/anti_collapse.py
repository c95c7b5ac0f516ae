"""What each term against collapse is worth: one recipe, many terms, each at its best weight.

    python benchmarks/anti_collapse.py --stage choose --out runs/anti_collapse --workers 2
    python benchmarks/anti_collapse.py --stage final --out runs/anti_collapse --workers 2
    python benchmarks/anti_collapse_page.py runs/anti_collapse/results.jsonl

"choose" trains every term, of z, of z_agg and of both, at five weights or more with one seed, and measures on images
that are kept from the training split. "final" takes each at the weight with the best ``score`` there, trains three
other seeds and measures on the test split, which "choose" never loads. Every run is a line of OUT/results.jsonl as soon
as it is done; a run that has its line is not made again. After --budget seconds no run is started, and those that go
on finish.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from functools import cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import seqjepa as sj
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.ideals import Ideals, ideal_values
from seqjepa.diagnostics.measures.probes import Rows, probe_classes, probe_values
from seqjepa.diagnostics.measures.relative_probe import view_products
from seqjepa.factors import Scene, action_columns
from seqjepa.factors.scenes import ChosenIdentities
from seqjepa.factors.steps import step_columns
from seqjepa.io.files import write_atomic
from seqjepa.recipes import RECIPES, change
from seqjepa.rng import generator
from seqjepa.training.saved import SavedEncoder
from seqjepa.training.scene_views import SceneViews
from seqjepa.training.scenes import named_scenes
from seqjepa.training.views import epoch_views, make_batch
from seqjepa.types import Images

TARGETS = ("z", "z_agg", "both")
WEIGHTS = {
    "vicreg": (0.03, 0.1, 0.3, 1.0, 3.0),
    "sigreg": (0.001, 0.003, 0.01, 0.03, 0.1),
    "barlow_twins": (0.03, 0.1, 0.3, 1.0, 3.0),
    "contrastive": (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0),  # of z_agg it is best at 1, so more are tried
    "unit_norm_coding_rate": (0.0003, 0.001, 0.003, 0.01, 0.03),
    "coding_rate": (0.0001, 0.0003, 0.001, 0.003, 0.01),
}
ALONE = ("untrained", "none")  # what has no target and no weight; untrained, only batch norm's statistics are learnt
SEEDS = {"choose": (0,), "final": (1, 2, 3)}
ASKED = ("subspaces", "shared", "retrieval", "health")  # blocks of a final run's diagnosis
KEPT = ("explained_variance", "overlap", "shared_variance", "retrieval", "health")
AT_ONCE = 250
EVALUATED = {"choose": 64, "final": 500}  # held-out images that the training run itself looks at
RELATIVE = "relative R² of "
FIXED = " after a fixed view"
Known = dict[str, dict[str, float]]
IDEALS: dict[Any, Ideals] = {}


@dataclass(frozen=True)
class Case:
    """A run, and all that its numbers depend on.

    Attributes:
        stage: "choose" or "final": which images it is measured on.
        recipe: what is trained, with a random first view.
        term, target, weight: against collapse; those of ``ALONE`` have no target.
        seed: of the run.
        epochs: None for the recipe's.
        train, held_out: images.
        identities: held-out images that are swept, in the final stage.
    """

    stage: str
    recipe: str
    term: str
    target: str
    weight: float
    seed: int
    epochs: int | None
    train: int
    held_out: int
    identities: int

    @property
    def kind(self) -> tuple[str, str]:
        return self.term, self.target


def configured(case: Case, device: str) -> sj.Config:
    """The recipe with a random first view and the case's term alone beside the prediction."""
    objective: dict[str, Any] = {"rate": dict(kind="none")}
    if case.term.endswith("coding_rate"):
        objective["rate"] = dict(kind=case.term, target=case.target, weight=case.weight)
    elif case.term not in ALONE:
        objective[case.term] = dict(weight=case.weight, target=case.target)
    config = RECIPES[case.recipe]()
    if case.term == "untrained":
        config = change(config, optimiser=dict(learning_rate=0.0))
    epochs = case.epochs or config.epochs
    changes: dict[str, Any] = dict(
        seed=case.seed, epochs=epochs, evaluate_every=epochs, device=device, objective=objective
    )
    if case.stage == "choose":  # its online probe of the action is not looked at, and a fifth of the time
        changes["probes"] = dict(hidden=8)
    if config.scene.name is not None:
        changes["scene"] = dict(sequences=1)  # of each identity, as of each picture
    return change(config, factors=dict(first_view="random"), **changes)


@cache
def images_of(stage: str, recipe: str, train: int, held_out: int) -> tuple[Images, Images] | tuple[Scene, Scene]:
    """Training images, and others to measure on: for "choose" out of the training split, for "final" of the test's.

    Of a scene its identities.
    """
    if RECIPES[recipe]().scene.name is not None:
        of_both = change(RECIPES[recipe](), images=dict(train=train + held_out, test=held_out))
        whole, test = named_scenes(of_both)
        order = torch.arange(train + held_out)
        kept = ChosenIdentities(whole, order[train:]) if stage == "choose" else test
        return ChosenIdentities(whole, order[:train]), kept
    source, root = RECIPES[recipe]().images.source, RECIPES[recipe]().images.root
    images = sj.load_images(source, "train", root)
    order = torch.randperm(len(images), generator=generator("anti-collapse", "split"))
    if stage == "choose":
        if train + held_out > len(images):
            raise sj.InputError(f"{source} has {len(images)} training images, fewer than {train} + {held_out}")
        return images[order[:train]], images[order[train : train + held_out]]
    test = sj.load_images(source, "test", root)
    chosen = torch.randperm(len(test), generator=generator("anti-collapse", "test"))[:held_out]
    return images[order[:train]], test[chosen]


def measured(case: Case, device: str) -> tuple[dict[str, float], Known]:
    """Train and measure; every number by name, and the ideals of those that have some.

    Raises FloatingPointError where the loss is not finite.
    """
    config = configured(case, device)
    train, held_out = images_of(case.stage, case.recipe, case.train, case.held_out)
    few, pictures = EVALUATED[case.stage], isinstance(held_out, Images)
    online = held_out[:few] if pictures else ChosenIdentities(held_out, torch.arange(min(few, len(held_out))))
    given: dict[str, Any] = {"images" if pictures else "scene": (train, online)}
    with tempfile.TemporaryDirectory() as folder:
        row = sj.train(config, Path(folder) / "run", **given).rows[-1]
        encoder = sj.load_encoder(Path(folder) / "run")
    values = {f"training: {name}": value for name, value in row.items() if name != "epoch"}
    if case.stage == "choose":
        return values | probed(encoder, train, held_out, "random", ["z_agg"], device), {}
    values |= probed(encoder, train, held_out, "random", ["z", "z_agg"], device)
    fixed = probed(encoder, train, held_out, "identity", ["z", "z_agg"], device)
    values |= {name + FIXED: value for name, value in fixed.items()}
    shown = dict(border=config.factors.border, circular_mask=config.factors.circular_mask) if pictures else {}
    sweeps = sj.represent(
        encoder,
        held_out,
        config.factors.factors() if pictures else None,
        case.identities,
        steps=13,
        base_poses=3,
        batch_size=500,
        device=device,  # pyright: ignore[reportArgumentType]
        progress=False,
        **shown,
    )
    design = case.recipe, case.held_out, case.identities  # the ideals hang on nothing else
    if design not in IDEALS:
        IDEALS[design] = ideal_values(sweeps, 0, {name: BLOCKS[name] for name in ASKED})
    found = sj.diagnose(sweeps, skip=[b for b in BLOCKS if b not in ASKED], ideals=IDEALS[design], progress=False)
    ideals: Known = {}
    for metric in KEPT:
        for key, estimate in found.estimates.get(metric, {}).items():
            if estimate.value is not None:
                name = " ".join([metric, *((key,) if isinstance(key, str) else key)])
                values[name] = estimate.value
                if estimate.ideals:
                    ideals[name] = dict(estimate.ideals)
    return values, ideals


@torch.no_grad()
def probed(
    encoder: SavedEncoder,
    train: Images | Scene,
    held_out: Images | Scene,
    first_view: str,
    class_from: list[str],
    device: str,
) -> dict[str, float]:
    """What linear probes read of held-out sequences whose first view is at a random pose, or untransformed (identity).

    The class from z of the first view or from z_agg; and, as R², what lies between the first two views by each factor,
    from [z₁, z₂] and their products. Where the first view is untransformed, z₂ alone says that, and z₁ has no pose.
    """
    encoder = encoder.to(device)
    factors = encoder.config.factors.model_copy(update=dict(first_view=first_view))
    found: dict[str, list[Tensor]] = {"z": [], "z_agg": [], "pairs": [], "actions": []}
    both = {name: of if isinstance(of, Images) else SceneViews.of(of, 1, "train" if of is train else "test")
            for name, of in (("train", train), ("held out", held_out))}  # fmt: skip
    for split, images in both.items():
        poses = epoch_views(images, factors, "anti-collapse", "probes", split)
        on_device = images.to(torch.device(device))
        for index in torch.arange(len(images)).split(AT_ONCE):
            batch = make_batch(on_device, index, poses, factors, encoder.normalise)
            outputs = encoder.model(batch.views, batch.actions)
            found["z"].append(outputs.z[:, 0].float().cpu())
            found["z_agg"].append(outputs.z_agg.float().cpu())
            found["pairs"].append(outputs.z[:, :2].flatten(1).double().cpu())
            found["actions"].append(batch.targets.double().cpu())
    encoder.to("cpu")
    codes = {name: torch.cat(parts) for name, parts in found.items()}
    count = len(train) + len(held_out)
    place = torch.full((count,), len(train))
    place[: len(train)] = torch.randperm(len(train), generator=generator("anti-collapse", "rows"))
    rows = Rows(place < 0.9 * len(train), (place >= 0.9 * len(train)) & (place < len(train)), place >= len(train))
    right = both["held out"].labels.cpu()
    labels = torch.cat([both["train"].labels.cpu(), right])
    values = {
        f"class from {name}": float((probe_classes("linear", codes[name], labels, rows) == right).double().mean())
        for name in class_from
    }
    products = view_products(codes["pairs"][:, None], rows.train)[:, 0]
    said = probe_values("linear", codes["pairs"], codes["actions"], rows, more=products)
    true = codes["actions"][rows.test]
    off, spread = (said - true).square().sum(0), (true - true.mean(0)).square().sum(0)
    if isinstance(train, Images):
        columns = {factor.name: action_columns([factor]) for factor in factors.factors()}
    else:
        columns = {name: list(range(of.start, of.stop)) for name, of in step_columns(train.factors).items()}
    for name, of in columns.items():
        values[f"{RELATIVE}{name}"] = 1 - float(off[of].sum() / spread[of].sum())
    return values


def score(values: dict[str, float]) -> float:
    """What the weight is chosen by: the mean of the class from z_agg and of the factors' relative R² (at least 0).

    Both halves of what seq-JEPA is to do count alike: z_agg invariant, z equivariant.
    """
    readable = [max(0.0, r2) for name, r2 in values.items() if name.startswith(RELATIVE) and not name.endswith(FIXED)]
    return (values["class from z_agg"] + statistics.fmean(readable)) / 2


def planned(options: argparse.Namespace, rows: list[dict]) -> list[Case]:
    """The runs of a stage; of the final one, for each term whose weights have all been tried."""
    shared = dict(recipe=options.recipe, epochs=options.epochs, train=options.train, held_out=options.held_out)
    shared |= dict(identities=options.identities)
    kinds = [(term, target) for target in options.targets for term in WEIGHTS]
    weights: dict[tuple[str, str], tuple[float, ...]] = {(term, ""): (0.0,) for term in ALONE}
    weights |= {kind: WEIGHTS[kind[0]] for kind in kinds}
    weights = {kind: tried for kind, tried in weights.items() if kind[0] in options.terms}
    tried = [Case("choose", term=t, target=of, weight=w, seed=s, **shared)
             for (t, of), each in weights.items() for w in each for s in SEEDS["choose"]]  # fmt: skip
    if options.stage == "choose":
        return tried
    done = {json.dumps(row["case"]): row for row in rows}
    best: dict[tuple[str, str], float] = {}
    for kind in weights:
        found = [done.get(json.dumps(asdict(case))) for case in tried if case.kind == kind]
        if None in found:
            print(f"{' of '.join(filter(None, kind))}: left out, since not every weight has been tried", flush=True)
            continue
        scores = {row["case"]["weight"]: score(row["values"]) for row in found if row and "values" in row}
        if scores:
            best[kind] = max(scores, key=lambda weight: scores[weight])
    return [Case("final", term=t, target=of, weight=w, seed=s, **shared)
            for (t, of), w in best.items() for s in SEEDS["final"]]  # fmt: skip


def read(path: Path) -> list[dict]:
    """The rows of a file; a line that was cut off while it was written is taken out of the file too."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    if lines and not lines[-1].endswith("\n"):
        write_atomic(path, "".join(lines[:-1]))
    return [json.loads(line) for line in lines if line.endswith("\n")]


def start_worker() -> None:
    """One thread, and no tables of a training run between the lines of this program."""
    torch.set_num_threads(1)
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (as long as the process)


def work(case: Case, device: str) -> dict[str, Any]:
    """What a worker does: the row of a case."""
    started = time.perf_counter()
    try:
        values, ideals = measured(case, device)
        outcome: dict[str, Any] = {"values": values} | ({"ideals": ideals} if ideals else {})
    except FloatingPointError as error:
        outcome = {"failed": str(error)}
    where = torch.cuda.get_device_name() if device == "cuda" else "cpu"
    seconds = round(time.perf_counter() - started, 1)
    return {
        "case": asdict(case),
        **outcome,
        "seconds": seconds,
        "commit": commit(),
        "device": where,
        "torch": torch.__version__,
    }


@cache
def commit() -> str:
    """What made the numbers; with a + where files were changed after it."""
    told = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--abbrev=40", "--dirty=+"]
    return subprocess.run(told, capture_output=True, text=True, check=True).stdout.strip()


def run(cases: Iterable[Case], options: argparse.Namespace, path: Path) -> int:
    """Work on cases with several processes, and write each row as it comes; how many could not be worked on."""
    os.environ["OMP_NUM_THREADS"] = "1"  # of the processes to be started
    until = time.monotonic() + options.budget
    waiting, broken = iter(list(cases)), 0
    with (
        ProcessPoolExecutor(options.workers, get_context("spawn"), start_worker) as pool,
        path.open("a", encoding="utf-8") as file,
    ):
        going: dict[Future, Case] = {}
        for case in islice(waiting, options.workers):
            going[pool.submit(work, case, options.device)] = case
        while going:
            for future in wait(going, return_when=FIRST_COMPLETED).done:
                case = going.pop(future)
                if error := future.exception():
                    broken += 1
                    print(f"{told(case)}: {type(error).__name__}: {error}", flush=True)
                else:
                    row = future.result()
                    file.write(json.dumps(row) + "\n")
                    file.flush()
                    says = row.get("failed") or f"score {score(row['values']):.3f}"
                    print(f"{told(case)}: {says}, {row['seconds']:.0f} s", flush=True)
                for other in islice(waiting, 1) if time.monotonic() < until else ():
                    going[pool.submit(work, other, options.device)] = other
        left = sum(1 for _ in waiting)
    if left:
        print(f"{left} runs were not started within {options.budget:g} s; the same command goes on with them")
    return broken


def told(case: Case) -> str:
    of = f" of {case.target}" if case.target else ""
    return f"{case.stage}: {case.term}{of}, weight {case.weight:g}, seed {case.seed}"


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--stage", choices=("choose", "final"), required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of results.jsonl")
    parser.add_argument("--workers", type=int, default=1, help="processes at once, of one thread each")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--budget", type=float, default=float("inf"), help="seconds after which no run is started")
    parser.add_argument("--terms", nargs="+", choices=(*ALONE, *WEIGHTS), default=(*ALONE, *WEIGHTS))
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=TARGETS)
    parser.add_argument("--recipe", choices=tuple(RECIPES), default="mnist_affine_fast")
    parser.add_argument("--epochs", type=int, help="in place of the recipe's")
    parser.add_argument("--train", type=int, default=10_000, help="training images, or identities of a scene")
    parser.add_argument("--held-out", type=int, default=2_000, help="images to measure on")
    parser.add_argument("--identities", type=int, default=128, help="of these, swept for subspaces and retrieval")
    options = parser.parse_args()
    if min(options.workers, options.train, options.held_out, options.identities, options.epochs or 1) < 1:
        parser.error("counts are 1 or more")
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "results.jsonl"
    rows = read(path)
    done = {json.dumps(row["case"]) for row in rows}
    cases = [case for case in planned(options, rows) if json.dumps(asdict(case)) not in done]
    print(f"{len(cases)} runs to make, {len(done)} are there", flush=True)
    return 1 if run(cases, options, path) else 0


if __name__ == "__main__":
    sys.exit(main())
