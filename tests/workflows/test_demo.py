"""The demonstration, by a recipe of seconds in the place of its own."""

import argparse

import pytest

import seqjepa as sj
from seqjepa.cli import app as cli
from seqjepa.recipes import RECIPES, change
from seqjepa.workflows import demo
from seqjepa.workflows.demo import run_demo


@pytest.fixture(autouse=True)
def quick(tiny, monkeypatch):
    config = change(tiny, images=dict(train=96, test=200))
    monkeypatch.setitem(RECIPES, "digits", lambda: config)


def test_it_calls_python_and_no_parser(tmp_path, monkeypatch):
    def refused(*_):
        raise AssertionError("a command line is parsed")

    monkeypatch.setattr(argparse.ArgumentParser, "parse_known_args", refused)
    done = run_demo(tmp_path / "run", progress=False)
    assert done.result.complete
    assert done.record.diagnosis.metadata["identities"] == 96
    assert set(done.record.diagnosis.baselines) == {"untrained"}
    assert done.page == tmp_path / "run/report.html"
    assert "<html" in done.page.read_text()[:200]


def test_the_command_ends_with_the_path_of_its_page(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["demo", "--out", "run"]) == 0
    printed = capsys.readouterr().out
    assert "diagnosing …" in printed
    assert printed.rstrip().endswith("report: run/report.html")


@pytest.mark.parametrize("out", ["run", "file", "file/run"])
def test_a_folder_that_cannot_be_taken_is_refused_before_training(tmp_path, monkeypatch, capsys, out):
    def started(*_):
        raise AssertionError("training has begun")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("seqjepa.training.loop._prepare", started)
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.yaml").write_text("")
    (tmp_path / "file").write_text("")
    for command in (["demo"], ["train", "digits"]):
        assert cli.main([*command, "--out", out]) == 2
    assert ("holds a run already" if out == "run" else "cannot write to the folder") in capsys.readouterr().err


def test_a_training_that_is_stopped_has_no_page(tmp_path, monkeypatch):
    def stops(config, folder):
        def interrupt(state):
            raise KeyboardInterrupt

        return sj.train(change(config, evaluate_every=1), folder, [interrupt])

    monkeypatch.setattr(demo, "train_run", stops)
    done = run_demo(tmp_path / "run", progress=False)
    assert not done.result.complete
    assert done.page is None
    assert not (tmp_path / "run/diagnosis").exists()
