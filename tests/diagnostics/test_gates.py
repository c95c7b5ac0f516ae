"""Requirements: what is understood of them, what is refused, and how an interval decides."""

import math

import pytest
import torch

from seqjepa.diagnostics import Diagnosis, Estimate, Ratio, from_ratio
from seqjepa.diagnostics.gates import judge, parse_requirement, told
from seqjepa.types import InputError


def diagnosis(**estimates):
    own = {"overlap": {("rotation", "scale"): estimates.pop("overlap", Estimate(0.05, (0.02, 0.08), 0.1))}}
    return Diagnosis(own | estimates, {"identities": 100})


def outcome(text, estimate, logged=None):
    return judge(parse_requirement(f"overlap[rotation,scale] {text}"), diagnosis(overlap=estimate), logged).outcome


@pytest.mark.parametrize(
    ("text", "of", "relation", "number", "chance"),
    [
        ("overlap[rotation,translation] <= 0.1", [("overlap", ("rotation", "translation"))], "<=", 0.1, False),
        ("  inverse[rotation]>=-1e-2 ", [("inverse", "rotation")], ">=", -0.01, False),
        ("leakage[class, z_agg permuted ,linear] at chance", None, "at", 0.05, True),
        ("leakage[class,z,linear] at chance within .02", None, "at", 0.02, True),
        ("action[scale,mlp] >= chance + 0.3", [("action", ("scale", "mlp"))], ">=", 0.3, True),
        ("action[scale,mlp] <= chance - 0.3", None, "<=", -0.3, True),
        ("action[scale,mlp] <= chance", None, "<=", 0.0, True),
        ("retrieval[rotation,h@1] >= 1", [("retrieval", ("rotation", "h@1"))], ">=", 1.0, False),
        ("a[x] - b[y,z] >= 0", [("a", "x"), ("b", ("y", "z"))], ">=", 0.0, False),
        ("run[rank_inv_eff] >= 10", [("run", "rank_inv_eff")], ">=", 10.0, False),
    ],
)
def test_what_is_understood(text, of, relation, number, chance):
    found = parse_requirement(text)
    assert (found.relation, found.number, found.chance) == (relation, number, chance)
    if of:
        assert list(found.of) == of
    assert found.text == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "overlap <= 0.1",
        "overlap[rotation] < 0.1",
        "overlap[rotation] == 0.1",
        "overlap[rotation] <= nan",
        "overlap[rotation] <= inf",
        "overlap[rotation] <= __import__('os')",
        "overlap[rotation] <= 0.1 or True",
        "overlap[rotation] <= 0.1; 1",
        "overlap[] <= 0.1",
        "overlap[a[b]] <= 0.1",
        "overlap[rotation] at chance within -1",
        "overlap[rotation] within 0.1",
        "overlap[a] - overlap[b] - overlap[c] <= 1",
        "overlap[" + "a" * 2000 + "] <= 1",
    ],
)
def test_what_is_not_understood_is_refused_with_how_to_write_it(text):
    with pytest.raises(InputError, match=r"write METRIC\[PART,…\] <= NUMBER"):
        parse_requirement(text)


def test_text_made_to_be_slow_is_refused_at_once():
    with pytest.raises(InputError):
        parse_requirement("a" * 400 + "[" + " ," * 200 + " - " + "9" * 150 + "x")


@pytest.mark.parametrize(
    ("text", "low", "high", "expected"),
    [
        ("<= 0.1", 0.02, 0.08, "pass"),
        ("<= 0.1", 0.02, 0.1, "pass"),
        ("<= 0.1", 0.02, 0.12, "undecided"),
        ("<= 0.1", 0.11, 0.12, "fail"),
        (">= 0.1", 0.11, 0.12, "pass"),
        (">= 0.1", 0.02, 0.12, "undecided"),
        (">= 0.1", 0.02, 0.08, "fail"),
        ("<= chance", 0.02, 0.3, "pass"),  # chance is 0.3
        ("<= chance - 0.1", 0.02, 0.25, "undecided"),
        (">= chance + 0.1", 0.41, 0.5, "pass"),
        ("at chance", 0.26, 0.34, "pass"),
        ("at chance", 0.1, 0.5, "undecided"),  # not to be told from chance, and so wide that it says nothing
        ("at chance", 0.36, 0.5, "fail"),
        ("at chance", 0.1, 0.24, "fail"),
        ("at chance within 0.01", 0.26, 0.34, "undecided"),
    ],
)
def test_the_whole_interval_decides(text, low, high, expected):
    assert outcome(text, Estimate((low + high) / 2, (low, high), 0.3)) == expected


def test_at_chance_allows_what_the_nulls_own_distribution_does():
    wide = Estimate(0.2, (0.15, 0.25), 0.1, null_interval=(0.0, 0.3))
    assert outcome("at chance", wide) == "pass"
    assert outcome("at chance", Estimate(0.2, (0.16, 0.25), 0.1)) == "fail"


def test_an_estimate_without_an_interval_is_judged_by_its_value():
    assert outcome("<= 0.1", Estimate(0.1)) == "pass"
    assert outcome("<= 0.1", Estimate(0.11)) == "fail"
    assert outcome(">= 0.1", Estimate(0.1 - 1e-12)) == "pass"  # rounding


def test_what_is_not_identifiable_is_undecided_and_says_why():
    found = judge(
        parse_requirement("overlap[rotation,scale] <= 1"), diagnosis(overlap=Estimate(None, reason="one view"))
    )
    assert found.outcome == "undecided"
    assert told(found) == "not identifiable: one view"


def test_the_number_of_identities_that_decide():
    """Half as far from the bound as the interval reaches: four times as many."""
    found = judge(parse_requirement("overlap[rotation,scale] <= 0.1"), diagnosis(overlap=Estimate(0.08, (0.04, 0.12))))
    assert found.factor == pytest.approx(4)
    assert found.identities == 400
    assert "about 400 identities would decide" in told(found)
    failing = judge(
        parse_requirement("overlap[rotation,scale] <= 0.1"), diagnosis(overlap=Estimate(0.12, (0.06, 0.16)))
    )
    assert failing.factor == pytest.approx(9)
    at_the_bound = judge(
        parse_requirement("overlap[rotation,scale] <= 0.1"), diagnosis(overlap=Estimate(0.1, (0.06, 0.16)))
    )
    assert at_the_bound.factor is None
    assert "no number of identities" in told(at_the_bound)
    both_sides = judge(
        parse_requirement("overlap[rotation,scale] at chance"), diagnosis(overlap=Estimate(0.32, (0.2, 0.41), 0.3))
    )
    assert both_sides.factor == pytest.approx(max((0.09 / 0.03) ** 2, (0.12 / 0.07) ** 2))


def test_so_many_identities_do_decide():
    """Drawn: a mean whose interval straddles the bound, and as many identities as are said to be enough."""
    decided = 0
    for seed in range(40):
        terms = 0.5 + torch.randn(20_000, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

        def judged(count, terms=terms):
            few = from_ratio(Ratio(terms[:count], torch.ones(count, dtype=torch.float64)))
            known = Diagnosis({"overlap": {("rotation", "scale"): few}}, {"identities": count})
            return judge(parse_requirement("overlap[rotation,scale] >= 0.35"), known)

        first = judged(60)
        if first.outcome == "undecided" and first.identities is not None and first.identities < 10_000:
            decided += judged(2 * first.identities).outcome != "undecided"
        else:
            decided += first.outcome != "undecided"
    assert decided >= 30  # the estimate moves, so not each


def test_differences_are_paired_where_they_can_be():
    own = torch.linspace(0, 1, 50, dtype=torch.float64)
    ones = torch.ones(50, dtype=torch.float64)
    known = Diagnosis(
        {"action": {"a": from_ratio(Ratio(own + 0.1, ones)), "b": from_ratio(Ratio(own, ones))}}, {"identities": 50}
    )
    assert judge(parse_requirement("action[a] - action[b] >= 0.09"), known).outcome == "pass"
    alone = Diagnosis(
        {"action": {"a": Estimate(0.6, (0.5, 0.7)), "b": Estimate(0.5, (0.4, 0.6)), "c": Estimate(0.1)}},
        {"identities": 50},
    )
    found = judge(parse_requirement("action[a] - action[b] >= 0.09"), alone)
    assert found.outcome == "undecided"
    assert found.estimate.interval == pytest.approx((-0.1, 0.3))
    assert judge(parse_requirement("action[a] - action[c] >= 0.3"), alone).outcome == "pass"


def test_columns_of_a_run():
    logged = {"rank_inv_eff": 12.0, "loss": math.nan}
    assert judge(parse_requirement("run[rank_inv_eff] >= 10"), diagnosis(), logged).outcome == "pass"
    assert judge(parse_requirement("run[rank_inv_eff] <= 10"), diagnosis(), logged).outcome == "fail"
    assert judge(parse_requirement("run[loss] <= 10"), diagnosis(), logged).outcome == "undecided"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("overlaps[rotation,scale] <= 1", "metric 'overlaps' is not one of overlap"),
        (
            "overlap[rotation,x] <= 1",
            "not in the diagnosis; it has overlap of rotation,scale",
        ),
        ("overlap[rotation,scale] at chance", "the estimate has no null"),
        ("run[loss] <= 1", "there is no metrics.csv"),
    ],
)
def test_what_is_not_there(text, says):
    with pytest.raises(InputError, match=says):
        judge(parse_requirement(text), diagnosis(overlap=Estimate(0.1, (0.0, 0.2))))
    if text.startswith("run"):
        with pytest.raises(InputError, match=r"the columns of metrics\.csv are prediction"):
            judge(parse_requirement(text), diagnosis(), {"prediction": 1.0})
