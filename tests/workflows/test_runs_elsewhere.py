"""Runs that are not finished, that were trained elsewhere, or under another default type."""

import numpy as np
import pytest
import torch

import seqjepa as sj
from seqjepa.cli import app as cli
from seqjepa.recipes import change
from seqjepa.report import read_record
from seqjepa.training.config import config_from_yaml
from seqjepa.workflows.grid.members import make_members
from tests.workflows.small import TURNS
from tests.workflows.test_saved_as_it_comes import SMALL

NETS = """
from torch import nn

def make(channels, width):
    return nn.Sequential(nn.Flatten(), nn.Linear(784, width))
"""


def stopped(config, folder):
    """A run that was stopped in its second epoch."""

    def stop(state):
        if state.epoch == 2:
            raise KeyboardInterrupt
        return {}

    assert not sj.train(config, folder, [stop]).complete


@pytest.fixture
def run(tiny, tmp_path):
    stopped(change(tiny, epochs=3, evaluate_every=1), tmp_path / "run")
    return tmp_path / "run"


def test_of_a_run_that_is_not_finished_the_newest_checkpoint_is_taken_and_named(run, images, caplog):
    found = sj.diagnose_run(run, images, TURNS, baselines=(), **SMALL)["z"]
    assert "run is not finished: its newest checkpoint is taken, epoch-0001.safetensors" in caplog.text
    assert found.metadata["encoder"] == "tiny, epoch 1 of 3"
    direct = sj.diagnose_run(run / "checkpoints/epoch-0001.safetensors", images, TURNS, baselines=(), **SMALL)["z"]
    assert direct == found
    assert cli.main(["report", str(run)]) == 0
    assert "tiny, epoch 1 of 3" in (run / "report.html").read_text()
    sj.resume(run)
    again = sj.diagnose_run(run, images, TURNS, baselines=(), **SMALL)["z"]
    assert again.metadata["encoder"] == "tiny"  # and the folder is the same encoder's, a run's
    assert read_record(run).diagnosis == again


def test_two_runs_of_one_recipe_do_not_share_a_folder(run, tmp_path, images):
    how = dict(images=images, factors=TURNS, baselines=(), folder=tmp_path / "out", **SMALL)
    sj.diagnose_run(run, **how)
    run.rename(tmp_path / "another")
    with pytest.raises(sj.InputError, match=r"holds a diagnosis of tiny, .*/run; give another folder"):
        sj.diagnose_run(tmp_path / "another", **how)


def test_it_is_exported_too(run, capsys):
    assert cli.main(["export", str(run), str(run / "model.ONNX")]) == 0
    assert sj.open_encoder(run / "model.ONNX")(torch.zeros(2, 1, 28, 28)).shape == (2, 16)


def test_a_run_without_a_finished_epoch_says_how_to_go_on(run, tmp_path, capsys):
    (run / "checkpoints/epoch-0001.safetensors").unlink()
    (tmp_path / "empty").mkdir()
    for command in (["diagnose", str(run)], ["export", str(run), "model.onnx"]):
        assert cli.main(command) == 2
        assert f"no epoch of it is finished: seqjepa resume {run}" in capsys.readouterr().err
    assert cli.main(["diagnose", str(tmp_path / "empty")]) == 2
    assert "nor a checkpoint in it, so it is no run's folder" in capsys.readouterr().err


def test_relative_paths_are_kept_whole_and_a_run_that_misses_its_images_is_named(tiny, tmp_path, monkeypatch, images):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_text(NETS)
    train, test = images
    arrays = dict(train_images=train.pixels[:, 0], test_images=test.pixels[:, 0])
    arrays |= dict(train_labels=train.labels, test_labels=test.labels)
    np.savez("mine.npz", **{name: array.numpy() for name, array in arrays.items()})
    config = change(tiny, epochs=1, images=dict(source="npz:mine.npz"), model=dict(encoder="./nets.py:make"))
    sj.train(config, "run")
    saved = config_from_yaml(tmp_path / "run/config.yaml", trust=True)
    assert saved.images.source == f"npz:{tmp_path / 'mine.npz'}"
    assert saved.model.encoder == f"{tmp_path / 'nets.py'}:make"
    assert make_members(config, {}, 1, tmp_path / "grid")[0].config == saved  # so that a grid knows its members again

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    found = sj.diagnose_run("../run", factors=TURNS, baselines=(), trust=True, **SMALL)["z"]
    assert found.metadata["dim"] == tiny.model.width
    (tmp_path / "mine.npz").unlink()
    with pytest.raises(sj.InputError, match=r"the run 'tiny' was trained on images 'npz:.*mine.npz': .*--images"):
        sj.diagnose_run("../run", factors=TURNS, trust=True, **SMALL)


def test_the_default_type_is_the_users(tiny, tmp_path, images):
    config = change(tiny, epochs=1)
    expected = sj.train(config, tmp_path / "single").rows
    torch.set_default_dtype(torch.float64)
    try:
        net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 5))
        assert sj.train(config, tmp_path / "double").rows == expected
        assert sj.diagnose_run(tmp_path / "double", images, TURNS, baselines=(), **SMALL)["z"].metadata["dim"] == 16
        for encoder in (net, net.half()):
            assert sj.diagnose_encoder(encoder, images, TURNS, baselines=(), **SMALL)["z"].metadata["dim"] == 5
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
