"""``seqjepa report``: the page of a run or a diagnosis, and its figures as files."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLES = """examples:
  seqjepa report runs/mnist_affine-20260105-120000                        writes report.html into the run's folder
  seqjepa report runs/mnist_affine-20260105-120000 --formats png pdf      and every figure, into figures/
  seqjepa report runs/mnist_affine-20260105-120000 --formats pdf --width single --tables csv tex      for a paper
"""


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``seqjepa report`` takes."""
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, EXAMPLES
    parser.add_argument("run", type=Path, help="a run's folder that was diagnosed, a diagnosis' own, or a JSON")
    parser.add_argument("--out", type=Path, help="the page (default: report.html in that folder)")
    parser.add_argument("--formats", nargs="+", default=[], help="also save every figure beside it: svg, png, pdf")
    parser.add_argument("--width", help="of these figures: single or double (a journal's column), or inches")
    parser.add_argument("--tables", nargs="+", default=[], help="also save the estimates beside it: csv, md, tex")


def run(options: argparse.Namespace, overrides: list[str]) -> int:
    """Write the page, the figures and the tables."""
    from seqjepa.io.files import check_file, make_folder
    from seqjepa.report import read_record, save_figures, write_page
    from seqjepa.report.style import check_formats, column_width
    from seqjepa.report.tables import check_tables, save_tables
    from seqjepa.types.checking import user_path

    check_formats(options.formats)
    check_tables(options.tables)
    width = None if options.width is None else column_width(options.width)
    record = read_record(options.run)
    given = user_path(options.run)
    path = user_path(options.out) if options.out else _page_of(given)
    check_file(path)
    write_page(record, path)
    if options.formats:
        folder = make_folder(path.parent / "figures")
        for name, reason in save_figures(record, folder, options.formats, width).items():
            print(f"no {name}: {reason}")
        print(f"figures: {folder}")
    for table in save_tables(record.diagnosis, path.parent, options.tables):
        print(f"table: {table}")
    print(f"report: {path}")
    return 0


def _page_of(given: Path) -> Path:
    """In a folder report.html; beside a diagnosis.json too, and beside another JSON a page of its name."""
    if not given.is_file():
        return given / "report.html"
    return given.with_name("report.html" if given.stem == "diagnosis" else f"{given.stem}.html")
