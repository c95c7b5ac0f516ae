import os
import stat
import subprocess
import sys

import numpy as np
import pytest
import requests
import yaml

from seqjepa.cli import app as cli
from seqjepa.cli.listing import TOPICS
from seqjepa.recipes import RECIPES

SMALL = ["--epochs=1", "--batch-size=32", "--images.train=64", "--images.test=32", "--model.width=4"]
SMALL += ["--precision=float32"]


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEQJEPA_DATA", raising=False)


def test_train_then_resume(tmp_path, capsys):
    assert cli.main(["train", "digits", *SMALL, "--out", "run"]) == 0
    printed = capsys.readouterr().out
    assert "run: run" in printed
    assert "z_agg class" in printed
    assert yaml.safe_load((tmp_path / "run/config.yaml").read_text())["model"]["width"] == 4
    assert cli.main(["resume", "run"]) == 0


def test_a_saved_configuration_can_be_edited_and_run(tmp_path, capsys):
    assert cli.main(["train", "digits", *SMALL, "--dry-run"]) == 0
    text = capsys.readouterr().out
    assert not list(tmp_path.iterdir())
    (tmp_path / "mine.yaml").write_text(text.replace("seed: 0", "seed: 7"))
    assert cli.main(["train", "--config", "mine.yaml", "--out", "run"]) == 0
    assert yaml.safe_load((tmp_path / "run/config.yaml").read_text())["seed"] == 7


def test_the_default_folder_is_new_each_time(tmp_path):
    assert cli.main(["train", "digits", *SMALL]) == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("digits-")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("train mnist_afine", "recipe 'mnist_afine' is not one of digits, mnist_affine"),
        ("train", "a recipe or --config FILE"),
        ("train digits --config x.yaml", "a recipe or --config FILE"),
        ("train digits --epoch 3", "unknown field 'epoch'; did you mean 'epochs'?"),
        ("train digits --factors.rotation 9 -9", "factors.rotation: low 9 is above high -9"),
        ("train digits --factors.scale 0 1", "factors.scale: low 0 must be above 0"),
        ("train digits --seed", "--seed needs a value"),
        ("train --config none.yaml", "no configuration file none.yaml"),
        (
            "train digits --images.source mnits",
            "images 'mnits' is not one of digits, mnist, fashion_mnist, kmnist, cifar10, cifar100, npz:PATH",
        ),
        ("train digits --images.source npz:none.npz", "none.npz; npz:PATH needs an archive"),
        ("train digits --model.encoder resnet81", "model.encoder: choose one of resnet18, resnet_small"),
        ("resume nowhere", "no configuration file nowhere/config.yaml"),
        ("list runs", "invalid choice: 'runs'"),
        ("tarin digits", "invalid choice: 'tarin'"),
        ("demo --epochs 3", "'demo' has no option --epochs"),
        ("", "required: COMMAND"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, says, tmp_path, capsys):
    assert cli.main(arguments.split()) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert says in printed.err
    assert not list(tmp_path.iterdir())


def test_a_missing_dataset_is_one_line(tmp_path, capsys, monkeypatch):
    def offline(*_, **__):
        raise requests.ConnectionError("no network in tests")

    monkeypatch.setattr(requests, "get", offline)
    assert cli.main(["train", "mnist_affine_fast", "--images.root", str(tmp_path), "--out", "run"]) == 2
    error = capsys.readouterr().err
    assert "train-images-idx3-ubyte.gz" in error.splitlines()[-1]
    assert "put it into" in error
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_truncated_images_are_one_line(tmp_path, capsys):
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"\x1f\x8b\x08\x00broken")
    assert cli.main(["train", "mnist_affine_fast", "--images.root", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert "truncated or damaged" in error


def test_labels_of_another_length_are_one_line(tmp_path, capsys):
    arrays = {"images": np.zeros((5, 28, 28), np.uint8), "labels": np.zeros(4, np.int64)}
    np.savez(tmp_path / "a.npz", **{f"{split}_{name}": a for split in ("train", "test") for name, a in arrays.items()})
    assert cli.main(["train", "digits", "--images.source", "npz:a.npz", "--out", "run"]) == 2
    assert capsys.readouterr().err == "seqjepa: 5 images but labels of shape (4,); one label an image\n"
    assert not (tmp_path / "run").exists()


def test_an_unwritable_folder_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert cli.main(["train", "digits", *SMALL, "--out", "file/run"]) == 2
    assert capsys.readouterr().err == "seqjepa: cannot write to the folder file/run: Not a directory\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_one_line(tmp_path, capsys):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert cli.main(["train", "digits", *SMALL, "--out", "run"]) == 2
    assert "cannot write to the folder" in capsys.readouterr().err


def test_a_folder_in_use_is_one_line(capsys):
    assert cli.main(["train", "digits", *SMALL, "--out", "run"]) == 0
    capsys.readouterr()
    assert cli.main(["train", "digits", *SMALL, "--out", "run"]) == 2
    assert "holds a run already; go on with 'seqjepa resume run'" in capsys.readouterr().err


@pytest.mark.parametrize("topic", TOPICS)
def test_lists_name_and_explain(topic, capsys):
    assert cli.main(["list", topic]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 3
    assert all(len(line.split(maxsplit=1)) == 2 for line in lines)


def test_every_recipe_is_listed(capsys):
    cli.main(["list", "recipes"])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(RECIPES)


def test_help_explains_every_field(capsys):
    assert cli.main(["train", "mnist_affine", "--help"]) == 0
    printed = capsys.readouterr().out
    for words in ("--factors.rotation", "--objective.rate.weight", "Degrees, counter-clockwise", "0.996"):
        assert words in printed


def test_help_brings_nothing_heavy():
    code = (
        "import sys; from seqjepa import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'lightning_fabric', 'pydantic', 'sklearn'} & set(sys.modules), 'heavy'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "examples:" in done.stdout


def test_a_current_folder_that_was_removed(tmp_path, monkeypatch, capsys):
    (gone := tmp_path / "gone").mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert cli.main(["train", "digits"]) == 2
    told = "seqjepa: the current folder cannot be used (No such file or directory); change into another\n"
    assert capsys.readouterr().err == told
