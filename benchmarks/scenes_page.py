"""Tables and pictures of docs/results/objects3d.md and photometric.md: ``python benchmarks/scenes_page.py``.

From the files beside them, which ``benchmarks/scenes.py`` and ``benchmarks/probe_protocols.py`` wrote. A cell: the
value and its 95 % interval over held-out identities; a dash: not identifiable; empty: not asked.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from tables_of_runs import RESULTS, Estimates, cell, ideal, line, number, read

from seqjepa.report.style import COLOURS, GREY, SEQUENTIAL, save_figure, styled

OBJECTS, PHOTOMETRIC = RESULTS / "objects3d", RESULTS / "photometric"
Rows = Sequence[tuple[str, str, str]]
LENGTHS = ("1", "2", "3", "4", "5", "8")
FORMS = ("vision and action", "vision", "action")
SCORED = ("SIE", "seq-JEPA")
LAWS = ("as in 3DIEBench", "any rotation")
LIGHT = {
    "hue": "hue",
    "brightness": "brightness",
    "contrast": "contrast",
    "saturation": "saturation",
    "blur": "blur",
    "crop, x": "crop_x",
    "crop, y": "crop_y",
    "crop, size": "crop_size",
}
COLOUR = {"pixels": "#b9b9b9", "PCA-64": "#8c8c8c", "HOG": "#009E73", "untrained": "#56B4E9"}
SPACE = {"orientation": "orientation", "position": "position", "light": "light", "hue": "hue"}


def lives(factors: dict[str, str], swept: dict[str, str]) -> list[tuple[str, str, str]]:
    """Where factors live: what can be read of each, and how far it moves z."""
    return [
        *((f"{name} from z, R²", "leakage", f"{of} · z · linear") for name, of in factors.items()),
        *((f"{name} between two views, R²", "action", f"{of} · linear") for name, of in factors.items()),
        *((f"how far {name} moves z", "sensitivity", of) for name, of in swept.items()),
    ]


SPACE_SWEPT = {"a turn about x": "orientation_x", "a turn about the line of sight": "orientation_z"}
SPACE_SWEPT |= {"a shift in x": "position_x", "the light": "light_x", "hue": "hue"}
SPACE_PAIRS = {
    "turns about x and about y": ("orientation_x", "orientation_y"),
    "a turn about x and a shift in x": ("orientation_x", "position_x"),
    "a turn about x and the light about x": ("orientation_x", "light_x"),
    "a turn about x and hue": ("orientation_x", "hue"),
    "the light about x and hue": ("light_x", "hue"),
}
LIGHT_PAIRS = {
    "hue and brightness": ("hue", "brightness"),
    "brightness and contrast": ("brightness", "contrast"),
    "blur and crop size": ("blur", "crop_size"),
    "crop in x and in y": ("crop_x", "crop_y"),
    "hue and crop in x": ("hue", "crop_x"),
}


def sharing(pairs: dict[str, tuple[str, str]]) -> list[tuple[str, str, str]]:
    return [(f"variance shared by {name}", "shared_variance", " · ".join(of)) for name, of in pairs.items()]


ALL = (*lives(SPACE, SPACE_SWEPT), *sharing(SPACE_PAIRS), ("eigenvalue rank of z", "health", "eigen_entropy"))
PICTURES = (*lives(LIGHT, LIGHT), *sharing(LIGHT_PAIRS), ("eigenvalue rank of z", "health", "eigen_entropy"))
ALONE = (
    ("orientation from z, R²", "leakage", "orientation · z · linear"),
    ("rotation between two views, R²", "action", "orientation · linear"),
    ("its median error [°]", "action_error", "orientation · linear"),
    ("class from z, accuracy", "leakage", "class · z · linear"),
    ("class from z_agg, accuracy", "leakage", "class · z_agg · linear"),
    ("class from z_agg, actions withheld", "leakage", "class · z_agg withheld · linear"),
    ("what aggregation adds to the class", "aggregation_gap", "class"),
    ("how far a turn about the line of sight moves z", "sensitivity", "orientation_z"),
    ("how far a turn about x moves z", "sensitivity", "orientation_x"),
    ("variance shared by turns about x and y", "shared_variance", "orientation_x · orientation_y"),
    ("variance shared by turns about x and z", "shared_variance", "orientation_x · orientation_z"),
    ("the next view found, MRR", "next_view", "mrr"),
    ("prediction error", "prediction_error", "next view"),
    ("eigenvalue rank of z", "health", "eigen_entropy"),
)


def columns(folder: Path, names: Sequence[str]) -> dict[str, Estimates]:
    """Encoders' estimates, of those that are there."""
    return {name: read(folder / f"{name}.csv") for name in names if (folder / f"{name}.csv").exists()}


def table(rows: Rows, found: dict[str, Estimates]) -> str:
    """Estimates down, encoders across; the last one's null, and what a disentangled representation would be told."""
    lines = [line(["", *found, "null", "ideal"]), "|" + "---|" * (len(found) + 3)]
    for says, metric, of in rows:
        cells = [each.get((metric, of)) for each in found.values()]
        if any(each and each["value"] for each in cells):
            last = next((each for each in reversed(cells) if each and each["null"]), None)
            known = next((text for each in cells if (text := ideal(each))), "")
            lines.append(line([says, *map(cell, cells), number(last, "null") if last else "", known]))
    return "\n".join(lines)


BASELINES = ("pixels", "PCA-64", "untrained")
SEEDS = ("seed 0", "seed 1", "seed 2")
# Views observed in training and its epochs, and whose estimates these are; of those that were trained.
OF_VIEWS = {"1, 12 epochs": "2 views", "3, 12 epochs": "seed 0", "5, 12 epochs": "6 views", "3, 30 epochs": "longer"}


def of_seeds(found: Estimates, others: Sequence[Estimates], asked: tuple[str, str]) -> str:
    """The mean over seeds of one estimate, with the lowest and the highest."""
    rows = [of.get(asked) for of in (found, *others)]
    values = [float(row["value"]) for row in rows if row and row["value"]]
    if len(values) < len(rows):
        return ""
    decimals = 1 if asked[0] == "action_error" else 2
    mean, low, high = (f"{x:z.{decimals}f}" for x in (sum(values) / len(values), min(values), max(values)))
    return f"{mean} ({low} to {high})"


def seeds_table() -> str:
    """Orientation alone: baselines, the seeds' mean and range, and what was trained otherwise."""
    folder = OBJECTS / "orientation"
    before, seeds = columns(folder, BASELINES), list(columns(folder, SEEDS).values())
    after = columns(folder, ("teacherless 0", "2 views", "6 views", "longer"))
    named = f"{len(seeds)} seeds"
    lines = [line(["", *before, named, *after, "null", "ideal"]), "|" + "---|" * (len(before) + len(after) + 4)]
    for says, metric, of in ALONE:
        asked = metric, of
        cells = [each.get(asked) for each in (*before.values(), *seeds, *after.values())]
        if any(each and each["value"] for each in cells):
            last = next((each for each in reversed(cells) if each and each["null"]), None)
            known = next((text for each in cells if (text := ideal(each))), "")
            lines.append(
                line(
                    [
                        says,
                        *(cell(each.get(asked)) for each in before.values()),
                        of_seeds(seeds[0], seeds[1:], asked),
                        *(cell(each.get(asked)) for each in after.values()),
                        number(last, "null") if last else "",
                        known,
                    ]
                )
            )
    return "\n".join(lines)


def objects3d_tables() -> list[str]:
    return [
        table(ALL, columns(OBJECTS / "all", (*BASELINES, "seed 0", "hue"))),
        seeds_table(),
        protocols_table(),
        heatmap_table(),
        paths_table(),
        online_table(OBJECTS, ("orientation", "hue")),
    ]


def photometric_tables() -> list[str]:
    return [
        table(PICTURES, columns(PHOTOMETRIC, (*BASELINES[:2], "HOG", "untrained", "trained"))),
        unseen_table(),
        online_table(PHOTOMETRIC, tuple(LIGHT.values())),
    ]


def online_table(folder: Path, factors: tuple[str, ...]) -> str:
    """The last epoch of each run whose metrics lie in the folder: online probes, on what it was trained with."""
    found = {}
    for file in sorted((folder / "metrics").glob("*.csv")):
        with file.open(newline="", encoding="utf-8") as rows:
            found[file.stem] = list(csv.DictReader(rows))[-1]
    asked = [
        ("epochs", "epoch", 0),
        ("class from z_agg [%]", "linacc_test", 1),
        ("class from z [%]", "leakage_linacc_test", 1),
    ]
    for name in factors:
        said = name.replace("_", " ")
        asked += [(f"{said} between two views, R²", f"r2_test_{name}", 2)]
        asked += [
            (f"its median error, in its unit{f', {which}' * bool(which)}", f"error_{which or 'test'}_{name}", 2)
            for which in ("", "constant")
        ]
    lines = [line(["online probes", *found]), "|" + "---|" * (len(found) + 1)]
    for says, column, decimals in asked:
        if any(row.get(column) for row in found.values()):
            cells = [f"{float(row[column]):z.{decimals}f}" if row.get(column) else "" for row in found.values()]
            lines.append(line([says, *cells]))
    return "\n".join(lines)


def unseen_table() -> str:
    """What is read of hue where hues were trained on, and where not."""
    heads = ["", "hues from -36° to 36°, trained on", "from 90° to 162°, not trained on"]
    lines = [line(heads), "|---|---|---|"]
    for name in ("PCA-64", "untrained", "trained"):
        both = [read(PHOTOMETRIC / folder / f"{name}.csv") for folder in ("", "unseen")]
        for says, metric, of in (
            ("hue from z, R²", "leakage", "hue · z · linear"),
            ("hue between two views, R²", "action", "hue · linear"),
            ("its median error [°]", "action_error", "hue · linear"),
        ):
            lines.append(line([f"{name}: {says}", *(cell(found.get((metric, of))) for found in both)]))
    constants = [number(found[("action_error", "hue · linear")], "null") for found in both]
    lines.append(line(["the best constant's median error [°]", *constants]))
    return "\n".join(lines)


def protocol_rows() -> list[dict[str, str]]:
    """Of the best constant, and of the probes where these were fitted: baselines, seeds, what was trained otherwise."""
    found = []
    for name in ("constants", "protocols"):
        if (OBJECTS / f"{name}.csv").exists():
            with (OBJECTS / f"{name}.csv").open(newline="", encoding="utf-8") as file:
                found += [row for row in csv.DictReader(file) if (row["answer"] == "constant") == (name == "constants")]
    order = ("", *BASELINES, *SEEDS)
    return sorted(found, key=lambda row: order.index(row["encoder"]) if row["encoder"] in order else len(order))


def on_the_other_scale(r2: float = 0.58) -> str:
    """What SIE's score would be of an encoder that has an R² by seq-JEPA's, all columns being read equally well."""
    (paid,) = [
        float(row["value"])
        for row in protocol_rows()
        if (row["law"], row["target"], row["answer"], row["score"]) == (LAWS[0], "quaternion", "constant", "SIE")
    ]
    return f"{1 - (1 - r2) * (1 - paid):.2f}"


def protocols_table() -> str:
    """Laws, encoders and targets down, scores across."""
    scores = ("SIE", "seq-JEPA", "by variance", "degrees")
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for row in protocol_rows():
        who = row["encoder"] if row["answer"] == "probe" else "the best constant"
        decimals = 0 if row["score"] == "degrees" else 2
        value, low, high = (f"{float(row[name]):z.{decimals}f}" for name in ("value", "low", "high"))
        text = value if who == "the best constant" else f"{value} [{low}, {high}]"
        found.setdefault((row["law"], row["target"], who), {})[row["score"]] = text
    heads = ["rotations", "target", "from", "SIE's R²", "seq-JEPA's R²", "R² by variance", "mean error [°]"]
    lines = [line(heads), "|" + "---|" * len(heads)]
    for key in sorted(
        found, key=lambda key: (LAWS.index(key[0]), key[1] != "quaternion", key[2] == "the best constant")
    ):
        lines.append(line([*key, *(found[key][score] for score in scores)]))
    return "\n".join(lines)


def by_views() -> dict[str, Estimates]:
    """Estimates of models by the number of views that they were trained on."""
    found = {views: columns(OBJECTS / "orientation", [name]) for views, name in OF_VIEWS.items()}
    return {views: of[OF_VIEWS[views]] for views, of in found.items() if of}


def heatmap_table() -> str:
    """Class accuracy from z_agg: training down, views at test across, the probe fitted at that length."""
    heads = ["views observed in training", *(f"{n} at test" for n in LENGTHS)]
    lines = [line(heads), "|" + "---|" * len(heads)]
    for views, estimates in by_views().items():
        cells = [cell(estimates.get(("sequence_accuracy", f"{n} · {n}"))) for n in LENGTHS]
        lines.append(line([views, *cells]))
    return "\n".join(lines)


def paths_table() -> str:
    """R² of the whole path from z_agg, of what it is given: over the seeds, and of other numbers of views."""
    seeds = list(columns(OBJECTS / "orientation", SEEDS).values())
    lines = [line(["from", *(f"{n} views" for n in LENGTHS[1:])]), "|" + "---|" * len(LENGTHS)]
    for form in FORMS:
        asked = [("path_integration", f"orientation · {form} · {n}") for n in LENGTHS[1:]]
        lines.append(line([form, *(of_seeds(seeds[0], seeds[1:], of) for of in asked)]))
    for views, estimates in by_views().items():
        if OF_VIEWS[views] not in SEEDS:
            asked = [("path_integration", f"orientation · {FORMS[0]} · {n}") for n in LENGTHS[1:]]
            lines.append(line([f"{FORMS[0]}; {views}", *(cell(estimates.get(of)) for of in asked)]))
    return "\n".join(lines)


def numbers(found: Estimates, metric: str, of: str) -> tuple[float, float, float, float]:
    """Value, low, high, null; not a number where there is none."""
    row = found.get((metric, of), {})
    value, low, high, null = (float(row.get(name) or "nan") for name in ("value", "low", "high", "null"))
    return value, low, high, null


@styled
def bars(found: dict[str, Estimates], factors: dict[str, str]) -> Figure:
    """What a linear probe reads of each factor from every encoder, with intervals."""
    figure = Figure((7.2, 2.9), layout="constrained")
    axes, width = figure.subplots(), 0.8 / len(found)
    for at, (name, estimates) in enumerate(found.items()):
        rows = np.array([numbers(estimates, "leakage", f"{of} · z · linear") for of in factors.values()])
        places = np.arange(len(factors)) + (at - (len(found) - 1) / 2) * width
        axes.bar(places, rows[:, 0].clip(min=0), width * 0.92, color=COLOUR.get(name, COLOURS[at]), label=name)
        axes.vlines(places, rows[:, 1].clip(min=0), rows[:, 2].clip(min=0), color="black", linewidth=0.8)
    axes.set_xticks(range(len(factors)), list(factors))
    axes.set_ylabel("read from z by a linear probe, R²")
    axes.set_ylim(0, 1)
    axes.grid(axis="x", visible=False)
    figure.legend(ncols=len(found), loc="outside upper center")
    return figure


@styled
def lengths_figure() -> Figure:
    """Class accuracy by views at test for models trained on several numbers of views, and what is left of a path."""
    figure = Figure((7.2, 2.9), layout="constrained")
    left, right = figure.subplots(1, 2, gridspec_kw={"width_ratios": (1.25, 1)})
    trained, seeds = by_views(), columns(OBJECTS / "orientation", SEEDS)
    cells = np.array(
        [[numbers(found, "sequence_accuracy", f"{n} · {n}")[:3] for n in LENGTHS] for found in trained.values()]
    )
    left.imshow(cells[..., 0], vmin=0, vmax=1, cmap=SEQUENTIAL, aspect="auto")
    for i, row in enumerate(cells):
        for j, (value, low, high) in enumerate(row):
            text = f"{value:.2f}\n[{low:.2f}, {high:.2f}]"
            left.text(j, i, text, ha="center", va="center", fontsize=6, color="white" if value < 0.55 else "black")
    left.set_xticks(range(len(LENGTHS)), LENGTHS)
    left.set_yticks(range(len(trained)), [name.replace(", ", "\n") for name in trained])
    left.set_xlabel("views at test")
    left.set_ylabel("observed in training")
    left.set_title("class from z_agg, accuracy", loc="left")
    left.grid(visible=False)
    at = [int(n) for n in LENGTHS[1:]]
    for colour, form in zip(COLOURS, ("vision and action", "action", "vision"), strict=False):
        for place, along in enumerate(seeds.values()):
            rows = np.array([numbers(along, "path_integration", f"orientation · {form} · {n}") for n in LENGTHS[1:]])
            label = "" if place else form
            right.plot(at, rows[:, 0], color=colour, marker="o", markersize=3, linewidth=1, label=label or None)
            right.fill_between(at, rows[:, 1], rows[:, 2], color=colour, alpha=0.12, linewidth=0)
    right.axhline(0, color=GREY, linewidth=0.8)
    right.set_ylim(-0.12, 1.06)
    right.set_xlabel("views")
    right.set_title("the whole path from z_agg, R²", loc="left")
    right.legend()
    return figure


@styled
def protocols_figure() -> Figure:
    """The same answers by the two scores: the best constant's, and a probe's of each encoder."""
    figure = Figure((7.2, 2.6), layout="constrained")
    axes = figure.subplots()
    rows = [row for row in protocol_rows() if row["law"] == LAWS[0] and row["target"] == "quaternion"]
    names = list(dict.fromkeys(row["encoder"] for row in rows))
    for row in rows:
        if row["score"] in SCORED:
            at, place = SCORED.index(row["score"]), names.index(row["encoder"])
            x, value, high = place + (at - 0.5) * 0.38, float(row["value"]), float(row["high"])
            label = f"scored as {row['score']} does" if not place else None
            axes.bar(x, value, 0.36, color=COLOURS[at], label=label)
            axes.vlines(x, float(row["low"]), high, color="black", linewidth=0.8)
            axes.text(x, max(high, 0) + 0.01, f"{value:z.2f}", ha="center", fontsize=8)
    axes.set_xticks(range(len(names)), [name or "the best constant" for name in names])
    axes.grid(axis="x", visible=False)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set_ylim(0, 0.62)
    axes.set_ylabel("R² of the rotation\nbetween two views")
    axes.legend(loc="upper left", ncols=2)
    return figure


def main() -> None:
    for tables in (objects3d_tables(), photometric_tables()):
        print(*tables, sep="\n\n", end="\n\n")
    objects = columns(OBJECTS / "all", (*BASELINES, "seed 0", "hue"))
    names = {"seed 0": "trained on orientation", "hue": "trained on orientation and hue"}
    shown = {names.get(name, name): found for name, found in objects.items()}
    save_figure(bars(shown, SPACE), OBJECTS / "lives.png")
    save_figure(lengths_figure(), OBJECTS / "lengths.png")
    save_figure(protocols_figure(), OBJECTS / "protocols.png")
    pictures = columns(PHOTOMETRIC, (*BASELINES[:2], "HOG", "untrained", "trained"))
    save_figure(
        bars(pictures, {k.replace(", ", "\n"): v for k, v in LIGHT.items()}),
        PHOTOMETRIC / "lives.png",
    )


if __name__ == "__main__":
    main()
