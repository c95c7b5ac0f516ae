"""How often do 95 % intervals cover the truth? ``python benchmarks/calibration.py [DRAWS | widths]``.

Each draw is a representation whose answer is known, with new contents and new noise. The truth is worked out by hand
below; of a reader it is what the very same reader scores on 1,000 further identities. Ranks, reliabilities and overlaps
depend on how many identities they are taken of, so there it is the mean over all draws.
"""

import math
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

import torch
from scipy.stats import binomtest
from torch import Tensor

from seqjepa.diagnostics import Figure, diagnose, factor_subspace, ridge_probe
from seqjepa.diagnostics.case import split_identities
from seqjepa.diagnostics.leakage import factor_targets
from seqjepa.factors import affine_factors
from seqjepa.sweeps import Sweeps

I, P, G, J = 64, 1, 25, 10  # noqa: E741 (identities, base poses, grid, joint views)
CONTENT, RADIUS, BLOCKS, NOISE = 8, 3.0, 8, 0.3
ROTATION = affine_factors(rotation=(-180, 180))
PLANE = affine_factors(translate_x=(-7, 7), translate_y=(-7, 7))
MEAN_OVER_DRAWS, ON_FURTHER_IDENTITIES = math.nan, math.inf
FURTHER = 1000
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

    return Sweeps.from_function(f, ROTATION, identities, steps=G, base_poses=P, joint=J, seed=seed)


def separate(seed: int, identities: int = I) -> Sweeps:
    """S1 again: content, x and y in a direction each, and noise."""
    content, noise = gaussian((identities, CONTENT), seed), torch.Generator().manual_seed(seed + 10**6)

    def f(who: Tensor, pose: Tensor) -> Tensor:
        clean = torch.cat([content[who], pose[:, 1:3] / 2], 1)
        return clean + NOISE * torch.randn(clean.shape, generator=noise, dtype=torch.float64)

    return Sweeps.from_function(f, PLANE, identities, steps=G, base_poses=P, joint=J, seed=seed)


def multiplicative(seed: int, identities: int = I) -> Sweeps:
    """S2: eight blocks e^{iωθ}·content, ω in {1, 2}, and content that stands still."""
    turned, still = gaussian((identities, BLOCKS, 2), seed), gaussian((identities, CONTENT), seed + 10**6)
    frequencies = torch.arange(BLOCKS) % 2 + 1

    def f(who: Tensor, pose: Tensor) -> Tensor:
        blocks = torch.view_as_complex(turned[who]) * torch.exp(1j * frequencies * pose[:, :1])
        return torch.cat([torch.view_as_real(blocks).flatten(1), still[who]], 1)

    return Sweeps.from_function(f, ROTATION, identities, steps=G, base_poses=P, joint=J, seed=seed)


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
            ("explained_variance", "rotation"): (RADIUS**2 + 2 * N2 * CELL) / (RADIUS**2 + S1_LEFT),
            ("reliability", "rotation"): MEAN_OVER_DRAWS,
            ("leakage", ("rotation", "z", "linear")): ON_FURTHER_IDENTITIES,
            ("necessity", "rotation"): ON_FURTHER_IDENTITIES,
            ("common_orbit", "rotation"): 1,
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
            ("alignment", ("translate_x", "translate_y")): N2 * CELL / (49 * (G + 1) / (G - 1) / 12 + N2 * CELL),
            ("leakage", ("translate_x", "z", "linear")): ON_FURTHER_IDENTITIES,
        },
    ),
    "S2 multiplicative": (
        multiplicative,
        {
            ("sensitivity", "rotation"): 4 * BLOCKS * TURN / (2 * (2 * BLOCKS + CONTENT)),
            ("dimension", "rotation"): 2 * BLOCKS,
            ("explained_variance", "rotation"): 1 / BLOCKS,
            ("leakage", ("rotation", "z", "linear")): ON_FURTHER_IDENTITIES,
        }
        | shares(CONTENT * ONE, 2 * BLOCKS / I, 2 * BLOCKS * ONE, 0)
        | {("variance_shares", ("rotation", "residual")): MEAN_OVER_DRAWS}  # what 25 steps leave of a smooth turn
        | RANKS,
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
            ("explained_variance", "rotation"): 2 / CONTENT,
            ("leakage", ("rotation", "z", "linear")): ON_FURTHER_IDENTITIES,
        }
        | shares(ONE / G, CELL / I, 0, CELL * ONE)
        | RANKS,
    ),
}

# Verdicts that a figure with power should give.
EXPECTED = {
    ("S1 additive", "explained_variance", "rotation"): "above its null",
    ("S1 additive", "variance_shares", ("rotation", "factor")): "above its null",
    ("S1 additive", "leakage", ("rotation", "z", "linear")): "above its null",
    ("S1 separate", "overlap", ("translate_x", "translate_y")): "separate",
    ("S2 multiplicative", "sensitivity", "rotation"): "below its null",
    ("S2 multiplicative", "variance_shares", ("rotation", "smooth")): "above its null",
}


@dataclass
class Tally:
    """What became of one figure over all draws."""

    truth: float
    values: list[float] = field(default_factory=list)
    truths: list[float] = field(default_factory=list)
    intervals: list[tuple[float, float]] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    abstained: int = 0

    def add(self, figure: Figure, truth: float) -> None:
        if figure.value is None or figure.interval is None:
            self.abstained += 1
            return
        self.values.append(figure.value)
        self.truths.append(truth)
        self.verdicts.append(figure.verdict)
        self.intervals.append(figure.interval)

    @property
    def covered(self) -> int:
        mean = sum(self.values) / max(1, len(self.values))
        targets = [mean if math.isnan(truth) else truth for truth in self.truths]
        return sum(
            low - 1e-9 <= target <= high + 1e-9 for target, (low, high) in zip(targets, self.intervals, strict=True)
        )

    @property
    def width(self) -> float:
        return (
            torch.tensor([high - low for low, high in self.intervals]).median().item() if self.intervals else math.nan
        )


def calibrate(draws: int) -> dict[tuple, Tally]:
    """Every figure of every case over so many draws."""
    tallies = {
        (case, metric, key): Tally(truth)
        for case, (_, truths) in CASES.items()
        for (metric, key), truth in truths.items()
    }
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for case, (_, truths) in CASES.items():
            for figures, readable in pool.map(one_draw, [case] * draws, range(draws)):
                for (metric, key), truth in truths.items():
                    known = readable[metric] if math.isinf(truth) else truth
                    tallies[case, metric, key].add(figures[metric, key], known)
    return tallies


def one_draw(case: str, draw: int) -> tuple[dict[tuple, Figure], dict[str, float]]:
    """The figures of a draw, and what its readers of the first factor score on further identities."""
    torch.set_num_threads(1)
    make, truths = CASES[case]
    sweeps, more = make(1000 * draw + 17), make(1000 * draw + 500, FURTHER)
    diagnosis = diagnose(sweeps, families=("linear",), skip=("group",), seed=draw)
    figures = {(metric, key): diagnosis[metric][key] for metric, key in truths}
    fit, tune, report = split_identities(I, draw)
    whole = further_r2(sweeps, more, fit, tune, torch.eye(sweeps.dim, dtype=torch.float64))
    readable = {"leakage": whole}
    if any(metric == "necessity" for metric, _ in truths):
        u = factor_subspace(sweeps.values[sweeps.factors[0].name], ~report).directions()
        readable["necessity"] = whole - further_r2(sweeps, more, fit, tune, torch.eye(len(u)).double() - u @ u.T)
    return figures, readable


def further_r2(sweeps: Sweeps, more: Sweeps, fit: Tensor, tune: Tensor, projection: Tensor) -> float:
    """R² on further identities of the reader that is fitted and tuned on the first ones."""
    codes = torch.cat([sweeps.joint, more.joint]).flatten(0, 1) @ projection
    values = torch.cat([sweeps.joint_values, more.joint_values])[..., 0]
    targets = factor_targets(sweeps.factors[0], values).flatten(0, 1)
    none, every = torch.zeros(FURTHER, dtype=torch.bool), torch.ones(FURTHER, dtype=torch.bool)
    parts = ((fit, none), (tune, none), (torch.zeros_like(fit), every))
    rows = [torch.cat(part).repeat_interleave(J) for part in parts]
    read, true = ridge_probe(codes, targets, *rows).predicted, targets[rows[2]]
    return 1 - float((read - true).square().sum() / (true - true.mean(0)).square().sum())


def miscalibrated(tallies: Mapping[tuple, Tally], level: float = 0.05) -> list[tuple]:
    """Figures whose coverage is not within 90 to 99 %, by exact tests corrected after Holm (1979).

    An interval that covers always is let pass: it belongs to a figure that is exact, or that counts dimensions, and 200
    draws cannot tell 100 % from 99 %. That none is endless the widths and the power show.
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
    """The share of draws in which a figure gave the verdict it should; abstaining counts against it."""
    return tallies[name].verdicts.count(EXPECTED[name]) / draws


def table(tallies: Mapping[tuple, Tally], draws: int) -> str:
    """The page's table."""
    lines = [
        "| representation | figure | truth | mean value | covered | median width | abstained | says so |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (case, metric, key), t in tallies.items():
        of = " · ".join((key,) if isinstance(key, str) else key)
        shown = len(t.intervals)
        mean = f"{torch.tensor(t.values).mean().item():.4g}" if t.values else ""
        named = {MEAN_OVER_DRAWS: "mean of draws", ON_FURTHER_IDENTITIES: "further identities"}
        truth = "mean of draws" if math.isnan(t.truth) else named.get(t.truth, f"{t.truth:.4g}")
        covered = f"{100 * t.covered / shown:.1f} %" if shown else ""
        width = f"{t.width:.3g}" if shown else ""
        power = f"{power_of(tallies, (case, metric, key), draws):.2f}" if (case, metric, key) in EXPECTED else ""
        cells = [case, f"{metric}, {of}", truth, mean, covered, width, f"{t.abstained} of {draws}", power]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def widths(draws: int = 5) -> str:
    """How wide the intervals of the additive case are for 32, 128, 512 identities: medians over a few draws."""
    counts = (32, 128, 512)
    found = {
        count: [
            diagnose(additive(seed, count), families=("linear",), skip=("group",), seed=seed) for seed in range(draws)
        ]
        for count in counts
    }
    lines = ["| figure | " + " | ".join(map(str, counts)) + " |", "|---|---|---|---|"]
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
