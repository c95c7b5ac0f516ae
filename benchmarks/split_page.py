"""The tables of docs/results/split.md, from the estimates beside it: ``python benchmarks/split_page.py``."""

import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "docs" / "results" / "split"
BOUND = "the bound of the images' intrinsic pose"
PAIR = "between two views, by the group law: "
COLUMNS = {
    "rotation ±180°": "mnist_rotation_split",
    "the same, no teacher": "mnist_rotation_split_teacherless",
    "all factors": "mnist_affine_split",
    "the same, no teacher ": "mnist_affine_split_teacherless",
}
Estimates = dict[str, float]


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        label: what it says.
        of: the value in a run's estimates, None where it has none.
        digits: after the point.
        targets: for rotation alone and for all factors; None where none was set.
        least: a target is the least (or the most) that is wanted.
    """

    label: str
    of: Callable[[Estimates], float | None]
    digits: int = 3
    targets: tuple[float | None, float | None] = (None, None)
    least: bool = True

    def cells(self, columns: list[list[Estimates]]) -> list[str]:
        return [self.label, self._targets(), *(self._cell(runs, i // 2) for i, runs in enumerate(columns))]

    def _targets(self) -> str:
        if self.targets == (None, None):
            return ""
        sign = "≥" if self.least else "≤"
        return f"{sign} " + " / ".join("–" if t is None else f"{t:g}" for t in self.targets)

    def _cell(self, runs: list[Estimates], which: int) -> str:
        values = [value for run in runs if (value := self.of(run)) is not None]
        if not values:
            return ""
        mean, target = statistics.fmean(values), self.targets[which]
        text = f"{mean:.{self.digits}f}"
        if target is not None and (mean < target if self.least else mean > target):
            text = f"**{text}**"
        if len(values) > 1:
            text += f" [{min(values):.{self.digits}f}, {max(values):.{self.digits}f}]"
        return text + (f" (of {len(values)})" if len(values) < len(runs) else "")


def value(name: str, times: float = 1) -> Callable[[Estimates], float | None]:
    return lambda run: run[name] * times if name in run else None


def most(*names: str) -> Callable[[Estimates], float | None]:
    return lambda run: 100 * max(run[name] for name in names)


def isolated(name: str) -> Callable[[Estimates], float | None]:
    """Of isolated sweeps; where there is one factor alone, all sweeps are."""
    return lambda run: run.get(f"isolated: {name}", run.get(name) if f"{PAIR}scale R²" not in run else None)


def overlaps(*, null: bool) -> Callable[[Estimates], float | None]:
    """The largest overlap of any two factors, or the smallest of their nulls."""

    def of(run: Estimates) -> float | None:
        found = [v for k, v in run.items() if k.startswith("isolated: overlap") and k.endswith("its null") == null]
        return (min if null else max)(found, default=None)

    return of


def alone(name: str) -> Callable[[Estimates], float | None]:
    """Of rotation alone; with all factors it was measured while the whole view moved."""
    return lambda run: None if f"{PAIR}scale R²" in run else run.get(name)


ROWS = [
    Row("class from the content, linear [%]", value("class from content, linear", 100), 2, (98, 96)),
    Row("… nearest neighbours [%]", value("class from content, knn", 100), 2),
    Row("… small network [%]", value("class from content, mlp", 100), 2),
    Row(
        "class from the pose, best of the three [%]",
        most(*(f"class from pose, {probe}" for probe in ("linear", "knn", "mlp"))),
        1,
        (20, 20),
        False,
    ),
    Row("relative rotation, R²", value(f"{PAIR}rotation R²"), 4, (0.995, 0.97)),
    Row("… median error [°]", value(f"{PAIR}rotation, median error [deg]"), 2, (1, 2.5), False),
    Row("… pairs more than 30° off [%]", value(f"{PAIR}rotation, share over 30°", 100), 2),
    Row("relative x, R²", value(f"{PAIR}translate_x R²"), 4, (None, 0.99)),
    Row("relative y, R²", value(f"{PAIR}translate_y R²"), 4, (None, 0.99)),
    Row("relative scale, R²", value(f"{PAIR}scale R²"), 4, (None, 0.97)),
    Row("rotation's variance in 2 dimensions, isolated", isolated("explained_variance rotation"), 4, (0.985, 0.95)),
    Row("x's variance in 1 dimension, isolated", isolated("explained_variance translate_x"), 3),
    Row("y's, isolated", isolated("explained_variance translate_y"), 3),
    Row("scale's, isolated", isolated("explained_variance scale"), 3),
    *(
        Row(
            f"sensitivity of the content to {name}",
            value(f"sensitivity of the content to {key}"),
            3,
            (0.02 if key == "rotation" else None, 0.05),
            False,
        )
        for name, key in (("rotation", "rotation"), ("x", "translate_x"), ("y", "translate_y"), ("scale", "scale"))
    ),
    Row("orbit energy shared by all images", alone("orbit_share rotation"), 3, (0.88, None)),
    Row(
        "… bound set by the images' intrinsic pose",
        alone("orbit_share rotation, the bound of the images' intrinsic pose"),
        3,
    ),
    Row("largest overlap of two factors, isolated", overlaps(null=False), 4),
    Row("… its 95th percentile by chance", overlaps(null=True), 4),
    Row("class from z_agg, 1 view [%]", value("class from z_agg of 1 view(s), linear", 100), 2),
    Row("… 3 views [%]", value("class from z_agg of 3 view(s), linear", 100), 2),
    Row("… 7 views [%]", value("class from z_agg of 7 view(s), linear", 100), 2, (98.5, 97.5)),
    Row("right view among 36 rotations, h@1", value("retrieval rotation h@1"), 3, (0.9, None)),
]


def main_table() -> str:
    """The recipes' estimates, mean and range over seeds; in bold where a target is missed."""
    found = {name: read(f"{file}.json") for name, file in COLUMNS.items() if (FOLDER / f"{file}.json").exists()}
    heads = ["estimate", "target", *(f"{name.strip()} ({len(runs)} seeds)" for name, runs in found.items())]
    which = [list(COLUMNS).index(name) for name in found]
    columns: list[list[Estimates]] = [[] for _ in COLUMNS]
    for i, runs in zip(which, found.values(), strict=True):
        columns[i] = runs
    lines = [line(heads), "|" + "---|" * len(heads)]
    for row in ROWS:
        label, target, *cells = row.cells(columns)
        lines.append(line([label, target, *(cells[i] for i in which)]))
    return "\n".join(lines)


def ablation_table(file: str) -> str:
    """What each ingredient buys: ``table.json`` of benchmarks/split_ablation.py."""
    found: dict[str, list[Estimates]] = json.loads((FOLDER / file).read_text())
    names = list(next(iter(found.values()))[0])
    lines = [line(["", *names]), "|" + "---|" * (1 + len(names))]
    for what, runs in found.items():
        lines.append(line([what, *(spread([run[name] for run in runs]) for name in names)]))
    return "\n".join(lines)


def spread(values: list[float]) -> str:
    return f"{statistics.fmean(values):.3g} [{min(values):.3g}, {max(values):.3g}]"


def read(file: str) -> list[Estimates]:
    return list(json.loads((FOLDER / file).read_text()).values())


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(main_table())
    for file in sorted(path.name for path in FOLDER.glob("*ablation.json")):
        print(f"\n{file}\n\n{ablation_table(file)}")
