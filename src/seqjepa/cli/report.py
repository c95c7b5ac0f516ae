"""``seqjepa report``: the page of a run or a diagnosis, and its figures as files."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLES = """examples:
  seqjepa report runs/mnist_affine-20260105-120000                        writes report.html into the run's folder
  seqjepa report runs/mnist_affine-20260105-120000 --formats png pdf      and every figure, into figures/
"""


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``seqjepa report`` takes."""
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, EXAMPLES
    parser.add_argument("run", type=Path, help="a run's folder that was diagnosed, or a diagnosis' own")
    parser.add_argument("--out", type=Path, help="the page (default: report.html in that folder)")
    parser.add_argument("--formats", nargs="+", default=[], help="also save every figure beside it: svg, png, pdf")


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Write the page, and the figures."""
    from seqjepa.io.files import check_file, make_folder
    from seqjepa.report import read_record, save_figures, write_page
    from seqjepa.report.style import check_formats

    check_formats(options.formats)
    record = read_record(options.run)
    path = options.out or options.run / "report.html"
    check_file(path)
    write_page(record, path)
    if options.formats:
        folder = make_folder(path.parent / "figures")
        for name, reason in save_figures(record, folder, options.formats).items():
            print(f"no {name}: {reason}")
        print(f"figures: {folder}")
    print(f"report: {path}")
    return 0
