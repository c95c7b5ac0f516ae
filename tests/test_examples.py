"""Every example runs as a user would run it."""

import subprocess
import sys
from pathlib import Path

import pytest

from seqjepa.diagnostics import Diagnosis

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
ARGUMENTS = {"draw_views": ["views.png"]}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(example, tmp_path):
    done = subprocess.run(
        [sys.executable, example, *ARGUMENTS.get(example.stem, [])],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if example.stem == "draw_views":
        assert (tmp_path / "views.png").stat().st_size > 10_000
    if example.stem == "diagnose_my_encoder":
        assert "rotation and x:" in done.stdout
        assert Diagnosis.load(tmp_path / "diagnosis.json").baselines
        assert len(example.read_text().splitlines()) < 30


def test_there_are_examples():
    assert EXAMPLES
