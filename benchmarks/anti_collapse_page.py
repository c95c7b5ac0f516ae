"""Tables and figure of docs/results/anti_collapse.md: ``python benchmarks/anti_collapse_page.py [RESULTS.jsonl]``.

Rows of benchmarks/anti_collapse.py in such a file become those beside the page; tables stand between marks in the page.
"""

import json
import re
import shutil
import statistics
import sys
from pathlib import Path

from anti_collapse import FIXED, RELATIVE, score
from matplotlib.figure import Figure

from seqjepa.report.style import colour_of, styled

PAGE = Path(__file__).parents[1] / "docs" / "results" / "anti_collapse.md"
FOLDER = PAGE.with_suffix("")
ROWS = FOLDER / "results.jsonl"
ALL_R2 = f"{RELATIVE}all"
AFFINE, SPRITES = "mnist_affine_fast", "sprites_fast"
# What the tables of a recipe and so many training images are called by in the page.
MARKS = {(AFFINE, 2_000): "", (SPRITES, 2_000): "sprites: ", (AFFINE, 10_000): "more: "}
PICTURES = {(AFFINE, 2_000): "terms.png", (SPRITES, 2_000): "terms_sprites.png"}
FACTORS = {
    AFFINE: {"rotation": "rotation", "x": "translate_x", "y": "translate_y", "scale": "scale"},
    SPRITES: {name: name for name in ("angle", "x", "y", "size")},
}
PAIRS = {
    AFFINE: {
        "rotation, shifts": "rotation translation",
        "rotation, scale": "rotation scale",
        "scale, shifts": "scale translation",
        "x, y": "translate_x translate_y",
    },
    SPRITES: {"angle, x": "angle x", "angle, size": "angle size", "size, x": "size x", "x, y": "x y"},
}
READ = {
    "class from z": "class from z",
    "fixed": f"class from z{FIXED}",
    "class from z_agg": "class from z_agg",
    "fixed ": f"class from z_agg{FIXED}",
    "R²": ALL_R2,
    "fixed  ": f"{ALL_R2}{FIXED}",
    "online R²": "training: r2_test",
}
RANKS = {
    "z, eval": "training: rank_eq_eff",
    "z, train": "training: rank_eq_eff_train_mode",
    "z_agg, eval": "training: rank_inv_eff",
    "z_agg, train": "training: rank_inv_eff_train_mode",
    "RankMe of z": "health rankme",
    "norm of z": "training: norm_z",
    "1 − cos": "training: prediction_test",
}
PERCENT = "class from"
Row = dict
Kind = tuple[str, str, float]


def tables_of(recipe: str) -> dict[str, dict[str, str]]:
    """A recipe's tables: by name the measure under each heading."""
    factors = FACTORS[recipe].items()
    return {
        "read": READ,
        "factors": {f"R² {name}": f"{RELATIVE}{factor}" for name, factor in factors}
        | {f"MRR {name}": f"retrieval {factor} mrr" for name, factor in factors},
        "ranks": RANKS,
        "subspaces": {f"EV of {name}": f"explained_variance {factor}" for name, factor in factors}
        | {f"shared: {name}": f"shared_variance {pair}" for name, pair in PAIRS[recipe].items()},
    }


def load(path: Path = ROWS) -> list[Row]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        for at in ("", FIXED):
            each = [
                row.get("values", {}).get(f"{RELATIVE}{factor}{at}")
                for factor in FACTORS[row["case"]["recipe"]].values()
            ]
            if None not in each:
                row["values"][f"{ALL_R2}{at}"] = statistics.fmean(each)
    return rows


def finals(rows: list[Row]) -> dict[Kind, list[Row]]:
    """The final runs of each term, target and weight, in the order of the file's first."""
    found: dict[Kind, list[Row]] = {}
    for row in rows:
        case = row["case"]
        if case["stage"] == "final" and "values" in row:
            found.setdefault((case["term"], case["target"], case["weight"]), []).append(row)
    order = ("untrained", "none")
    return dict(sorted(found.items(), key=lambda item: order.index(item[0][0]) if item[0][0] in order else len(order)))


def cell(values: list[float], percent: bool) -> str:
    """The mean, and with several seeds half of what lies between the highest and the lowest."""
    if not values:
        return "–"
    scaled = [100 * value if percent else value for value in values]
    digits = 1 if percent or max(map(abs, scaled)) >= 5 else 3
    text = f"{statistics.fmean(scaled):.{digits}f}".replace("-", "−")
    return text + (f" ± {(max(scaled) - min(scaled)) / 2:.{digits}f}" if len(scaled) > 1 else "") + " %" * percent


def table(columns: dict[str, str], rows: list[Row]) -> str:
    """Final runs down, measures across; above them the ideals where there are some."""
    lines = []
    runs = finals(rows)
    for ideal in ("disentangled", "equivariant"):
        known = next((row["ideals"] for of in runs.values() for row in of if row.get("ideals")), {})
        cells = [known.get(measure, {}).get(ideal) for measure in columns.values()]
        if any(value is not None for value in cells):
            said = [cell([] if value is None else [value], False) for value in cells]
            lines.append(line([f"*ideal: {ideal}*", "", "", "", *said]))
    for (term, target, weight), of in runs.items():
        said = [
            cell([row["values"][m] for row in of if m in row["values"]], m.startswith(PERCENT))
            for m in columns.values()
        ]
        lines.append(line([f"`{term}`", target, f"{weight:g}" if target else "", str(len(of)), *said]))
    return "\n".join([line(["term", "of", "weight", "seeds", *columns]), line(["---"] * (4 + len(columns))), *lines])


def weights(rows: list[Row]) -> str:
    """The score at every weight that was tried, the best of each line marked."""
    tried: dict[tuple[str, str], dict[float, float | None]] = {}
    for row in rows:
        case = row["case"]
        if case["stage"] == "choose":
            value = score(row["values"]) if "values" in row else None
            tried.setdefault((case["term"], case["target"]), {})[case["weight"]] = value
    lines = [line(["term", "of", "weight: score"]), line(["---"] * 3)]
    for (term, target), found in tried.items():
        best = max((value for value in found.values() if value is not None), default=None)
        said = [
            f"{weight:g}: "
            + ("not finite" if value is None else f"**{value:.3f}**" if value == best else f"{value:.3f}")
            for weight, value in sorted(found.items())
        ]
        lines.append(line([f"`{term}`", target, ", ".join(said) if target else said[0].partition(": ")[2].strip("*")]))
    return "\n".join(lines)


def line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def made_by(rows: list[Row]) -> str:
    """How many runs there are, of which commits and sizes."""
    commits = sorted({row["commit"] for row in rows})
    sizes = sorted({tuple(row["case"][n] for n in ("recipe", "train", "held_out", "identities")) for row in rows})
    stages = {stage: sum(row["case"]["stage"] == stage for row in rows) for stage in ("final", "choose")}
    told = "; ".join(f"`{r}`, {t:,} training and {h:,} held-out images, {i} identities swept" for r, t, h, i in sizes)
    minutes = sum(row["seconds"] for row in rows) / 60
    return (
        f"{stages['final']} final runs and {stages['choose']} that choose weights: {told}; "
        f"{minutes:.0f} minutes together; commit {', '.join(f'`{c}`' for c in commits)}."
    )


def parts(rows: list[Row]) -> dict[str, str]:
    """What stands in the page between marks, by name."""
    found = {"made by": made_by(rows)}
    for (recipe, train), mark in MARKS.items():
        of = rows_of(rows, recipe, train)
        found |= {f"{mark}{name}": table(columns, of) for name, columns in tables_of(recipe).items()}
        found[f"{mark}weights"] = weights(of)
    return found


def rows_of(rows: list[Row], recipe: str, train: int) -> list[Row]:
    return [row for row in rows if (row["case"]["recipe"], row["case"]["train"]) == (recipe, train)]


@styled
def figure(rows: list[Row]) -> Figure:
    """The class from z_agg at random poses against the mean relative R², a mark a run; and both ranks."""
    runs = finals(rows)
    colours, marks = (
        colour_of(list(dict.fromkeys(term for term, *_ in runs))),
        {"": "s", "z": "o", "z_agg": "^", "both": "D"},
    )
    drawn = Figure(figsize=(10, 4), layout="constrained")
    left, right = drawn.subplots(1, 2)
    for (term, target, weight), of in runs.items():
        label = f"{term} of {target}, {weight:g}" if target else term
        look = dict(color=colours[term], marker=marks[target], linestyle="none", alpha=0.8)
        values = [row["values"] for row in of]
        left.plot([v[ALL_R2] for v in values], [100 * v["class from z_agg"] for v in values], label=label, **look)
        right.plot(*([v[f"training: rank_{z}_eff"] for v in values] for z in ("eq", "inv")), **look)
    left.set(xlabel="mean relative R² at random poses", ylabel="class from z_agg at random poses, %")
    right.set(xlabel="effective rank of z", ylabel="effective rank of z_agg")
    drawn.legend(loc="outside right center", fontsize=8)
    return drawn


def main() -> None:
    if len(sys.argv) > 1:
        FOLDER.mkdir(exist_ok=True)
        shutil.copyfile(sys.argv[1], ROWS)
    rows = load()
    text = PAGE.read_text(encoding="utf-8")
    for name, part in parts(rows).items():
        mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text, found = mark.subn(lambda m, part=part: f"{m[1]}\n{part}\n\n{m[2]}", text)
        assert found == 1, name
    PAGE.write_text(text, encoding="utf-8")
    for (recipe, train), name in PICTURES.items():
        figure(rows_of(rows, recipe, train)).savefig(FOLDER / name, dpi=150)


if __name__ == "__main__":
    main()
