"""How often do 95 % intervals cover the truth? ``python benchmarks/calibration.py [DRAWS] [--only ROW]``.

Each draw is a representation whose answer is known (``calibrated/codes.py``), with new contents and new noise. The
truth (``calibrated/cases.py``) is worked out by hand where it can be: what the estimate comes to with ever more
identities, so that an interval has to cover a bias of few identities too. Of a probe, an operator or a mean orbit it is
what the very same one scores on 500 further identities. Ranks, scores of the literature and what is refitted depend on
how many identities they are taken of, so there it is the mean over all draws.

``--only`` takes any part of a row's name, as in ``--only "S1 separate | overlap"``, and may be given again; blocks that
no row needs are not computed. With ``--save`` the table so far is written after each draw of all. ``--widths`` tells
instead how wide intervals are for 32, 128 and 512 identities.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch
from calibrated.cases import CASES, Asked
from calibrated.draws import one_draw
from calibrated.tally import Row, Tally, miscalibrated, power_of, table

from seqjepa.diagnostics import METRICS, diagnose
from seqjepa.diagnostics.assembly import BLOCKS

LEAST_POWER = 0.9


def rows_of(only: list[str]) -> dict[str, list[Asked]]:
    """What is asked of each case, of the rows that bear any of these names."""
    found: dict[str, list[Asked]] = {}
    for case, known in CASES.items():
        for asked in known.truths:
            if not only or any(part in name_of((case, asked)) for part in only):
                found.setdefault(case, []).append(asked)
    return found


def name_of(row: Row) -> str:
    """As in "S1 separate | overlap, translate_x · translate_y"."""
    case, (metric, key) = row
    return f"{case} | {metric}, {' · '.join((key,) if isinstance(key, str) else key)}"


def timed_draw(case: str, draw: int, asked: list[Asked]) -> tuple[dict, float]:
    """A draw, and the processor's seconds it took."""
    start = time.process_time()
    return one_draw(case, draw, asked), time.process_time() - start


def calibrate(draws: int, only: list[str], workers: int | None, save: Path | None) -> tuple[dict[Row, Tally], float]:
    """Every row over so many draws, and the processor's seconds."""
    wanted, seconds = rows_of(only), 0.0
    tallies = {(case, one): Tally(CASES[case].truths[one]) for case, asked in wanted.items() for one in asked}
    every = [(case, draw, asked) for draw in range(draws) for case, asked in wanted.items()]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        results = pool.map(timed_draw, *zip(*every, strict=True))
        for (case, draw, _), (found, took) in zip(every, results, strict=True):
            seconds += took
            for one, (estimate, truth) in found.items():
                tallies[case, one].add(estimate, truth)
            if save and case == every[-1][0]:
                told = f"{draw + 1} draws, {seconds / 60:.1f} minutes of a processor"
                save.write_text(f"{table(tallies)}\n\n{told}\n", encoding="utf-8")
    return tallies, seconds


def widths(draws: int = 5) -> str:
    """How wide the intervals of the additive case are for 32, 128, 512 identities: medians over a few draws."""
    make, truths = CASES["S1 additive"].make, CASES["S1 additive"].truths
    counts, wanted = (32, 128, 512), {METRICS[metric].block for metric, _ in truths}
    skip = [block for block in BLOCKS if block not in wanted]
    found = {
        count: [diagnose(make(seed, count), skip=skip, seed=seed, ideals=False) for seed in range(draws)]
        for count in counts
    }
    lines = ["| estimate | " + " | ".join(map(str, counts)) + " |", "|---|---|---|---|"]
    for metric, key in truths:
        cells = []
        for diagnoses in found.values():
            intervals = [d[metric][key].interval for d in diagnoses]
            known = torch.tensor([high - low for low, high in filter(None, intervals)])
            cells.append(f"{known.median().item():.3g}" if len(known) else "–")
        lines.append(f"| {metric}, {' · '.join((key,) if isinstance(key, str) else key)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("draws", nargs="?", type=int, default=200)
    parser.add_argument("--only", action="append", default=[], metavar="ROW", help="part of a row's name")
    parser.add_argument("--workers", type=int, default=None, help="processes; as many as processors if left out")
    parser.add_argument("--save", type=Path, default=None, metavar="FILE", help="the table so far, draw by draw")
    parser.add_argument("--widths", action="store_true", help="only the table of widths")
    options = parser.parse_args()
    if options.widths:
        print(widths())
        return 0
    if not rows_of(options.only):
        parser.error(f"--only: no row bears any of {options.only}")
    found, seconds = calibrate(options.draws, options.only, options.workers, options.save)
    wrong = [name_of(row) for row in miscalibrated(found)]
    powers = {name_of(row): power for row, t in found.items() if (power := power_of(t, row)) is not None}
    weak = [f"{name} ({power:.2f})" for name, power in powers.items() if power < LEAST_POWER]
    print(table(found))
    print(f"\nMiscalibrated: {'; '.join(wrong) or 'none'}. Power under {LEAST_POWER}: {'; '.join(weak) or 'none'}.")
    print(f"{seconds / 60:.1f} minutes of a processor.")
    return int(bool(wrong or weak))


if __name__ == "__main__":
    sys.exit(main())
