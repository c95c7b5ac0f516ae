"""What is asked of each representation, with the right answer and the verdict that it calls for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from calibrated import codes
from calibrated.codes import CIRCLES, CONTENT, DIM1, FALL, FALLING, NOISE, RADIUS, G, I, Make
from seqjepa.diagnostics.estimate import Key

Asked = tuple[str, Key]  # a metric, and what of
MEAN_OVER_DRAWS, ON_FURTHER_IDENTITIES = math.nan, math.inf
MEDIAN_OVER_DRAWS = -math.inf  # where a direction too many, in 3 % of draws, would move the mean
NAMES = {MEDIAN_OVER_DRAWS: "median of draws", ON_FURTHER_IDENTITIES: "further identities"}
SKEWED = 2000  # further identities, where a few hold most of the error
ADDITIVE = "additive: it moves all images alike"


@dataclass(frozen=True)
class Case:
    """A representation and what is known of it.

    Attributes:
        make: from a seed and a number of identities to its sweeps.
        truths: the right answer of everything that is asked, or of which kind it is.
        expected: verdicts that estimates with power give.
        identities: how many there are.
        further: identities that say what a probe that is fitted scores; the more, the more skewed they are.
    """

    make: Make
    truths: Mapping[Asked, float]
    expected: Mapping[Asked, str] = field(default_factory=dict)
    identities: int = I
    further: int = 500


def shares(content: float, factor: float, smooth: float, residual: float) -> dict[Asked, float]:
    """Sums of squares to shares of their sum."""
    total = content + factor + smooth + residual
    parts = {"content": content, "factor": factor, "smooth": smooth, "residual": residual}
    return {("variance_shares", ("rotation", name)): value / total for name, value in parts.items()}


N2 = NOISE**2
TURN = G / (G - 1)  # the mean of 1 - cos over the grid without the identity
CELL = 1 - 1 / G  # what centring leaves of a variance over the grid
S1_LEFT = DIM1 * N2 * CELL  # noise within an orbit
RANKS: dict[Asked, float] = {
    ("health", kind): MEAN_OVER_DRAWS
    for kind in ("eigen_entropy", "sigma_participation", "participation", "rankme", "stable", "two_nn", "lidar")
}
SENSITIVITY1 = 2 * (RADIUS**2 * TURN + DIM1 * N2) / (2 * (CONTENT + DIM1 * N2))
LEADING1 = (RADIUS**2 + 2 * DIM1 * N2 / G) / (RADIUS**2 + S1_LEFT)


def shares1(identities: int) -> dict[Asked, float]:
    """Of S1 with so many identities."""
    one = 1 - 1 / identities
    return shares((CONTENT + DIM1 * N2 / G) * one, RADIUS**2 + S1_LEFT / identities, 0, S1_LEFT * one)


def moments(identities: int) -> dict[Asked, float]:
    """What is asked of every kind of S1: everything that rests on moments."""
    return {
        ("sensitivity", "rotation"): SENSITIVITY1,
        ("heterogeneity", "rotation"): 0,
        ("dimension", "rotation"): 2,
        ("explained_variance", "rotation"): 1,
        ("common_orbit", "rotation"): 1,
        ("reliability", "rotation"): MEDIAN_OVER_DRAWS,
        ("irreps", ("rotation", "k1")): 1,
        ("irreps", ("rotation", "k2")): 0,
        ("no_representation", "rotation"): ON_FURTHER_IDENTITIES,
    } | shares1(identities)


READ: dict[Asked, float] = {
    ("leakage", ("rotation", "z", "linear")): ON_FURTHER_IDENTITIES,
    ("r2_lost", "rotation"): ON_FURTHER_IDENTITIES,
}
ACTIONS: dict[Asked, float] = {
    ("action", ("rotation", "linear")): ON_FURTHER_IDENTITIES,
    ("action_error", ("rotation", "linear")): ON_FURTHER_IDENTITIES,
}
MOMENTS_EXPECTED: dict[Asked, str] = {
    ("explained_variance", "rotation"): "above its null",
    ("variance_shares", ("rotation", "factor")): "above its null",
    ("heterogeneity", "rotation"): "all alike within noise",
    ("irreps", ("rotation", "k1")): "above its null",
    ("no_representation", "rotation"): "below its null",
}
EXPECTED = MOMENTS_EXPECTED | {("leakage", ("rotation", "z", "linear")): "above its null"}
PAIR = ("translate_x", "translate_y")
CIRCLE_AND_LINE = ("rotation", "translate_x")
POSES: dict[Asked, float] = (
    {("dimension", name): k for name, k in (("rotation", 2), ("translate_x", 1), ("translate_y", 1), ("scale", 1))}
    | {("explained_variance", name): 1 for name in ("rotation", "translate_x", "scale")}
    | {(metric, pair): 0 for metric in ("overlap", "alignment", "shared_variance") for pair in (PAIR, CIRCLE_AND_LINE)}
)
APART: dict[Asked, str] = {
    (metric, pair): "separate" for metric in ("overlap", "shared_variance") for pair in (PAIR, CIRCLE_AND_LINE)
}

GROUP: dict[Asked, float] = {
    ("operator", "rotation"): ON_FURTHER_IDENTITIES,
    ("composition", "rotation"): ON_FURTHER_IDENTITIES,
    ("inverse", "rotation"): ON_FURTHER_IDENTITIES,
    ("drift", "rotation"): ON_FURTHER_IDENTITIES,
    ("orthogonality", "rotation"): MEDIAN_OVER_DRAWS,
    ("frequency", "rotation"): MEAN_OVER_DRAWS,
    ("orbit_share", "rotation"): ON_FURTHER_IDENTITIES,
}

CASES: dict[str, Case] = {
    "S1 additive": Case(
        codes.additive,
        moments(I)
        | READ
        | GROUP
        | {
            ("orbit_leading", "rotation"): LEADING1,
            ("orbit_aspect", "rotation"): MEAN_OVER_DRAWS,
            ("retrieval", ("rotation", "mrr")): MEAN_OVER_DRAWS,
            ("retrieval", ("rotation", "h@1")): MEAN_OVER_DRAWS,
            ("class_probe", "linear"): ON_FURTHER_IDENTITIES,
            ("pixel_grid", "rotation"): 0,
            ("lie_derivative", "rotation"): MEAN_OVER_DRAWS,
            ("d_lsbd", "rotation"): ON_FURTHER_IDENTITIES,
            ("axis_scores", ("cka", "rotation")): MEAN_OVER_DRAWS,
            ("axis_scores", ("dci_completeness", "rotation")): MEAN_OVER_DRAWS,
            ("axis_scores", ("sap", "rotation")): MEAN_OVER_DRAWS,
            ("axis_scores", ("mig", "rotation")): MEAN_OVER_DRAWS,
        }
        | RANKS,
        EXPECTED
        | {
            ("operator", "rotation"): ADDITIVE,
            ("drift", "rotation"): "below its null",
            ("frequency", "rotation"): "below its null",
            ("orbit_share", "rotation"): "above its null",
            ("retrieval", ("rotation", "mrr")): "above its null",
            ("class_probe", "linear"): "above its null",
            ("d_lsbd", "rotation"): "below its null",
            ("axis_scores", ("cka", "rotation")): "above its null",
        },
    ),
    "S1, 32 identities": Case(codes.circle, moments(32) | READ | ACTIONS, EXPECTED, 32),
    "S1, 16 identities": Case(codes.circle, moments(16) | READ | ACTIONS, EXPECTED, 16),
    "S1, each identity twice": Case(codes.twice, moments(32), MOMENTS_EXPECTED),
    "S1, heavy tails": Case(codes.heavy_tailed, moments(I) | READ | ACTIONS, EXPECTED, further=SKEWED),
    "S1, noise of each identity's own": Case(codes.own_amounts, moments(I) | READ | ACTIONS, EXPECTED, further=SKEWED),
    "S1, noise of far apart sizes": Case(codes.far_apart_amounts, {("dimension", "rotation"): 2}),
    "S1 at an offset": Case(codes.offset, moments(I) | READ, EXPECTED),
    "S1 separate": Case(
        codes.separate,
        {
            ("dimension", "translate_x"): 1,
            ("overlap", PAIR): 0,
            ("alignment", PAIR): 0,
            ("shared_variance", PAIR): 0,
            ("leakage", ("translate_x", "z", "linear")): ON_FURTHER_IDENTITIES,
            ("action", ("translate_x", "linear")): ON_FURTHER_IDENTITIES,
            ("action_error", ("translate_x", "linear")): ON_FURTHER_IDENTITIES,
            ("cross_class_transfer", ("translate_x", "absolute", "linear")): ON_FURTHER_IDENTITIES,
            ("cross_class_transfer", ("translate_x", "relative", "linear")): ON_FURTHER_IDENTITIES,
        },
        {
            ("overlap", PAIR): "separate",
            ("shared_variance", PAIR): "separate",
            ("action", ("translate_x", "linear")): "above its null",
            ("action_error", ("translate_x", "linear")): "below its null",
            ("cross_class_transfer", ("translate_x", "absolute", "linear")): "no lower on unseen classes",
        },
    ),
    "S2 multiplicative": Case(
        codes.multiplicative,
        {
            ("sensitivity", "rotation"): 4 * CIRCLES * TURN / (2 * (2 * CIRCLES + CONTENT)),
            ("dimension", "rotation"): 2 * CIRCLES,
            ("explained_variance", "rotation"): 1 / CIRCLES,
            ("leakage", ("rotation", "z", "linear")): ON_FURTHER_IDENTITIES,
        }
        | shares(CONTENT * (1 - 1 / I), 2 * CIRCLES / I, 2 * CIRCLES * (1 - 1 / I), 0)
        | {("variance_shares", ("rotation", "residual")): MEAN_OVER_DRAWS}  # what 25 steps leave of a smooth turn
        | RANKS,
        {
            ("sensitivity", "rotation"): "below its null",
            ("variance_shares", ("rotation", "smooth")): "above its null",
        },
    ),
    "S2 with noise": Case(
        codes.noisy_multiplicative,
        GROUP
        | {
            ("action", ("rotation", "linear")): ON_FURTHER_IDENTITIES,
            ("irreps", ("rotation", "k0")): 4,
            ("irreps", ("rotation", "k1")): 1,
            ("irreps", ("rotation", "k2")): 1,
            ("irreps", ("rotation", "k3")): 0,
            ("no_representation", "rotation"): ON_FURTHER_IDENTITIES,
            ("pixel_grid", "rotation"): 0,
        },
        {
            ("operator", "rotation"): "linear, but not alike for all images",
            ("irreps", ("rotation", "k2")): "above its null",
            ("no_representation", "rotation"): "below its null",
        },
        further=SKEWED,
    ),
    "S8 key points": Case(
        codes.key_points,
        {("closure", ("rotation", f"translate_{axis}")): MEAN_OVER_DRAWS for axis in "xy"},
        {("closure", CIRCLE_AND_LINE): "below its null"},
    ),
    "S13 pose": Case(codes.pose_code, POSES, APART),
    "S14 pose in loud noise": Case(codes.pose_in_noise, POSES, {("overlap", PAIR): "separate"}),
    "S13 among 512 dimensions": Case(
        codes.wide, {asked: truth for asked, truth in POSES.items() if asked[1] != "scale"}, APART
    ),
    "S13 a line in twelve directions": Case(
        codes.falling, {("explained_variance", "x"): (1 - FALL**2) / (1 - FALL ** (2 * FALLING))}
    ),
    "S15 half shared": Case(
        codes.half_shared,
        {
            ("dimension", "translate_x"): 4,
            ("overlap", PAIR): 0.5,
            ("alignment", PAIR): 0.5,
            ("shared_variance", PAIR): 0.5,
        },
    ),
    "S17 circles of two sizes": Case(
        codes.unequal_circles,
        {("heterogeneity", "rotation"): 0.6},
        {("heterogeneity", "rotation"): "images move by different amounts"},
    ),
    "S17 half stand still": Case(
        codes.half_still,
        {("heterogeneity", "rotation"): 1, ("explained_variance", "rotation"): 1, ("dimension", "rotation"): 2},
        {("heterogeneity", "rotation"): "some images move, others do not"},
    ),
    "S3 invariant": Case(
        codes.invariant,
        {
            ("sensitivity", "rotation"): 1e-6 / (1 + 1e-6),
            ("leakage", ("rotation", "z", "linear")): ON_FURTHER_IDENTITIES,
        }
        | RANKS,
    ),
    "S4 noise": Case(
        codes.noise,
        {
            ("sensitivity", "rotation"): 1.0,
            ("dimension", "rotation"): 0,
            ("leakage", ("rotation", "z", "linear")): ON_FURTHER_IDENTITIES,
            ("action", ("rotation", "linear")): ON_FURTHER_IDENTITIES,
            ("action_error", ("rotation", "linear")): ON_FURTHER_IDENTITIES,
            ("orbit_share", "rotation"): ON_FURTHER_IDENTITIES,
            ("irreps", ("rotation", "k1")): 0,
        }
        | shares((1 - 1 / I) / G, CELL / I, 0, CELL * (1 - 1 / I))
        | RANKS,
    ),
}
