"""Several encoders at once, each in a process of its own: what one after the other finds, to the last bit."""

import inspect
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import seqjepa as sj
from seqjepa.cli import app as cli
from seqjepa.training.lock import locked
from seqjepa.types import InputError
from seqjepa.workflows import diagnosing, many_at_once
from seqjepa.workflows.many import diagnose_encoders
from seqjepa.workflows.typed import OWN, diagnose_command
from tests.workflows.small import TURNS
from tests.workflows.test_saved_as_it_comes import SKIPPED

SMALL = dict(identities=24, steps=5, base_poses=1, probe_images=0, skip=SKIPPED, progress=False, baselines=())
MINE = """
import torch
from torch import nn
def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 12), nn.ReLU(), nn.Linear(12, 6))
def broken():
    raise RuntimeError("cannot be built")
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A file of the user's own in the current folder; processes of as many threads as this one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", str(torch.get_num_threads()))
    (tmp_path / "mine.py").write_text(MINE)
    return {"mine": "./mine.py:net", "broken": "./mine.py:broken", "pca": "pca:5"}


def test_the_same_as_one_after_the_other(mine, tmp_path, caplog):
    caplog.set_level("INFO", "seqjepa")
    layers = dict(images="digits", factors=TURNS, **SMALL)
    at_once = diagnose_encoders(mine, folder=tmp_path / "at_once", jobs=2, **layers)
    said = caplog.text
    in_turn = diagnose_encoders(mine, folder=tmp_path / "in_turn", **layers)
    assert list(at_once.found) == list(in_turn.found) == ["mine", "pca"]
    for name, found in in_turn.found.items():
        assert at_once.found[name]["z"].estimates == found["z"].estimates
        assert at_once.found[name]["z"].metadata == found["z"].metadata
        files = [tmp_path / each / name / "sweeps.safetensors" for each in ("at_once", "in_turn")]
        assert files[0].read_bytes() == files[1].read_bytes()
    assert list(at_once.failed) == list(in_turn.failed) == ["broken"]
    assert "cannot be built" in at_once.failed["broken"]
    assert at_once.comparison.table() == in_turn.comparison.table()
    assert (tmp_path / "at_once" / "comparison.html").exists()
    assert "3 encoders, 2 at once" in said
    assert "passed over: broken: " in said
    caplog.clear()  # and what is done is done, whichever way is asked
    again = diagnose_encoders(mine, folder=tmp_path / "at_once", **layers)
    assert caplog.text.count("done before") == 2
    assert again.found["mine"]["z"].estimates == at_once.found["mine"]["z"].estimates


def test_through_a_cluster_engine(mine, engine, capfd):
    small = ["--images", "digits", "--identities", "24", "--steps", "5", "--base-poses", "1", "--probe-images", "0"]
    small += ["--translate-x", "0", "0", "--translate-y", "0", "0", "--scale", "1", "1", "--skip", *SKIPPED]
    small += ["--baselines", "--layers", "1", "3", "--out", "zoo", "--cluster", "local"]
    both = ["--encoder", "a=./mine.py:net", "--encoder", "b=./mine.py:broken"]
    assert cli.main(["diagnose", *both, *small, "--cluster-options", "timeout_min=10"]) == 1
    printed = capfd.readouterr().out
    assert "1 of 2 encoders" in printed
    assert "failed: b: " in printed
    assert "cannot be built" in printed
    assert sorted(path.name for path in Path("zoo/a").glob("diagnosis*")) == ["diagnosis-1.json", "diagnosis-3.json"]
    assert "a, 1" in Path("zoo/comparison.html").read_text()
    assert [job.job.name for job in engine.submitted] == ["a", "b"]
    assert engine.parameters["timeout_min"] == 10


def test_what_is_typed_means_the_same(tmp_path, monkeypatch):
    """Every keyword of ``diagnose_encoder`` reaches it through the command line as it was given."""

    def plain(given):
        if isinstance(given, dict):
            return {name: plain(value) for name, value in given.items()}
        return [plain(value) for value in given] if isinstance(given, list | tuple) else str(given)

    given = dict(
        images="digits",
        factors={"rotation": (-1e-7, 0.1 + 0.2), "scale": (0.5, 1.0)},
        baselines=["pixels", "supervised"],
        layers=["a", "b:flatten"],
        pick=1,
        pool="first",
        preprocess={"size": [8, 9], "mean": [0.1], "std": [1 / 3], "channels": "bgr", "value_range": (0.0, 255.0)},
        identities=31,
        steps=7,
        base_poses=3,
        probe_images=0,
        probes=["knn", "linear"],
        skip=["group"],
        supervised_epochs=2,
        border="reflection",
        circular_mask=False,
        seed=5,
        root=tmp_path,
        device="cpu",
        dtype="bfloat16",
        batch_size=16,
        budget=["3min", "2GiB"],
        cache=tmp_path / "kept",
        trust=True,
        weights="last.ckpt",
    )
    keywords = set(inspect.signature(diagnosing.diagnose_encoder).parameters) - {"encoder", "metrics", *OWN}
    assert keywords | {"cache"} == set(given), "a new keyword: is there an option of the command line?"
    got = {}
    monkeypatch.setattr(
        diagnosing, "diagnose_encoder", lambda encoder, **named: got.update(named, encoder=encoder) or {}
    )
    command = diagnose_command("one", "mine.py:Net", tmp_path / "out", given)
    assert command[:4] == (sys.executable, "-P", "-m", "seqjepa")
    with pytest.raises(StopIteration):  # there is nothing to print
        cli.main(command[4:])
    assert got.pop("encoder") == "mine.py:Net"
    assert (got.pop("folder"), got.pop("reuse"), got.pop("progress")) == (tmp_path / "out", True, "lines")
    assert plain(got) == plain(given)
    plainly = diagnose_command("one", "pca:3", tmp_path, {"images": None, "layers": (), "preprocess": "auto"})
    assert plainly[5:] == ("--reuse", f"--out={tmp_path}", "--encoder=pca:3", "--cache=none")


def test_what_has_no_name_is_refused_before_anything_is_done(mine, tmp_path):
    def at_once(encoders=("pixels", "pca:3"), **options):
        diagnose_encoders(encoders, folder=tmp_path / "zoo", jobs=2, **options)

    with pytest.raises(InputError, match="encoder 'net': given as an object, which other processes cannot have"):
        at_once({"net": sj.pixels, "pca": "pca:3"})
    images = sj.load_images("digits", "test")
    for option, given in (("images", images), ("preprocess", torch.flip), ("baselines", {"own": sj.pixels})):
        with pytest.raises(InputError, match=f"{option}: given as an object"):
            at_once(**{option: given})
    with pytest.raises(InputError, match="factors: give ranges by name"):
        at_once(factors=sj.affine_factors(rotation=(-1, 1)))
    with pytest.raises(InputError, match="'rotate' is not one of"):
        at_once(factors={"rotate": (-1, 1)})
    with pytest.raises(InputError, match="images 'digit' is not one of"):
        at_once(images="digit")
    with pytest.raises(TypeError, match="unexpected keyword argument 'identitys'"):
        at_once(identitys=3)
    with pytest.raises(InputError, match="'Logs' is the name of a folder that is needed"):
        at_once({"Logs": "pixels", "pca": "pca:3"})
    with pytest.raises(InputError, match="folder: several encoders at once need one"):
        diagnose_encoders(["pixels", "pca:3"], jobs=2)
    assert not (tmp_path / "zoo").exists()
    with (
        locked((tmp_path / "zoo").mkdir() or tmp_path / "zoo"),
        pytest.raises(InputError, match="is in use by process"),
    ):
        at_once(images="digits")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("--encoder pixels --jobs 2", "--jobs and --cluster: of several encoders"),
        ("--encoder pixels --encoder pca:3 --jobs 0", "--jobs is a number from 1"),
        ("--encoder pixels --encoder pca:3 --cluster-options a=1", "say which cluster with --cluster"),
        ("--encoder pixels --encoder pca:3 --cluster slurm --cluster-options a", "give each as NAME=VALUE"),
        ("--sweeps there.safetensors --reuse", "--reuse says how to sweep an encoder; here there is none"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, says, mine, capsys):
    assert cli.main(["diagnose", *arguments.split(), "--out", "zoo"]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert says in error
    assert not Path("zoo").exists()


def test_how_far_each_is_is_said_now_and_then(tmp_path, caplog, monkeypatch):
    caplog.set_level("INFO", "seqjepa")
    asked = [many_at_once.Asked(name, tmp_path, tmp_path / f"{name}.txt", ()) for name in ("one", "two")]
    asked[0].log.write_text("begun\nencoding views: 30 of 60 (50 %), about 1 min left\n")
    telling = many_at_once._Telling()
    telling(asked)
    assert not caplog.text
    monkeypatch.setattr(many_at_once, "LINE_SECONDS", 0.0)
    telling(asked)
    telling(asked)  # nothing new
    assert [record.getMessage() for record in caplog.records] == [
        "one: encoding views: 30 of 60 (50 %), about 1 min left"
    ]


def test_ctrl_c_ends_all_of_them(mine, tmp_path):
    slow = "import os, pathlib, time\npathlib.Path(f'{os.getpid()}.pid').touch()\ntime.sleep(600)\n"
    (tmp_path / "slow.py").write_text(slow)
    command = "diagnose --images digits --encoder a=./slow.py:net --encoder b=./slow.py:other --jobs 2 --out zoo"
    process = subprocess.Popen([sys.executable, "-m", "seqjepa", *command.split()], start_new_session=True)
    until = time.monotonic() + 120
    while len(begun := list(tmp_path.glob("*.pid"))) < 2:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    for file in begun:
        with pytest.raises(ProcessLookupError):
            os.kill(int(file.stem), 0)
