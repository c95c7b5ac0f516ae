"""Several layers of one encoder: a table of layers and factors for each main estimate."""

from __future__ import annotations

from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.table import Table

from seqjepa.diagnostics.diagnosis import Diagnosis, Estimate, Key, rendered

SHIFTS = ("translate_x", "translate_y", "translation")


def layers_table(layers: Mapping[str, Diagnosis]) -> str:
    """Rows are layers, columns factors; a table each for the main estimates.

    Explained variance, R² read linearly, sensitivity, and the overlap of rotation with translation. A estimate that
    cannot be told from its null stands in brackets; "–" is not identifiable.
    """
    first = next(iter(layers.values()))
    names = [name for name in first.estimates.get("sensitivity", {}) if isinstance(name, str)]
    readable = [*names, "class"]
    dims = {layer: str(d.metadata.get("dim", "")) for layer, d in layers.items()}
    wanted: list[tuple[str, str, dict[str, Key]]] = [
        ("explained variance of the k leading directions", "explained_variance", {n: n for n in names}),
        ("R² (class: accuracy), read linearly", "leakage", {n: (n, "z", "linear") for n in readable}),
        ("sensitivity", "sensitivity", {n: n for n in names}),
        ("overlap", "overlap", {f"rotation · {n}": ("rotation", n) for n in SHIFTS}),
    ]
    parts = []
    for title, metric, keys in wanted:
        keys = {n: k for n, k in keys.items() if any(k in d.estimates.get(metric, {}) for d in layers.values())}
        if not keys:
            continue
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        table.add_column(title, no_wrap=True)
        table.add_column("dimensions", justify="right")
        for name in keys:
            table.add_column(name, justify="right", no_wrap=True)
        for layer, diagnosis in layers.items():
            estimates = diagnosis.estimates.get(metric, {})
            table.add_row(layer, dims[layer], *(_cell(estimates.get(key)) for key in keys.values()))
        parts.append(rendered(table))
    return "\n\n".join([*parts, "( ) not significantly different from its null; – not identifiable"])


def _cell(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return "–"
    low, high = estimate.interval or (estimate.value, estimate.value)
    null = estimate.null is not None and low <= estimate.null <= high
    return f"({estimate.value:.3f})" if null else f"{estimate.value:.3f} "
