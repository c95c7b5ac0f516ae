"""The page of two representations, and what it says of a subspace, on representations whose answer is known."""

import json
import re
from dataclasses import replace

import pytest
import torch

from seqjepa.diagnostics import diagnose
from seqjepa.diagnostics.estimate import Estimate
from seqjepa.diagnostics.ideals import DISENTANGLED, EQUIVARIANT, known_sweeps
from seqjepa.report import RunRecord
from seqjepa.report.side_by_side import bar, questions, side_by_side_html, write_side_by_side
from seqjepa.report.verdicts import own_subspace
from seqjepa.types import InputError, NotIdentifiable
from tests.hurried import hurried
from tests.report.conftest import Elements


@pytest.fixture(scope="module")
def records(sweeps):
    """The pose's matrix on key points, which shares rotation's directions with the shifts, and the pose itself."""
    known = known_sweeps(sweeps)
    made = {name: replace(known[name], images=sweeps.images, metadata=sweeps.metadata) for name in known}
    skip = ("contents", "group", "actions", "health")
    with hurried():  # which has the ideals computed once
        return {name: RunRecord(diagnose(made[name], skip=skip), made[name]) for name in made}


def test_what_is_known_is_told(records):
    told = {name: own_subspace(record.diagnosis, "rotation") for name, record in records.items()}
    assert told[DISENTANGLED].answer == "own"
    assert told[DISENTANGLED].sentence == "Rotation has a subspace of its own"
    assert told[DISENTANGLED].reason == "One plane holds 100 % of the movement"
    assert told[EQUIVARIANT].answer == "not"


@pytest.mark.parametrize(
    ("value", "interval", "answer"),
    [(0.9, (0.85, 0.95), "own"), (0.85, (0.7, 0.95), "unknown"), (0.6, (0.5, 0.7), "not"), (None, None, "unknown")],
)
def test_the_interval_decides(records, value, interval, answer):
    diagnosis = records[DISENTANGLED].diagnosis
    of = Estimate(value, interval, reason="" if value else "too few", details={"k": 2})
    changed = replace(diagnosis, estimates={"explained_variance": {"rotation": of}})
    assert own_subspace(changed, "rotation").answer == answer


def test_shared_directions_are_not_its_own(records):
    diagnosis = records[DISENTANGLED].diagnosis
    shared = Estimate(0.9, (0.8, 1.0), verdict="shared")
    changed = replace(diagnosis, estimates={**diagnosis.estimates, "overlap": {("translate_x", "rotation"): shared}})
    told = own_subspace(changed, "rotation")
    assert (told.answer, told.sentence) == ("not", "Rotation shares its directions with x")
    assert own_subspace(changed, "scale").answer == "own"


def test_a_bar_is_the_estimate(records):
    diagnosis, asked = records[EQUIVARIANT].diagnosis, questions("rotation")[0]
    found, drawn = diagnosis["explained_variance"]["rotation"], bar(diagnosis, asked)
    assert drawn.value == pytest.approx(100 * found.value, abs=0.01)
    assert (drawn.low, drawn.high) == pytest.approx([100 * end for end in found.interval], abs=0.01)
    assert drawn.ideal == pytest.approx(100 * found.ideals[DISENTANGLED], abs=0.01)
    below = replace(diagnosis, estimates={"explained_variance": {"rotation": replace(found, value=-0.2)}})
    assert bar(below, asked).value == 0
    assert "-0.20" in bar(below, replace(asked, percent=False)).text


def test_a_factor_that_fills_every_dimension_leaves_nothing_to_ask(records):
    diagnosis, asked = records[EQUIVARIANT].diagnosis, questions("rotation")[3]
    full = Estimate(float(diagnosis.metadata["dim"]))
    without = replace(diagnosis, estimates={"dimension": {"rotation": full}})
    assert bar(without, asked).text == f"rotation fills all {full.value:.0f} dimensions"
    assert bar(replace(diagnosis, estimates={"dimension": {"rotation": Estimate(2.0)}}), asked).text == "not measured"


def test_the_page_shows_both(records, tmp_path):
    links = ("a/report.html", "b/report.html")
    path = write_side_by_side(records, tmp_path / "page.html", "rotation", "What <was> done.", ("One.", "Two."), links)
    text = path.read_text()
    page = Elements(text)
    assert [a["href"] for a in page.of("a")] == list(links)
    assert "What &lt;was&gt; done." in text
    assert len([svg for svg in page.of("svg") if svg.get("class") == "plane"]) == 2
    answers = [own_subspace(record.diagnosis, "rotation").answer for record in records.values()]
    assert [article["class"] for article in page.of("article")][:2] == [f"side {answer}" for answer in answers]
    data = json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', text)[1])
    for side, record in zip(data, records.values(), strict=True):
        orbit = torch.tensor(side["factor"]["orbits"])
        assert orbit.shape[1:] == (len(record.sweeps.grids["rotation"]), 2)
    assert not re.search(r"https?://(?!www\.w3\.org)", text)


def test_a_representation_that_does_not_move_is_told_and_not_drawn(records):
    still = records[DISENTANGLED]
    bare = RunRecord(replace(still.diagnosis, subspaces={}), still.sweeps)
    text = side_by_side_html({"moves": records[EQUIVARIANT], "rests": bare}, "rotation")
    assert text.count('<svg class="plane"') == 1
    assert "Not drawn: no subspace of rotation was fitted" in text
    with pytest.raises(NotIdentifiable, match="no subspace"):
        side_by_side_html({"rests": bare, "rests too": bare}, "rotation")


def test_what_cannot_be_set_side_by_side_is_refused(records, sweeps):
    one = next(iter(records.values()))
    with pytest.raises(InputError, match="two representations are needed, not 1"):
        side_by_side_html({"one": one}, "rotation")
    elsewhere = replace(one.sweeps, metadata=dict(sweeps.metadata) | {"fingerprint": "another"})
    with pytest.raises(InputError, match="other images or poses"):
        side_by_side_html({"one": one, "other": RunRecord(one.diagnosis, elsewhere)}, "rotation")


LEAVES = """return [...document.querySelectorAll('.answer .text')].filter(text => {
    const range = document.createRange(), card = text.closest('.question'), style = getComputedStyle(card);
    range.selectNodeContents(text);
    return range.getBoundingClientRect().right > card.getBoundingClientRect().right - parseFloat(style.paddingRight);
}).map(text => text.textContent)"""


@pytest.mark.parametrize("width", [360, 390, 800, 1280])
def test_an_answer_stays_in_its_card(browser, records, tmp_path, width):
    longest = {"action": {("rotation", "linear"): Estimate(-0.25, (-0.46, -0.05))}}
    changed = {
        name: RunRecord(replace(of.diagnosis, estimates={**of.diagnosis.estimates, **longest}), of.sweeps)
        for name, of in records.items()
    }
    path = write_side_by_side(changed, tmp_path / "page.html", "rotation")
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(path.as_uri())
    assert "-0.25 [-0.46, -0.05]" in browser.execute_script("return document.body.textContent")
    assert browser.execute_script(LEAVES) == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
