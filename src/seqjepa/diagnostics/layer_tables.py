"""Several layers of one encoder: a table of layers and factors for each main figure."""

from __future__ import annotations

from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.table import Table

from seqjepa.diagnostics.diagnosis import Diagnosis, Figure, Key, rendered

SHIFTS = ("translate_x", "translate_y", "translation")


def layers_table(layers: Mapping[str, Diagnosis]) -> str:
    """Rows are layers, columns factors; a table each for the main figures.

    Explained variance, R² read linearly, sensitivity, and the overlap of rotation with translation. A figure that
    cannot be told from its null stands in brackets; "–" is not identifiable.
    """
    first = next(iter(layers.values()))
    names = [name for name in first.figures.get("sensitivity", {}) if isinstance(name, str)]
    readable = [*names, "class"]
    dims = {layer: str(d.about.get("dim", "")) for layer, d in layers.items()}
    wanted: list[tuple[str, str, dict[str, Key]]] = [
        ("explained variance of the k leading directions", "explained_variance", {n: n for n in names}),
        ("R² (class: accuracy), read linearly", "leakage", {n: (n, "z", "linear") for n in readable}),
        ("sensitivity", "sensitivity", {n: n for n in names}),
        ("overlap", "overlap", {f"rotation · {n}": ("rotation", n) for n in SHIFTS}),
    ]
    parts = []
    for title, metric, keys in wanted:
        keys = {n: k for n, k in keys.items() if any(k in d.figures.get(metric, {}) for d in layers.values())}
        if not keys:
            continue
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        table.add_column(title, no_wrap=True)
        table.add_column("dimensions", justify="right")
        for name in keys:
            table.add_column(name, justify="right", no_wrap=True)
        for layer, diagnosis in layers.items():
            figures = diagnosis.figures.get(metric, {})
            table.add_row(layer, dims[layer], *(_cell(figures.get(key)) for key in keys.values()))
        parts.append(rendered(table))
    return "\n\n".join([*parts, "( ) not told from its null; – not identifiable"])


def _cell(figure: Figure | None) -> str:
    if figure is None or figure.value is None:
        return "–"
    low, high = figure.interval or (figure.value, figure.value)
    null = figure.null is not None and low <= figure.null <= high
    return f"({figure.value:.3f})" if null else f"{figure.value:.3f} "
