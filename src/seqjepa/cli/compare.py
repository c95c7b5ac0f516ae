"""``seqjepa compare``: parse, call, print."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLES = """examples:
  two runs: the settings that differ, the last epoch's metrics, the estimates of their diagnoses
    seqjepa compare runs/one runs/two
  two diagnoses over the same images and poses
    seqjepa compare runs/one/diagnosis/diagnosis.json runs/diagnosis-20260105-120000
  two recipes, three seeds each: one column a recipe, mean ± standard deviation
    seqjepa compare runs/affine-seed-0 runs/affine-seed-1 runs/affine-seed-2 runs/rate-seed-{0,1,2}
  the same as an HTML page with figures, training curves and a table that can be sorted
    seqjepa compare runs/one runs/two --html compared.html
"""


def add_compare_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``seqjepa compare`` takes."""
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, EXAMPLES
    parser.add_argument("paths", nargs="+", type=Path, metavar="RUN", help="a run's folder, or a diagnosis; 2 to 10")
    parser.add_argument("--details", action="store_true", help="every estimate of the diagnoses")
    parser.add_argument("--html", type=Path, metavar="PATH", help="also write a page, with figures and every estimate")


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Compare, print, and write the page."""
    from seqjepa.io.files import check_file
    from seqjepa.report.comparison import compare

    if options.html:
        check_file(options.html)
    compared = compare(*options.paths)
    print(compared.table(options.details))
    if options.html:
        print(f"\npage: {compared.to_html(options.html)}")
    return 0
