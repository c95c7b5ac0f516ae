"""Tables and pictures of docs/results/zoo.md, from the estimates beside it: ``python benchmarks/zoo_page.py``."""

import math
from pathlib import Path

from matplotlib.figure import Figure
from networks.packaged import NETWORKS
from tables_of_runs import Estimates, line, number, read

from seqjepa.report.style import colour_of, styled

ZOO = Path(__file__).parents[1] / "docs" / "results" / "zoo"
FACTORS = {"rotation": "rotation", "x": "translate_x", "y": "translate_y", "scale": "scale", "brightness": "brightness"}
PAIRS = {
    "rotation and the shifts": "rotation · translation",
    "rotation and scale": "rotation · scale",
    "x and y": "translate_x · translate_y",
    "scale and the shifts": "scale · translation",
    "brightness and rotation": "brightness · rotation",
    "brightness and scale": "brightness · scale",
}
ROWS = (
    *((f"how far {name} moves z", "sensitivity", of) for name, of in FACTORS.items()),
    *((f"{name} from z, R²", "leakage", f"{of} · z · linear") for name, of in FACTORS.items()),
    *((f"path of {name} common to all images", "common_orbit", of) for name, of in FACTORS.items()),
    *((f"variance shared by {said}", "shared_variance", pair) for said, pair in PAIRS.items()),
)
LAYERED = ("digits", "ImageNet")


def file_of(setting: str, name: str, twin: bool = False, layer: str = "") -> Path:
    stem = name.replace(" ", "-") + "-twin" * twin + (f"@{layer}" if layer else "")
    return ZOO / setting / f"{stem}.csv"


def networks_of(setting: str) -> list[str]:
    return [name for name in NETWORKS if file_of(setting, name).exists()]


def of(found: Estimates, metric: str, what: str) -> dict[str, str] | None:
    """An estimate; a pair stands in either order."""
    turned = " · ".join(reversed(what.split(" · "))) if metric == "shared_variance" else what
    return found.get((metric, what)) or found.get((metric, turned))


def value(row: dict[str, str] | None, column: str = "value") -> float:
    return float(row[column]) if row and row[column] else float("nan")


def cell(trained: dict[str, str] | None, twin: dict[str, str] | None) -> str:
    """The trained network's value and interval, and the twin's value behind a bar."""
    if trained is None or not trained["value"]:
        own = "–"
    else:
        own = number(trained, "value") + (
            f" [{number(trained, 'low')}, {number(trained, 'high')}]" if trained["low"] else ""
        )
    return own if twin is None else f"{own} ∣ {number(twin, 'value') if twin['value'] else '–'}"


def markdown(setting: str) -> str:
    """Estimates down, networks across."""
    names = networks_of(setting)
    pixels = read(file_of(setting, "pixels"))
    runs = [(read(file_of(setting, name)), read(file_of(setting, name, twin=True))) for name in names]
    lines = [line(["estimate", "pixels", *names]), "|" + "---|" * (2 + len(names))]
    for says, metric, what in ROWS:
        cells = [cell(of(own, metric, what), of(twin, metric, what) or {"value": ""}) for own, twin in runs]
        lines.append(line([says, cell(of(pixels, metric, what), None), *cells]))
    return "\n".join(lines)


def layers_of(setting: str, name: str) -> list[str]:
    return [layer for layer in NETWORKS[name].layers[:-1] if file_of(setting, name, layer=layer).exists()]


def layers_markdown(setting: str, name: str) -> str:
    """Estimates down, layers across, from front to back."""
    layers = [*layers_of(setting, name), ""]
    runs = [(read(file_of(setting, name, layer=at)), read(file_of(setting, name, True, at))) for at in layers]
    heads = [f"`{at or NETWORKS[name].layers[-1]}`" for at in layers]
    lines = [line(["estimate", *heads]), "|" + "---|" * (1 + len(heads))]
    for says, metric, what in ROWS:
        if metric in ("sensitivity", "leakage", "shared_variance"):
            cells = [cell(of(own, metric, what), of(twin, metric, what) or {"value": ""}) for own, twin in runs]
            lines.append(line([says, *cells]))
    return "\n".join(lines)


def budget_markdown() -> str:
    """What was found of the ViT within a budget: a factor a line, its pairs to the right."""
    found = read(file_of("budget", "saliency ViT"))
    names = {said: factor for said, factor in FACTORS.items() if factor != "brightness"}
    heads = ["of", "how far it moves z", "action R²", *(f"variance shared with {said}" for said in list(names)[:-1])]
    lines = [line(heads), "|" + "---|" * len(heads)]
    for i, (said, factor) in enumerate(names.items()):
        own = (of(found, "sensitivity", factor), of(found, "action", f"{factor} · linear"))
        pairs = (of(found, "shared_variance", f"{other} · {factor}") for other in list(names.values())[:i])
        cells = [cell(row, None) for row in (*own, *pairs)]
        lines.append(line([said, *cells, *[""] * (len(heads) - 1 - len(cells))]))
    return "\n".join(lines)


@styled
def moved(setting: str) -> Figure:
    """How far each factor moves each network, its twin hollow beside it."""
    names = networks_of(setting)
    figure = Figure((7.2, 3.2), layout="constrained")
    axes, colours = figure.subplots(), colour_of(names)
    for i, name in enumerate(names):
        for twin in (False, True):
            found = read(file_of(setting, name, twin))
            rows = [of(found, "sensitivity", what) for what in FACTORS.values()]
            at = [j + (i - len(names) / 2 + 0.5) * 0.11 for j in range(len(rows))]
            values = [value(row) for row in rows]
            below = [value(row) - value(row, "low") for row in rows]
            above = [value(row, "high") - value(row) for row in rows]
            how = dict(fmt="o", markersize=4, linewidth=1, color=colours[name])
            how |= dict(markerfacecolor="white", alpha=0.6) if twin else dict(label=name)
            axes.errorbar(at, values, yerr=[below, above], **how)
    axes.set_xticks(range(len(FACTORS)), list(FACTORS))
    axes.set_ylabel("how far it moves z")
    axes.set_ylim(0)
    figure.legend(ncols=len(names), loc="outside upper center")
    return figure


@styled
def shared(setting: str) -> Figure:
    """Shared variance of the factors, a square for each network."""
    names = networks_of(setting)
    figure = Figure((1.75 * len(names), 2.4), layout="constrained")
    order, image = ["rotation", "translation", "scale", "brightness"], None
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        found = read(file_of(setting, name))
        rows = [[of(found, "shared_variance", f"{a} · {b}") for b in order] for a in order]
        shares = [[value(row) for row in across] for across in rows]
        image = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
        for i, across in enumerate(shares):
            for j, share in enumerate(across):
                if not math.isnan(share):
                    ink = "white" if share > 0.6 else "black"
                    axes.text(j, i, f"{share:.2f}", ha="center", va="center", size=7, color=ink)
        axes.set_xticks(range(len(order)), order, rotation=90, size=7)
        axes.set_yticks(range(len(order)), order if axes.get_subplotspec().is_first_col() else [], size=7)
        axes.set_title(name, size=8)
        axes.grid(visible=False)
    figure.colorbar(image, ax=figure.axes, shrink=0.7, label="shared variance")
    return figure


@styled
def through(setting: str) -> Figure:
    """What a linear probe reads of each factor, layer after layer."""
    figure = Figure((7.2, 2.8), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2, sharey=True), LAYERED, strict=True):
        layers = [*layers_of(setting, name), ""]
        colours = colour_of(list(FACTORS))
        for says, what in FACTORS.items():
            for twin in (False, True):
                rows = [of(read(file_of(setting, name, twin, at)), "leakage", f"{what} · z · linear") for at in layers]
                how = dict(linestyle="--", alpha=0.5) if twin else dict(marker="o", label=says)
                axes.plot([value(row) for row in rows], color=colours[says], **how)
        axes.set_xticks(range(len(layers)), [at or NETWORKS[name].layers[-1] for at in layers], rotation=20, size=7)
        axes.set_title(f"{name} (dashed: its twin)")
        axes.set_ylim(-0.25, 1.02)
    figure.axes[0].set_ylabel("read from z, R²")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), ncols=len(FACTORS), loc="outside upper center")
    return figure


if __name__ == "__main__":
    print(f"within a budget\n\n{budget_markdown()}\n")
    for setting in ("photographs", "digits"):
        print(f"{setting}\n\n{markdown(setting)}\n")
        for name in LAYERED:
            print(f"{setting}, {name}\n\n{layers_markdown(setting, name)}\n")
    for name, figure in (
        ("moved", moved("photographs")),
        ("shared", shared("photographs")),
        ("layers", through("digits")),
    ):
        figure.savefig(ZOO / f"{name}.png", dpi=150)
