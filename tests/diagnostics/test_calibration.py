"""The intervals cover the truth as often as they say, and estimates say what they should. Minutes: ``make slow``."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "calibration.py"


@pytest.mark.slow
def test_intervals_are_calibrated_and_figures_have_power():
    done = subprocess.run([sys.executable, SCRIPT, "200"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Miscalibrated: none" in done.stdout
