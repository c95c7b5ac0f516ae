"""The intervals cover the truth as often as they say, and estimates say what they should. Minutes: ``make slow``."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from calibrated.cases import CASES  # noqa: E402

from seqjepa.diagnostics import METRICS, diagnose  # noqa: E402


@pytest.mark.parametrize("case", CASES)
def test_every_calibrated_code_makes_sweeps(case):
    known = CASES[case]
    assert known.make(17, 20).factors


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_intervals_hold_their_values_and_stay_in_range(case):
    sweeps = CASES[case].make(7, max(20, CASES[case].identities))
    for name, estimates in diagnose(sweeps, skip=["literature"], ideals=False, progress=False).estimates.items():
        low, high = METRICS[name].low, METRICS[name].high
        for key, estimate in estimates.items():
            if estimate.value is not None and estimate.interval is not None:
                rounding = 1e-9 * max(1, abs(estimate.value))
                assert estimate.interval[0] - rounding <= estimate.value <= estimate.interval[1] + rounding, (name, key)
                assert low is None or estimate.interval[0] >= low - rounding, (name, key)
                assert high is None or estimate.interval[1] <= high + rounding, (name, key)


@pytest.mark.slow
def test_intervals_are_calibrated_and_figures_have_power():
    script = ROOT / "benchmarks" / "calibration.py"
    done = subprocess.run([sys.executable, script, "200"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Miscalibrated: none" in done.stdout
