"""The demonstration, by recipes of seconds in the place of its own."""

import argparse
from pathlib import Path

import pytest

import seqjepa as sj
from seqjepa.cli import app as cli
from seqjepa.recipes import RECIPES, change
from seqjepa.report.verdicts import own_subspace
from seqjepa.workflows import demo
from seqjepa.workflows.demo import BOTH, run_demo


@pytest.fixture(autouse=True)
def quick(tiny, monkeypatch):
    small = dict(epochs=2, batch_size=32, evaluate_every=2, images=dict(train=96, test=200), probes=dict(hidden=32))
    one = change(RECIPES["digits_rotation"](), model=tiny.model.model_dump(exclude={"split"}), **small)
    split = change(RECIPES["digits_rotation_split"](), model=dict(width=4, split=dict(content_dim=8)), **small)
    monkeypatch.setattr(demo, "DESIGN", {**demo.DESIGN, "identities": 24, "steps": 7, "probe_images": 60})
    monkeypatch.setitem(RECIPES, "digits_rotation", lambda: one)
    monkeypatch.setitem(RECIPES, "digits_rotation_split", lambda: split)


@pytest.mark.usefixtures("few_figures")
def test_the_command_calls_python_and_no_parser_and_ends_with_the_path_of_its_page(tmp_path, capsys, monkeypatch):
    made = []

    def refused(*_):
        raise AssertionError("a command line is parsed")

    def alone(*given, **options):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(argparse.ArgumentParser, "parse_known_args", refused)
            made.append(run_demo(*given, **options))
        return made[0]

    monkeypatch.setattr(demo, "run_demo", alone)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["demo", "--out", "run"]) == 0
    (done,) = made
    assert [result.complete for result in done.results] == [True, True]
    assert list(done.records) == [one.name for one in BOTH]
    for name, record in done.records.items():
        assert record.diagnosis.metadata["identities"] == 24
        assert set(record.diagnosis.baselines) == {"pca"}
        assert done.verdicts[name] == own_subspace(record.diagnosis, "rotation")
    assert done.page == Path("run/demo.html")
    page = done.page.read_text()
    for one in BOTH:
        assert f'href="{one.folder}/report.html"' in page
        assert "<html" in (tmp_path / "run" / one.folder / "report.html").read_text()[:200]
    printed = capsys.readouterr().out
    assert "diagnosing …" in printed
    for one in BOTH:
        assert f"{one.name}: Rotation" in printed
    assert printed.rstrip().endswith("open in a browser: run/demo.html")


@pytest.mark.parametrize("out", ["run", "again", "file", "file/run"])
def test_a_folder_that_cannot_be_taken_is_refused_before_training(tmp_path, monkeypatch, capsys, out):
    def started(*_):
        raise AssertionError("training has begun")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("seqjepa.training.loop.prepare", started)
    for taken in ("run", "again/split"):
        (tmp_path / taken).mkdir(parents=True)
        (tmp_path / taken / "config.yaml").write_text("")
    (tmp_path / "file").write_text("")
    assert cli.main(["demo", "--out", out]) == 2
    said = "cannot write to the folder" if out.startswith("file") else "holds a run already"
    assert said in capsys.readouterr().err
    if out != "again":
        assert cli.main(["train", "digits_rotation", "--out", out]) == 2


def test_a_training_that_is_stopped_has_no_page(tmp_path, monkeypatch):
    def stops(config, folder):
        def interrupt(state):
            raise KeyboardInterrupt

        return sj.train(change(config, evaluate_every=1), folder, [interrupt])

    monkeypatch.setattr(demo, "train_run", stops)
    done = run_demo(tmp_path / "run", progress=False)
    assert [result.complete for result in done.results] == [False]
    assert done.page is None
    assert not list(tmp_path.rglob("diagnosis"))
