"""The comparison of terms against collapse: what is planned, chosen, skipped and saved."""

import argparse
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def grid(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)  # the processes that it starts look there, too
    import anti_collapse

    return anti_collapse


def options(grid, **changes):
    values = dict(stage="choose", recipe="digits", terms=(*grid.ALONE, *grid.WEIGHTS), epochs=1, train=96, held_out=64)
    values |= dict(targets=grid.TARGETS)
    return argparse.Namespace(**(values | dict(identities=32, budget=float("inf"), workers=2, device="cpu") | changes))


def row_of(case, accuracy):
    values = {"class from z_agg": accuracy, "relative R² of rotation": 0.4, "relative R² of scale": -3.0}
    values["relative R² of rotation after a fixed view"] = 1.0
    return {"case": asdict(case), "values": values, "seconds": 1.0}


def test_every_term_of_z_of_z_agg_and_of_both_at_five_weights_or_more_none_and_untrained(grid):
    cases = grid.planned(options(grid), [])
    tried = Counter((case.term, case.target) for case in cases)
    assert len(cases) == len(set(cases))
    assert len(tried) == 6 * 3 + 2
    assert all(count >= 5 for kind, count in tried.items() if kind[0] not in grid.ALONE)
    assert {case.stage for case in cases} == {"choose"}


def test_each_is_compared_over_two_processes_with_one(grid):
    import ranks

    assert {f"{term} of {target}" for term in grid.WEIGHTS for target in grid.TARGETS} | {"prediction"} <= set(
        ranks.CASES
    )


def test_the_score_counts_class_and_pose_alike_and_a_negative_r2_as_nothing(grid):
    case = grid.planned(options(grid), [])[0]
    assert grid.score(row_of(case, 0.6)["values"]) == pytest.approx((0.6 + 0.2) / 2)


def test_the_final_runs_take_the_best_weight_and_only_of_what_was_tried_in_full(grid, capsys):
    asked = options(grid, terms=("none", "sigreg"))
    tried = grid.planned(asked, [])
    rows = [row_of(case, 0.9 if case.weight == 0.01 else 0.2) for case in tried if case.target != "both"]
    rows += [row_of(case, 0.5) for case in tried if case.target == "both"][:-1]
    final = grid.planned(options(grid, terms=("none", "sigreg"), stage="final"), rows)
    assert {(c.term, c.target, c.weight) for c in final} == {
        ("none", "", 0.0),
        ("sigreg", "z", 0.01),
        ("sigreg", "z_agg", 0.01),
    }
    assert {case.seed for case in final} == {1, 2, 3}
    assert "sigreg of both: left out" in capsys.readouterr().out


def test_the_untrained_encoder_is_left_as_it_was_drawn(grid, tmp_path):
    import seqjepa as sj

    case = next(case for case in grid.planned(options(grid), []) if case.term == "untrained")
    config = grid.configured(case, "cpu")
    images = grid.images_of("choose", "digits", 96, 64)
    trained = []
    for epochs in (1, 2):
        sj.train(config.model_copy(update=dict(epochs=epochs)), tmp_path / str(epochs), images=images)
        trained.append(list(sj.load_encoder(tmp_path / str(epochs)).parameters()))
    assert all(torch.equal(one, two) for one, two in zip(*trained, strict=True))


def test_a_weight_that_diverged_is_not_chosen(grid):
    asked = options(grid, terms=("vicreg",))
    rows = [row_of(case, 0.3) for case in grid.planned(asked, [])]
    best = next(row for row in rows if row["case"]["target"] == "z" and row["case"]["weight"] == 0.1)
    best["values"]["class from z_agg"] = 0.8
    for row in rows:
        if row["case"]["weight"] == 3.0:
            del row["values"]
            row["failed"] = "the term 'vicreg_z' is nan"
    final = grid.planned(options(grid, terms=("vicreg",), stage="final"), rows)
    assert {case.weight for case in final if case.target == "z"} == {0.1}
    assert 3.0 not in {case.weight for case in final}


def test_the_images_that_choose_are_no_training_and_no_test_images(grid):
    train, chosen_on = grid.images_of("choose", "digits", 96, 64)
    same, final_on = grid.images_of("final", "digits", 96, 64)
    assert torch.equal(train.pixels, same.pixels)
    rows = [{tuple(image.flatten().tolist()) for image in each.pixels} for each in (train, chosen_on, final_on)]
    assert rows[0].isdisjoint(rows[1])
    assert rows[1].isdisjoint(rows[2])


def test_a_line_that_was_cut_off_is_left_out(grid, tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text('{"case": 1}\n{"case"')
    assert grid.read(path) == [{"case": 1}]
    assert path.read_text() == '{"case": 1}\n'


@pytest.mark.slow
def test_runs_are_made_once_each_and_saved_as_they_come(grid, tmp_path):
    asked = options(grid, terms=("none", "sigreg"))
    cases = [case for case in grid.planned(asked, []) if case.target in ("", "z")][:5]
    path = tmp_path / "results.jsonl"
    grid.run(cases, options(grid, budget=0.0), path)
    begun = grid.read(path)
    assert len(begun) == 2  # as many as there are workers, and none after the budget
    done = [row["case"] for row in begun]
    assert grid.run([case for case in cases if asdict(case) not in done], asked, path) == 0
    rows = grid.read(path)
    assert sorted(json.dumps(row["case"]) for row in rows) == sorted(json.dumps(asdict(case)) for case in cases)
    for row in rows:
        assert {"class from z_agg", "relative R² of rotation"} <= set(row["values"])
