"""The slider in a notebook: a page of its own in a frame, with the same data as the report's."""

import html
import json
import re
from dataclasses import replace

import pytest

import seqjepa as sj
from seqjepa.report.explorer import explorer_data
from seqjepa.types import NotIdentifiable
from tests.report.conftest import Elements


def test_the_frame_holds_a_whole_page(diagnosis, sweeps):
    shown = sj.explore(diagnosis, sweeps)
    [frame] = Elements(shown._repr_html_()).of("iframe")
    assert html.unescape(frame["srcdoc"]) == frame["srcdoc"] == shown.page
    page = Elements(shown.page)
    assert page.of("svg")[0]["id"] == "plane"
    data = json.loads(re.search(r'type="application/json">(.*?)</script>', shown.page, re.DOTALL)[1])
    assert data == json.loads(json.dumps(explorer_data(diagnosis, sweeps)))


def test_without_images_there_is_none(diagnosis, sweeps):
    with pytest.raises(NotIdentifiable):
        sj.explore(diagnosis, replace(sweeps, images=None))


def test_it_moves(diagnosis, sweeps, browser, tmp_path):
    (tmp_path / "book.html").write_text(f"<!doctype html>{sj.explore(diagnosis, sweeps)._repr_html_()}")
    browser.get(f"file://{tmp_path}/book.html")
    browser.switch_to.frame(0)
    point = browser.find_element("id", "point")
    before = point.get_attribute("cx")
    slider = browser.find_element("id", "slider")
    browser.execute_script("arguments[0].value = 0; arguments[0].dispatchEvent(new Event('input'))", slider)
    assert point.get_attribute("cx") != before
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
