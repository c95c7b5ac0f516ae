"""The intervals cover the truth as often as they say, and estimates say what they should. Minutes: ``make slow``."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from calibrated.cases import CASES  # noqa: E402


@pytest.mark.parametrize("case", CASES)
def test_every_calibrated_code_makes_sweeps(case):
    known = CASES[case]
    assert known.make(17, 20).factors


@pytest.mark.slow
def test_intervals_are_calibrated_and_figures_have_power():
    script = ROOT / "benchmarks" / "calibration.py"
    done = subprocess.run([sys.executable, script, "200"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Miscalibrated: none" in done.stdout
