"""The page of several runs: one file, safe from what runs are called, and sortable in a browser."""

import re
import time
from dataclasses import replace

import pytest

from seqjepa.cli import app as cli
from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.estimate import Estimate
from seqjepa.report.columns import Column
from seqjepa.report.comparison import Cell, Comparison, Row, compare
from seqjepa.report.comparison_pages import comparison_page
from seqjepa.report.entries import Entry
from seqjepa.report.html import sentence
from tests.report.conftest import ROWS, Elements

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="session")
def compared(diagnosis):
    entries = [
        Entry("one", {"seed": 0, "width": 12}, ROWS, diagnosis),
        Entry("two", {"seed": 1, "width": 24}, ROWS[:3]),
    ]
    return compare(*entries, Entry("three", diagnosis=diagnosis))


@pytest.fixture(scope="session")
def written(compared, tmp_path_factory):
    return compared.to_html(tmp_path_factory.mktemp("comparison") / "page.html")


@pytest.fixture(scope="session")
def html(written):
    return written.read_text(encoding="utf-8")


def test_it_needs_nothing_else_and_is_small(html):
    elements = Elements(html)
    for attrs in elements.of("img", "script", "link"):
        assert (attrs.get("src") or "data:").startswith("data:")
        assert not attrs.get("href")
    assert "http://" not in html
    assert "https://" not in html
    assert len(html) < 5_000_000
    ids = [attrs["id"] for _, attrs in elements.found if attrs.get("id")]
    assert len(ids) == len(set(ids))
    assert all(attrs["aria-labelledby"] in ids for attrs in elements.of("section"))
    assert all(attrs["alt"] for attrs in elements.of("img"))


def test_it_says_what_it_compares(html, compared, diagnosis):
    assert re.search(r"<tr><th scope=\"row\">width</th><td>12</td><td>24</td><td>–</td></tr>", html)
    rows = re.findall(r"<tr><th scope=\"row\">", html)
    assert len(rows) == len(compared.estimates) + len(compared.metrics) + len(compared.settings)
    assert len(compared.estimates) == sum(map(len, diagnosis.estimates.values()))
    assert (
        f"C differs from A in 0 of {sum(r.cells[2].differs is not None for r in compared.estimates)} estimates" in html
    )
    assert "Not diagnosed: two." in html
    assert "two is not paired with one: one has no diagnosis" in html
    value = diagnosis["explained_variance"]["rotation"].value
    assert f"explained variance of rotation: A {value:.3f}; B not known; C {value:.3f}" in html


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("0", "0"),
        ("how many? 0: none, 1: all", "How many? 0: none, 1: all."),
        ("right? mrr: mean of 1/rank, h@k: among k", "Right? mrr: mean of 1/rank, h@k: among k."),
        ("how far off? the median", "How far off? The median."),
        ("how many?", "How many?"),
    ],
)
def test_a_question_of_the_registry_is_a_sentence(text, shown):
    assert sentence(text) == shown


def test_stars_and_intervals_are_in_the_table():
    differences = Estimate(0.3, (0.2, 0.4), verdict="differs"), Estimate(-0.1, (-0.3, 0.1))
    cells = Cell(0.5, 0.1), Cell(0.8, None, differences[0]), Cell(0.4, None, differences[1])
    columns = tuple(Column(name, (Entry(name),)) for name in ("a", "b", "c"))
    text = comparison_page(Comparison(columns, (), (), (Row("dimension", "scale", cells),), ()))
    shown = re.findall(r'<td class="number">(.*?)</td>', text)
    assert shown == ["0.500 ± 0.100", "0.800", "+0.300* [0.200, 0.400]", "0.400", "-0.100 [-0.300, 0.100]"]


def test_what_runs_are_called_cannot_become_markup():
    found = Diagnosis(
        {"explained_variance": {EVIL: Estimate(0.5, verdict=EVIL)}, EVIL: {EVIL: Estimate(0.5)}}, {EVIL: EVIL}
    )
    entries = [Entry(EVIL, {EVIL: EVIL, "seed": 0}, [{"epoch": 1.0, EVIL: 2.0, "loss": 1.0}], found)]
    entries += [Entry("$" + EVIL, {EVIL: 1, "seed": EVIL}, (), found)]
    text = comparison_page(compare(*entries))
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert text.count("&lt;script&gt;alert(1)") > 5
    Elements(text)


def test_the_command_writes_it(tmp_path, diagnosis, capsys):
    for name in ("one", "two"):
        diagnosis.save(tmp_path / f"{name}.json")
    page = tmp_path / "new" / "page.html"
    started = time.process_time()
    assert cli.main(["compare", str(tmp_path / "one.json"), str(tmp_path / "two.json"), "--html", str(page)]) == 0
    assert time.process_time() - started < 20
    assert f"page: {page}" in capsys.readouterr().out
    assert "leakage" in page.read_text()


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

    def column(table, number):
        rows = f"[...document.querySelectorAll('#{table} tbody tr')].filter(r => !r.hidden)"
        texts = run(f"{rows}.map(r => r.cells[{number}].textContent)")
        return [float(text.split()[0]) for text in texts if re.match(r"[-+]?\d", text.strip())]

    for table, number in (("estimates", 2), ("metrics", 1)):
        before = column(table, number)
        assert before != sorted(before)
        run(f"document.querySelectorAll('#{table} thead button')[{number}].click()")
        assert column(table, number) == sorted(before)
        run(f"document.querySelectorAll('#{table} thead button')[{number}].click()")
        assert column(table, number) == sorted(before, reverse=True)
    every = len(column("estimates", 2))
    run("(f => { f.value = 'overlap'; f.dispatchEvent(new Event('input')); })(document.getElementById('filter'))")
    assert 0 < len(column("estimates", 2)) < every
    assert len(column("metrics", 1)) == len(ROWS[-1])

    ground = run("getComputedStyle(document.body).backgroundColor")
    run("document.getElementById('theme').click()")
    assert run("getComputedStyle(document.body).backgroundColor") != ground
    assert browser.get_log("browser") == []


def test_a_notebook_shows_the_short_tables(compared):
    shown = compared._repr_html_()
    page = Elements(shown)
    assert len(page.of("table")) == 4  # columns, last epochs, estimates, notes
    rows = [row for row in compared.estimates if not row.detail]
    assert shown.count("<tr><th>explained_variance</th>") == sum(r.metric == "explained_variance" for r in rows) > 0
    assert "<th>A</th><td>one</td>" in shown
    assert "B − A" in shown
    evil = replace(compared, notes=("<script>",))
    assert "<script>" not in evil._repr_html_()
