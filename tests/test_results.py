"""Figures on the pages of results are those of the metrics beside them."""

import csv
import re
from pathlib import Path

import pytest

RESULTS = Path(__file__).parents[1] / "docs" / "results"
PAGES = sorted(page for page in RESULTS.glob("*/README.md") if (page.parent / "metrics.csv").exists())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_a_pages_table_of_epochs_is_the_metrics(page):
    with (page.parent / "metrics.csv").open(newline="") as file:
        metrics = {row["epoch"]: row for row in csv.DictReader(file)}
    lines = page.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| `epoch` "))
    header = [cell.strip(" `") for cell in lines[start].strip("|").split("|")]
    compared = 0
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for name, cell in zip(header, cells, strict=True):
            if name in metrics["1"] and name != "epoch" and cell:
                decimals = len(cell.partition(".")[2])
                assert float(cell.replace("−", "-")) == round(float(metrics[cells[0]][name]), decimals), (name, line)
                compared += 1
    assert compared > 20


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_a_page_says_the_command_the_seed_and_the_commit(page):
    text = page.read_text(encoding="utf-8")
    assert re.search(r"seqjepa train \w+", text)
    assert re.search(r"seed \d", text)
    assert re.search(r"`[0-9a-f]{40}`", text)
    assert (page.parent / "config.yaml").exists()


def test_there_are_results():
    assert PAGES
