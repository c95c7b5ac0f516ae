"""Table and picture of docs/results/prediction.md, of the rows beside it: python benchmarks/prediction_page.py"""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import fmean

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from prediction import VARIANTS

FOLDER = Path(__file__).parents[1] / "docs" / "results" / "prediction"
R2, BY_NETWORK = "action rotation linear", "action rotation mlp"
AGGREGATE, SENSITIVITY = "class from z_agg", "sensitivity rotation"
TARGETS = {R2: 0.9, AGGREGATE: 0.9}
HEADS = {"small": "hypothesis", **{size: f"hypothesis, {size}" for size in ("full", "large", "whole")}}
Row = dict[str, dict[str, float]]


PLACED = {
    "small": {  # names of hypotheses beside their squares [points]
        "baseline": ((4, -26), "right"),
        "half of the planes still": ((2, -14), "right"),
        "half still, longer": ((0, 9), "right"),
        "half still, contrast across images": ((0, 24), "center"),
        "no teacher": ((0, -9), "left"),
        "planes": ((0, 9), "center"),
        "planes, contrast across poses": ((8, -4), "left"),
        "every view from the others": ((0, -22), "center"),
        "pose head": ((0, 10), "left"),
        "contrast across poses": ((0, -10), "left"),
        "mixture": ((0, 10), "left"),
        "easier target": ((0, 9), "center"),
        "longer": ((0, 9), "center"),
    },
    "full": {},
}
KEPT_OFF = ("asked", "changes", "longer", "collapse")  # what a control has in common with its hypothesis


def found(split: str, seed: int = 0, size: str = "small") -> dict[str, Row]:
    """Of each hypothesis the values of its runs by mode; its control may be shared with others."""
    lines = (FOLDER / "results.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [
        row for row in map(json.loads, lines) if (row["split"], row["run"]["seed"], row["size"]) == (split, seed, size)
    ]
    by_name: dict[str, Row] = {}
    for name, variant in VARIANTS.items():
        modes = {row["mode"]: row["values"] for row in rows if row["name"] == name and row["mode"] != "off"}
        asked = json.loads(json.dumps({key: getattr(variant, key) for key in KEPT_OFF}))
        off = [r["values"] for r in rows if r["mode"] == "off" and {key: r["run"][key] for key in KEPT_OFF} == asked]
        if modes:
            by_name[name] = modes | ({"off": off[0]} if off else {})
    return by_name


def aggregate(name: str, values: dict[str, float], mode: str) -> float:
    """Class from z_agg; without prediction an operator has learnt nothing, so there from the views' mean."""
    return values["class from mean z" if mode == "off" and VARIANTS[name].operator else AGGREGATE]


def markdown(size: str = "small", split: str = "validation", seed: int = 0) -> str:
    """The table: a line a hypothesis that was run, each cell with the prediction on / off (/ blind)."""
    rows = found(split, seed, size)
    network = any(BY_NETWORK in values for row in rows.values() for values in row.values())
    head = [HEADS[size], "class from z_agg [%]", "class from z [%]", "relative rotation, R²"]
    head += [*["… by a small network"] * network, "sensitivity of z", "what prediction adds"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name, row in rows.items():
        modes = [mode for mode in ("on", "off", "blind") if mode in row]
        cells = [
            [f"{100 * aggregate(name, row[mode], mode):.1f}" for mode in modes],
            [f"{100 * row[mode]['class from z']:.1f}" for mode in modes],
            [f"{row[mode][R2]:.2f}" for mode in modes],
            *([[f"{row[mode][BY_NETWORK]:.2f}" for mode in modes]] if network else []),
            [f"{row[mode][SENSITIVITY]:.2f}" for mode in modes],
        ]
        lines.append(f"| {name} | " + " | ".join(" / ".join(cell) for cell in cells) + f" | {verdict(name, row)} |")
    return "\n".join(lines)


def seeds(size: str = "small") -> str:
    """R² and class of the hypotheses that were run with seeds 0, 1 and 2: the mean, and each seed's."""
    lines = [f"| seeds 0, 1, 2, {size} size | relative rotation, R² | class from z_agg [%] |", "|---|---|---|"]
    rows = [found("validation", seed, size) for seed in (0, 1, 2)]
    for name, mode, said in [("baseline", "off", "no prediction"), *((name, "on", name) for name in VARIANTS)]:
        each = [row[name][mode] for row in rows if mode in row.get(name, {})]
        if len(each) == len(rows):
            r2 = [values[R2] for values in each]
            share = [100 * aggregate(name, values, mode) for values in each]
            cells = (
                f"{fmean(r2):.2f} ({', '.join(f'{x:.2f}' for x in r2)})",
                (f"{fmean(share):.1f} ({', '.join(f'{x:.1f}' for x in share)})"),
            )
            lines.append(f"| {said} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def tables() -> list[str]:
    """All that stand in the page: of each size; and over seeds, where there are several."""
    return [*(markdown(size) for size in HEADS), *(seeds(size) for size in ("small", "full"))]


def verdict(name: str, row: Row) -> str:
    """On less off, and whether the targets are reached, rotation by whichever probe reads more."""
    if "off" in row:
        r2 = row["on"][R2] - row["off"][R2]
        share = 100 * (aggregate(name, row["on"], "on") - aggregate(name, row["off"], "off"))
        adds = f"R² {r2:+.2f}, class {share:+.1f} points"
    else:
        adds = "no control was run"
    read = max(row["on"][R2], row["on"].get(BY_NETWORK, 0.0)), row["on"][AGGREGATE]
    reached = [value >= target for value, target in zip(read, TARGETS.values(), strict=True)]
    targets = (
        "both targets reached" if all(reached) else "one target reached" if any(reached) else "both targets missed"
    )
    return f"{adds}; {targets}"


def picture(path: Path, size: str, lowest: float) -> None:
    """An arrow a hypothesis, from its control to the run with prediction: class from z_agg against R²."""
    fig, ax = plt.subplots(figsize=(7, 5))
    for i, (name, row) in enumerate(found("validation", size=size).items()):
        if {"on", "off"} <= row.keys():
            start, end = ((row[mode][R2], 100 * aggregate(name, row[mode], mode)) for mode in ("off", "on"))
            ax.annotate("", end, start, arrowprops=dict(arrowstyle="->", color=f"C{i % 10}"))
            ax.plot(*start, "o", color=f"C{i % 10}", ms=4)
            ax.plot(*end, "s", color=f"C{i % 10}", ms=6)
            (x, y), far = PLACED[size].get(name, ((6, 0), "left"))
            ax.annotate(
                name, end, (x, y), textcoords="offset points", fontsize=8, color=f"C{i % 10}", ha=far, va="center"
            )
    ax.axvline(TARGETS[R2], color="0.6", ls=":")
    ax.axhline(100 * TARGETS[AGGREGATE], color="0.6", ls=":")
    ax.set(
        xlabel="relative rotation read from z, R²",
        ylabel="class from z_agg [%]",
        xlim=(-0.06, 1.06),
        ylim=(lowest, 100),
    )
    ax.set_title("Circle: no prediction; square: with it. Dotted: targets", fontsize=10)
    fig.tight_layout()
    fig.savefig(path, dpi=120)


if __name__ == "__main__":
    page = FOLDER.with_suffix(".md")
    text = page.read_text(encoding="utf-8")
    for table in tables():
        head = re.escape(table.split("|")[1])
        text = re.sub(rf"^\|{head}\|(.+\n)+", lambda _, made=table: made + "\n", text, flags=re.M)
    page.write_text(text, encoding="utf-8")
    picture(FOLDER / "prediction.png", "small", 30)
    picture(FOLDER / "prediction_full.png", "full", 50)
