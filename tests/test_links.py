"""Relative links in README and docs lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)(#[^)]*)?\)|(?:src|href)=\"([^\"#]+)\"")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page):
    targets = [match[1] or match[3] for match in LINK.finditer(page.read_text(encoding="utf-8"))]
    inside = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in inside if not (page.parent / target).exists()] == []


def test_there_are_links():
    assert sum(len(LINK.findall(page.read_text(encoding="utf-8"))) for page in PAGES) > 20
