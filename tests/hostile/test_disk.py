"""A disk that is full: at the start, and while a logger writes."""

import os
import subprocess
import sys

import pytest

import seqjepa as sj
from seqjepa.io.files import read_rows
from seqjepa.recipes import change, digits
from seqjepa.training.loggers import Sheltered

LIMITED = """
import resource, sys
from seqjepa.cli.app import main
import seqjepa.training
from torch.utils.tensorboard import SummaryWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.exit(main(sys.argv[2:]))
"""
SMALL = "--images.train 64 --images.test 64 --model.encoder convnet --model.width 2 --model.layers 1 --model.hidden 8"
SMALL += " --model.heads 1 --model.action_embedding 2 --probes.hidden 8 --precision float32 --evaluate_every 1"


def trained(limit, *more):
    """A run that may write files of so many bytes and no longer ones, as on a disk without room."""
    command = [sys.executable, "-W", "default", "-c", LIMITED, str(limit), "train", "digits", *SMALL.split(), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_no_room_at_the_start_is_told_in_a_line(tmp_path):
    done = trained(0, "--out", str(tmp_path / "run"))
    assert done.returncode == 1, done.stderr
    (line,) = [row for row in done.stderr.splitlines() if row.startswith("seqjepa: ")]
    assert "Traceback" not in done.stderr
    assert line.startswith("seqjepa: cannot write ")
    assert "the same command again" in line


def test_tensorboard_without_room_costs_its_own_log_alone(tmp_path):
    pytest.importorskip("tensorboard")
    run = tmp_path / "run"
    most = 200_000
    done = trained(most, "--out", str(run), "--epochs", "8", "--logging.tensorboard", "true")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("the run goes on without it") == 1
    assert len(read_rows(run / "metrics.csv")) == 8
    assert sj.load_encoder(run) is not None
    assert max(os.path.getsize(file) for file in run.glob("tensorboard/*")) <= most


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("x"), SystemExit(3)])
@pytest.mark.parametrize("when", ["log", "log_figure", "close"])
def test_whatever_a_logger_raises_the_run_is_whole(error, when, tmp_path, monkeypatch):
    class Failing:
        def __init__(self):
            self.asked = []

        def __getattr__(self, name):
            def ask(*given):
                self.asked.append(name)
                if name == when:
                    raise error

            return ask

    failing = Failing()
    monkeypatch.setattr("seqjepa.training.loop.build_loggers", lambda *given: [Sheltered("it", lambda: failing)])
    config = change(digits(), epochs=2, batch_size=32, precision="float32", images=dict(train=64, test=64))
    config = change(config, model=dict(encoder="convnet", width=2, layers=1, hidden=8), probes=dict(hidden=8))

    def drawn(state):
        state.log_figure("it", b"")
        return {"odd": float("nan"), "text": "x", "fine": 1.0}

    with pytest.warns(UserWarning, match=r"it raised|left out") as told:
        done = sj.train(change(config, evaluate_every=1), tmp_path / "run", [drawn])
    assert done.complete
    assert sum("it raised" in str(w.message) for w in told) == 1
    assert failing.asked.count(when) == 1
    rows = read_rows(tmp_path / "run" / "metrics.csv")
    assert [row["fine"] for row in rows] == [1.0, 1.0]  # and what is no finite number is left out, with a warning
    assert all("odd" not in row and "text" not in row for row in rows)
