"""What figures of several runs draw: the data of their artists."""

from itertools import pairwise

import pytest
from matplotlib.colors import to_rgba

from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.estimate import Estimate
from seqjepa.diagnostics.metric import Metric
from seqjepa.report.columns import Column
from seqjepa.report.comparison import Comparison, compare
from seqjepa.report.comparison_figures import MAIN, Drawn, colour, drawn_metrics, keys_of, overlaid
from seqjepa.report.comparison_figures import dots as dots_of
from seqjepa.report.comparison_figures import limits_of as limits
from seqjepa.report.comparison_pages import comparison_page
from seqjepa.report.entries import Entry
from seqjepa.report.style import rendered
from seqjepa.types import NotIdentifiable

EV = Drawn("explained_variance")


def dots(columns, metric, key, limits=None):
    return dots_of(Comparison(tuple(columns), (), (), ()), metric, key, limits)


def limits_of(columns, metric, keys):
    return limits(Comparison(tuple(columns), (), (), ()), metric, keys)


def entry(value, name="one", metric="explained_variance", key="rotation", **more):
    return Entry(name, diagnosis=Diagnosis({metric: {key: Estimate(value, **more)}}))


def logged(*rows):
    return Entry("run", rows=[{"epoch": float(e), "loss": v} for e, v in rows])


def drawn(axis, label, marker):
    return [
        (list(line.get_xdata()), list(line.get_ydata()))
        for line in axis.get_lines()
        if line.get_label() == label and line.get_marker() == marker
    ]


def test_single_entries_have_their_value_interval_and_null():
    columns = [
        Column("one", (entry(0.4, interval=(0.3, 0.5), null=0.1),)),
        Column("two", (entry(0.6, interval=(0.55, 0.7), null=0.2),)),
    ]
    axis = dots(columns, EV, "rotation", (0, 1)).axes[0]
    assert drawn(axis, "A", "o") == [([0.4], [0])]
    assert drawn(axis, "A", "|") == [([0.3, 0.5], [0, 0])]
    assert drawn(axis, "B", "o") == [([0.6], [1])]
    nulls = [line.get_xdata() for line in axis.get_lines() if line.get_label() == "null"]
    assert [list(x) for x in nulls] == [[0.1, 0.1], [0.2, 0.2]]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["A", "B"]
    low, high = axis.get_ylim()
    assert low > high  # the first column is the top one
    assert axis.get_xlim() == (0, 1)


def test_seeds_are_dots_with_their_mean_and_range_and_no_interval_over_images():
    seeds = tuple(entry(v, interval=(0.0, 0.9), null=n) for v, n in ((0.2, 0.1), (0.3, 0.3), (0.7, 0.2)))
    axis = dots([Column("three", seeds), Column("one", (entry(0.5),))], EV, "rotation").axes[0]
    assert drawn(axis, "A", "o") == [([0.2, 0.3, 0.7], [0, 0, 0])]
    assert drawn(axis, "A", "D") == [([pytest.approx(0.4)], [0])]
    assert drawn(axis, "A", "None") == [([0.2, 0.7], [0, 0])]
    assert drawn(axis, "A", "|") == []
    assert drawn(axis, "null", "None")[0][0] == pytest.approx([0.2, 0.2])


def test_what_has_no_value_says_whether_it_was_asked():
    columns = [
        Column("a", (entry(0.4),)),
        Column("b", (entry(None, reason="halves disagree"),)),
        Column("c", (Entry("c"),)),
    ]
    axis = dots(columns, EV, "rotation").axes[0]
    assert [(text.get_text(), text.get_position()[1]) for text in axis.texts] == [("?", 1), ("–", 2)]
    with pytest.raises(NotIdentifiable, match="not measured"):
        dots(columns[2:], EV, "rotation")


def test_panels_of_a_metric_share_their_limits_and_units_do_not():
    columns = [Column("a", (entry(1.4, interval=(1.2, 1.5)),)), Column("b", (entry(-0.1),))]
    low, high = limits_of(columns, EV, ["rotation"])
    assert low < -0.1
    assert high > 1.5
    assert limits_of([Column("a", (entry(0.4),))], EV, ["rotation"]) == (0, 1)
    assert limits_of(columns, Drawn("action_error", own_units=True), ["rotation"]) is None


def test_the_panels_of_a_metric():
    answers = {key: Estimate(0.5) for key in ("rotation", "translate_x", "translation")}
    pairs = [
        ("rotation", "translate_x"),
        ("translate_x", "rotation"),
        ("rotation", "scale"),
        ("rotation", "translation"),
    ]
    overlaps = dict.fromkeys(pairs, Estimate(None, reason="unknown"))
    found = {
        "dimension": answers,
        "overlap": overlaps,
        "retrieval": {("rotation", "mrr"): Estimate(1), ("rotation", "h@1"): Estimate(1)},
    }
    columns = [Column("a", (Entry("a", diagnosis=Diagnosis(found)),))]
    keys = {metric.name: keys_of(columns, metric) for metric in MAIN}
    assert keys["dimension"] == ["rotation", "translate_x"]
    assert keys["overlap"] == [("rotation", "translate_x"), ("rotation", "translation")]
    assert keys["retrieval"] == [("rotation", "mrr")]
    assert keys["sensitivity"] == []


def test_a_metric_of_ones_own_is_drawn_with_its_question_and_unit():
    own = Metric("sparsity", "how many dimensions are zero?", unit="share of zeros", low=0, high=1, of=())
    entries = [Diagnosis({"sparsity": {"all": Estimate(v)}}, metrics={"sparsity": own}) for v in (0.25, 0.5)]
    compared = compare({"one": entries[0], "two": entries[1]})
    assert drawn_metrics(compared)[-1] == Drawn("sparsity")
    assert limits(compared, Drawn("sparsity"), ["all"]) == (0, 1)
    assert dots_of(compared, Drawn("sparsity"), "all").axes[0].get_xlabel() == "share of zeros"
    assert "How many dimensions are zero?" in comparison_page(compared)


def test_curves_are_overlaid_with_a_band_where_there_are_seeds():
    seeds = Column("seeds", (logged((1, 3.0), (2, 1.0)), logged((1, 5.0), (2, 2.0))))
    one = Column("one", (logged((1, 4.0), (2, 1.5), (3, 1.0)),))
    axis = overlaid([seeds, one], "loss").axes[0]
    a, b = axis.get_lines()
    assert (list(a.get_xdata()), list(a.get_ydata())) == ([1, 2], [4.0, 1.5])
    assert list(b.get_ydata()) == [4.0, 1.5, 1.0]
    assert to_rgba(b.get_color()) == to_rgba(colour(1))
    band = axis.collections
    assert len(band) == 1
    corners = {tuple(point) for point in band[0].get_paths()[0].vertices.tolist()}
    assert {(1, 3), (1, 5), (2, 1), (2, 2)} <= corners
    assert [text.get_text() for text in axis.texts] == ["B", "A"]  # from the lowest end up
    assert axis.get_xlabel() == "epoch"


@pytest.mark.parametrize("end", [1.0, 5.0])
def test_letters_at_one_place_stand_above_each_other(end):
    columns = [Column(str(i), (logged((1, 3.0), (2, end)),)) for i in range(10)]
    axis = overlaid(columns, "loss").axes[0]
    heights = [text.xy[1] for text in axis.texts]
    low, high = axis.get_ylim()
    gaps = [(b - a) / (high - low) for a, b in pairwise(heights)]
    assert min(gaps) > 0.06
    assert low <= min(heights)
    assert max(heights) <= high
    assert axis.get_lines()[7].get_color() == axis.get_lines()[0].get_color()
    assert axis.get_lines()[7].get_linestyle() != axis.get_lines()[0].get_linestyle()


def test_a_metric_that_no_run_logged():
    with pytest.raises(NotIdentifiable, match="no run logged r2_test"):
        overlaid([Column("one", (logged((1, 1.0)),))], "r2_test")


def test_a_name_with_dollars_is_no_formula():
    hostile = r"$\foo{$"
    figure = dots([Column("a", (entry(0.5, key=hostile),))], EV, hostile)
    assert b"<svg" in rendered(figure)
