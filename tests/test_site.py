"""The site builds without a network, with no link that leads nowhere, and its search finds things."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs", reason="the extra 'docs' is not installed")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def test_every_page_is_reached_from_the_navigation(site):
    named = set(re.findall(r"^ +- ([\w./-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    pages = {page.relative_to(ROOT / "docs") for page in (ROOT / "docs").rglob("*.md")}
    assert named >= {str(page) for page in pages if page.parts[0] != "results"}
    index = (site / "index.html").read_text(encoding="utf-8")
    for page in pages:
        address = page.with_name("index.html") if page.name == "README.md" else page.with_suffix(".html")
        assert f'href="{address}"' in index, page


def test_no_page_asks_the_network_for_anything(site):
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|img|link)[^>]+(?:src|href)=\"(https?:[^\"]+)", page.read_text(encoding="utf-8")
        )
        assert [address for address in loaded if "canonical" not in address] == [], page.name


def test_no_page_shows_the_source_of_a_picture(site):
    """What draws diagrams from text would be fetched from the network."""
    for page in site.rglob("*.html"):
        assert "mermaid" not in page.read_text(encoding="utf-8"), page.name
    assert 'src="images/flow.svg"' in (site / "architecture.html").read_text(encoding="utf-8")
    assert (site / "images" / "flow.svg").exists()


def test_the_reference_is_made_from_docstrings_and_the_search_knows_it(site):
    text = (site / "api.html").read_text(encoding="utf-8")
    assert "The estimate in each bootstrap resample" not in text  # what is not public is not told
    assert (
        "Sweeps, baselines, probes and diagnosis" in re.sub(r"\s+", " ", text)
        or "sweeps, baselines and diagnosis" in text
    )
    found = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    titles = {entry["title"] for entry in found["docs"]}
    assert {"seqjepa diagnose", "Glossary"} <= titles
