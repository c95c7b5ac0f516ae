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


class Loud(Exception):
    def __str__(self):
        raise ValueError("no message")


def raising(error):
    def compute(context):
        raise error

    return compute


@pytest.mark.left_out
@pytest.mark.parametrize(
    ("compute", "says"),
    [
        (lambda context: 1 / 0, "raised ZeroDivisionError: division by zero"),
        (raising(AssertionError()), "raised AssertionError"),
        (raising(SystemExit(3)), "raised SystemExit: 3"),
        (raising(Loud()), "raised Loud"),
        (raising(InputError("my words")), "my words"),
        (raising(MemoryError()), "out of memory"),
        (lambda context: None, "'wrong' returned a NoneType, not Estimates by name"),
        (lambda context: sj.Estimate(1.0), "'wrong' returned a Estimate, not Estimates by name"),
        (lambda context: {"x": 1.0}, "'wrong' returned 'x': float, not an Estimate by name"),
        (lambda context: {1: sj.Estimate(1.0)}, "'wrong' returned 1: Estimate, not an Estimate by name"),
        (lambda context: {(): sj.Estimate(1.0)}, "'wrong' returned (): Estimate, not an Estimate by name"),
        (lambda context: {"a": sj.Estimate(float("nan"))}, "'wrong' returned nan for 'a', not a finite number"),
        (lambda context: {"a": sj.Estimate(1.0, null_interval=(0.0, float("inf")))}, "not a finite number"),
        (lambda context: {"a": sj.Estimate(1.0, details={"of": torch.ones(2)})}, "what a file cannot keep"),
        (lambda context: {"a": sj.Estimate(1.0, details={"of": float("nan")})}, "what a file cannot keep"),
        (lambda context: {"a": sj.Estimate(1.0, (0.0, 2.0), p=7.0)}, "p = 7.0 for 'a', not from 0 to 1"),
    ],
)
def test_a_mistake_in_it_costs_itself_alone_and_shows_before_the_blocks(
    sweeps, monkeypatch, caplog, tmp_path, compute, says
):
    effects = BLOCKS["effects"]

    def later(context):
        assert says in caplog.text
        return effects(context)

    monkeypatch.setitem(BLOCKS, "effects", later)
    found = sj.diagnose(sweeps, metrics=[sj.Metric("wrong", "", compute), SPREAD], ideals=False, **QUICK)
    assert says in found.metadata["left_out"]["metric wrong"]
    assert set(found.estimates) & {"sensitivity", "spread", "wrong"} == {"sensitivity", "spread"}
    found.save(tmp_path / "diagnosis.json")
    assert sj.Diagnosis.load(tmp_path / "diagnosis.json") == found
