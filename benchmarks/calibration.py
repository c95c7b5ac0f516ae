"""How often do 95 % intervals cover the truth? ``python benchmarks/calibration.py [DRAWS | widths]``.

Each draw is a representation whose answer is known, with new contents and new noise. The truth is worked out by hand
below; of a probe, an operator or a mean orbit it is what the very same one scores on 500 further identities. Ranks,
reliabilities, overlaps and what is refitted depend on how many identities they are taken of, so there it is the mean
over all draws.
"""

import math
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context

import torch
from scipy.stats import binomtest
from torch import Tensor

from seqjepa.diagnostics import METRICS, Context, Estimate, diagnose
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.context import split_identities
from seqjepa.diagnostics.measures.probes import Rows
from seqjepa.factors import affine_factors
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.containers import Predictions, ProbeSet
from seqjepa.types import Pose

I, P, G, J = 64, 1, 25, 10  # noqa: E741 (identities, base poses, grid, joint views)
CONTENT, RADIUS, CIRCLES, NOISE = 8, 3.0, 8, 0.3
ROTATION = affine_factors(rotation=(-180, 180))
PLANE = affine_factors(translate_x=(-7, 7), translate_y=(-7, 7))
MEAN_OVER_DRAWS, ON_FURTHER_IDENTITIES = math.nan, math.inf
MEDIAN_OVER_DRAWS = -math.inf  # where a direction too many, in 3 % of draws, would move the mean
FURTHER = 500
LABELLED = 400  # images of a class probe
TURN = G / (G - 1)  # the mean of 1 - cos over the grid without the identity


def gaussian(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def additive(seed: int, identities: int = I) -> Sweeps:
    """S1: content, a circle of radius 3, and noise."""
    content, noise = gaussian((identities, CONTENT), seed), torch.Generator().manual_seed(seed + 10**6)

    def f(who: Tensor, pose: Tensor) -> Tensor:
        circle = RADIUS * torch.cat([pose[:, :1].sin(), pose[:, :1].cos()], 1)
        clean = torch.cat([content[who], circle], 1)
        return clean + NOISE * torch.randn(clean.shape, generator=noise, dtype=torch.float64)

    swept = Sweeps.from_function(f, ROTATION, identities, steps=G, base_poses=P, joint=J, seed=seed)
    right = RADIUS / 2 * torch.randn(identities, P, 4, CONTENT + 2, generator=noise, dtype=torch.float64)
    return replace(swept, predictions={"rotation": predictions(swept, right, noise)}, probe=classes(seed, identities))


def predictions(swept: Sweeps, error: Tensor, random: torch.Generator) -> Predictions:
    """The right codes, with an error."""
    z = swept.values["rotation"]
    order = torch.rand(*error.shape[:3], G, generator=random).argsort(-1)
    right = z.gather(2, order[..., 1, None].expand(-1, -1, -1, z.shape[-1]))
    return Predictions(right + error, order[..., 0].contiguous(), order[..., 1].contiguous())


def classes(seed: int, identities: int) -> ProbeSet:
    """Three classes, an apart each, in unit noise; more images to test on for more identities."""
    random = torch.Generator().manual_seed(seed + 10**7)
    test = LABELLED if identities == I else 10 * LABELLED
    labels = [torch.randint(3, (count,), generator=random) for count in (LABELLED, test)]
    codes = [
        torch.nn.functional.one_hot(of, 6).double()[:, None] * 1.5
        + torch.randn(len(of), 2, 6, generator=random, dtype=torch.float64)
        for of in labels
    ]
    values = [torch.zeros(len(of), 2, 1, dtype=torch.float64) for of in labels]
    return ProbeSet(codes[0], values[0], labels[0], codes[1], values[1], labels[1])


def separate(seed: int, identities: int = I) -> Sweeps:
    """S1 again: content, x and y in a direction each, and noise."""
    content, noise = gaussian((identities, CONTENT), seed), torch.Generator().manual_seed(seed + 10**6)

    def f(who: Tensor, pose: Tensor) -> Tensor:
        clean = torch.cat([content[who], pose[:, 1:3] / 2], 1)
        return clean + NOISE * torch.randn(clean.shape, generator=noise, dtype=torch.float64)

    labels = torch.arange(identities) % 4
    return Sweeps.from_function(f, PLANE, identities, labels, steps=G, base_poses=P, joint=J, seed=seed)


def multiplicative(seed: int, identities: int = I) -> Sweeps:
    """S2: eight blocks e^{iωθ}·content, ω in {1, 2}, and content that stands still."""
    turned, still = gaussian((identities, CIRCLES, 2), seed), gaussian((identities, CONTENT), seed + 10**6)
    frequencies = torch.arange(CIRCLES) % 2 + 1

    def f(who: Tensor, pose: Tensor) -> Tensor:
        blocks = torch.view_as_complex(turned[who]) * torch.exp(1j * frequencies * pose[:, :1])
        return torch.cat([torch.view_as_real(blocks).flatten(1), still[who]], 1)

    return Sweeps.from_function(f, ROTATION, identities, steps=G, base_poses=P, joint=J, seed=seed)


def noisy_multiplicative(seed: int, identities: int = I) -> Sweeps:
    """S2 with two blocks, content that stands still and noise, so that operators and frequencies are not exact."""
    turned, noise = gaussian((identities, 2, 2), seed), torch.Generator().manual_seed(seed + 10**6)
    still = gaussian((identities, 4), seed + 2 * 10**6)

    def f(who: Tensor, pose: Tensor) -> Tensor:
        blocks = torch.view_as_complex(turned[who]) * torch.exp(1j * torch.tensor([1, 2]) * pose[:, :1])
        clean = torch.cat([torch.view_as_real(blocks).flatten(1), still[who]], 1)
        return clean + NOISE / 3 * torch.randn(clean.shape, generator=noise, dtype=torch.float64)

    return Sweeps.from_function(f, ROTATION, identities, steps=G, base_poses=P, joint=J, seed=seed)


def key_points(seed: int, identities: int = I) -> Sweeps:
    """S8 with noise: four key points of each identity under the whole pose."""
    points, noise = gaussian((identities, 4, 2, 1), seed), torch.Generator().manual_seed(seed + 10**6)
    factors = affine_factors(rotation=(-180, 180), translate_x=(-2, 2), translate_y=(-2, 2))

    def f(who: Tensor, pose: Tensor) -> Tensor:
        moved = Pose(pose)
        clean = ((moved.linear()[:, None] @ points[who])[..., 0] + moved.translation[:, None]).flatten(1)
        return clean + NOISE / 3 * torch.randn(clean.shape, generator=noise, dtype=torch.float64)

    return Sweeps.from_function(f, factors, identities, steps=G, base_poses=2, joint=0, seed=seed)


def invariant(seed: int, identities: int = I) -> Sweeps:
    """S3: content with a thousandth of noise."""
    content, noise = gaussian((identities, CONTENT), seed), torch.Generator().manual_seed(seed + 10**6)

    def f(who: Tensor, pose: Tensor) -> Tensor:
        return content[who] + 1e-3 * torch.randn(len(who), CONTENT, generator=noise, dtype=torch.float64)

    return Sweeps.from_function(f, ROTATION, identities, steps=G, base_poses=P, joint=J, seed=seed)


def noise(seed: int, identities: int = I) -> Sweeps:
    """S4: nothing but noise."""
    random = torch.Generator().manual_seed(seed)

    def f(who: Tensor, pose: Tensor) -> Tensor:
        return torch.randn(len(who), CONTENT, generator=random, dtype=torch.float64)

    return Sweeps.from_function(f, ROTATION, identities, steps=G, base_poses=P, joint=J, seed=seed)


def shares(content: float, factor: float, smooth: float, residual: float) -> dict[tuple, float]:
    """Sums of squares to shares of their sum."""
    total = content + factor + smooth + residual
    parts = {"content": content, "factor": factor, "smooth": smooth, "residual": residual}
    return {("variance_shares", ("rotation", name)): value / total for name, value in parts.items()}


N2 = NOISE**2
DIM1 = CONTENT + 2
ONE, CELL = 1 - 1 / I, 1 - 1 / G  # what centring leaves of a variance, over identities and over the grid
HEALTH = {("health", kind): MEAN_OVER_DRAWS for kind in ("eigen_entropy", "sigma_participation", "participation")}
RANKS = HEALTH | {("health", kind): MEAN_OVER_DRAWS for kind in ("rankme", "stable", "two_nn", "lidar")}
S1_LEFT = DIM1 * N2 * CELL  # noise within an orbit

CASES: dict[str, tuple[Callable[[int], Sweeps], Mapping[tuple, float]]] = {
    "S1 additive": (
        additive,
        {
            ("sensitivity", "rotation"): 2 * (RADIUS**2 * TURN + DIM1 * N2) / (2 * (CONTENT + DIM1 * N2)),
            ("dimension", "rotation"): 2,
            ("explained_variance", "rotation"): MEAN_OVER_DRAWS,  # 1, less what the directions miss
            ("reliability", "rotation"): MEDIAN_OVER_DRAWS,
            ("leakage", ("rotation", "z", "linear")): ON_FURTHER_IDENTITIES,
            ("r2_lost", "rotation"): ON_FURTHER_IDENTITIES,
            ("common_orbit", "rotation"): 1,
            ("operator", "rotation"): ON_FURTHER_IDENTITIES,
            ("composition", "rotation"): ON_FURTHER_IDENTITIES,
            ("inverse", "rotation"): ON_FURTHER_IDENTITIES,
            ("drift", "rotation"): ON_FURTHER_IDENTITIES,
            ("orthogonality", "rotation"): MEAN_OVER_DRAWS,
            ("frequency", "rotation"): MEAN_OVER_DRAWS,
            ("orbit_share", "rotation"): ON_FURTHER_IDENTITIES,
            ("orbit_leading", "rotation"): (RADIUS**2 + 2 * DIM1 * N2 / G) / (RADIUS**2 + S1_LEFT),
            ("orbit_aspect", "rotation"): MEAN_OVER_DRAWS,
            ("retrieval", ("rotation", "mrr")): MEAN_OVER_DRAWS,
            ("retrieval", ("rotation", "h@1")): MEAN_OVER_DRAWS,
            ("class_probe", "linear"): ON_FURTHER_IDENTITIES,
        }
        | shares(
            (CONTENT + DIM1 * N2 / G) * ONE,
            RADIUS**2 + S1_LEFT / I,
            0,
            S1_LEFT * ONE,
        )
        | RANKS,
    ),
    "S1 separate": (
        separate,
        {
            ("dimension", "translate_x"): 1,
            ("overlap", ("translate_x", "translate_y")): MEAN_OVER_DRAWS,
            ("alignment", ("translate_x", "translate_y")): MEAN_OVER_DRAWS,  # 0, and kept from falling under it
            ("leakage", ("translate_x", "z", "linear")): ON_FURTHER_IDENTITIES,
            ("action", ("translate_x", "linear")): ON_FURTHER_IDENTITIES,
            ("action_error", ("translate_x", "linear")): ON_FURTHER_IDENTITIES,
            ("cross_class_transfer", ("translate_x", "absolute", "linear")): ON_FURTHER_IDENTITIES,
            ("cross_class_transfer", ("translate_x", "relative", "linear")): ON_FURTHER_IDENTITIES,
        },
    ),
    "S2 multiplicative": (
        multiplicative,
        {
            ("sensitivity", "rotation"): 4 * CIRCLES * TURN / (2 * (2 * CIRCLES + CONTENT)),
            ("dimension", "rotation"): 2 * CIRCLES,
            ("explained_variance", "rotation"): 1 / CIRCLES,
            ("leakage", ("rotation", "z", "linear")): ON_FURTHER_IDENTITIES,
        }
        | shares(CONTENT * ONE, 2 * CIRCLES / I, 2 * CIRCLES * ONE, 0)
        | {("variance_shares", ("rotation", "residual")): MEAN_OVER_DRAWS}  # what 25 steps leave of a smooth turn
        | RANKS,
    ),
    "S2 with noise": (
        noisy_multiplicative,
        {
            ("operator", "rotation"): ON_FURTHER_IDENTITIES,
            ("composition", "rotation"): ON_FURTHER_IDENTITIES,
            ("inverse", "rotation"): ON_FURTHER_IDENTITIES,
            ("drift", "rotation"): ON_FURTHER_IDENTITIES,
            ("orthogonality", "rotation"): MEAN_OVER_DRAWS,
            ("frequency", "rotation"): MEAN_OVER_DRAWS,
            ("orbit_share", "rotation"): ON_FURTHER_IDENTITIES,
            ("action", ("rotation", "linear")): ON_FURTHER_IDENTITIES,
        },
    ),
    "S8 key points": (
        key_points,
        {("closure", ("rotation", f"translate_{axis}")): MEAN_OVER_DRAWS for axis in "xy"},
    ),
    "S3 invariant": (
        invariant,
        {
            ("sensitivity", "rotation"): 1e-6 / (1 + 1e-6),
            ("leakage", ("rotation", "z", "linear")): ON_FURTHER_IDENTITIES,
        }
        | RANKS,
    ),
    "S4 noise": (
        noise,
        {
            ("sensitivity", "rotation"): 1.0,
            ("dimension", "rotation"): 0,
            ("leakage", ("rotation", "z", "linear")): ON_FURTHER_IDENTITIES,
            ("action", ("rotation", "linear")): ON_FURTHER_IDENTITIES,
            ("action_error", ("rotation", "linear")): ON_FURTHER_IDENTITIES,
            ("orbit_share", "rotation"): ON_FURTHER_IDENTITIES,
        }
        | shares(ONE / G, CELL / I, 0, CELL * ONE)
        | RANKS,
    ),
}

# Verdicts that an estimate with power should give.
EXPECTED = {
    ("S1 additive", "explained_variance", "rotation"): "above its null",
    ("S1 additive", "variance_shares", ("rotation", "factor")): "above its null",
    ("S1 additive", "leakage", ("rotation", "z", "linear")): "above its null",
    ("S1 separate", "overlap", ("translate_x", "translate_y")): "separate",
    ("S1 additive", "operator", "rotation"): "additive: it moves all images alike",
    ("S1 additive", "drift", "rotation"): "below its null",
    ("S1 additive", "frequency", "rotation"): "below its null",
    ("S1 additive", "orbit_share", "rotation"): "above its null",
    ("S1 additive", "retrieval", ("rotation", "mrr")): "above its null",
    ("S1 additive", "class_probe", "linear"): "above its null",
    ("S1 separate", "action", ("translate_x", "linear")): "above its null",
    ("S1 separate", "action_error", ("translate_x", "linear")): "below its null",
    ("S1 separate", "cross_class_transfer", ("translate_x", "absolute", "linear")): "no lower on unseen classes",
    ("S8 key points", "closure", ("rotation", "translate_x")): "below its null",
    ("S2 with noise", "operator", "rotation"): "linear, but not alike for all images",
    ("S2 multiplicative", "sensitivity", "rotation"): "below its null",
    ("S2 multiplicative", "variance_shares", ("rotation", "smooth")): "above its null",
}


@dataclass
class Tally:
    """What became of one estimate over all draws."""

    truth: float
    values: list[float] = field(default_factory=list)
    truths: list[float] = field(default_factory=list)
    intervals: list[tuple[float, float]] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    abstained: int = 0

    def add(self, estimate: Estimate, truth: float) -> None:
        if estimate.value is None or estimate.interval is None:
            self.abstained += 1
            return
        self.values.append(estimate.value)
        self.truths.append(truth)
        self.verdicts.append(estimate.verdict)
        self.intervals.append(estimate.interval)

    @property
    def covered(self) -> int:
        mean = sum(self.values) / max(1, len(self.values))
        median = torch.tensor(self.values).median().item() if self.values else math.nan
        targets = [
            mean if math.isnan(truth) else median if truth == MEDIAN_OVER_DRAWS else truth for truth in self.truths
        ]
        return sum(
            low - 1e-9 <= target <= high + 1e-9 for target, (low, high) in zip(targets, self.intervals, strict=True)
        )

    @property
    def width(self) -> float:
        return (
            torch.tensor([high - low for low, high in self.intervals]).median().item() if self.intervals else math.nan
        )


def calibrate(draws: int) -> dict[tuple, Tally]:
    """Every estimate of every case over so many draws."""
    tallies = {
        (case, metric, key): Tally(truth)
        for case, (_, truths) in CASES.items()
        for (metric, key), truth in truths.items()
    }
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for case, (_, truths) in CASES.items():
            for estimates, readable in pool.map(one_draw, [case] * draws, range(draws)):
                for (metric, key), truth in truths.items():
                    known = readable[metric, key] if truth == ON_FURTHER_IDENTITIES else truth
                    tallies[case, metric, key].add(estimates[metric, key], known)
    return tallies


def one_draw(case: str, draw: int) -> tuple[dict[tuple, Estimate], dict[tuple, float]]:
    """The estimates of a draw, and what those of probes, operators and mean orbits are on further identities."""
    torch.set_num_threads(1)
    make, truths = CASES[case]
    sweeps, more = make(1000 * draw + 17), make(1000 * draw + 500, FURTHER)
    asked = {metric for metric, _ in truths}
    diagnosis = diagnose(sweeps, probes=("linear",), skip=_not_asked(asked), seed=draw)
    estimates = {(metric, key): diagnosis[metric][key] for metric, key in truths}
    further = {name for name, truth in truths.items() if truth == ON_FURTHER_IDENTITIES}
    on_further = _on_further(sweeps, more, draw)
    blocks = [BLOCKS[block] for block in BLOCKS if block not in _not_asked({metric for metric, _ in further})]
    known = {metric: of for block in blocks for metric, of in block(on_further).items()}
    values = {(metric, key): known[metric][key].value for metric, key in further}
    return estimates, {name: math.nan if value is None else value for name, value in values.items()}


def _not_asked(metrics: set[str]) -> list[str]:
    return [block for block in BLOCKS if block not in {METRICS[metric].block for metric in metrics}]


def _on_further(sweeps: Sweeps, more: Sweeps, draw: int) -> Context:
    """The same identities to train and to validate on, and further ones to test on."""
    train, validation, test = split_identities(I, draw)
    kept = ~test
    every = {n: torch.cat([codes[kept], more.values[n]]) for n, codes in sweeps.values.items()}
    probe = (
        sweeps.probe
        and more.probe
        and replace(
            sweeps.probe,
            test=more.probe.test,
            test_values=more.probe.test_values,
            test_labels=more.probe.test_labels,
        )
    )
    together = Sweeps.from_arrays(
        every,
        sweeps.factors,
        sweeps.grids,
        torch.cat([sweeps.labels[kept], more.labels]),
        torch.cat([sweeps.joint[kept], more.joint]),
        torch.cat([sweeps.joint_values[kept], more.joint_values]),
        probe=probe,
    )
    none, all_of = torch.zeros(FURTHER, dtype=torch.bool), torch.ones(FURTHER, dtype=torch.bool)
    split = Rows(
        torch.cat([train[kept], none]),
        torch.cat([validation[kept], none]),
        torch.cat([none[: int(kept.sum())], all_of]),
    )
    return Context.of(together, draw, ("linear",), split)


def miscalibrated(tallies: Mapping[tuple, Tally], level: float = 0.05) -> list[tuple]:
    """Estimates whose coverage is not within 90 to 99 %, by exact tests corrected after Holm (1979).

    An interval that covers always is let pass: it belongs to an estimate that is exact or counts dimensions, and 200
    draws cannot tell 100 % from 99 %. Widths and power show that none is endless.
    """
    tests = []
    for name, tally in tallies.items():
        shown = len(tally.intervals)
        if shown >= 20:
            tests.append((binomtest(tally.covered, shown, 0.90, alternative="less").pvalue, name))
    tests.sort()
    failed = []
    for rank, (p, name) in enumerate(tests):
        if p > level / (len(tests) - rank):
            break
        failed.append(name)
    return failed


def power_of(tallies: Mapping[tuple, Tally], name: tuple, draws: int) -> float:
    """The share of draws in which an estimate gave the verdict it should; abstaining counts against it."""
    return tallies[name].verdicts.count(EXPECTED[name]) / draws


def table(tallies: Mapping[tuple, Tally], draws: int) -> str:
    """The page's table."""
    lines = [
        "| representation | estimate | truth | mean value | covered | median width | abstained | power |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (case, metric, key), t in tallies.items():
        of = " · ".join((key,) if isinstance(key, str) else key)
        shown = len(t.intervals)
        mean = f"{torch.tensor(t.values).mean().item():.4g}" if t.values else ""
        named = {MEDIAN_OVER_DRAWS: "median of draws", ON_FURTHER_IDENTITIES: "further identities"}
        truth = "mean of draws" if math.isnan(t.truth) else named.get(t.truth, f"{t.truth:.4g}")
        covered = f"{100 * t.covered / shown:.1f} %" if shown else ""
        width = f"{t.width:.3g}" if shown else ""
        power = f"{power_of(tallies, (case, metric, key), draws):.2f}" if (case, metric, key) in EXPECTED else ""
        cells = [case, f"{metric}, {of}", truth, mean, covered, width, f"{t.abstained} of {draws}", power]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def widths(draws: int = 5) -> str:
    """How wide the intervals of the additive case are for 32, 128, 512 identities: medians over a few draws."""
    counts, skip = (32, 128, 512), _not_asked({metric for metric, _ in CASES["S1 additive"][1]})
    found = {
        count: [diagnose(additive(seed, count), probes=("linear",), skip=skip, seed=seed) for seed in range(draws)]
        for count in counts
    }
    lines = ["| estimate | " + " | ".join(map(str, counts)) + " |", "|---|---|---|---|"]
    for metric, key in CASES["S1 additive"][1]:
        cells = []
        for diagnoses in found.values():
            intervals = [d[metric][key].interval for d in diagnoses]
            cells.append(f"{torch.tensor([high - low for low, high in intervals]).median().item():.3g}")
        lines.append(f"| {metric}, {' · '.join((key,) if isinstance(key, str) else key)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(draws: int) -> int:
    found = calibrate(draws)
    wrong, weakest = miscalibrated(found), min(power_of(found, name, draws) for name in EXPECTED)
    print(table(found, draws))
    print(f"\nMiscalibrated: {wrong or 'none'}. Least power: {weakest:.2f}.")
    return int(bool(wrong) or weakest < 0.9)


if __name__ == "__main__":
    if sys.argv[1:] == ["widths"]:
        print(widths())
        sys.exit(0)
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
