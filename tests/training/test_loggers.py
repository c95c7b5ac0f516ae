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


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """An environment in which nobody ever logged in."""
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_DISABLED", "WANDB_BASE_URL", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return monkeypatch


@pytest.mark.parametrize(
    ("environment", "mode", "why"),
    [
        ({}, "offline", "no key"),
        ({"WANDB_API_KEY": "x" * 40}, "online", "WANDB_API_KEY"),
        ({"WANDB_API_KEY": "x" * 40, "WANDB_MODE": "offline"}, "offline", "WANDB_MODE"),
        ({"WANDB_API_KEY": "x" * 40, "WANDB_MODE": "Disabled"}, "disabled", "WANDB_MODE"),
        ({"WANDB_MODE": "dryrun"}, "offline", "WANDB_MODE"),
        ({"WANDB_MODE": "online"}, "online", "WANDB_MODE"),
        ({"WANDB_DISABLED": "true"}, "disabled", "WANDB_DISABLED"),
    ],
)
def test_the_environment_says_where_it_is_logged(bare, environment, mode, why):
    for name, value in environment.items():
        bare.setenv(name, value)
    found, said = loggers.tracker_mode()
    assert found == mode
    assert why in said


@pytest.mark.parametrize("server", ["api.wandb.ai", "wandb.example.org"])
def test_a_login_in_netrc_is_a_key(bare, tmp_path, server):
    file = tmp_path / ".netrc"
    file.write_text(f"machine {server}\n  login user\n  password {'a' * 40}\n")
    file.chmod(0o600)
    if server != "api.wandb.ai":
        assert loggers.tracker_mode()[0] == "offline"
        bare.setenv("WANDB_BASE_URL", f"https://{server}")
    assert loggers.tracker_mode() == ("online", "there is a login (netrc)")


@pytest.mark.parametrize(("name", "value"), [("WANDB_MODE", "disabled"), ("WANDB_DISABLED", "true")])
def test_disabled_writes_nothing(tiny, tmp_path, bare, name, value):
    bare.setenv(name, value)
    sj.train(change(tiny, epochs=1, logging=dict(wandb=True, project="a/b")), tmp_path / "run")
    assert not list(tmp_path.rglob("*wandb*"))


@pytest.mark.parametrize("project", ["a/b", "a:b", "x" * 200, "50%"])
def test_a_project_that_is_refused_is_refused_before_the_folder_is_taken(tiny, tmp_path, bare, project):
    with pytest.raises(sj.InputError, match=r"logging.project: .*[Ii]nvalid project name"):
        sj.train(change(tiny, logging=dict(wandb=True, project=project)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


class Failing:
    """A logger that fails at one of its calls."""

    def __init__(self, at, calls):
        self.at, self.calls = at, calls
        self._called("start")

    def _called(self, name):
        self.calls.append(name)
        if name == self.at:
            raise OSError(28, "No space left on device")

    def log(self, row):
        self._called("log")

    def log_figure(self, epoch, name, png):
        self._called("log_figure")

    def close(self):
        self._called("close")


@pytest.mark.parametrize("at", ["start", "log", "close"])
def test_a_logger_that_fails_does_not_cost_the_run(tiny, tmp_path, monkeypatch, at):
    calls = []
    monkeypatch.setattr(loggers, "TensorBoard", lambda folder: Failing(at, calls))
    expected = sj.train(tiny, tmp_path / "without").rows
    with pytest.warns(UserWarning, match=r"TensorBoard raised OSError: .*No space left.*the run goes on without it"):
        done = sj.train(change(tiny, logging=dict(tensorboard=True)), tmp_path / "run")
    assert done.complete
    assert done.rows == expected
    assert calls.count(at) == 1
    assert calls[-1] == at  # and nothing after


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
    monkeypatch.delenv("WANDB_DISABLED", raising=False)
    monkeypatch.setattr(wandb, "init", init)
    with pytest.warns(UserWarning, match="cannot be reached"):
        loggers.WeightsAndBiases(tiny, tmp_path)
    assert asked == ["online", "offline"]


def test_a_library_that_is_not_installed_is_named_before_anything_is_written(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(loggers.importlib.util, "find_spec", lambda name: None)
    with warnings.catch_warnings(), pytest.raises(sj.InputError, match=r"pip install 'seqjepa\[tensorboard\]'"):
        sj.train(change(tiny, logging=dict(tensorboard=True)), tmp_path / "run")
    assert not (tmp_path / "run").exists()
