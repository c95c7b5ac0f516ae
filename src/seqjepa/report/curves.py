"""What training logged, over epochs: terms, norms, ranks, probes, subspaces. Each takes rows as in metrics.csv."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqjepa.report.style import COLOURS, GREY, colour_of, grid, legible, logarithmic_y, panels, styled
from seqjepa.types import NotIdentifiable

Rows = Sequence[Mapping[str, float]]
SUBSPACES = {"subspace_ev_rot_2": "rotation", "subspace_ev_x_1": "translate_x"} | {
    "subspace_ev_y_1": "translate_y",
    "subspace_ev_scale_1": "scale",
}
REPRESENTATIONS = ("", "z", "z_agg")  # of which a term can have a part each


def series(rows: Rows, name: str) -> tuple[list[float], list[float]]:
    """The epochs in which a column was logged, and its values."""
    at = [(row["epoch"], row[name]) for row in rows if name in row]
    return [epoch for epoch, _ in at], [value for _, value in at]


def drawn(axes: Axes, rows: Rows, names: Mapping[str, str]) -> int:
    """Draw the columns that there are, under their labels; returns how many."""
    shown = [name for name in names if any(name in row for row in rows)]
    for name, colour in zip(shown, COLOURS):
        epochs, values = series(rows, name)
        marker = "o" if len(values) < 2 or len(values) < len(rows) else None
        axes.plot(epochs, values, label=names[name], color=colour, marker=marker, markersize=3.5)
    over_epochs(axes, rows)
    if shown:
        axes.legend()
    return len(shown)


def over_epochs(axes: Axes, rows: Rows) -> None:
    """An x axis over all epochs, the same for every panel, with whole numbers even where there is only one epoch."""
    epochs = [row["epoch"] for row in rows]
    low, high = (min(epochs), max(epochs)) if epochs else (0.0, 1.0)
    beside = 0.04 * (high - low) or 1.0
    axes.set_xlim(low - beside, high + beside)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _from_zero(axes: Axes) -> None:
    """From 0 to a little over the most, so that no curve lies on the frame."""
    if axes.lines:
        axes.set_ylim(0, 1.06 * axes.dataLim.y1)


def columns_of(term: str, logged: Iterable[str]) -> dict[str, str]:
    """The logged columns of a term of the objective, with their labels.

    A term is logged under its name, or its parts under its name and an ending ("rate_z", "rate_z_agg"); "_test" is the
    same on held-out images. What is logged beside a part ("rate_z_agg_over_unit") is left out.
    """
    own = [name for name in logged if name == term or name.startswith(f"{term}_")]
    found: dict[str, str] = {}
    for name in own:
        part = name.removesuffix("_test")
        ending = part.removeprefix(term).removeprefix("_")
        beside = any(other != term and part.startswith(f"{other}_") for other in own)
        if ending in REPRESENTATIONS or not beside:
            held_out = part != name
            found[name] = ", ".join([ending] * bool(ending) + ["held out"] * held_out) or "training"
    return found


@styled
def training_curves(rows: Rows, terms: Sequence[str] = ()) -> Figure:
    """The loss, and each term of the objective that was logged, on a panel each.

    A panel is logarithmic where its curves fall over more than two decades.

    Args:
        terms: names, as in the run's configuration; see ``columns_of``.
    """
    logged = dict.fromkeys(name for row in rows for name in row)
    found = {term: columns for term in terms if (columns := columns_of(term, logged))}
    shown = {"loss": {"loss": "training"}, **found}
    figure, axes = grid(len(shown), 4)
    for axis, (term, names) in zip(axes, shown.items(), strict=True):
        drawn(axis, rows, names)
        axis.set_ylabel(legible(term))
        low, high = axis.dataLim.y0, axis.dataLim.y1
        if axis.lines and 0 < 100 * low < high:
            logarithmic_y(axis)
    return figure


@styled
def probe_curves(rows: Rows) -> Figure:
    """Accuracy of the class and R² of the action, read by online probes on held-out images."""
    figure, axes = panels(2)
    drawn(axes[0, 0], rows, {"linacc_test": "from z_agg", "leakage_linacc_test": "from z of the first view"})
    axes[0, 0].set_ylabel("class accuracy [%]")
    _from_zero(axes[0, 0])
    names = {
        name: legible(name.removeprefix("r2_test_")) for row in rows for name in row if name.startswith("r2_test_")
    }
    names.pop("r2_test_all_columns", None)
    if drawn(axes[0, 1], rows, {"r2_test": "mean"} | names):
        axes[0, 1].legend(loc="center left", bbox_to_anchor=(1.01, 0.5))  # six curves leave no room inside
    axes[0, 1].set_ylabel("action, R²")
    axes[0, 1].axhline(0, color=GREY, linewidth=0.8)
    return figure


@styled
def rate_and_norm(rows: Rows) -> Figure:
    """The coding rate over the most that unit mean square reaches, and the representations' mean norms."""
    figure, axes = panels(2)
    names = {"rate_z_agg_over_unit": "z_agg", "rate_z_over_unit": "z"}
    if not drawn(axes[0, 0], rows, names):
        raise NotIdentifiable("the run has no coding rate")
    axes[0, 0].axhline(1, color=GREY, linestyle="--", label="most at unit mean square")
    axes[0, 0].set_ylabel("relative coding rate")
    drawn(axes[0, 1], rows, {"norm_z_agg": "z_agg", "norm_z": "z"})
    axes[0, 1].set_ylabel("mean norm")
    _from_zero(axes[0, 1])
    return figure


@styled
def rank_monitor(rows: Rows) -> Figure:
    """Effective ranks of z and z_agg, held out in eval mode and as training sees them."""
    figure, axes = panels(2, sharex=True)
    found = 0
    for axis, (name, of) in zip(axes[0], {"rank_eq_eff": "z", "rank_inv_eff": "z_agg"}.items(), strict=True):
        found += drawn(axis, rows, {name: "held out", f"{name}_train_mode": "as in training"})
        axis.set_ylabel(f"effective rank of {of}")
    if not found:
        raise NotIdentifiable("no effective rank was logged")
    for axis in axes[0]:
        _from_zero(axis)
    return figure


@styled
def subspaces_over_epochs(rows: Rows) -> Figure:
    """Each factor's subspace while training: explained variance, dimension, and overlap with the diagnosis before."""
    figure, axes = panels(3)
    names = [factor for column, factor in SUBSPACES.items() if any(column in row for row in rows)]
    if not names:
        raise NotIdentifiable("no diagnosis was made while training")
    colours = colour_of(names)
    columns = {factor: column for column, factor in SUBSPACES.items()}
    for name in names:
        for axis, column in zip(axes[0], (columns[name], f"dimension_{name}", f"stability_{name}"), strict=True):
            axis.plot(*series(rows, column), color=colours[name], marker="o", markersize=3.5, label=legible(name))
    for axis, label in zip(axes[0], ("explained variance", "dimension", "stability"), strict=True):
        over_epochs(axis, rows)
        axis.set_ylabel(label)
    axes[0, 0].set_ylim(0, 1.06)
    axes[0, 2].set_ylim(0, 1.06)
    _from_zero(axes[0, 1])
    axes[0, 0].legend()
    return figure
