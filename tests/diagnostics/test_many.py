"""The false discovery rate of a table is held, and what does not survive is withdrawn with a word."""

from dataclasses import replace

import pytest
import torch

from seqjepa.diagnostics import Diagnosis, diagnose
from seqjepa.diagnostics.estimate import Estimate, Samples
from seqjepa.diagnostics.many import MANY, baseline_differences, corrected, corrected_differences, findings
from seqjepa.sweeps import Sweeps
from tests.ground_truths import FACTORS, noise


def test_findings_by_hand():
    """Benjamini & Hochberg (1995), table 1: of 15 p-values the four smallest are findings at 5 %."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528]
    assert findings([*p, 0.7590, 1.0]) == [True] * 4 + [False] * 11
    assert findings([]) == []


def test_a_finding_that_does_not_survive_is_withdrawn():
    weak = Estimate(0.2, (0.01, 0.4), 0.0, "chance", "above its null", p=0.04)
    strong, quiet = replace(weak, p=1e-9), replace(weak, verdict="at its null", p=0.5)
    found, count = corrected({"a": {"weak": weak, "strong": strong}, "b": {f"quiet {i}": quiet for i in range(3)}})
    assert count == 3  # the same estimate in several cells is one comparison
    assert found["a"]["strong"] == strong
    assert found["a"]["weak"].verdict == "at its null"
    assert found["a"]["weak"].details[MANY] == "more than chance, but not after correction for 3 comparisons"
    assert found["a"]["weak"].value == weak.value
    assert found["a"]["weak"].interval == weak.interval


@pytest.mark.parametrize("verdict", ["separate", "an ellipse, not a circle", "", "at its null"])
def test_what_is_no_finding_against_a_null_stays(verdict):
    estimate = Estimate(0.2, (0.01, 0.4), 0.0, verdict=verdict, p=0.5)
    assert corrected({"a": {"x": estimate}})[0]["a"]["x"] == estimate


def test_shared_that_does_not_survive_is_no_more_than_chance():
    found, _ = corrected({"shared_variance": {("f", "g"): Estimate(0.3, (0.2, 0.4), 0.2, "", "shared", p=0.2)}})
    assert found["shared_variance"]["f", "g"].verdict == "no more than covariance-matched chance"


def test_differences_have_p_and_hold_the_rate():
    random = torch.Generator().manual_seed(0)
    draws = 0.1 * torch.randn(1000, generator=random, dtype=torch.float64)

    def drawn(value):
        return Estimate(value, samples=Samples(resampled=tuple((value + draws).tolist())))

    still = Estimate(0.0, samples=Samples(resampled=(0.0,) * 1000))
    slight, clear, none = (drawn(v).minus(still) for v in (0.21, 1.0, 0.05))
    assert slight.p == pytest.approx(0.036, abs=0.01)  # two-sided normal p of 2.1 standard deviations
    assert [d.verdict for d in (slight, clear, none)] == ["differs", "differs", "no difference seen"]
    told = corrected_differences([slight, clear, *[none] * 8])
    assert [d.verdict for d in told[:3]] == ["no difference seen", "differs", "no difference seen"]
    assert drawn(0.5).minus(drawn(0.5)).p == 1.0
    assert drawn(0.5).minus(drawn(0.5 + 1e-12)).verdict == "no difference seen"  # rounding


def test_baselines_stars_are_one_table():
    weak, none = (
        Estimate(
            v,
            samples=Samples(
                resampled=tuple((v + 0.1 * torch.randn(1000, generator=torch.Generator().manual_seed(1))).tolist())
            ),
        )
        for v in (0.25, 0.0)
    )
    still = Estimate(0.0, samples=Samples(resampled=(0.0,) * 1000))
    few, many = ({"m": {str(i): weak if i == 0 else none for i in range(n)}} for n in (1, 30))
    for of, starred in ((few, True), (many, False)):
        beside = Diagnosis({"m": dict.fromkeys(of["m"], still)})
        found = baseline_differences(Diagnosis(of, baselines={"b": beside}))
        assert (found["b", "m", "0"].verdict == "differs") is starred


def test_a_diagnosis_counts_its_comparisons():
    made = Sweeps.from_function(noise(), FACTORS, 24, steps=7, base_poses=2, joint=6)
    found = diagnose(made, skip=["group", "contents", "retrieval"])
    told = {id(e): e for of in found.estimates.values() for e in of.values() if e.p is not None}
    assert 0 < found.metadata["comparisons"] <= len(told) + sum(len(of) for of in found.estimates.values())
    assert f"{found.metadata['comparisons']} comparisons" in found.table()
    assert "false discovery rate is held at 5 %" in found.table()


FALSE = ("above its null", "below its null", "shared", "separate")


@pytest.mark.parametrize("positive", [0.0, 0.5])
def test_where_nothing_is_nothing_is_said_in_19_of_20_tables(positive):
    """Of 120 comparisons with right p-values, independent or depending on each other positively."""
    random = torch.Generator().manual_seed(0)
    own, shared = (torch.randn(2000, n, generator=random, dtype=torch.float64) for n in (120, 1))
    z = (1 - positive) ** 0.5 * own + positive**0.5 * shared
    tables = torch.erfc(z.abs() / 2**0.5).tolist()
    wrong = sum(any(findings(table)) for table in tables) / len(tables)
    assert wrong <= 0.065  # 0.05, and three standard errors of 2,000 tables
    assert sum(any(p < 0.05 for p in table) for table in tables) / len(tables) > 0.5  # uncorrected


@pytest.mark.slow
def test_of_pure_noise_a_whole_table_rarely_says_anything():
    """Over a table of four factors at least one false verdict in at most 10 % of runs, with two draws' leeway."""
    runs, wrong = 40, []
    for seed in range(runs):
        made = Sweeps.from_function(
            noise(12, seed), FACTORS, 64, torch.arange(64) % 4, steps=9, base_poses=2, joint=8, seed=seed
        )
        found = diagnose(made, skip=["retrieval"], seed=seed, ideals=False)
        said = [(m, k) for m, of in found.estimates.items() for k, e in of.items() if e.verdict in FALSE]
        wrong.append(said)
    assert sum(bool(said) for said in wrong) <= 0.1 * runs + 2, [said for said in wrong if said]
