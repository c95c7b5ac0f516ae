"""How often is something claimed of codes in which there is nothing? ``python benchmarks/false_verdicts.py [DRAWS]``.

``--only`` takes any part of a code's name. ``--no-network`` leaves out the network beside the operator, which takes
three quarters of the time; without it fewer operators are asked at all.

Each draw is a diagnosis of all blocks, four factors, of a code that no factor moves: noise alone, or noise beside
content. Whatever a verdict claims of a factor is then false. A column of the table is a metric: the share of its
verdicts, over all draws and cells, that claim something. Held to: at most 5 % in each column, at most 2 % "shared" or
"separate", and at most 10 % of runs with any claim at all.
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from unittest import mock

import torch
from scipy.stats import binomtest
from torch import Tensor

from seqjepa.diagnostics import diagnose
from seqjepa.diagnostics.blocks import group
from seqjepa.factors import affine_factors
from seqjepa.rng import derive_seed
from seqjepa.sweeps import Sweeps

FACTORS = affine_factors(rotation=(-75, 75), translate_x=(-7, 7), translate_y=(-7, 7), scale=(0.5, 1.0))
DIM, CONTENT = 16, 8
MOST, MOST_SHARED, MOST_RUNS = 0.05, 0.02, 0.10
# Metrics of content, or that have no claim about a factor to make.
OF_CONTENT = {"class_probe", "health"}
NO_CLAIM = (
    "",
    "at its null",
    "not told",
    "all alike",
    "no more than",
    "nothing",
    "no direction",
    "under 0.8",
    "not significantly",
)
# What is true of content that stands still, whatever the factor does.
TRUE_OF_CONTENT = {("sensitivity", None), ("variance_shares", "content"), ("variance_shares", "residual")}


def gaussian(who: Tensor, random: torch.Generator) -> Tensor:
    """White noise."""
    return torch.randn(len(who), DIM, generator=random, dtype=torch.float64)


def unequal(who: Tensor, random: torch.Generator) -> Tensor:
    """Six loud directions, six quieter, the others quieter still."""
    spread = torch.ones(DIM, dtype=torch.float64)
    spread[:4], spread[4:8] = 5.0, 2.0
    return spread * gaussian(who, random)


def heavy(who: Tensor, random: torch.Generator) -> Tensor:
    """Student's t with three degrees of freedom, for a whole code at once."""
    chi = torch.randn(len(who), 3, generator=random, dtype=torch.float64).square().mean(1, keepdim=True)
    return gaussian(who, random) / chi.sqrt()


def own_amount(who: Tensor, random: torch.Generator) -> Tensor:
    """Each identity's noise of another size, log-normal."""
    sizes = torch.randn(512, 1, generator=torch.Generator().manual_seed(random.initial_seed() + 1), dtype=torch.float64)
    return sizes[who].exp() * gaussian(who, random)


Noise = Callable[[Tensor, torch.Generator], Tensor]
CASES: dict[str, tuple[Noise, float, int, int]] = {  # noise, content's size, identities, times each is repeated
    "noise": (gaussian, 0.0, 64, 1),
    "content and noise": (gaussian, 2.0, 64, 1),
    "content and unequal noise": (unequal, 2.0, 64, 1),
    "content and heavy tails": (heavy, 2.0, 64, 1),
    "content, each image its own amount": (own_amount, 2.0, 64, 1),
    "content and noise, 20 images": (gaussian, 2.0, 20, 1),
    "content and noise, 32 images": (gaussian, 2.0, 32, 1),
    "content and noise, each image twice": (gaussian, 2.0, 64, 2),
}


def sweeps_of(case: str, draw: int) -> Sweeps:
    """A code of content and noise, in random directions, over the sweeps of four factors."""
    noise, size, identities, repeats = CASES[case]
    random = torch.Generator().manual_seed(derive_seed(draw, case) % 2**31)
    content = torch.randn(identities, CONTENT, generator=random, dtype=torch.float64)
    content = torch.nn.functional.pad(content, (0, DIM - CONTENT))[torch.arange(identities) // repeats]
    turn = torch.linalg.qr(torch.randn(DIM, DIM, generator=random, dtype=torch.float64)).Q
    labels = torch.arange(identities) // repeats % 4

    def code(who: Tensor, pose: Tensor) -> Tensor:
        return (size * content[who] + noise(who, random)) @ turn

    return Sweeps.from_function(code, FACTORS, identities, labels, steps=13, base_poses=2, joint=10, seed=draw)


def one_draw(case: str, draw: int, network: bool) -> list[tuple[str, str, str]]:
    """Metric, what of, and verdict ("–" where there is no estimate) of every cell that could claim a factor."""
    torch.set_num_threads(1)
    asked = group.network_operator if network else lambda *_: -1.0
    with mock.patch.object(group, "network_operator", asked):
        diagnosis = diagnose(sweeps_of(case, draw), seed=draw, skip=["health"], ideals=False)
    cells = []
    for metric, estimates in diagnosis.estimates.items():
        if metric in OF_CONTENT or (CASES[case][1] and (metric, None) in TRUE_OF_CONTENT):
            continue
        for key, estimate in estimates.items():
            parts = (key,) if isinstance(key, str) else key
            if parts[0] == "class" or (CASES[case][1] and (metric, parts[-1]) in TRUE_OF_CONTENT):
                continue
            cells.append((metric, " · ".join(parts), "–" if estimate.value is None else estimate.verdict))
    return cells


def claims(verdict: str) -> bool:
    """Whether a verdict says that there is something."""
    return verdict != "–" and not any(verdict == no or (no and verdict.startswith(no)) for no in NO_CLAIM)


def judged(found: Mapping[str, list[list[tuple[str, str, str]]]]) -> tuple[str, list[str]]:
    """The table, and what is over its bound by an exact test at 5 %."""
    lines, over = ["| code | metric | cells | answered | claims | what is claimed |", "|---|---|---|---|---|---|"], []
    for case, runs in found.items():
        by_metric: dict[str, Counter[str]] = defaultdict(Counter)
        for cells in runs:
            for metric, _, verdict in cells:
                by_metric[metric][verdict] += 1
        for metric, verdicts in by_metric.items():
            cells = sum(verdicts.values())
            false = {verdict: count for verdict, count in verdicts.items() if claims(verdict)}
            sizes = sum(count for verdict, count in false.items() if verdict in ("shared", "separate"))
            words = ", ".join(f"{verdict} ({count})" for verdict, count in sorted(false.items()))
            answered = cells - verdicts["–"]
            lines.append(
                f"| {case} | {metric} | {cells} | {answered} | {100 * sum(false.values()) / cells:.1f} % | {words} |"
            )
            for count, most in ((sum(false.values()), MOST), (sizes, MOST_SHARED)):
                if binomtest(count, cells, most, alternative="greater").pvalue < 0.05:
                    over.append(f"{case}, {metric}: {count} of {cells}, at most {most:.0%}")
        wrong = sum(any(claims(verdict) for _, _, verdict in cells) for cells in runs)
        lines.append(f"| {case} | **any** | {len(runs)} runs | | {100 * wrong / len(runs):.1f} % | |")
        if binomtest(wrong, len(runs), MOST_RUNS, alternative="greater").pvalue < 0.05:
            over.append(f"{case}: {wrong} of {len(runs)} runs claim something, at most {MOST_RUNS:.0%}")
    return "\n".join(lines), over


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("draws", nargs="?", type=int, default=200)
    parser.add_argument("--only", default="", metavar="CODE", help="part of a code's name")
    parser.add_argument("--no-network", action="store_true", help="no network beside the operator")
    parser.add_argument("--workers", type=int, default=None, help="processes; as many as processors if left out")
    parser.add_argument("--save", type=Path, default=None, metavar="FILE", help="every verdict, as JSON")
    options = parser.parse_args()
    every = [(case, draw, not options.no_network) for draw in range(options.draws) for case in CASES]
    every = [one for one in every if options.only in one[0]]
    found: dict[str, list[list[tuple[str, str, str]]]] = defaultdict(list)
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        for (case, *_), cells in zip(every, pool.map(one_draw, *zip(*every, strict=True)), strict=True):
            found[case].append(cells)
            if options.save:
                options.save.write_text(json.dumps(found), encoding="utf-8")
    text, over = judged(found)
    print(text)
    print(f"\n{options.draws} draws. Over the bound: {'; '.join(over) or 'none'}.")
    return int(bool(over))


if __name__ == "__main__":
    sys.exit(main())
