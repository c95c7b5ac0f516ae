"""``seqjepa grid`` from end to end."""

import csv
import signal
import subprocess
import sys
import time

import pytest

import seqjepa as sj
from seqjepa.cli import app as cli
from seqjepa.training.checkpoint import list_checkpoints
from seqjepa.training.config import config_from_yaml
from seqjepa.training.lock import locked

FIELDS = "--batch_size 32 --precision float32 --images.train 96 --images.test 64 --model.width 4 --model.hidden 32"
FIELDS += " --model.layers 1 --probes.hidden 32"


def typed(folder, *arguments):
    return ["grid", "digits", "--out", str(folder), *arguments, *FIELDS.split()]


@pytest.fixture
def failing(tmp_path, monkeypatch):
    """An encoder beside the user that is there, but cannot be built."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "failing", raising=False)
    (tmp_path / "failing.py").write_text("def make(channels, width):\n    raise RuntimeError('cannot be built')")


def test_a_grid_survives_a_failing_member_says_which_and_skips_what_is_finished(tmp_path, capfd, failing):
    folder = tmp_path / "grid"
    command = typed(folder, "--grid", "model.encoder=convnet,failing:make", "--jobs", "2", "--epochs", "1")
    assert cli.main(command) == 1
    printed = " ".join(capfd.readouterr().out.split())
    assert "2 runs in" in printed
    assert "model.encoder=convnet_seed=0: finished in" in printed
    assert "failed: model.encoder=failing-make_seed=0: " in printed
    assert "cannot be built" in printed
    with (folder / "comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["model.encoder"] for row in rows} == {"convnet"}
    (loss,) = (float(row["mean"]) for row in rows if row["metric"] == "loss")
    member = folder / "model.encoder=convnet_seed=0"
    alone = sj.train(config_from_yaml(member / "config.yaml"), tmp_path / "alone")
    assert loss == pytest.approx(alone.rows[-1]["loss"])
    written = (member / "model.safetensors").stat().st_mtime_ns
    assert cli.main(typed(folder, "--grid", "model.encoder=convnet", "--epochs", "1")) == 0
    assert "1 runs in" in (again := capfd.readouterr().out)
    assert "1 finished before" in again
    assert (member / "model.safetensors").stat().st_mtime_ns == written


def test_a_grid_is_stopped_and_continued(tmp_path, capfd):
    folder = tmp_path / "grid"
    command = typed(folder, "--grid", "epochs=2,60", "--evaluate_every", "60")
    process = subprocess.Popen(
        [sys.executable, "-m", "seqjepa", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    short, long = folder / "epochs=2_seed=0", folder / "epochs=60_seed=0"
    until = time.monotonic() + 120
    while not list_checkpoints(long / "checkpoints"):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 143, printed
    assert (short / "model.safetensors").exists()
    assert not (long / "model.safetensors").exists()
    with locked(long):  # its process has ended
        assert "interrupted; go on with" in (folder / "logs" / "epochs=60_seed=0.txt").read_text()
    assert cli.main(command) == 0
    assert "1 finished before" in capfd.readouterr().out
    assert (long / "model.safetensors").exists()
    assert len((long / "metrics.jsonl").read_text().splitlines()) == 60


def test_two_grids_in_one_folder(tmp_path, capsys):
    folder = tmp_path / "grid"
    folder.mkdir()
    with locked(folder):
        assert cli.main(typed(folder, "--epochs", "1")) == 2
    assert "is in use by process" in capsys.readouterr().err


def test_the_same_through_a_cluster_engine(tmp_path, capfd, failing):
    folder = tmp_path / "grid"
    command = typed(folder, "--grid", "model.encoder=convnet,failing:make", "--epochs", "1", "--cluster", "local")
    assert cli.main([*command, "--cluster-options", "timeout_min=10"]) == 1
    printed = capfd.readouterr().out
    assert "model.encoder=convnet_seed=0: finished" in printed
    assert "failed: model.encoder=failing-make_seed=0: " in printed
    assert (folder / "model.encoder=convnet_seed=0" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("--seeds 0", "--seeds is a number from 1"),
        ("--cluster-options timeout_min=3", "say which cluster with --cluster"),
        ("--cluster local --cluster-options timeout_min", "give each as NAME=VALUE"),
        ("--cluster local --cluster-options timeot_min=3", "--cluster local: Unknown executor 'timeot'"),
        ("--cluster slurm", '--cluster slurm: Could not detect "srun"'),
        ("--cluster kubernetes", "invalid choice: 'kubernetes'"),
        ("--grid epochs", "give a field and its values"),
        (
            "--grid model.encoder=convnet,nowhere:make",
            "encoder 'nowhere:make': No module named 'nowhere'",
        ),
        ("--grid images.source=digits,mnits", "images 'mnits' is not one of digits"),
        ("--grid images.source=digits,npz:none.npz", "none.npz; npz:PATH needs an archive"),
        ("--jobs 0", "--jobs is a number from 1"),
        ("--epoch 3", "unknown field 'epoch'; did you mean 'epochs'?"),
        ("--config x.yaml", "grid takes a recipe or --config FILE"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, says, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "")  # no Slurm here, wherever the tests run
    assert cli.main([*typed(tmp_path / "grid", "--epochs", "1"), *arguments.split()]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert says in error
    assert not list(tmp_path.rglob("config.yaml"))  # no run has begun


def test_a_cluster_without_its_engine(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main([*typed(tmp_path / "grid"), "--cluster", "slurm"]) == 2
    assert "submitit is not installed; pip install 'seqjepa[cluster]'" in capsys.readouterr().err
    assert not (tmp_path / "grid").exists()
