"""A diagnosis as tables for a paper and as a notebook shows it, read back by others' readers."""

import csv
import html.parser
import io
import re
import sys
from dataclasses import replace

import pytest

import seqjepa as sj
from seqjepa.diagnostics import Estimate
from seqjepa.diagnostics.diagnosis import Diagnosis
from seqjepa.diagnostics.ideals import ideal_text
from seqjepa.diagnostics.metric import Metric
from seqjepa.io.markup import latex_text
from seqjepa.types import InputError
from tests.ground_truths import FACTORS, additive

NASTY = "a|b & 50 % <b>_$x$\\"


@pytest.fixture(scope="module")
def diagnosis():
    sweeps = sj.Sweeps.from_function(additive(24), FACTORS, 24, steps=7, base_poses=2, joint=4, seed=0)
    skip = ["contents", "group", "actions", "retrieval", "health", "shared", "classes", "leakage"]
    made = sj.diagnose(sweeps, probes=["linear"], skip=skip)
    return replace(made, baselines={"itself": made}, metadata={**made.metadata, "encoder": NASTY})


@pytest.fixture
def foreign():
    """Names that every format takes for its own, an estimate without a value, and one without an interval."""
    estimates = {"mine": {NASTY: Estimate(0.5, (0.4, 0.6), 0.1), ("f", "g"): Estimate(None, reason=NASTY)}}
    return Diagnosis(estimates, metrics={"mine": Metric("mine", "?", title=NASTY)})


def every(diagnosis):
    for of in (diagnosis, *diagnosis.baselines.values()):
        for metric, estimates in of.estimates.items():
            for key, estimate in estimates.items():
                yield metric, key if isinstance(key, str) else " · ".join(key), estimate


def test_a_csv_holds_every_estimate_unrounded(diagnosis):
    rows = list(csv.DictReader(io.StringIO(diagnosis.to_csv())))
    known = list(every(diagnosis))
    assert [(row["metric"], row["of"]) for row in rows] == [(metric, of) for metric, of, _ in known]
    assert {row["encoder"] for row in rows} == {"encoder", "itself"}
    for row, (_, _, estimate) in zip(rows, known, strict=True):
        assert row["value"] == ("" if estimate.value is None else str(estimate.value))
        assert row["reason"] == estimate.reason
        if estimate.interval is not None:
            assert (float(row["low"]), float(row["high"])) == estimate.interval
    assert any(row["ideal_disentangled"] for row in rows)


def test_a_frame_has_the_same_rows(diagnosis):
    pandas = pytest.importorskip("pandas")
    frame = diagnosis.to_frame()
    again = pandas.read_csv(io.StringIO(diagnosis.to_csv()), keep_default_na=False)
    assert list(frame.columns) == list(again.columns)
    assert len(frame) == len(again) == len(list(every(diagnosis)))
    rotation = frame.query("encoder == 'encoder' and metric == 'explained_variance' and of == 'rotation'")
    assert rotation.value.item() == diagnosis["explained_variance"]["rotation"].value


def test_without_pandas_a_frame_names_what_to_install(diagnosis, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match=r"pip install 'seqjepa\[pandas\]'"):
        diagnosis.to_frame()


def test_tables_have_value_interval_null_ideal_and_baselines(diagnosis):
    of = diagnosis["explained_variance"]["rotation"]
    low, high = of.interval
    said = f"{of.value:.3f} [{low:.3f}, {high:.3f}]"
    line = next(r for r in diagnosis.to_markdown(["explained_variance"]).splitlines() if "| rotation |" in r)
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert ideal_text(of).startswith("1.00 / ")
    assert cells == ["explained variance", "rotation", said, f"{of.null:.3f}", ideal_text(of), said]
    assert len(diagnosis.to_markdown(details=True)) > len(diagnosis.to_markdown())
    with pytest.raises(InputError, match="metric 'nothing' is not one of"):
        diagnosis.to_latex(["nothing"])


def test_nothing_that_came_from_outside_is_markup(foreign):
    markdown, latex, shown = foreign.to_markdown(), foreign.to_latex(), foreign._repr_html_()
    heads, _, *rows = markdown.splitlines()
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row)) == len(re.findall(r"\|", heads))
    body = latex.split("\\midrule\n")[1].split("\\bottomrule")[0]
    for row in body.splitlines():
        assert len(re.findall(r"(?<!\\)&", row)) == 4
        assert not re.search(r"(?<!\\)[%_#]", row)
    assert "<b>" not in shown
    assert "&lt;b&gt;" in shown


def test_latex_shows_a_text_as_it_is():
    assert latex_text("50 % of R² & a_b\\c") == r"50 \% of R\textsuperscript{2} \& a\_b\textbackslash{}c"


class Cells(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.texts = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_a_notebook_shows_tables(diagnosis, foreign):
    assert "explained variance" in Cells(diagnosis._repr_html_()).texts
    assert NASTY in Cells(foreign._repr_html_()).texts
    shown = Cells(diagnosis["explained_variance"]["rotation"]._repr_html_()).texts
    assert f"{diagnosis['explained_variance']['rotation'].value:.3f}" in shown
    assert "too few" in Cells(Estimate(None, reason="too few")._repr_html_()).texts


def test_sweeps_tell_sizes_and_not_numbers():
    sweeps = sj.Sweeps.from_function(additive(8), FACTORS, 8, steps=3, base_poses=2, joint=4, seed=0)
    assert len(repr(sweeps)) < 300
    texts = Cells(sweeps._repr_html_()).texts
    assert "rotation" in texts
    assert str(sweeps.dim) in texts


def test_a_diagnosis_is_a_line_in_a_terminal(diagnosis):
    assert repr(diagnosis).count("\n") == 0
    assert len(repr(diagnosis)) < 200
