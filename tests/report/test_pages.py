"""The page: one file that explains itself, and works in a browser."""

import json
import math
import re
import time
from collections import OrderedDict
from dataclasses import replace

import pytest
import torch

import seqjepa as sj
from seqjepa.diagnostics import Diagnosis, diagnose
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.estimate import Estimate
from seqjepa.factors import warp
from seqjepa.report import FIGURES, RunRecord, read_record, write_page, write_report
from seqjepa.report.explorer import explorer_data, mirrored
from seqjepa.report.pages import page
from seqjepa.report.summary import headline
from seqjepa.report.views import as_seen
from seqjepa.sweeps import Sweeps
from seqjepa.types import InputError, Pose
from tests.ground_truths import FACTORS, additive
from tests.report.conftest import LENGTHS, ROWS, Elements, I


@pytest.fixture(scope="session")
def written(record, tmp_path_factory):
    return write_page(record, tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="session")
def html(written):
    return written.read_text(encoding="utf-8")


def test_it_needs_nothing_else_and_is_small(html):
    elements = Elements(html)
    for attrs in elements.of("img", "script", "link"):
        assert (attrs.get("src") or "data:").startswith("data:")
        assert not attrs.get("href")
    assert "http://" not in html.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in html
    assert len(html) < 5_000_000


def test_headings_alternatives_and_labels(html):
    elements = Elements(html)
    assert len(elements.of("h1")) == 1
    assert all(attrs.get("alt") for attrs in elements.of("img"))
    ids = {attrs["id"] for _, attrs in elements.found if attrs.get("id")}
    assert all(attrs["aria-labelledby"] in ids for attrs in elements.of("section"))
    assert {attrs["for"] for attrs in elements.of("label") if "for" in attrs} <= ids
    assert len(ids) == len([1 for _, attrs in elements.found if attrs.get("id")])


def test_every_figure_stands_with_its_sentences_or_is_named_as_missing(html):
    for name, entry in FIGURES.items():
        if name == "layers":
            assert "no several layers" in html
            continue
        if name in LENGTHS:
            assert "the encoder has no aggregator of these views" in html
            continue
        assert f'<article id="{name}">' in html
        assert entry.title in html


def test_all_estimates_of_the_diagnosis_are_in_the_table(html, diagnosis):
    rows = len(re.findall(r"<tr><th scope=\"row\">", html))
    assert diagnosis.metric("overlap").question in html
    assert rows == sum(len(figures) for figures in diagnosis.estimates.values())
    assert '<td class="number">' in html


def test_what_came_from_outside_cannot_become_markup(sweeps):
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    figures = {"overlap": {(evil, "b"): Estimate(None, reason=evil)}, evil: {evil: Estimate(0.5, verdict=evil)}}
    made = Diagnosis(figures, {"encoder": evil, "identities": 24, "dim": 17, "split_seed": 0, evil: evil})
    text = page(RunRecord(made, sweeps, ROWS, {}, {"config.yaml": evil, "environment.yaml": f"command: {evil}"}))
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    Elements(text)


def test_the_headline_says_what_the_estimates_say(diagnosis):
    said = headline(diagnosis)
    x = next(sentence for sentence in said if sentence.startswith("Shift in x: "))
    assert "read by a linear probe from two views (R² 1.00 [1.00, 1.00], ideal 1.00 / 0." in x
    assert "concentrated: 100 % of its variance in 1 dimension, ideal 100 %; 1 above noise, ideal 1" in x
    assert "the same orbit for all images (100 % in common, ideal 100 %)" in x
    ideal = next(sentence for sentence in said if sentence.startswith("Closest ideal: "))
    assert "disentangled, it moves all images alike (rotation, scale)" in ideal
    assert "both, which are the same here (x, y)" in ideal
    assert any(sentence.startswith("Separate subspaces: ") and "x with y" in sentence for sentence in said)
    assert any("dimensions (entropy of the eigenvalues)" in sentence for sentence in said)


def test_a_headline_of_nothing_identifiable():
    nothing = Diagnosis({"explained_variance": {"rotation": Estimate(None, reason="constant")}})
    assert headline(nothing) == ["Rotation: not identifiable."]


def test_the_explorer_moves_images_as_the_views_were_moved(sweeps, diagnosis):
    data = explorer_data(diagnosis, sweeps)
    factor = next(f for f in data["factors"] if f["name"] == "rotation")
    assert factor["circle"]
    assert factor["values"] == pytest.approx(sweeps.grids["rotation"].tolist(), abs=1e-4)
    a, b, c, d, e, f = factor["transforms"][0][2]
    point = torch.tensor([1.0, 0.0])
    pose = Pose(sweeps.poses["rotation"][diagnosis.split.test[0], 0, 2])
    expected = pose.linear().float() @ point + pose.translation.float()
    assert [a * 1 + c * 0 + e, b * 1 + d * 0 + f] == pytest.approx(expected.tolist(), abs=1e-3)


def test_views_have_the_border_and_mask_that_the_encoder_saw(sweeps, diagnosis):
    images = torch.randint(0, 255, (I, 1, 8, 8), dtype=torch.uint8)
    poses = torch.tensor([[[0.3, 5.0, -3.0, 0.0]]])
    for border, mask in (("zeros", False), ("reflection", True)):
        made = replace(
            sweeps, images=images, metadata=dict(sweeps.metadata) | {"border": border, "circular_mask": mask, "taps": 3}
        )
        expected = warp(images[:1], Pose(poses), border=border, circular_mask=mask, taps=3)
        torch.testing.assert_close(as_seen(made, images[:1], poses), expected)
        data = explorer_data(diagnosis, made)
        assert data["mask"] is mask
        assert data["reach"] == (3 if border == "reflection" else 1)
        assert (data["sheets"] == data["images"]) is (border == "zeros")
    # A view far aside of a reflected image is the view of the mirrored sheet, whose border is not reached.
    sheet = warp(mirrored(images[:1]), Pose(poses), border="zeros")[..., 8:16, 8:16]
    torch.testing.assert_close(sheet, warp(images[:1], Pose(poses), border="reflection"), atol=1e-4, rtol=0)


def test_a_circle_of_an_even_number_of_steps_is_not_cut_as_the_lines_are():
    made = Sweeps.from_function(additive(I), FACTORS, I, torch.arange(I) % 3, steps=36, base_poses=1, joint=3, seed=0)
    assert {name: len(grid) for name, grid in made.grids.items()} == {"rotation": 36} | dict.fromkeys(
        ("translate_x", "translate_y", "scale"), 37
    )
    made = replace(made, images=torch.zeros(I, 1, 8, 8, dtype=torch.uint8))
    others = [block for block in BLOCKS if block != "subspaces"]
    data = explorer_data(diagnose(made, skip=others, ideals=False), made)
    for factor in data["factors"]:
        assert {len(transforms) for transforms in factor["transforms"]} == {len(factor["values"])}
    turned = next(f for f in data["factors"] if f["name"] == "rotation")
    for value, (a, b, *_) in zip(turned["values"], turned["transforms"][0], strict=True):
        assert (math.degrees(math.atan2(-b, a)) - value + 180) % 360 == pytest.approx(180, abs=0.1)  # y points down


@pytest.mark.parametrize("within", [True, False])
def test_the_page_tells_what_to_type_again(tmp_path, light, within):
    home = tmp_path / "diagnosis" if within else tmp_path
    home.mkdir(exist_ok=True)
    light.save(home / "diagnosis.json")
    metadata = "command:\n- seqjepa\n- diagnose\n- my run\n"
    (home / "environment.yaml").write_text(metadata)
    if within:
        (tmp_path / "environment.yaml").write_text("command: [seqjepa, train, '--out', my run]\n")
    text = page(read_record(tmp_path))
    assert "seqjepa diagnose &#39;my run&#39;" in text
    assert ("seqjepa train --out &#39;my run&#39;" in text) is within


def test_without_images_the_page_says_so(sweeps, light):
    text = page(RunRecord(light, replace(sweeps, images=None)))
    assert "the sweeps hold no images" in text
    assert '<script id="data"' not in text


def test_a_run_folder_is_read(tmp_path, sweeps, light):
    (tmp_path / "diagnosis").mkdir()
    light.save(tmp_path / "diagnosis" / "diagnosis.json")
    sweeps.save(tmp_path / "diagnosis" / "sweeps.safetensors")
    (tmp_path / "metrics.csv").write_text("epoch,loss,rank_eq_eff\n1,0.5,\n2,0.25,7\n")
    (tmp_path / "config.yaml").write_text("seed: 0\n")
    found = read_record(tmp_path)
    assert found.rows == [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25, "rank_eq_eff": 7}]
    assert found.texts == {"config.yaml": "seed: 0\n"}
    path = write_report(light, tmp_path / "report.html", run=tmp_path)
    assert "seed: 0" in path.read_text()


def test_a_folder_without_a_diagnosis_says_how_to_make_one(tmp_path):
    with pytest.raises(InputError, match="make one with 'seqjepa diagnose"):
        read_record(tmp_path)


def test_a_broken_table_of_metrics_is_named(tmp_path, diagnosis):
    diagnosis.save(tmp_path / "diagnosis.json")
    (tmp_path / "metrics.csv").write_text("epoch,loss\n1,much\n")
    with pytest.raises(InputError, match="not a readable table of metrics"):
        read_record(tmp_path)


@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser(browser, written, width):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(written.as_uri())

    def run(script):
        return browser.execute_script(f"return {script}")

    deadline = time.monotonic() + 10  # pictures are decoded in their own time
    while run("[...document.images].some(i => !i.complete)") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert run("[...document.images].every(i => i.naturalWidth > 0)")
    assert run("document.documentElement.scrollWidth") <= width

    data = json.loads(run("document.getElementById('data').textContent"))
    assert run("document.getElementById('value').textContent") == "0.00°"
    before = run("document.getElementById('point').getAttribute('cx')")
    view = run("document.getElementById('picture').style.transform")
    run("(s => { s.focus(); s.value = 3; s.dispatchEvent(new Event('input')); })(document.getElementById('slider'))")
    assert run("document.getElementById('point').getAttribute('cx')") != before
    assert run("document.getElementById('picture').style.transform") != view
    assert run("document.getElementById('value').textContent") == f"{data['factors'][0]['values'][3]:.0f}°"
    run("document.querySelectorAll('input[name=factor]')[1].click()")
    assert run("document.getElementById('value').textContent") == "0.00 px"

    column = "[...document.querySelectorAll('#table tbody tr')].filter(r => !r.hidden).map(r => r.cells[2].textContent)"
    run("document.querySelectorAll('#table thead button')[2].click()")
    shown = [float(text) for text in run(column) if re.match(r"-?\d", text.strip())]
    assert shown == sorted(shown)
    run("(f => { f.value = 'overlap'; f.dispatchEvent(new Event('input')); })(document.getElementById('filter'))")
    assert 0 < len(run(column)) < len(shown)

    ground = run("getComputedStyle(document.body).backgroundColor")
    run("document.getElementById('theme').click()")
    assert run("getComputedStyle(document.body).backgroundColor") != ground
    assert browser.get_log("browser") == []


def test_layers_stand_in_the_order_that_they_were_given_in(tmp_path, sweeps, diagnosis):
    for place, layer in enumerate(("stem", "body", "head")):
        named = dict(diagnosis.metadata) | {"layer": layer, "layer_index": place}
        replace(diagnosis, metadata=named).save(tmp_path / f"diagnosis-{layer}.json")
        replace(sweeps, metadata=dict(sweeps.metadata) | {"layer": layer}).save(
            tmp_path / f"sweeps-{layer}.safetensors"
        )
    found = read_record(tmp_path)
    assert list(found.layers) == ["stem", "body", "head"]
    assert found.diagnosis.metadata["layer"] == found.swept().metadata["layer"] == "head"


def test_sweeps_of_layers_remember_their_order():
    torch.manual_seed(0)
    parts = {"stem": torch.nn.Flatten(), "body": torch.nn.Linear(64, 6), "act": torch.nn.ReLU()}
    encoder = torch.nn.Sequential(OrderedDict(parts))
    images = sj.Images(
        torch.randint(0, 255, (4, 1, 8, 8), dtype=torch.uint8), torch.zeros(4, dtype=torch.int64), ("a",)
    )
    factors = sj.affine_factors(rotation=(-90, 90))
    found = sj.represent_layers(encoder, images, factors, ["stem", "body", "act"], 4, 3, 1, joint=2, progress=False)
    assert [(n, of.metadata["layer_index"]) for n, of in found.items()] == [("stem", 0), ("body", 1), ("act", 2)]


def test_sweeps_of_another_diagnosis_are_refused(sweeps, diagnosis):
    few = Sweeps.from_function(additive(20), FACTORS, 20, steps=5, joint=2)
    with pytest.raises(InputError, match="sweeps of 20 identities, and 24 were diagnosed"):
        write_report(diagnosis, "never.html", sweeps=few)
    values, moved = ({n: of[..., :4] for n, of in kind.items()} for kind in (sweeps.values, sweeps.group_values))
    narrow = replace(sweeps, values=values, group_values=moved, joint=sweeps.joint[..., :4])
    with pytest.raises(InputError, match="sweeps of 4 dimensions, and 17 were diagnosed"):
        RunRecord(diagnosis, narrow)


def test_verdicts_name_what_the_null_is(html):
    assert "less than" in html or "more than" in html
    assert "below its null" not in html


def test_the_page_says_how_to_read_it_and_names_no_file_that_its_reader_does_not_have(html):
    how = html[html.index('<details id="how">') :]
    for word in ("Interval", "Null", "Ideal", "Verdict", "Correction", "Not identifiable"):
        assert f"<dt>{word}</dt>" in how
    assert "docs/" not in html
