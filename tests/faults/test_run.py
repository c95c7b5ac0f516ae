"""Faults injected into training: what was saved stays, and one line says what happened and what to do."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

import seqjepa as sj
from seqjepa.cli.app import main
from seqjepa.io import files
from seqjepa.recipes import change
from seqjepa.training import loop, preparing
from seqjepa.training.checkpoint import list_checkpoints, read_tensors
from seqjepa.training.failures import FAILURE_FILE
from seqjepa.training.folder import held
from seqjepa.types import Images, Pose, WriteFailed


@pytest.fixture
def disk(tmp_path):
    """Mounts small file systems, by their options; they are gone afterwards."""
    mounted = []

    def mount(options):
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("no file system can be mounted here: not root, or a container without the right to")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


def after_epoch(number, act):
    """An callback that acts once, in an epoch, before it is saved."""

    def callback(moment):
        if moment.epoch == number:
            act(moment)
        return {}

    return callback


def whole(folder, epochs):
    """What a run saved of its first epochs is there and undamaged."""
    newest = list_checkpoints(folder / "checkpoints")[-1]
    assert newest.name == f"epoch-{epochs:04d}.safetensors"
    assert len(read_tensors(newest)[1]["rows"]) == epochs
    assert not list(folder.rglob("*.tmp"))


def test_a_full_disk(tiny, disk):
    config = change(tiny, epochs=4, evaluate_every=1)
    place = disk("size=6m")

    def fill(_):
        free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
        (place / "filler").write_bytes(bytes(free))

    with pytest.raises(WriteFailed, match=r"cannot write .*: No space left on device; .*: seqjepa resume") as caught:
        sj.train(config, place / "run", [after_epoch(3, fill)])
    assert "\n" not in str(caught.value)
    whole(place / "run", 2)
    (place / "filler").unlink()
    assert sj.resume(place / "run").complete
    undisturbed = sj.train(config, place.parent / "other")
    assert (place / "run/metrics.csv").read_bytes() == (undisturbed.folder / "metrics.csv").read_bytes()


def test_a_folder_that_cannot_be_written_to(tiny, disk, capsys):
    place = disk("ro,size=1m")
    (config := place.parent / "config.yaml").write_text(tiny.to_yaml())
    assert main(["train", "--config", str(config), "--out", str(place / "run")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"seqjepa: cannot write to the folder {place / 'run'}: Read-only file system"


def test_a_folder_that_vanishes(tiny, tmp_path, monkeypatch, capsys):
    (config := tmp_path / "config.yaml").write_text(change(tiny, epochs=3, evaluate_every=1).to_yaml())
    vanish = after_epoch(2, lambda moment: shutil.rmtree(moment.folder))
    monkeypatch.setattr("seqjepa.workflows.runs.usual_callbacks", lambda config: [vanish])
    assert main(["train", "--config", str(config), "--out", str(tmp_path / "run")]) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"seqjepa: cannot write {tmp_path / 'run'}")
    assert "No such file or directory" in line


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    files.write_atomic(tmp_path / "file", "before")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteFailed, match="No space left"):
        files.write_atomic(tmp_path / "file", "after")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "before"


def test_a_clock_that_goes_backwards(tiny, tmp_path, monkeypatch):
    expected = sj.train(tiny, tmp_path / "one").rows
    now = [2e9]

    def backwards():
        now[0] -= 3600
        return now[0]

    monkeypatch.setattr(time, "time", backwards)
    assert sj.train(tiny, tmp_path / "two").rows == expected
    monkeypatch.undo()
    for path in list_checkpoints(tmp_path / "two/checkpoints"):
        os.utime(path, (0, 0) if path.stem.endswith("2") else (2e9, 2e9))  # the newest is told by its number
    assert sj.resume(tmp_path / "two").complete
    seconds = files.read_rows(tmp_path / "two/timing.csv")
    assert all(row["training_s"] > 0 for row in seconds)


def spoiled(value, epoch):
    """A batch of the given epoch with a value in one view."""
    make, calls = loop.make_batch, []

    def make_batch(*arguments):
        batch = make(*arguments)
        calls.append(arguments[1])
        if len(calls) == 3 * (epoch - 1) + 2:  # the second step of three
            batch.views[1, 0, 0, 3, 3] = value
        return batch

    return make_batch, calls


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite(tiny, tmp_path, monkeypatch, value):
    make_batch, batches = spoiled(value, 2)
    monkeypatch.setattr(loop, "make_batch", make_batch)
    with pytest.raises(
        FloatingPointError, match=r"the term '\w+'.*\(epoch 2, step 2\); batch and weights are in"
    ) as error:
        sj.train(tiny, tmp_path / "run")
    assert "\n" not in str(error.value)
    whole(tmp_path / "run", 1)
    tensors, metadata = read_tensors(tmp_path / "run" / FAILURE_FILE)
    assert torch.equal(tensors["index"], batches[-1])
    images = preparing.load(tiny)[0]
    assert torch.equal(tensors["pixels"], images.pixels[tensors["index"]])
    assert tensors["poses"].shape == (32, tiny.factors.views, 4)
    assert (metadata["epoch"], metadata["step"]) == (2, 1)
    monkeypatch.undo()
    assert sj.resume(tmp_path / "run").complete


def test_the_kept_batch_fails_again(tiny, tmp_path, monkeypatch):
    """From the file alone: the same poses, images and weights give the same loss."""
    lost = []
    compute = loop.compute_loss

    def failing(outputs, *arguments):
        terms = compute(outputs, *arguments)
        lost.append(terms.loss.detach())
        if len(lost) == 5:
            raise FloatingPointError("the term 'prediction' is nan")
        return terms

    config = change(tiny, model=dict(dropout=0.0))
    monkeypatch.setattr(loop, "compute_loss", failing)
    with pytest.raises(FloatingPointError, match="prediction"):
        sj.train(config, tmp_path / "run")
    tensors, _ = read_tensors(tmp_path / "run" / FAILURE_FILE)
    images = preparing.load(config)[0]
    model = preparing.build_model(config, 1, (28, 28), preparing.Normalisation.of(images))
    model.load_state_dict({k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")})
    batch = loop.make_batch(
        Images(tensors["pixels"], tensors["labels"], images.class_names),
        torch.arange(32),
        Pose(tensors["poses"]),
        config.factors,
        preparing.Normalisation.of(images),
    )
    again = compute(model.train()(batch.views, batch.actions), config.terms()).loss
    torch.testing.assert_close(again, lost[-1])


@pytest.mark.parametrize("huge", [1e30, float("nan")])
def test_a_covariance_that_is_not_positive_definite(tiny, tmp_path, monkeypatch, huge):
    from seqjepa.model import SeqJEPA

    forward = SeqJEPA.forward

    def large(self, *arguments):
        outputs = forward(self, *arguments)
        return outputs._replace(z_agg=outputs.z_agg * huge)

    monkeypatch.setattr(SeqJEPA, "forward", large)
    with pytest.raises(FloatingPointError, match=r"the term '(rate': of z_agg|norm_z_agg')"):
        sj.train(tiny, tmp_path / "run")
    assert (tmp_path / "run" / FAILURE_FILE).exists()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        MemoryError(),
    ],
)
def test_out_of_memory_says_what_to_make_smaller(tiny, tmp_path, monkeypatch, error, capsys):
    def full(*_):
        raise error

    monkeypatch.setattr(loop, "make_batch", full)
    (config := tmp_path / "config.yaml").write_text(tiny.to_yaml())
    assert main(["train", "--config", str(config), "--out", str(tmp_path / "run")]) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("seqjepa: out of memory: make batch_size (32), model.width (4) or factors.views (4) smaller")


def test_memory_that_really_is_out(tiny, tmp_path):
    config = change(tiny, model=dict(hidden=1 << 16, width=1 << 14))
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    command = "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))\n"
    command += "from seqjepa.cli import main; sys.exit(main(sys.argv[1:]))"
    given = ["train", "--config", str(tmp_path / "config.yaml"), "--out", str(tmp_path / "run")]
    done = subprocess.run([sys.executable, "-c", command, *given], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("seqjepa: out of memory: make batch_size (32), model.width (16384)")
    assert len(done.stderr.splitlines()) == 1


def test_other_errors_are_not_taken_for_these(tiny, tmp_path, monkeypatch):
    def broken(*_):
        raise RuntimeError("a licence ran out of memory slots")

    monkeypatch.setattr(loop, "make_batch", broken)
    with pytest.raises(RuntimeError, match="licence"):
        sj.train(tiny, tmp_path / "run")


def test_a_folder_is_held_by_one(tmp_path):
    with held(tmp_path / "run"), pytest.raises(sj.InputError, match="in use"), held(tmp_path / "run"):
        pass


PROGRAM = """
import sys, warnings
from pathlib import Path
warnings.simplefilter("ignore", DeprecationWarning)
import seqjepa as sj
from seqjepa.training.config import config_from_yaml
print(sj.train(config_from_yaml(Path(sys.argv[1])), sys.argv[2]).complete)
"""


@pytest.fixture
def tracker():
    """A server in the tracker's place, that answers as it is told: "silence", "broken" or "denied"; its address."""
    servers = []

    def start(kind):
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def serve():
            kept = []
            while True:
                try:
                    connection = server.accept()[0]
                except OSError:
                    return
                kept.append(connection)
                if kind == "broken":
                    connection.close()
                if kind == "denied":
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}"

    yield start
    for server in servers:
        server.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["silence", "broken", "denied", "nobody"])
def test_a_tracker_that_is_slow_down_or_refuses_does_not_cost_the_run(tiny, tmp_path, tracker, kind):
    address = "http://127.0.0.1:9" if kind == "nobody" else tracker(kind)
    (tmp_path / "config.yaml").write_text(change(tiny, epochs=1, logging=dict(wandb=True)).to_yaml())
    surroundings = os.environ | {"WANDB_BASE_URL": address, "WANDB_API_KEY": "0123456789" * 4, "WANDB_MODE": "online"}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "config.yaml"), str(tmp_path / "run")]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=150, check=False)
    assert done.stdout.splitlines()[-1] == "True", done.stderr
    assert done.stderr.count("Weights & Biases cannot be reached") == 1
    assert list((tmp_path / "run/wandb").glob("offline-run-*/run-*.wandb"))
    assert not any(b"0123456789" * 4 in p.read_bytes() for p in Path(tmp_path / "run").rglob("*") if p.is_file())
