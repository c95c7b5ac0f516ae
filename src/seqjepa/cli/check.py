"""``seqjepa check``: parse, call, print."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLES = """a requirement:
  METRIC[PART,…] <= NUMBER                 also >=; 'seqjepa list metrics' names the metrics
  METRIC[PART,…] >= chance + NUMBER        chance is the estimate's null; also chance alone, and chance - NUMBER
  METRIC[PART,…] at chance                 the interval within 0.05 of the null; another margin: at chance within 0.02
  METRIC[…] - METRIC[…] >= NUMBER          a difference, paired over images where that is possible
  run[COLUMN] >= NUMBER                    a column of the run's metrics.csv, last value

It passes when the whole 95 % interval meets it, fails when none of it does, and is undecided between: then it is said
how many identities (seqjepa diagnose --identities) would decide, if the estimate stayed as it is.

exit code:
  0  all pass      1  at least one fails      2  a mistake in the command      3  none fails, at least one is undecided

examples:
  seqjepa check runs/mine --require "overlap[rotation,translation] <= 0.1" --require "leakage[class,z,linear] at chance"
  seqjepa check runs/mine --require "leakage[class,z_agg,linear] - leakage[class,z,linear] >= 0"
  seqjepa check runs/mine/diagnosis/diagnosis.json --require "explained_variance[rotation] >= chance + 0.5"
  seqjepa check runs/mine --require-file gates.yaml     a mapping:   rotation apart: "overlap[rotation,scale] <= 0.1"
  seqjepa check runs/mine --require-file seed_run       ten requirements that come with the package
"""


def add_check_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``seqjepa check`` takes."""
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, EXAMPLES
    parser.add_argument("run", type=Path, metavar="RUN", help="a run's folder that was diagnosed, or a diagnosis.json")
    parser.add_argument(
        "--require", action="append", default=[], metavar="REQUIREMENT", help="may be given several times"
    )
    parser.add_argument(
        "--require-file",
        action="append",
        default=[],
        metavar="FILE",
        help="YAML of names and requirements, or seed_run",
    )


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Judge, print a line for each requirement, and say it by the exit code."""
    from seqjepa.diagnostics.gates import told
    from seqjepa.workflows.checking import check_run

    checked = check_run(options.run, options.require, options.require_file)
    for name, judgement in checked.judgements.items():
        text = judgement.requirement.text
        written = text if name == text else f"{name}: {text}"
        print(f"{judgement.outcome:<9}  {written}  ({told(judgement)})")
    outcomes = [judgement.outcome for judgement in checked.judgements.values()]
    print(", ".join(f"{outcomes.count(kind)} {kind}" for kind in ("pass", "fail", "undecided") if kind in outcomes))
    return checked.code
