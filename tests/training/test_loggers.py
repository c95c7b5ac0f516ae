import warnings

import pytest

import seqjepa as sj
from seqjepa.recipes import change
from seqjepa.training import loggers


def test_tensorboard_gets_every_figure(tiny, tmp_path):
    rows = sj.train(change(tiny, logging=dict(tensorboard=True)), tmp_path / "run").rows
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "run/tensorboard")).Reload()
    assert [event.step for event in events.Scalars("loss")] == [1, 2]
    assert events.Scalars("r2_test")[-1].value == pytest.approx(rows[-1]["r2_test"], rel=1e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_without_a_key_wandb_is_an_offline_run_in_the_runs_folder(tiny, tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    sj.train(change(tiny, epochs=1, logging=dict(wandb=True)), tmp_path / "run")
    files = list((tmp_path / "run/wandb").glob("offline-run-*/run-*.wandb"))
    assert len(files) == 1
    assert files[0].stat().st_size > 1000


def test_a_tracker_that_is_down_does_not_cost_the_run(tiny, tmp_path, monkeypatch):
    import wandb

    asked = []

    def init(*, mode, **_):
        asked.append(mode)
        if mode == "online":
            raise wandb.errors.CommError("down")

        class Run:
            def define_metric(self, *_, **__):
                pass

        return Run()

    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setattr(wandb, "init", init)
    with pytest.warns(UserWarning, match="cannot be reached"):
        loggers.WeightsAndBiases(tiny, tmp_path)
    assert asked == ["online", "offline"]


def test_a_library_that_is_not_installed_is_named_before_anything_is_written(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(loggers.importlib.util, "find_spec", lambda name: None)
    with warnings.catch_warnings(), pytest.raises(sj.InputError, match=r"pip install 'seqjepa\[tensorboard\]'"):
        sj.train(change(tiny, logging=dict(tensorboard=True)), tmp_path / "run")
    assert not (tmp_path / "run").exists()
