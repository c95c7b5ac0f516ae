"""The figures of a report, with what each shows and how good and bad ones look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from seqjepa.io.files import write_atomic
from seqjepa.report import curves, irreps, lengths, neighbours, orbits, readouts, subspaces, views
from seqjepa.report.record import RunRecord
from seqjepa.report.style import check_formats, in_column, rendered
from seqjepa.types import InputError, NotIdentifiable, OutOfMemory
from seqjepa.types.foreign import foreign_code

WHERE, SHAPE, READ, MADE = "Where each factor lives", "The shape of orbits", "What probes read", "Training"


@dataclass(frozen=True)
class PageFigure:
    """A figure of the report.

    Attributes:
        section: the heading that it stands under.
        title: its own heading.
        shows: what is drawn, in a sentence or two.
        make: draws it, or raises NotIdentifiable with the reason why it cannot be drawn.
        metric: the metric that it draws, whose question the page asks; "" where it is none.
        good, bad: how it looks where all is well, and where it is not; "" where the metric's ideal and null say it.
    """

    section: str
    title: str
    shows: str
    make: Callable[[RunRecord], Figure]
    metric: str = ""
    good: str = ""
    bad: str = ""


def _angles(record: RunRecord) -> Figure:
    found = record.diagnosis.estimates.get("action", {}).get(("rotation", "mlp"))
    if found is None or found.value is None or "true" not in found.details:
        raise NotIdentifiable("no MLP probe of the angle; diagnose with --probes linear mlp")
    error = record.diagnosis.estimates.get("action_error", {}).get(("rotation", "mlp"))
    return readouts.angle_confusion(found.details["true"], found.details["predicted"], error)


FIGURES: dict[str, PageFigure] = {
    "spectra": PageFigure(
        WHERE,
        "Spectra of the factors",
        "The share of each factor's variance along its directions, which were fitted on the training identities. "
        "Dashed: 95 % of permuted grids lie below. Dotted: the expected dimension, 2 for a circle and 1 for a line.",
        lambda r: subspaces.spectra(r.diagnosis),
        "explained_variance",
        good="All variance left of the dotted line, then a sharp drop below the dashed one.",
        bad="A held-out curve that stays near the dashed line.",
    ),
    "spectra_log": PageFigure(
        WHERE,
        "Spectra, logarithmic",
        "The same spectra's tails. A factor's dimensions end where its held-out curve crosses the dashed line.",
        lambda r: subspaces.spectra(r.diagnosis, logarithmic=True),
        "dimension",
        good="A cliff of several decades at the expected dimension.",
        bad="A flat line at 1/D, D the dimensions of the representation.",
    ),
    "shared_variance_heatmap": PageFigure(
        WHERE,
        "Shared variance of factors",
        "How far two factors move the representation along the same directions, weighted by how much, with its 95 % "
        "interval and the 97.5th percentile of covariance-matched chance. Noise does not bias it and no dimension is "
        "chosen. Hatched: different images do not agree on a factor's directions.",
        lambda r: subspaces.pair_heatmap(r.diagnosis, "shared_variance"),
        "shared_variance",
    ),
    "overlap_heatmap": PageFigure(
        WHERE,
        "Overlap of subspaces",
        "‖UᵀV‖²/min(k, l) of each pair of subspaces, with its 95 % interval and its null: 95 % of random subspaces "
        "overlap less. Hatched: the subspaces are not known well enough.",
        lambda r: subspaces.pair_heatmap(r.diagnosis),
        "overlap",
    ),
    "principal_angles": PageFigure(
        WHERE,
        "Principal angles",
        "The angles between two factors' subspaces, the smallest first; 0° is a shared direction.",
        lambda r: subspaces.principal_angles(r.diagnosis),
        good="All near 90°: no shared direction.",
        bad="Near 0°. Random directions are near 90° too where dimensions are many, and closer where they are few.",
    ),
    "layers": PageFigure(
        WHERE,
        "Layer by layer",
        "The explained variance of each factor's expected dimensions (2 for a circle, 1 for a line) in each layer.",
        lambda r: subspaces.layer_table(r.layers),
        "explained_variance",
    ),
    "rotation_circle": PageFigure(
        SHAPE,
        "Orbits",
        "The representations of a few test identities while one factor moves, in the plane of the factor's two leading "
        "directions, which were fitted on the training identities.",
        lambda r: orbits.true_orbits(r.diagnosis, r.swept()),
        good="One closed loop (rotation) or one line (the rest), the same for all images, on the black mean.",
        bad="A cloud, and a mean that shrinks to a point.",
    ),
    "harmonics": PageFigure(
        SHAPE,
        "Harmonic energy",
        "The share of the orbit's energy at each frequency: turns of the representation per turn of the image. Dashed: "
        "equal energies.",
        lambda r: orbits.harmonics(r.diagnosis),
        "orbit_leading",
    ),
    "irreps": PageFigure(
        SHAPE,
        "Irreps",
        "Above: how often the representation carries each irrep of SO(2), frequency 0 being what does not turn. Below: "
        "the share of the movement at each frequency.",
        lambda r: irreps.multiplicities(r.diagnosis),
        "irreps",
        good="A few frequencies, and next to nothing that is no representation.",
        bad="Energy at frequencies of multiplicity 0: it lies in planes that turn at another frequency.",
    ),
    "neighbours": PageFigure(
        SHAPE,
        "Nearest neighbours of rotated images",
        "Views of test identities (query) and the views of other identities nearest to them by cosine similarity.",
        lambda r: neighbours.nearest_neighbours(r.diagnosis, r.swept()),
        good="In a representation of pose the query's angle, of any class; in one of content its class, at any angle.",
        bad="Any class at any angle.",
    ),
    "leakage_matrix": PageFigure(
        READ,
        "What is read from where",
        "Linear probes on the same views with the same budget: R² of a factor or accuracy of the class (columns), from "
        "all of the representation, from parts, and from what is left without a factor's subspace (rows).",
        lambda r: readouts.leakage_matrix(r.diagnosis),
        "leakage",
    ),
    "angles": PageFigure(
        READ,
        "The angle between two views",
        "What an MLP probe predicts from both representations, against the truth, on test identities.",
        _angles,
        "action_error",
        good="All points on the line.",
        bad="A cloud that does not follow the line, or a horizontal band.",
    ),
    "length_heatmaps": PageFigure(
        READ,
        "Sequences of other lengths",
        "What a linear probe of z_agg reads, fitted at one number of views (rows) and tested at another (columns), "
        "with 95 % intervals and the null's median: the class, and each factor's step from the first to the last view.",
        lambda r: lengths.length_heatmaps(r.diagnosis),
        "sequence_accuracy",
        good="Bright everywhere, and brighter to the lower right.",
        bad="Bright on the diagonal alone: z_agg of each length is a code of its own.",
    ),
    "path_integration": PageFigure(
        READ,
        "Path integration",
        "R² of a factor's whole path, from the first to the last view, read from z_agg, over the number of views. "
        "vision: without the actions. action: with every view replaced by the mean.",
        lambda r: lengths.path_curves(r.diagnosis),
        "path_integration",
    ),
    "training": PageFigure(
        MADE,
        "The loss and its terms",
        "Each term without its weight; held out where it was measured on images that were not trained on.",
        lambda r: curves.training_curves(r.logged(), r.terms),
        good="Prediction low on training and held-out images alike.",
        bad="A prediction loss of 1: no better than an unrelated direction.",
    ),
    "rate": PageFigure(
        MADE,
        "Coding rate and norm",
        "The coding rate over the most that representations of unit mean square can reach, and their mean norms.",
        lambda r: curves.rate_and_norm(r.logged()),
        good="At most 1: volume comes from directions, not from norm.",
        bad="Over 1: the loss falls as norms grow, which says nothing about what is represented.",
    ),
    "probes": PageFigure(
        MADE,
        "Online probes",
        "What probes trained beside the model read on held-out images. They lag behind a model that still changes.",
        lambda r: curves.probe_curves(r.logged()),
        good="The class near 100 % from z_agg, the action's R² near 1.",
        bad="Accuracy of the majority class; R² of 0.",
    ),
    "rank_monitor": PageFigure(
        MADE,
        "Effective ranks",
        "How many dimensions z and z_agg fill, on held-out images in eval mode, and in training mode.",
        lambda r: curves.rank_monitor(r.logged()),
        good="Both curves together, well above the number of factors.",
        bad="A fall towards 1: collapse.",
    ),
    "subspaces": PageFigure(
        MADE,
        "How the subspaces formed",
        "Each factor's explained variance and dimension, and the overlap of its subspace with the one of the diagnosis "
        "before (stability).",
        lambda r: curves.subspaces_over_epochs(r.logged()),
        good="Explained variance rises, dimensions are few, stability settles at 1.",
        bad="A dimension of 0: nothing stands above permuted grids.",
    ),
    "views": PageFigure(
        MADE,
        "What the encoder is shown",
        "Views of a few images, with the action that leads to each from the one before.",
        lambda r: views.view_sequences(r.swept()),
    ),
}


def save_figures(record: RunRecord, folder: Path, formats: Sequence[str], width: float | None = None) -> dict[str, str]:
    """Save every figure as ``NAME.FORMAT``; gives back why those are missing that could not be drawn.

    Args:
        record: what is drawn.
        folder: where they go.
        formats: of "svg", "png", "pdf".
        width: in inches, of a journal's column, with fine print to fit; None draws for a screen.

    Raises:
        InputError: a format that is not one of "svg", "png", "pdf".
        WriteFailed: a file cannot be written.
    """
    check_formats(formats)
    with nullcontext() if width is None else in_column(width):
        return _save_all(record, folder, formats)


def _save_all(record: RunRecord, folder: Path, formats: Sequence[str]) -> dict[str, str]:
    missing: dict[str, str] = {}
    for name, figure in FIGURES.items():
        try:
            with foreign_code("drawing it"):
                made = figure.make(record)
                files = {kind: rendered(made, kind) for kind in formats}
        except (InputError, OutOfMemory) as error:
            missing[name] = str(error)
            continue
        for kind, content in files.items():
            write_atomic(folder / f"{name}.{kind}", content)
    return missing
