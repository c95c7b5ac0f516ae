import csv
import json
from importlib import metadata

import pytest
import torch
import yaml

import seqjepa as sj
from seqjepa.objective import cosine_prediction as objective
from seqjepa.recipes import change
from seqjepa.training import preparing
from seqjepa.training.checkpoint import list_checkpoints, read_tensors
from seqjepa.training.views import Normalisation


def test_a_run_leaves_a_whole_folder(tiny, tmp_path):
    result = sj.train(tiny, tmp_path / "run")
    names = {p.name for p in (tmp_path / "run").iterdir()}
    assert names == {
        "config.yaml",
        "environment.yaml",
        "metrics.csv",
        "metrics.jsonl",
        "timing.csv",
        "checkpoints",
        "model.safetensors",
        ".lock",
        ".lock-holder",
    }
    assert result.complete
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert rows == result.rows
    with (tmp_path / "run/metrics.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in table] == [row["loss"] for row in rows]
    assert table[0]["rank_eq_eff"] == ""
    assert float(table[1]["rank_eq_eff"]) == rows[1]["rank_eq_eff"] > 1
    environment = yaml.safe_load((tmp_path / "run/environment.yaml").read_text())
    assert environment["packages"]["torch"] == metadata.version("torch")
    assert len(list_checkpoints(tmp_path / "run/checkpoints")) == 2


def test_the_logged_loss_is_the_sum_of_its_terms(tiny, tmp_path):
    row = sj.train(tiny, tmp_path / "run").rows[-1]
    weight = tiny.objective.rate.weight
    assert row["loss"] == pytest.approx(row["prediction"] - weight * row["rate_z_agg"], abs=1e-5)


def test_the_same_seed_gives_the_same_metrics_and_another_seed_others(tiny, tmp_path):
    one, two = sj.train(tiny, tmp_path / "one"), sj.train(tiny, tmp_path / "two")
    for name in ("metrics.csv", "metrics.jsonl", "config.yaml", "model.safetensors"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    other = sj.train(change(tiny, seed=1), tmp_path / "other")
    assert one.rows == two.rows != other.rows


class StopAfter:
    """An callback that interrupts training, as Ctrl-C would, when it is asked for the n-th time."""

    def __init__(self, calls):
        self.calls = calls

    def __call__(self, state):
        self.calls -= 1
        if self.calls == 0:
            raise KeyboardInterrupt
        return {}


@pytest.mark.parametrize("teacher", ["ema", "stop_gradient"])
def test_an_interrupted_run_resumes_to_the_same_metrics(tiny, tmp_path, teacher):
    config = change(tiny, epochs=3, evaluate_every=1, model=dict(teacher=teacher), optimiser=dict(schedule="cosine"))
    whole = sj.train(config, tmp_path / "whole")
    part = sj.train(config, tmp_path / "part", [StopAfter(3)])
    assert not part.complete
    assert part.rows == whole.rows[:2]
    assert not (tmp_path / "part/model.safetensors").exists()
    resumed = sj.resume(tmp_path / "part")
    assert resumed.complete
    assert resumed.rows == whole.rows
    for name in ("metrics.csv", "model.safetensors", "checkpoints/epoch-0003.safetensors"):
        assert (tmp_path / "part" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert len((tmp_path / "part/timing.csv").read_text().splitlines()) == 4


def test_resuming_a_finished_run_changes_nothing(tiny, tmp_path):
    whole = sj.train(tiny, tmp_path / "run")
    assert sj.resume(tmp_path / "run").rows == whole.rows


def test_resume_without_a_run(tmp_path):
    with pytest.raises(sj.InputError, match="no configuration file"):
        sj.resume(tmp_path)


def test_a_run_stopped_before_its_first_checkpoint_starts_again(tiny, tmp_path):
    whole = sj.train(change(tiny, evaluate_every=1), tmp_path / "whole")
    part = sj.train(change(tiny, evaluate_every=1), tmp_path / "run", [StopAfter(1)])
    assert part.rows == []
    assert sj.resume(tmp_path / "run").rows == whole.rows


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_checkpoint(tiny, tmp_path, monkeypatch):
    calls = []

    def failing(prediction, target):
        calls.append(1)
        return (prediction - target).square().mean() * (float("nan") if len(calls) > 4 else 1.0)

    monkeypatch.setattr(objective, "cosine_prediction_loss", failing)
    with pytest.raises(FloatingPointError, match="'prediction'"):
        sj.train(tiny, tmp_path / "run")
    assert [p.name for p in list_checkpoints(tmp_path / "run/checkpoints")] == ["epoch-0001.safetensors"]
    assert len((tmp_path / "run/metrics.csv").read_text().splitlines()) == 2


def test_callbacks_join_the_row_and_see_the_run(tiny, tmp_path):
    seen = []

    def callback(state):
        seen.append((state.epoch, len(state.held_out), state.folder))
        return {"mine": float(state.epoch)}

    rows = sj.train(change(tiny, epochs=3), tmp_path / "run", [callback]).rows
    assert seen == [(2, 64, tmp_path / "run"), (3, 64, tmp_path / "run")]
    assert [row.get("mine") for row in rows] == [None, 2.0, 3.0]


def test_evaluation_updates_nothing(tiny, tmp_path):
    rows = sj.train(change(tiny, evaluate_every=1), tmp_path / "often").rows
    seldom = sj.train(tiny, tmp_path / "seldom").rows
    assert rows[-1] == seldom[-1]


def test_a_learning_rate_of_0_leaves_the_model_untrained_and_trains_the_probes(tiny, tmp_path):
    config = change(tiny, epochs=1, optimiser=dict(learning_rate=0.0))
    sj.train(config, tmp_path / "run")
    after = read_tensors(tmp_path / "run/checkpoints/epoch-0001.safetensors")[0]
    fresh = preparing.prepare(config, tmp_path)
    for name, parameter in fresh.model.named_parameters():
        assert torch.equal(after[f"model.{name}"], parameter), name
    assert any(
        not torch.equal(after[f"probes.{name}"], parameter) for name, parameter in fresh.probes.named_parameters()
    )


def test_training_learns_something(tiny, tmp_path):
    changes = dict(images=dict(train=None), model=dict(width=8), optimiser=dict(warmup_epochs=0.0))
    rows = sj.train(change(tiny, epochs=3, **changes), tmp_path / "run").rows
    assert rows[-1]["prediction"] < 0.6 * rows[0]["prediction"]
    assert rows[-1]["leakage_linacc_test"] > 30


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (dict(images=dict(train=5000)), "images.train: 5000 images asked for, but digits has 1442"),
        (dict(batch_size=97), "batch_size: 97 is more than the 96 training images"),
        (dict(model=dict(heads=3)), "model.heads: 3 does not divide"),
        (dict(model=dict(encoder="resnet81")), "model.encoder: choose one of resnet18, resnet_small"),
        (dict(model=dict(encoder="tests.model.own:feature_map")), r"returns \(2, 4, 26, 26\) for 2 images"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_written(tiny, tmp_path, changes, says):
    with pytest.raises(sj.InputError, match=says):
        sj.train(change(tiny, **changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_holds_a_run_is_refused_and_left_alone(tiny, tmp_path):
    sj.train(change(tiny, epochs=1), tmp_path / "run")
    before = (tmp_path / "run/metrics.csv").read_bytes()
    with pytest.raises(sj.InputError, match="holds a run already"):
        sj.train(tiny, tmp_path / "run")
    assert (tmp_path / "run/metrics.csv").read_bytes() == before


def test_a_folder_under_a_file_cannot_be_written(tiny, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(sj.InputError, match="cannot write to the folder"):
        sj.train(tiny, tmp_path / "file" / "run")


@pytest.mark.parametrize(
    "changes",
    [
        dict(factors=dict(views=2), objective=dict(rate=dict(target="both"))),
        dict(objective=dict(rate=dict(kind="unit_norm_coding_rate", weight=0.02))),
        dict(objective=dict(rate=dict(kind="none")), model=dict(action_conditioning=False)),
        dict(factors=dict(first_view="random", actions="group", border="reflection", circular_mask=True)),
        dict(model=dict(encoder="tests.model.own:make", width=16, ema_schedule="cosine"), precision="bf16"),
        dict(factors=dict(rotation=(-180, 180), translate_x=None, translate_y=None, scale=None)),
    ],
)
def test_every_choice_trains(tiny, tmp_path, changes):
    row = sj.train(change(tiny, epochs=1, **changes), tmp_path / "run").rows[-1]
    assert all(torch.isfinite(torch.tensor(value)) for value in row.values())


def test_the_saved_model_is_the_trained_one(tiny, tmp_path):
    kept = []
    sj.train(tiny, tmp_path / "run", [lambda state: kept.append(state.model) or {}])
    images = sj.load_images("digits", "test").pixels[:8].float() / 255
    encoder = sj.load_encoder(tmp_path / "run")
    normalise = Normalisation.of(preparing.load(tiny)[0])
    with torch.no_grad():
        torch.testing.assert_close(encoder(images), kept[-1].eval().encoder(normalise(images)))
    model, config, saved = sj.load_model(tmp_path / "run/model.safetensors")
    assert config == tiny
    assert saved == normalise
    newest = list_checkpoints(tmp_path / "run/checkpoints")[-1]
    torch.testing.assert_close(sj.load_encoder(newest)(images), encoder(images))
    assert not model.training


def test_a_file_that_is_not_a_model(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"\x80\x04pickle")
    with pytest.raises(sj.InputError, match="not a readable safetensors file"):
        sj.load_encoder(tmp_path)
    with pytest.raises(sj.InputError, match="no checkpoint"):
        sj.load_encoder(tmp_path / "none")
