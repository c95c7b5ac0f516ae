"""A metric of one's own: table, file and comparison show it, also where its function is not known."""

from dataclasses import replace

import pytest
import torch

import seqjepa as sj
from seqjepa.diagnostics import METRICS, Ratio, check_options, from_ratio
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.estimate import short
from seqjepa.types import InputError, NotIdentifiable
from tests.ground_truths import FACTORS, additive

QUICK = dict(skip=[name for name in BLOCKS if name != "effects"])


def spread(context):
    """Each factor's mean variance along its sweep, over the test identities."""
    swept = {name: z[context.split.test] for name, z in context.swept.items()}
    moved = {name: z.var(2).sum(-1).mean(1) for name, z in swept.items()}
    return {name: from_ratio(Ratio(v, torch.ones_like(v))) for name, v in moved.items()}


SPREAD = sj.Metric("spread", "how far apart are the views of a sweep? 0: in one place", spread, unit="variance", low=0)


@pytest.fixture(scope="module")
def sweeps():
    return sj.Sweeps.from_function(additive(24), FACTORS, 24, steps=9, base_poses=2, joint=4)


@pytest.fixture(scope="module")
def found(sweeps):
    return sj.diagnose(sweeps, baselines={"itself": sweeps}, metrics=[SPREAD], **QUICK)


def test_it_is_computed_and_its_baselines_too(found, sweeps):
    estimate = found["spread"]["translate_x"]
    expected = sweeps.values["translate_x"][list(found.split.test)].var(2).sum(-1).mean()
    assert estimate.value == pytest.approx(float(expected))
    assert estimate.interval[0] <= estimate.value <= estimate.interval[1]
    assert found.baselines["itself"]["spread"]["translate_x"] == estimate


def test_the_table_shows_it_with_its_question(found):
    lines = found.table().splitlines()
    at = lines.index(f" spread: {SPREAD.question}")
    assert short(found["spread"]["rotation"].value) in lines[at + 1]


def test_a_file_keeps_what_is_said_of_it(tmp_path, found):
    found.save(tmp_path / "diagnosis.json")
    loaded = sj.Diagnosis.load(tmp_path / "diagnosis.json")
    assert loaded == found
    assert loaded.metric("spread") == replace(SPREAD, compute=None)
    assert loaded.table() == found.table()


def test_a_comparison_pairs_it(found):
    compared = sj.compare(found, found)
    assert compared["spread"]["rotation"].value == 0
    assert "spread" in compared.table()


def test_what_cannot_be_answered_says_why(sweeps):
    def none(context):
        raise NotIdentifiable("nothing to see")

    found = sj.diagnose(sweeps, metrics=[sj.Metric("none", "?", none)], **QUICK)
    assert found["none"]["all"].reason == "nothing to see"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (dict(probes=["svm"]), "probes: 'svm' is not one of linear, knn, mlp"),
        (dict(skip=["probes"]), "skip: 'probes' is not one of effects"),
        (dict(identities=19), "19 identities; 20 are the least"),
        (dict(metrics=[SPREAD, SPREAD]), "the name 'spread' is empty or taken"),
        (dict(metrics=[replace(SPREAD, name="overlap")]), "the name 'overlap' is empty or taken"),
        (dict(metrics=[replace(SPREAD, name=" ")]), "the name ' ' is empty or taken"),
        (dict(metrics=[METRICS["overlap"]]), "'overlap' has no function to compute it"),
    ],
)
def test_mistakes_are_named_before_anything_is_computed(options, says):
    check_options()
    with pytest.raises(InputError, match=says):
        check_options(**options)


def test_what_is_no_estimate_is_named(sweeps):
    with pytest.raises(InputError, match="'bad' returned 'x': float, not an Estimate"):
        sj.diagnose(sweeps, metrics=[sj.Metric("bad", "?", lambda context: {"x": 1.0})], **QUICK)


@pytest.mark.parametrize(
    ("compute", "says"),
    [
        (lambda context: 1 / 0, "'wrong' raised ZeroDivisionError: division by zero"),
        (lambda context: None, "'wrong' returned a NoneType, not Estimates by name"),
        (lambda context: sj.Estimate(1.0), "'wrong' returned a Estimate, not Estimates by name"),
        (lambda context: {1: sj.Estimate(1.0)}, "'wrong' returned 1: Estimate, not an Estimate by name"),
        (lambda context: {"a": sj.Estimate(float("nan"))}, "'wrong' returned nan for 'a', not a finite number"),
    ],
)
def test_a_mistake_in_it_is_one_line_and_comes_before_the_blocks(sweeps, monkeypatch, compute, says):
    monkeypatch.setitem(BLOCKS, "effects", lambda context: pytest.fail("a block was computed first"))
    with pytest.raises(InputError, match=says):
        sj.diagnose(sweeps, metrics=[sj.Metric("wrong", "", compute)], **QUICK)
