"""Figures of sequences: each cell and each curve where it belongs."""

import pytest

from seqjepa.diagnostics import Diagnosis, Estimate
from seqjepa.report.lengths import length_heatmaps, path_curves
from seqjepa.types import NotIdentifiable


def test_a_heatmap_has_each_cell_in_its_place():
    accuracy = {(a, b): Estimate(int(a) / 10 + int(b) / 100, null=0.1) for a in "138" for b in "138"}
    r2 = {("hue", a, b): Estimate(0.5, (0.4, 0.6)) for a in "38" for b in "38"} | {("x", "3", "3"): Estimate(None)}
    figure = length_heatmaps(Diagnosis({"sequence_accuracy": accuracy, "sequence_r2": r2}))
    first, second = figure.axes[:2]
    assert [axis.get_title() for axis in figure.axes] == ["class accuracy", "hue, R²"]  # nothing of x is known
    shown = first.images[0].get_array()
    assert shown[1].tolist() == pytest.approx([0.31, 0.33, 0.38])  # fitted at 3, tested at 1, 3 and 8
    assert "null 0.10" in first.texts[0].get_text()
    assert "[0.40, 0.60]" in second.texts[0].get_text()


def test_curves_of_a_path_are_ordered_by_length():
    found = {("x", "vision", n): Estimate(0.1 * int(n), (0.0, 1.0)) for n in ("8", "2", "3")}
    found |= {("x", "action", "2"): Estimate(None, reason="constant")}
    (axis,) = path_curves(Diagnosis({"path_integration": found})).axes
    line = axis.get_lines()[0]
    assert list(line.get_xdata()) == [2, 3, 8]
    assert list(line.get_ydata()) == pytest.approx([0.2, 0.3, 0.8])
    assert line.get_label() == "vision"


@pytest.mark.parametrize("draw", [length_heatmaps, path_curves])
def test_without_an_aggregator_there_is_nothing_to_draw(draw):
    with pytest.raises(NotIdentifiable, match="no aggregator"):
        draw(Diagnosis({}))
