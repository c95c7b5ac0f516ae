"""What training logged, over the epochs: terms, norms, ranks, probes, subspaces. Each takes rows as in metrics.csv."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seqjepa.report.style import COLOURS, GREY, colour_of, legible, logarithmic_y, panels, styled
from seqjepa.types import NotIdentifiable

Rows = Sequence[Mapping[str, float]]
SUBSPACES = {"subspace_ev_rot_2": "rotation", "subspace_ev_x_1": "translate_x"} | {
    "subspace_ev_y_1": "translate_y",
    "subspace_ev_scale_1": "scale",
}


def series(rows: Rows, name: str) -> tuple[list[float], list[float]]:
    """The epochs in which a column was logged, and its values."""
    at = [(row["epoch"], row[name]) for row in rows if name in row]
    return [epoch for epoch, _ in at], [value for _, value in at]


def drawn(axes: Axes, rows: Rows, names: Mapping[str, str]) -> int:
    """Draw the columns that there are, under their labels; says how many."""
    shown = [name for name in names if any(name in row for row in rows)]
    for name, colour in zip(shown, COLOURS):
        epochs, values = series(rows, name)
        marker = "o" if len(values) < 2 or len(values) < len(rows) else None
        axes.plot(epochs, values, label=names[name], color=colour, marker=marker, markersize=3.5)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if shown:
        axes.legend()
    return len(shown)


def _from_zero(axes: Axes) -> None:
    """From 0 to a little over the most, so that no curve lies on the frame."""
    if axes.lines:
        axes.set_ylim(0, 1.06 * axes.dataLim.y1)


TERMS = {
    "loss": {"loss": "loss"},
    "prediction loss, 1 − cos": {"prediction": "training", "prediction_test": "held out"},
    "coding rate [nat]": {"rate_z_agg": "of z_agg", "rate_z": "of z"},
    "pose": {"pose_anchor": "pose_anchor", "equivariance": "equivariance"},
    "contrastive": {"contrastive": "contrastive"},
}


@styled
def training_curves(rows: Rows) -> Figure:
    """The loss with each of its terms that the run has."""
    logged = {name for row in rows for name in row}
    shown = {label: names for label, names in TERMS.items() if logged & set(names)}
    figure, axes = panels(len(shown))
    for axis, (label, names) in zip(axes[0], shown.items(), strict=True):
        drawn(axis, rows, names)
        axis.set_ylabel(label)
        if label == "pose":
            logarithmic_y(axis)
    return figure


@styled
def probe_curves(rows: Rows) -> Figure:
    """Online probes on held-out images: the class, and the action."""
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
    """R over the most that codes of unit mean square reach, and the codes' norms: is volume bought with norm?"""
    figure, axes = panels(2)
    names = {"rate_z_agg_over_unit": "z_agg", "rate_z_over_unit": "z"}
    if not drawn(axes[0, 0], rows, names):
        raise NotIdentifiable("the run has no coding rate")
    axes[0, 0].axhline(1, color=GREY, linestyle="--", label="all that unit norm holds")
    axes[0, 0].set_ylabel("R / R_unit")
    drawn(axes[0, 1], rows, {"norm_z_agg": "z_agg", "norm_z": "z"})
    axes[0, 1].set_ylabel("mean norm")
    _from_zero(axes[0, 1])
    return figure


@styled
def rank_monitor(rows: Rows) -> Figure:
    """Effective ranks of z and z_agg, held out in eval mode and as training sees them."""
    figure, axes = panels(2, sharex=True)
    found = 0
    for axis, (name, code) in zip(axes[0], {"rank_eq_eff": "z", "rank_inv_eff": "z_agg"}.items(), strict=True):
        found += drawn(axis, rows, {name: "held out", f"{name}_train_mode": "as in training"})
        axis.set_ylabel(f"effective rank of {code}")
    if not found:
        raise NotIdentifiable("no effective rank was logged")
    for axis in axes[0]:
        _from_zero(axis)
    return figure


@styled
def subspaces_over_epochs(rows: Rows) -> Figure:
    """How each factor's subspace formed: its concentration, its dimension, and its likeness to the one before."""
    figure, axes = panels(3)
    names = [factor for column, factor in SUBSPACES.items() if any(column in row for row in rows)]
    if not names:
        raise NotIdentifiable("no diagnosis was made while training")
    colours = colour_of(names)
    columns = {factor: column for column, factor in SUBSPACES.items()}
    for name in names:
        for axis, column in zip(axes[0], (columns[name], f"dimension_{name}", f"stability_{name}"), strict=True):
            axis.plot(*series(rows, column), color=colours[name], marker="o", markersize=3.5, label=legible(name))
    for axis, label in zip(axes[0], ("share of variance in 2 or 1", "dimensions", "stability"), strict=True):
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_ylabel(label)
    axes[0, 0].set_ylim(0, 1.06)
    axes[0, 2].set_ylim(0, 1.06)
    _from_zero(axes[0, 1])
    axes[0, 0].legend()
    return figure
