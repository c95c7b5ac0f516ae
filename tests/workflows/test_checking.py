"""``seqjepa check``: exit codes, files of requirements, and what is said."""

import pytest

import seqjepa as sj
from seqjepa.cli import app as cli
from seqjepa.diagnostics import Diagnosis, Estimate
from seqjepa.diagnostics.registry import METRICS
from seqjepa.workflows.checking import SHIPPED, read_requirements

PASSES, FAILS, UNDECIDED = "overlap[a,b] <= 0.1", "overlap[a,b] >= 0.5", "overlap[a,b] >= 0.05"


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    (folder / "diagnosis").mkdir(parents=True)
    estimates = {"overlap": {("a", "b"): Estimate(0.06, (0.02, 0.08), 0.06, details={"angles_deg": [76.0]})}}
    Diagnosis(estimates, {"identities": 128}).save(folder / "diagnosis" / "diagnosis.json")
    (folder / "metrics.csv").write_text("epoch,rank_inv_eff\n1,3.0\n2,20.0\n")
    return folder


@pytest.mark.parametrize(
    ("required", "code"),
    [
        ([PASSES], 0),
        ([PASSES, FAILS], 1),
        ([PASSES, UNDECIDED], 3),
        ([UNDECIDED, FAILS], 1),
        (["run[rank_inv_eff] >= 10", "overlap[a,b] at chance"], 0),
    ],
)
def test_the_exit_code_says_it(run, required, code, capsys):
    arguments = [part for text in required for part in ("--require", text)]
    assert cli.main(["check", str(run), *arguments]) == code
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(required) + 1
    assert all(text in line for text, line in zip(required, lines, strict=False))
    assert sj.check_run(run, required).code == code


def test_what_is_said(run, capsys):
    cli.main(["check", str(run), "--require", UNDECIDED, "--require", FAILS])
    undecided, fails, together = capsys.readouterr().out.splitlines()
    assert undecided.startswith("undecided  overlap[a,b] >= 0.05  (0.060 [0.020, 0.080]; about 2048 identities would")
    assert fails == "fail       overlap[a,b] >= 0.5  (0.060 [0.020, 0.080])"
    assert together == "1 fail, 1 undecided"


def test_a_diagnosis_alone(run):
    assert sj.check_run(run / "diagnosis" / "diagnosis.json", [PASSES]).code == 0
    assert sj.check_run(run / "diagnosis", [PASSES]).code == 0
    with pytest.raises(sj.InputError, match=r"there is no metrics.csv; give a run's folder"):
        sj.check_run(run / "diagnosis" / "diagnosis.json", ["run[rank_inv_eff] >= 1"])


def test_a_file_of_requirements(run, tmp_path, capsys):
    file = tmp_path / "gates.yaml"
    file.write_text(f'apart: "{PASSES}"\nnot apart: "{FAILS}"\n')
    assert cli.main(["check", str(run), "--require-file", str(file)]) == 1
    printed = capsys.readouterr().out
    assert f"pass       apart: {PASSES}" in printed
    assert f"fail       not apart: {FAILS}" in printed


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "nothing is required"),
        (["--require", "overlap"], "write METRIC"),
        (["--require", "overlap[a,c] <= 1"], "it has overlap of a,b"),
        (["--require-file", "nowhere.yaml"], "no file of requirements nowhere.yaml; shipped are seed_run"),
        (["--require-file", "list.yaml"], "is a mapping from names to requirements"),
        (["--require-file", "tag.yaml"], "tag.yaml"),
        (["--require-file", "one.yaml", "--require-file", "two.yaml"], "there is another requirement called 'x'"),
        (["--bound", "1"], "has no option --bound"),
    ],
)
def test_mistakes_are_exit_code_2(run, tmp_path, monkeypatch, capsys, arguments, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.yaml").write_text("- overlap[a,b] <= 1\n")
    (tmp_path / "tag.yaml").write_text("x: !!python/object/apply:os.system [true]\n")
    (tmp_path / "one.yaml").write_text(f'x: "{PASSES}"\n')
    (tmp_path / "two.yaml").write_text(f'x: "{FAILS}"\n')
    assert cli.main(["check", str(run), *arguments]) == 2
    assert says in capsys.readouterr().err


def test_a_run_that_was_not_diagnosed(tmp_path, capsys):
    (tmp_path / "run").mkdir()
    assert cli.main(["check", str(tmp_path / "run"), "--require", PASSES]) == 2
    assert "make one with 'seqjepa diagnose" in capsys.readouterr().err


def test_the_help_teaches(capsys):
    with pytest.raises(SystemExit):
        cli.main(["check", "--help"])
    printed = capsys.readouterr().out
    for words in ("at chance within", "exit code", "3  none fails", "seed_run", "run[COLUMN]"):
        assert words in printed


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_requirements_are_of_metrics_that_there_are(file):
    found = read_requirements(file.stem)
    assert len(found) == 10
    for requirement in found.values():
        for metric, key in requirement.of:
            parts = 1 if isinstance(key, str) else len(key)
            assert metric == "run" or len(METRICS[metric].of) == parts


@pytest.mark.slow
def test_shipped_requirements_are_of_what_a_diagnosed_run_has(tiny, tmp_path):
    """Every key is there: judged on a run of seconds, whatever comes out."""
    from seqjepa.recipes import change

    sj.train(change(tiny, images=dict(train=96, test=200)), tmp_path / "run")
    sj.diagnose_run(tmp_path / "run", identities=96, steps=9, base_poses=2, baselines=[], progress=False)
    assert sj.check_run(tmp_path / "run", require_files=["seed_run"]).code in (1, 3)
