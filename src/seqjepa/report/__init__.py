"""Reports: figures, and one HTML page that explains itself."""

from seqjepa.report.comparison import Comparison, compare
from seqjepa.report.figures import FIGURES
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
    "write_page",
    "write_report",
]
