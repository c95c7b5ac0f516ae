"""The benchmark runs, writes what it says, and measures what it says it measures; its figures are no test's matter."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from seqjepa.factors import affine_factors, sample_poses, warp
from seqjepa.types import Pose

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def rows(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import rows.row as row
    import rows.straightforward as straightforward

    return row, straightforward


def test_every_row_runs_and_is_written(tmp_path):
    command = [sys.executable, str(BENCHMARKS / "bench.py"), "--tiny", "--out", str(tmp_path / "bench.json")]
    command += [
        "--only",
        "training",
        "arithmetic",
        "views",
        "scenes",
        "growth",
        "inside",
        "whole",
        "memory",
        "allocation",
        "start",
        "gpu",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    measured = json.loads((tmp_path / "bench.json").read_text())
    assert {"commit", "machine", "threads", "torch"} <= set(measured["metadata"])
    assert measured["metadata"]["tiny"]
    for row in measured["rows"]:
        assert row["values"] or "not measured" in row["measured"]
        assert (row["met"] is None) == (row["target"] is None or row["judged"] is None)
    page = subprocess.run([*command[:2], "--markdown", str(tmp_path / "bench.json")], capture_output=True, text=True)
    lines = [line for line in page.stdout.splitlines() if line.startswith("|")]
    assert len(lines) == len(measured["rows"]) + 2
    assert len({line.count("|") for line in lines}) == 1


def test_the_page_shows_the_numbers_beside_it():
    file = BENCHMARKS.parent / "docs" / "performance.json"
    command = [sys.executable, str(BENCHMARKS / "bench.py"), "--markdown", str(file)]
    table = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert table in (file.parent / "performance.md").read_text(encoding="utf-8")
    assert not json.loads(file.read_text(encoding="utf-8"))["metadata"]["tiny"]


def test_a_target_is_met_or_not(rows):
    row, _ = rows
    assert row.Row("a", "", "", 1.0, row.Target(1.08), 1.08).met
    assert row.Row("a", "", "", 1.0, row.Target(1.08), 1.09).met is False
    assert row.Row("a", "", "", 1.0, row.Target(4, at_least=True), 5.0).met
    assert row.Row("a", "", "", 1.0, row.Target(20), 10.0, held=False).met is False
    assert row.Row("a", "", "").met is row.not_measured("a", row.Target(1), "no GPU").met is None


def test_the_straightforward_views_are_the_same_views(rows):
    _, straightforward = rows
    factors = affine_factors((-75, 75), (-7, 7), (-7, 7), (0.5, 1.0))
    poses = sample_poses(factors, (1, 8), torch.Generator().manual_seed(0))
    axis = torch.arange(28) - 13.5
    blob = torch.exp(-((axis[None] - 2) ** 2 + (axis[:, None] + 3) ** 2) / 18)  # black at the border
    image = (255 * blob).to(torch.uint8)
    ours = warp(image[None, None], Pose(poses.values), taps=1)[0]
    theirs = torch.stack([straightforward.view(image.numpy(), pose) for pose in poses.values[0].tolist()])
    torch.testing.assert_close(ours, theirs, atol=0.02, rtol=0)  # Pillow's are rounded to 1/255
