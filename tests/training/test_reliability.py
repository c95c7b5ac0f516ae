"""Killed, stopped, damaged, started twice: a run goes on exactly, or says why not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import seqjepa as sj
from seqjepa.io.files import remove_leftovers
from seqjepa.recipes import change
from seqjepa.training.checkpoint import KEEP, list_checkpoints, read_tensors
from seqjepa.training.lock import locked
from seqjepa.training.signals import Stopped, stoppable, undisturbed

ROOT = Path(__file__).parents[2]
SAME = ("metrics.csv", "metrics.jsonl", "model.safetensors", "checkpoints/epoch-0004.safetensors")


def same_run(one, two):
    return all((one / name).read_bytes() == (two / name).read_bytes() for name in SAME)


def cut(path):
    path.write_bytes(path.read_bytes()[:-1000])


def flip_a_weight(path):
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    path.write_bytes(content)


def flip_a_metric(path):
    content = path.read_bytes()
    digit = content.index(b"loss") + 9
    path.write_bytes(content[:digit] + (b"3" if content[digit : digit + 1] != b"3" else b"4") + content[digit + 1 :])


@pytest.mark.parametrize("damage", [cut, flip_a_weight, flip_a_metric])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_taken(tiny, tmp_path, damage):
    config = change(tiny, epochs=4)
    sj.train(config, tmp_path / "whole")
    sj.train(config, tmp_path / "run")
    newest = list_checkpoints(tmp_path / "run/checkpoints")[-1]
    before = newest.read_bytes()
    damage(newest)
    assert newest.read_bytes() != before
    with pytest.warns(UserWarning, match="epoch-0004.safetensors: .*; going on from the checkpoint before it"):
        resumed = sj.resume(tmp_path / "run")
    assert resumed.complete
    assert same_run(tmp_path / "run", tmp_path / "whole")


def test_every_single_flipped_bit_is_found(tiny, tmp_path):
    sj.train(change(tiny, epochs=1), tmp_path / "run")
    (path,) = list_checkpoints(tmp_path / "run/checkpoints")
    whole = path.read_bytes()
    random = torch.Generator().manual_seed(0)
    for position in torch.randint(len(whole), (60,), generator=random).tolist():
        content = bytearray(whole)
        content[position] ^= 1 << (position % 8)
        path.write_bytes(content)
        with pytest.raises(sj.InputError, match="epoch-0001"):
            read_tensors(path)


def test_when_all_checkpoints_are_damaged_nothing_is_touched(tiny, tmp_path):
    sj.train(tiny, tmp_path / "run")
    metrics = (tmp_path / "run/metrics.csv").read_bytes()
    for path in list_checkpoints(tmp_path / "run/checkpoints"):
        cut(path)
    with (
        pytest.warns(UserWarning, match="not a readable safetensors file"),
        pytest.raises(sj.InputError, match="every checkpoint is damaged"),
    ):
        sj.resume(tmp_path / "run")
    assert (tmp_path / "run/metrics.csv").read_bytes() == metrics


def test_the_newest_checkpoints_are_kept(tiny, tmp_path):
    sj.train(change(tiny, epochs=4), tmp_path / "run")
    assert [p.stem for p in list_checkpoints(tmp_path / "run/checkpoints")] == ["epoch-0003", "epoch-0004"]
    assert KEEP == 2


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tiny, tmp_path):
    sj.train(tiny, tmp_path / "run")
    left = [tmp_path / "run" / name for name in (".metrics.csv.0a.tmp", "checkpoints/.epoch-0003.safetensors.0a.tmp")]
    others = tmp_path / "run" / ".diagnosis.json.0a.tmp"  # another program may be writing it
    for path in (*left, others):
        path.write_text("half")
    sj.resume(tmp_path / "run")
    assert not any(path.exists() for path in left)
    assert others.exists()
    remove_leftovers(tmp_path / "run", "diagnosis.json")
    assert not others.exists()


def test_timings_lost_to_a_kill_are_no_obstacle(tiny, tmp_path):
    sj.train(tiny, tmp_path / "run")
    (tmp_path / "run/timing.csv").unlink()
    assert sj.resume(tmp_path / "run").complete


def test_a_folder_in_use_is_refused_and_left_alone(tiny, tmp_path):
    sj.train(tiny, tmp_path / "run")
    before = {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()}
    with locked(tmp_path / "run"):
        with pytest.raises(sj.InputError, match=rf"run is in use by process {os.getpid()} on .*; wait for it to end"):
            sj.resume(tmp_path / "run")
        assert {p: p.read_bytes() for p in before} == before
    assert sj.resume(tmp_path / "run").complete


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(pytest.importorskip("fcntl"), "flock", unsupported)
    with pytest.raises(sj.InputError, match=r"cannot be locked \(Operation not supported\)"), locked(tmp_path):
        pass


def start(arguments, folder):
    """The command line in a process of its own, past its first epoch."""
    process = subprocess.Popen(
        [sys.executable, "-m", "seqjepa", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    until = time.monotonic() + 60
    while not list_checkpoints(folder / "checkpoints"):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < until
        time.sleep(0.02)
    return process


@pytest.fixture
def long_run(tiny, tmp_path):
    """A run that would take minutes, begun."""
    config = tmp_path / "config.yaml"
    config.write_text(change(tiny, epochs=2000, evaluate_every=2000).to_yaml())
    process = start(["train", "--config", str(config), "--out", str(tmp_path / "run")], tmp_path / "run")
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_save_and_say_how_to_go_on(long_run, tmp_path, number, code):
    long_run.send_signal(number)
    printed, _ = long_run.communicate(timeout=20)
    assert long_run.returncode == code
    assert f"interrupted; go on with: seqjepa resume {tmp_path / 'run'}" in printed
    assert "Traceback" not in printed
    newest = list_checkpoints(tmp_path / "run/checkpoints")[-1]
    rows = read_tensors(newest)[1]["rows"]
    assert f"epoch-{len(rows):04d}.safetensors" == newest.name
    assert len((tmp_path / "run/metrics.jsonl").read_text().splitlines()) == len(rows)
    assert not list((tmp_path / "run").rglob("*.tmp"))


def test_a_second_process_is_refused_and_a_lock_dies_with_its_process(long_run, tmp_path):
    resume = [sys.executable, "-m", "seqjepa", "resume", str(tmp_path / "run")]
    second = subprocess.run(resume, capture_output=True, text=True, check=False)
    assert second.returncode == 2
    assert second.stderr.startswith(f"seqjepa: {tmp_path / 'run'} is in use by process {long_run.pid} on ")
    assert len(second.stderr.splitlines()) == 1
    long_run.kill()
    long_run.wait()
    with locked(tmp_path / "run"):
        pass


def test_a_signal_waits_until_what_is_written_agrees():
    done = []

    def write():
        with undisturbed():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.05)
            done.append("written")

    with stoppable():
        with pytest.raises(Stopped, match="SIGTERM"):
            write()
        with undisturbed():
            done.append("again")
    assert done == ["written", "again"]


SLOW_TO_CLOSE = """
import os, signal, sys, time
from seqjepa.training.signals import Stopped, stoppable
with stoppable():
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(30)
    except Stopped as stopped:
        print(stopped, flush=True)
        time.sleep(30)  # a logger that does not come to an end
"""


def test_a_second_ctrl_c_exits_at_once():
    process = subprocess.Popen([sys.executable, "-c", SLOW_TO_CLOSE], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "SIGINT\n"
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    assert time.monotonic() - asked < 5
    process.stdout.close()


def test_a_run_survives_kills_at_random_and_within_writes():
    command = [sys.executable, ROOT / "benchmarks" / "kill_and_resume.py", "4", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 of 4 kills survived" in done.stdout


@pytest.mark.slow
def test_a_run_survives_fifty_kills():
    command = [sys.executable, ROOT / "benchmarks" / "kill_and_resume.py", "50"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "50 of 50 kills survived" in done.stdout
