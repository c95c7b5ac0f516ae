"""Pipes, devices, folders and links in the places of a run's files: no command waits, fills memory, or follows them."""

import os
import shutil
import threading

import pytest

import seqjepa as sj
from seqjepa.cli.app import main
from seqjepa.recipes import change, digits
from seqjepa.training.folder import FILES, FOLDERS

KINDS = ["pipe", "zero", "folder", "dangling", "socket"]
PARTS = [
    *FILES,
    "checkpoints/epoch-0002.safetensors",
    "subspaces/epoch-00002.safetensors",
    "diagnosis/diagnosis.json",
    "diagnosis/diagnosis-a.json",
    "diagnosis/sweeps.safetensors",
    "diagnosis/environment.yaml",
    "report.html",
]
COMMANDS = [
    *("resume {run}", "report {run}", "check {run} --require overlap[a,b]>=0", "compare {run} {run}"),
    "train --config {run}/config.yaml --out {run}",
    "diagnose {run} --identities 20 --steps 3 --base-poses 1 --probe-images 0 --baselines --skip group literature",
]


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """A run that was stopped after two epochs of three."""
    config = change(digits(), epochs=2, evaluate_every=1, batch_size=32, precision="float32")
    config = change(config, images=dict(train=64, test=64), model=dict(encoder="convnet", width=4, layers=1, hidden=16))
    folder = tmp_path_factory.mktemp("honest") / "run"
    sj.train(change(config, probes=dict(hidden=16)), folder, [sj.SubspaceMonitor(16, 5, 1)])
    text = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(text.replace("epochs: 2", "epochs: 3"))
    return folder


def put(kind, path):
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "zero":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
        (path / "x").touch()
    elif kind == "dangling":
        path.symlink_to(path.parent / "nowhere")
    else:
        import socket

        with socket.socket(socket.AF_UNIX) as server:
            here = os.getcwd()
            os.chdir(path.parent)  # a socket's path is short
            try:
                server.bind(path.name)
            finally:
                os.chdir(here)


def ended(line, capsys):
    """The exit code of a command, which must not wait."""
    code = []
    thread = threading.Thread(target=lambda: code.append(main(line.split())), daemon=True)
    thread.start()
    thread.join(300)
    assert not thread.is_alive(), f"{line} waits"
    said = capsys.readouterr().err
    assert code, "it raised"
    assert len([row for row in said.splitlines() if row.startswith("seqjepa: ")]) <= 1
    return code[0], said


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.filterwarnings("ignore")
def test_reading_commands_end_in_a_line(part, kind, honest, tmp_path, capsys):
    shutil.copytree(honest, tmp_path / "run")
    put(kind, tmp_path / "run" / part)
    for line in COMMANDS[1:4]:
        code, _ = ended(line.format(run=tmp_path / "run"), capsys)
        assert code in (0, 2)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.filterwarnings("ignore")
def test_every_command_ends_in_a_line(part, kind, honest, tmp_path, capsys):
    for number, line in enumerate(COMMANDS):
        run = tmp_path / str(number)
        shutil.copytree(honest, run)
        put(kind, run / part)
        code, _ = ended(line.format(run=run), capsys)
        assert code in (0, 1, 2)  # 1: a folder stands where a file is to be written


@pytest.mark.parametrize("name", [*FILES, *FOLDERS])
def test_training_is_refused_before_it_begins(name, honest, tmp_path, capsys):
    shutil.copytree(honest, tmp_path / "run")
    place = tmp_path / "run" / name
    if name in FOLDERS:
        shutil.rmtree(place, ignore_errors=True)
        place.write_text("no folder")
    else:
        put("pipe", place)
    code, said = ended(f"resume {tmp_path}/run", capsys)
    assert code == 2
    assert name in said


def test_a_pipe_among_the_subspaces_costs_only_what_is_made_of_it(honest, tmp_path, capsys):
    shutil.copytree(honest, tmp_path / "run")
    put("pipe", tmp_path / "run" / "subspaces" / "epoch-00002.safetensors")
    with pytest.warns(UserWarning, match="how steady the subspaces are is left out of epoch 3"):
        code = main(["resume", str(tmp_path / "run")])
    assert code == 0


def test_a_lock_that_is_a_link_leads_nowhere(honest, tmp_path, capsys):
    shutil.copytree(honest, tmp_path / "run")
    (tmp_path / "precious").write_text("precious")
    for name in (".lock", ".lock-holder"):
        (tmp_path / "run" / name).unlink(missing_ok=True)
        (tmp_path / "run" / name).symlink_to(tmp_path / "precious")
        assert main(["resume", str(tmp_path / "run")]) == 2
        assert "a link where a file belongs" in capsys.readouterr().err
        (tmp_path / "run" / name).unlink()
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_grids_logs_are_files(honest, tmp_path, capsys):
    base = f"grid --config {honest}/config.yaml --epochs 1 --out {tmp_path}/grid"
    (tmp_path / "grid" / "logs").mkdir(parents=True)
    os.mkfifo(tmp_path / "grid" / "logs" / "seed=0.txt")
    code, said = ended(base, capsys)
    assert code == 2
    assert "seed=0.txt: a pipe where a file belongs" in said
