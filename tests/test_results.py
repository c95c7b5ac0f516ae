"""Figures on the pages of results are those of the metrics beside them."""

import csv
import json
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


NEXT_STEPS = RESULTS / "next_steps"
COLUMNS = (
    "mnist_affine_fast",
    "mnist_affine_teacherless_fast",
    "mnist_rotation_fast",
    "mnist_rotation_teacherless_fast",
)
ROWS = {
    "held-out variance in 2 dimensions": "explained_variance: rotation",
    "dimensions above noise": "dimension: rotation",
    "orbit energy common to all images": "orbit_share: rotation",
    "angle between two views, R² of a network": "action: rotation mlp",
    "… median error": "action_error: rotation mlp",
    "linear operator": "operator: rotation",
    "overlap with translation": "overlap: rotation translation",
    "right view found by the predictor, MRR (chance 0.16; CIFAR 0.16)": "retrieval: rotation mrr",
    "class, 10,000 images": "class_probe: linear",
}


def test_the_table_of_the_next_steps_is_their_figures():
    lines = (NEXT_STEPS / "README.md").read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| of rotation "))
    rows = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        rows[name] = cells
    assert set(rows) == set(ROWS)
    for place, run in enumerate((*COLUMNS, "cifar_affine_fast")):
        figures = json.loads((NEXT_STEPS / run / "figures.json").read_text(encoding="utf-8"))
        for name, metric in ROWS.items():
            cell = rows[name][place].removesuffix("°")
            if metric in figures:
                decimals = len(cell.partition(".")[2])
                assert float(cell) == pytest.approx(figures[metric]["value"], abs=0.51 * 10.0**-decimals), (run, name)
            else:
                assert cell in ("", "–"), (run, name)
