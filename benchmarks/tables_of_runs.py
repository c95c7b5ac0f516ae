"""The tables of estimates on pages of results, from the folders beside them: ``python benchmarks/tables_of_runs.py``.

``benchmarks/collect.py`` wrote the folders, ``benchmarks/encoders.py --isolated`` the files of encoders. A cell: the
value and its 95 % interval, bold where the verdict is "shared"; a dash: not identifiable; empty: there is no such
factor, or it was not asked. Runs of one design share their ideals, which follow them: what a
disentangled representation of the pose would be told / what a linear-equivariant one.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "docs" / "results"
FACTORS = {"rotation": "rotation", "x": "translate_x", "y": "translate_y", "scale": "scale"}
DECIMALS = {"dimension": 0, "action_error": 1}  # of the others 2
PAIRS = ("rotation · translation", "rotation · scale", "translate_x · translate_y", "scale · translation")
Runs = tuple[tuple[str, str], ...]  # head of a column, folder or file of estimates
Estimates = dict[tuple[str, str], dict[str, str]]


@dataclass(frozen=True)
class Table:
    """Estimates down, runs across.

    Attributes:
        rows: what a line says, the metric, and what it is of.
        designs: runs that were swept alike; their ideals follow them.
    """

    rows: tuple[tuple[str, str, str], ...]
    designs: tuple[Runs, ...]


def ideal_dim(factor: str) -> str:
    return "two dimensions" if factor == "rotation" else "one dimension"


SHARED = tuple(
    (f"variance shared by {pair.replace('translate_', '').replace(' · ', ' and ')}", "shared_variance", pair)
    for pair in PAIRS
)
MOVED = (
    *((f"how far {name} moves z", "sensitivity", of) for name, of in FACTORS.items()),
    *SHARED,
    *((f"variance in {ideal_dim(name)} of {name}", "explained_variance", of) for name, of in FACTORS.items()),
    *((f"dimensions of {name}", "dimension", of) for name, of in FACTORS.items()),
    *((f"path of {name} common to all images", "common_orbit", of) for name, of in FACTORS.items()),
    ("do halves agree on rotation", "reliability", "rotation"),
    ("overlap of rotation and translation", "overlap", "rotation · translation"),
)
FULL_SIZE = Table(
    rows=(
        *MOVED,
        *((f"{name} between two views, R²", "action", f"{of} · linear") for name, of in FACTORS.items()),
        ("angle between two views, median error [°]", "action_error", "rotation · linear"),
        *((f"{name} from z, R²", "leakage", f"{of} · z · linear") for name, of in FACTORS.items()),
        *((f"{name} from z_agg, R²", "leakage", f"{of} · z_agg permuted · linear") for name, of in FACTORS.items()),
        ("class at random poses", "class_probe", "linear"),
        ("one linear operator for rotation", "operator", "rotation"),
        ("right rotation found, MRR", "retrieval", "rotation · mrr"),
        ("eigenvalue rank of z", "health", "eigen_entropy"),
    ),
    designs=(
        (
            ("seed 0", "mnist_affine_seed_0/"),
            ("seed 1", "mnist_affine_seed_1/"),
            ("seed 2", "mnist_affine_seed_2/"),
            ("no teacher", "mnist_affine_teacherless/"),
            ("no teacher, tuned", "mnist_affine_teacherless_tuned/"),
        ),
        (("rotation alone", "mnist_rotation/"),),
        (("CIFAR", "cifar_affine/"),),
    ),
)
ENCODERS = Table(
    rows=MOVED,
    designs=(
        (
            ("pixels", "encoders/mnist/pixels.csv"),
            ("PCA-64", "encoders/mnist/PCA-64.csv"),
            ("HOG", "encoders/mnist/HOG.csv"),
            ("convnet, untrained", "encoders/mnist/convnet-untrained.csv"),
            ("convnet, trained", "encoders/mnist/convnet-trained.csv"),
            ("ResNet-18, trained", "full_size/mnist_affine_seed_0/"),
        ),
    ),
)
CIFAR = Table(
    rows=MOVED,
    designs=(
        (
            ("pixels", "encoders/cifar/pixels.csv"),
            ("PCA-64", "encoders/cifar/PCA-64.csv"),
            ("HOG", "encoders/cifar/HOG.csv"),
            ("convnet, untrained", "encoders/cifar/convnet-untrained.csv"),
            ("convnet, trained", "encoders/cifar/convnet-trained.csv"),
        ),
    ),
)
NEXT_STEPS = Table(
    rows=(
        *MOVED,
        ("path common to all images, of all that moves", "orbit_share", "rotation"),
        ("angle between two views, R²", "action", "rotation · mlp"),
        ("its median error, degrees", "action_error", "rotation · mlp"),
        ("R² on classes never seen", "cross_class_transfer", "rotation · relative · mlp"),
        ("one linear operator", "operator", "rotation"),
        ("right view found, MRR", "retrieval", "rotation · mrr"),
        ("class at random poses", "class_probe", "linear"),
        ("eigenvalue rank of z", "health", "eigen_entropy"),
    ),
    designs=(
        (("affine", "mnist_affine_fast/"), ("affine, no teacher", "mnist_affine_teacherless_fast/")),
        (("rotation", "mnist_rotation_fast/"), ("rotation, no teacher", "mnist_rotation_teacherless_fast/")),
        (("CIFAR", "cifar_affine_fast/"),),
    ),
)
PAGES = {  # a page, and which of its tables
    "full_size/README.md": FULL_SIZE,
    "encoders.md": ENCODERS,
    "encoders.md#cifar": CIFAR,
    "next_steps/README.md": NEXT_STEPS,
}


def read(folder: Path) -> Estimates:
    """A run's estimates by metric and what they are of."""
    table = folder / "diagnosis" / "estimates.csv" if folder.is_dir() else folder
    with table.open(newline="", encoding="utf-8") as file:
        return {(row["metric"], row["of"]): row for row in csv.DictReader(file)}


def number(row: dict[str, str], column: str) -> str:
    text = f"{float(row[column]):.{DECIMALS.get(row['metric'], 2)}f}"
    return text if float(text) else text.removeprefix("-")


def cell(row: dict[str, str] | None) -> str:
    """Value and interval."""
    if row is None:
        return ""
    if not row["value"]:
        return "–"
    interval = f" [{number(row, 'low')}, {number(row, 'high')}]" if row["low"] else ""
    mark = "**" if row["verdict"] == "shared" else ""
    return f"{mark}{number(row, 'value')}{mark}{interval}"


def ideal(row: dict[str, str] | None) -> str:
    """Of the two known representations; one number where they agree."""
    if row is None:
        return ""
    both = [number(row, name) for name in ("ideal disentangled", "ideal equivariant") if row.get(name)]
    return " / ".join(dict.fromkeys(both))


def markdown(page: str) -> str:
    """The table of a page, named by its place under docs/results."""
    table, here = PAGES[page], (RESULTS / page).parent
    designs = [[read(here / place) for _, place in runs] for runs in table.designs]
    head = ["estimate", "of"]
    for runs in table.designs:
        head += [f"[{name}]({place})" for name, place in runs] + ["ideal"]
    lines = [line(head), "|" + "---|" * len(head)]
    for says, metric, of in table.rows:
        cells = [text for runs in designs for text in cells_of(runs, (metric, of))]
        lines.append(line([says, f"`{metric}` `{of}`", *cells]))
    return "\n".join(lines)


def content_markdown(page: str) -> str:
    """How much of each factor's variance is shared with what tells images apart; the diagnoses keep it as a detail."""
    here, runs = (RESULTS / page).parent, [run for design in PAGES[page].designs for run in design]
    found = [shared_with_content(here / place / "diagnosis" / "diagnosis.json") for _, place in runs]
    lines = [line(["shared with the content", *(name for name, _ in runs)]), "|" + "---|" * (1 + len(runs))]
    for says, factor in FACTORS.items():
        lines.append(line([says, *(f"{of[factor]:.2f}" if factor in of else "" for of in found)]))
    return "\n".join(lines)


def shared_with_content(file: Path) -> dict[str, float]:
    estimates = json.loads(file.read_text(encoding="utf-8"))["estimates"]
    shared = [e for e in estimates if e["metric"] == "shared_variance" and "with_content" in e["details"]]
    return {e["of"][0]: e["details"]["with_content"][0] for e in shared}


def cells_of(runs: list[Estimates], key: tuple[str, str]) -> Iterator[str]:
    for run in runs:
        yield cell(run.get(key))
    yield ideal(runs[0].get(key))


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    for page in PAGES:
        print(f"{page}\n\n{markdown(page)}\n")
    print(content_markdown("full_size/README.md"))
