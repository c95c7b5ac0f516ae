"""Reports and comparisons: figures, and HTML pages that explain themselves."""

from seqjepa.report.comparison import Comparison, compare
from seqjepa.report.figures import FIGURES, save_figures
from seqjepa.report.pages import write_page, write_report
from seqjepa.report.record import RunRecord, read_record
from seqjepa.report.style import save_figure

__all__ = [
    "FIGURES",
    "Comparison",
    "RunRecord",
    "compare",
    "read_record",
    "save_figure",
    "save_figures",
    "write_page",
    "write_report",
]
