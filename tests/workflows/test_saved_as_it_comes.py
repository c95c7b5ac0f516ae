"""What took minutes is saved before anything later can fail, and what fails is left out, named with its reason."""

import json
import re
from dataclasses import replace
from itertools import count

import pytest
import yaml

import seqjepa as sj
from seqjepa.cli import app as cli
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.io.files import write_atomic
from seqjepa.report import FIGURES, read_record
from seqjepa.report.pages import page
from seqjepa.types import OutOfMemory, WriteFailed
from seqjepa.workflows import baselines as baselines_module
from seqjepa.workflows import beside
from seqjepa.workflows.diagnosing import diagnose_encoder
from seqjepa.workflows.diagnosing_sweeps import diagnose_sweeps
from seqjepa.workflows.sweeping import Sweeping
from tests.hurried import hurried
from tests.workflows.small import TURNS, network

SKIPPED = [block for block in BLOCKS if block not in ("effects", "subspaces")]
SMALL = dict(identities=24, steps=5, base_poses=2, probe_images=0, skip=SKIPPED, progress=False)


class Failure(Exception):
    """A fault injected."""


def failing_after(calls, error):
    left = iter(range(calls))

    def baseline(x):
        if next(left, None) is None:
            raise error("a late failure")
        return x.flatten(1)

    return baseline


@pytest.fixture(scope="module")
def alone(images):
    with hurried():
        return diagnose_encoder(network(), images, TURNS, baselines=(), **SMALL)["z"]


@pytest.mark.parametrize("error", [ValueError, AssertionError, Failure, MemoryError, SystemExit])
@pytest.mark.parametrize("calls", [0, 2, 5])
def test_a_baseline_that_fails_is_left_out_and_named(images, alone, tmp_path, caplog, calls, error):
    mine = {"late": failing_after(calls, error), "fine": sj.pixels}
    found = diagnose_encoder(network(), images, TURNS, baselines=mine, folder=tmp_path, **SMALL)["z"]
    assert found.estimates == alone.estimates
    assert set(found.baselines) == {"fine"}
    assert "a late failure" in found.metadata["left_out"]["late"]
    assert "no baseline 'late'" in caplog.text
    assert read_record(tmp_path).diagnosis == found


def test_baselines_change_nothing_and_are_what_they_are_alone(images):
    beside = diagnose_encoder(network(), images, TURNS, baselines={"it": sj.pixels}, **SMALL)["z"]
    alone = diagnose_encoder(sj.pixels, images, TURNS, baselines=(), **SMALL)["z"]
    assert beside.baselines["it"] == alone
    assert "left_out" not in beside.metadata


def test_what_the_usual_baselines_lack_is_recorded(images):
    found = diagnose_encoder(network(), images[1], TURNS, **SMALL)["z"]
    assert "training images" in found.metadata["left_out"]["pca"]


OPTIONS = (
    "--images digits --identities 24 --steps 5 --base-poses 2 --probe-images 0 --translate-x 0 0 --translate-y 0 0 "
    f"--scale 1 1 --skip {' '.join(SKIPPED)}"
)
STAGES = {  # what is on the disk when a fault of the package's own, or Ctrl-C, ends the command there
    "encoder": set(),
    "diagnosis": {"sweeps"},
    "table": {"sweeps", "diagnosis", "done"},
    "page": {"sweeps", "diagnosis", "done"},
    "comparison": {"sweeps", "diagnosis", "done"},
}
GUARDED = (  # stages whose failure is left out and named, while the command goes on to its end
    *("encoding of baseline 1", "encoding of baseline 2", "diagnosis of baseline 2"),
    *("block effects", "block subspaces", "ideals"),
)


def failing_at(call, function, error=Failure):
    """The function, but of its calls one fails, counted from 0."""
    calls = count()

    def ask(*args, **kwargs):
        if next(calls) == call:
            raise error("injected")
        return function(*args, **kwargs)

    return ask


def never(error=Failure):
    def ask(*args, **kwargs):
        raise error("injected")

    return ask


def broken(stage, monkeypatch, error):
    """Break one stage of the command; "interrupt" is Ctrl-C at the same place."""
    match stage:
        case "encoder":
            monkeypatch.setattr(Sweeping, "sweeps", never(error))
        case "encoding of baseline 1":
            monkeypatch.setattr(Sweeping, "output_sweeps", failing_at(0, Sweeping.output_sweeps, error))
        case "encoding of baseline 2":
            monkeypatch.setattr(Sweeping, "output_sweeps", failing_at(1, Sweeping.output_sweeps, error))
        case "diagnosis":
            monkeypatch.setattr(beside, "diagnose", never(error))
        case "diagnosis of baseline 2":
            monkeypatch.setattr(beside, "diagnose", failing_at(2, beside.diagnose, error))
        case "ideals":
            monkeypatch.setattr(beside, "ideal_values", never(error))
        case "table":
            monkeypatch.setattr("seqjepa.diagnostics.Diagnosis.table", never(error))
        case "page":
            monkeypatch.setattr("seqjepa.report.pages.headline", never(error))
        case "comparison":
            monkeypatch.setattr("seqjepa.report.comparison.corrected_differences", never(error))
        case _:
            monkeypatch.setitem(BLOCKS, stage.removeprefix("block "), never(error))


def diagnosed(out):
    """The command, and what is made of its result by others."""
    code = cli.main(f"diagnose --encoder pca:3 {OPTIONS} --baselines pixels pca --out {out}".split())
    return code or cli.main(["report", str(out)]) or cli.main(["compare", str(out), str(out)])


def left(out):
    return {path.name.partition(".")[0] for path in out.iterdir()} - {"environment", "report"}


@pytest.mark.usefixtures("few_figures")
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("error", [Failure, KeyboardInterrupt])
def test_a_fault_at_a_stage_leaves_what_came_before(stage, error, tmp_path, monkeypatch):
    broken(stage, monkeypatch, error)
    if error is KeyboardInterrupt:
        assert diagnosed(tmp_path) == 130
    else:
        with pytest.raises(Failure):
            diagnosed(tmp_path)
    assert left(tmp_path) == STAGES[stage]
    monkeypatch.undo()
    if "diagnosis" in STAGES[stage]:
        assert cli.main(["report", str(tmp_path)]) == 0
    elif "sweeps" in STAGES[stage]:  # in the same folder
        line = f"diagnose --sweeps {tmp_path}/sweeps.safetensors --out {tmp_path} --skip {' '.join(SKIPPED)}"
        assert cli.main(line.split()) == 0
        assert read_record(tmp_path).diagnosis.metadata["dim"] == 3
        assert yaml.safe_load((tmp_path / "environment.yaml").read_text())["diagnosed"] == "pca:3"


@pytest.mark.usefixtures("few_figures")
@pytest.mark.left_out
@pytest.mark.parametrize("stage", GUARDED)
def test_a_fault_at_a_guarded_stage_is_left_out_and_the_rest_is_shown(stage, tmp_path, monkeypatch, capsys):
    broken(stage, monkeypatch, Failure)
    assert diagnosed(tmp_path) == 0
    monkeypatch.undo()
    assert left(tmp_path) == {"sweeps", "diagnosis"}
    record = read_record(tmp_path)
    reasons = record.diagnosis.metadata.get("left_out", {})
    whose = {"encoding of baseline 1": "pixels", "encoding of baseline 2": "pca", "diagnosis of baseline 2": "pca"}
    if name := whose.get(stage):
        assert set(reasons) == {name}
        assert set(record.diagnosis.baselines) == {"pixels", "pca"} - {name}
    else:
        assert reasons
        assert set(record.diagnosis.baselines) == {"pixels", "pca"}
    assert all("injected" in reason for reason in reasons.values())
    out = capsys.readouterr().out
    page = (tmp_path / "report.html").read_text()
    for what, reason in reasons.items():
        assert out.count(reason) >= 2  # when it fails, and under the table
        assert what in page


@pytest.mark.left_out
@pytest.mark.parametrize("error", [Failure, MemoryError])
def test_a_figure_that_fails_does_not_cost_the_page(images, tmp_path, monkeypatch, error):
    diagnose_encoder(sj.pixels, images, TURNS, baselines=(), folder=tmp_path, **SMALL)
    spectra = FIGURES["spectra"]
    monkeypatch.setitem(FIGURES, "spectra", replace(spectra, make=never(error)))
    text = page(read_record(tmp_path))
    assert "Figures that could not be drawn" in text
    assert "injected" in text
    assert text.count("<article") >= 1


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_a_disk_that_is_full_costs_the_file_and_not_the_diagnosis(kept, tmp_path, monkeypatch, capsys):
    """Of the environment, the sweeps and the diagnosis so many are still written."""
    written = []

    def write(path, content):
        written.append(path)
        if len(written) > kept:
            raise WriteFailed(f"cannot write {path}: No space left on device")
        write_atomic(path, content)

    for module in ("training.folder", "sweeps.storage", "diagnostics.diagnosis"):
        monkeypatch.setattr(f"seqjepa.{module}.write_atomic", write)
    assert cli.main(f"diagnose --encoder pca:3 {OPTIONS} --baselines --out {tmp_path}".split()) == 1
    out, error = capsys.readouterr()
    assert "sensitivity" in out
    assert re.search(r"left out: saving diagnosis\.json: cannot write .*: No space left on device", out)
    assert ("left out: saving sweeps.safetensors" in out) == (kept < 2)
    assert error == f"seqjepa: not all of it could be saved in {tmp_path}\n"
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in written[:kept]}


def test_a_layer_that_fails_is_left_out_of_several(images, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(beside, "diagnose", failing_at(1, beside.diagnose))
    found = diagnose_encoder(network(), images, TURNS, layers=["0", "3"], baselines=(), folder=tmp_path, **SMALL)
    assert set(found) == {"0"}
    assert "injected" in found["0"].metadata["left_out"]["layer 3"]
    assert "left out: layer 3" in found["0"].table()
    assert read_record(tmp_path).diagnosis == found["0"]
    assert (tmp_path / "sweeps-3.safetensors").exists()


def test_memory_that_a_baseline_lacks_costs_the_baseline_alone(images, monkeypatch):
    def fit(*args, **options):
        raise OutOfMemory("out of memory: too much")

    monkeypatch.setattr(baselines_module.PixelPCA, "fit", fit)
    found = diagnose_encoder(network(), images, TURNS, baselines=["pca", "untrained"], **SMALL)["z"]
    assert set(found.baselines) == {"untrained"}
    assert found.metadata["left_out"] == {"pca": "out of memory: too much"}


def test_an_older_diagnosis_in_the_folder_is_replaced_whole(images, tmp_path):
    diagnose_encoder(network(), images, TURNS, layers=["0", "3"], baselines=(), folder=tmp_path, **SMALL)
    diagnose_encoder(network(), images, TURNS, baselines=(), folder=tmp_path, **SMALL)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"diagnosis.json", "done.json", "sweeps.safetensors", "environment.yaml"}


def test_another_encoders_folder_is_refused_before_work(images, tmp_path):
    diagnose_encoder(sj.pixels, images, TURNS, baselines=(), folder=tmp_path, **SMALL)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(sj.InputError, match=r"holds a diagnosis of pixels.*--out"):
        diagnose_encoder(lambda x: 1 / 0, images, TURNS, baselines=(), folder=tmp_path, **SMALL)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert yaml.safe_load(before["environment.yaml"])["diagnosed"] == "pixels"


def test_two_encoders_of_one_name_do_not_share_a_folder(tmp_path, images):
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "own.py").write_text(OWN)
    how = dict(images=images, factors=TURNS, baselines=(), folder=tmp_path / "out", **SMALL)
    diagnose_encoder(f"{tmp_path}/one/own.py:Net", **how)
    with pytest.raises(sj.InputError, match=r"holds a diagnosis of .*/one/own.py:Net; give another folder"):
        diagnose_encoder(f"{tmp_path}/two/own.py:Net", **how)
    diagnose_encoder(f"{tmp_path}/one/own.py:Net", **how)  # the same again


def test_a_runs_own_folder_is_not_written_into(images, tmp_path):
    (tmp_path / "config.yaml").write_text("name: run\n")
    (tmp_path / "environment.yaml").write_text("seed: 3\n")
    with pytest.raises(sj.InputError, match=r"is a training run's own folder; .*diagnosis"):
        diagnose_encoder(lambda x: 1 / 0, images, TURNS, folder=tmp_path, **SMALL)
    assert (tmp_path / "environment.yaml").read_text() == "seed: 3\n"


def test_baselines_of_saved_sweeps_that_do_not_fit_are_refused_before_work(images, tmp_path, monkeypatch):
    for name, seed in (("one", 0), ("two", 1)):
        sj.represent(sj.pixels, images[1], sj.affine_factors(rotation=(-9, 9)), 24, 5, 2, seed, progress=False).save(
            tmp_path / f"{name}.safetensors"
        )
    monkeypatch.setattr(beside, "diagnose", None)  # would fail if it were called
    with pytest.raises(sj.InputError, match="other identities or poses"):
        diagnose_sweeps(tmp_path / "one.safetensors", [tmp_path / "two.safetensors"], progress=False)


OWN = """
from torch import nn

class Net(nn.Flatten):
    def __init__(self):
        super().__init__()
        self.by = nn.ParameterList()

    def fresh(self):
        return nn.Conv2d(1, 2, 99)
"""


def test_left_out_baselines_are_saved_and_printed(tmp_path, capsys):
    (tmp_path / "own.py").write_text(OWN)
    out = tmp_path / "out"
    line = f"diagnose --encoder {tmp_path}/own.py:Net {OPTIONS} --baselines untrained --out {out}"
    assert cli.main(line.split()) == 0
    assert capsys.readouterr().out.count("no baseline 'untrained'") == 2  # when it fails, and below the tables
    metadata = json.loads((out / "diagnosis.json").read_text())["metadata"]
    assert "Kernel size" in metadata["left_out"]["untrained"]
