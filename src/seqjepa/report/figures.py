"""The figures of a report, with what each shows, what ideal looks like and what chance looks like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

from seqjepa.report import curves, orbits, pictures, subspaces
from seqjepa.report.record import RunRecord
from seqjepa.types import NotIdentifiable


@dataclass(frozen=True)
class Entry:
    """A figure of the report.

    Attributes:
        title: its heading; ``section`` the one that it stands under.
        shows, ideal, chance: a sentence each.
        make: draws it, or raises NotIdentifiable with the reason why it cannot be drawn.
    """

    section: str
    title: str
    shows: str
    ideal: str
    chance: str
    make: Callable[[RunRecord], Figure]


def _angles(record: RunRecord) -> Figure:
    found = record.diagnosis.estimates.get("action", {}).get(("rotation", "mlp"))
    if found is None or found.value is None or "true" not in found.details:
        raise NotIdentifiable("no network was asked for an angle; diagnose with --probes linear mlp")
    error = record.diagnosis.estimates.get("action_error", {}).get(("rotation", "mlp"))
    return orbits.angle_confusion(found.details["true"], found.details["predicted"], error)


WHERE, SHAPE, READ, MADE = (
    "Where each factor lives",
    "What shape its orbits have",
    "What can be read",
    "How it came about",
)

FIGURES: dict[str, Entry] = {
    "spectra": Entry(
        WHERE,
        "Spectra of the factors",
        "Each factor's variance along its directions, fitted on half of the images and measured on the rest.",
        "All of it to the left of the dotted line, then a sharp drop below the dashed one.",
        "Isotropic noise stays at or below the dashed line everywhere.",
        lambda m: subspaces.spectra(m.diagnosis),
    ),
    "spectra_log": Entry(
        WHERE,
        "The same, logarithmic",
        "The tail of the spectra; where the held-out curve crosses the dashed line the factor's dimensions end.",
        "A cliff of several decades at the expected dimension.",
        "A flat line at one over the number of dimensions.",
        lambda m: subspaces.spectra(m.diagnosis, logarithmic=True),
    ),
    "overlap_heatmap": Entry(
        WHERE,
        "Overlap of subspaces",
        "How far two factors share directions (0: none, 1: all); hatched where the images do not tell.",
        "At or under the null (sep.). Around shifted poses a rotation also shifts, so rotation may share with x and y.",
        "The null in each cell: 95 % of random subspaces overlap less.",
        lambda m: subspaces.overlap_heatmap(m.diagnosis),
    ),
    "principal_angles": Entry(
        WHERE,
        "Principal angles",
        "How far apart two factors' directions are, pair by pair, the closest first; 0° is a direction in common.",
        "All near 90°: no shared direction.",
        "Random directions are near 90° too where dimensions are many, and closer where they are few.",
        lambda m: subspaces.principal_angles(m.diagnosis),
    ),
    "layers": Entry(
        WHERE,
        "Layer by layer",
        "How concentrated each factor is (explained variance in its natural dimension) in each layer.",
        "1 in the layer that is to hold the factor.",
        "2 (rotation) or 1 over the layer's dimensions.",
        lambda m: subspaces.layer_table(m.layers),
    ),
    "rotation_circle": Entry(
        SHAPE,
        "True orbits",
        "Where a few held-out images' codes go while one factor moves, in the plane that the other images fitted.",
        "One closed loop (rotation) or one line (the rest), the same for all images, on the black mean.",
        "A cloud, and a mean that shrinks to a point.",
        lambda m: orbits.true_orbits(m.swept()),
    ),
    "harmonics": Entry(
        SHAPE,
        "Harmonic energy",
        "How often the code goes round while the image turns once.",
        "All energy at frequency 1: one turn of the code a turn of the image.",
        "The dashed line: equal energies at all frequencies.",
        lambda m: subspaces.harmonics(m.diagnosis),
    ),
    "neighbours": Entry(
        SHAPE,
        "Nearest neighbours of turned images",
        "The views of other images whose codes are most like the query's, with their angles.",
        "For a code of pose the query's angle, of any class; for a code of content its class, at any angle.",
        "Any class and any angle.",
        lambda m: pictures.nearest_neighbours(m.swept()),
    ),
    "leakage_matrix": Entry(
        READ,
        "What is read from where",
        "Linear probes with the same views and budget in every cell: R² of factors, accuracy of the class.",
        "A factor is read from its own subspace, and from nothing once that is removed; the class never from there.",
        "R² of 0; the majority class's share.",
        lambda m: subspaces.leakage_matrix(m.diagnosis),
    ),
    "angles": Entry(
        READ,
        "The angle between two views",
        "What a small network reads from both codes, against the truth, on held-out images.",
        "All points on the line.",
        "A cloud that does not follow the line, or a horizontal band.",
        _angles,
    ),
    "training": Entry(
        MADE,
        "The loss and its terms",
        "What training minimised, and the same prediction loss on held-out images.",
        "Both prediction curves low and together.",
        "A prediction loss of 1: no better than an unrelated direction.",
        lambda m: curves.training_curves(m.logged()),
    ),
    "rate": Entry(
        MADE,
        "What the coding rate was bought with",
        "The rate over the most that codes of unit mean square reach, and the codes' norms.",
        "Under 1: volume came from directions, not from norm.",
        "Over 1 the loss falls by growing the codes, which says nothing about what they hold.",
        lambda m: curves.rate_and_norm(m.logged()),
    ),
    "probes": Entry(
        MADE,
        "Online probes",
        "What probes that learn beside the model read on held-out images; they lag behind a code that still moves.",
        "The class near 100 % from z_agg, the action's R² near 1.",
        "One over the number of classes; R² of 0.",
        lambda m: curves.probe_curves(m.logged()),
    ),
    "rank_monitor": Entry(
        MADE,
        "Effective ranks",
        "How many dimensions z and z_agg fill, held out and as training sees them (dropout, batch statistics).",
        "Both lines together, well above the number of factors.",
        "A fall towards 1 is a collapse.",
        lambda m: curves.rank_monitor(m.logged()),
    ),
    "subspaces": Entry(
        MADE,
        "How the subspaces formed",
        "Each factor's concentration, its dimensions, and how much its directions are those of the diagnosis before.",
        "Rising concentration, few dimensions, a stability that settles at 1.",
        "In a code of D dimensions k/D, all D dimensions, and k/D (k: 2 for rotation, else 1).",
        lambda m: curves.subspaces_over_epochs(m.logged()),
    ),
    "views": Entry(
        MADE,
        "What the encoder is shown",
        "Views of a few images, with the action that leads to each from the one before.",
        "",
        "",
        lambda m: pictures.view_sequences(m.swept()),
    ),
}
