"""``seqjepa report`` as typed."""

import pytest

from seqjepa.cli import app as cli

DIAGNOSE = (
    "diagnose --images digits --translate-y 0 0 --identities 24 --steps 5 --base-poses 2 --probe-images 0 --baselines "
    "--skip group actions contents literature irreps classes --out out --encoder"
)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch, few_figures):
    monkeypatch.chdir(tmp_path)


def typed(line):
    return cli.main(line.split())


def test_a_diagnosis_becomes_a_page_and_files(capsys, tmp_path):
    assert typed(f"{DIAGNOSE} pca:8") == 0
    assert "seqjepa report out" in capsys.readouterr().out
    assert typed("report out --formats png pdf --width single") == 0
    printed = capsys.readouterr().out
    assert "report: out/report.html" in printed
    assert "no training: this is no training run" in printed
    assert (tmp_path / "out" / "report.html").read_text().startswith("<!doctype html>")
    assert {"spectra.png", "spectra.pdf", "rotation_circle.png"} <= {
        p.name for p in (tmp_path / "out/figures").iterdir()
    }
    assert typed("report out --out elsewhere/page.html --tables csv md tex") == 0
    printed = capsys.readouterr().out
    for name in ("page.html", "estimates.csv", "estimates.md", "estimates.tex"):
        assert (tmp_path / "elsewhere" / name).is_file(), name
    assert "table: elsewhere/estimates.tex" in printed


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("report", "the following arguments are required: run"),
        ("report nowhere", "no folder or file nowhere"),
        ("report nowhere --formats gif", "formats: 'gif' is not one of svg, png, pdf"),
        ("report nowhere --tables xls", "tables: 'xls' is not one of csv, md, tex"),
        ("report nowhere --width wide", "width: 'wide' is not single, double, or a number of inches from 1 to 20"),
        ("report nowhere --width 0", "width: '0' is not single, double, or a number of inches from 1 to 20"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(line, says, capsys):
    assert typed(line) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(("topic", "names"), [("metrics", "closure"), ("figures", "rotation_circle")])
def test_lists(topic, names, capsys):
    assert typed(f"list {topic}") == 0
    assert names in capsys.readouterr().out


def test_a_page_in_a_folders_place_is_refused_before_anything_is_compared(tmp_path, capsys):
    assert typed(f"compare nowhere elsewhere --html {tmp_path}") == 2
    assert "it is a folder; give a file in it" in capsys.readouterr().err


def test_a_single_file_becomes_a_page(tmp_path, capsys):
    net = "nn.Sequential(nn.AvgPool2d(7), nn.Flatten(), nn.Linear(16, 5))"
    (tmp_path / "own.py").write_text(f"from torch import nn\nnet = {net}\n")
    assert typed(f"{DIAGNOSE} own.py:net --layers 2 1") == 0
    assert typed("report out/diagnosis-2.json") == 0
    assert "report: out/diagnosis-2.html" in capsys.readouterr().out
    page = (tmp_path / "out/diagnosis-2.html").read_text()
    assert "Move an image" in page
    assert "the sweeps were not kept" not in page
    capsys.readouterr()
    for command in (["compare", "out", "out"], ["check", "out", "--require", "sensitivity[rotation] >= 0"]):
        assert cli.main(command) == 2
        assert "give one of out/diagnosis-1.json, out/diagnosis-2.json" in capsys.readouterr().err
    (tmp_path / "out/diagnosis-2.json").rename(tmp_path / "kept.json")
    assert typed("report kept.json --out page.html") == 0
    assert typed("report nowhere.json") == 2
    assert "no folder or file nowhere.json" in capsys.readouterr().err
