"""Reports: figures, and one HTML page that explains itself."""

from seqjepa.report.comparison_page import write_comparison
from seqjepa.report.figures import FIGURES
from seqjepa.report.page import write_page, write_report
from seqjepa.report.record import Material, read_material
from seqjepa.report.style import save_figure

__all__ = ["FIGURES", "Material", "read_material", "save_figure", "write_comparison", "write_page", "write_report"]
