"""What took minutes is saved before anything later can fail, and what fails is left out, named with its reason."""

import json

import pytest
import yaml

import seqjepa as sj
from seqjepa.cli import app as cli
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.report import read_record
from seqjepa.types import OutOfMemory
from seqjepa.workflows import baselines as baselines_module
from seqjepa.workflows import diagnosing
from seqjepa.workflows.diagnosing import diagnose_encoder, diagnose_sweeps
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


@pytest.mark.parametrize("error", [ValueError, AssertionError, Failure, MemoryError, SystemExit])
@pytest.mark.parametrize("calls", [0, 2, 5])
def test_a_baseline_that_fails_is_left_out_and_named(images, tmp_path, caplog, calls, error):
    mine = {"late": failing_after(calls, error), "fine": sj.pixels}
    found = diagnose_encoder(network(), images, TURNS, baselines=mine, folder=tmp_path, **SMALL)["z"]
    alone = diagnose_encoder(network(), images, TURNS, baselines=(), **SMALL)["z"]
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
STAGES = ("encoder", "diagnosis", "baseline sweep", "baseline diagnosis", "table")
LEFT = {  # what is on the disk when a stage fails
    "encoder": set(),
    "diagnosis": {"sweeps"},
    "baseline sweep": {"sweeps", "diagnosis"},
    "baseline diagnosis": {"sweeps", "diagnosis"},
    "table": {"sweeps", "diagnosis"},
}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("error", [Failure, KeyboardInterrupt])
def test_a_fault_at_a_stage_leaves_what_came_before(stage, error, tmp_path, monkeypatch):
    """A fault of the package's own, or Ctrl-C: nothing is there to catch it."""

    def fail(*args, **kwargs):
        raise error("injected")

    def late(function, calls):
        left = iter(range(calls))
        return lambda *args, **kwargs: fail() if next(left, None) is None else function(*args, **kwargs)

    if stage == "encoder":
        monkeypatch.setattr("seqjepa.extraction.views.check_encoder", fail)
    elif stage == "diagnosis":
        monkeypatch.setattr(diagnosing, "diagnose", fail)
    elif stage == "baseline sweep":
        monkeypatch.setattr("seqjepa.extraction.views.check_encoder", late(lambda codes_of, few: codes_of(few), 1))
    elif stage == "baseline diagnosis":
        monkeypatch.setattr(diagnosing, "diagnose", late(diagnosing.diagnose, 1))
    else:
        monkeypatch.setattr("seqjepa.diagnostics.Diagnosis.table", fail)
    line = f"diagnose --encoder pca:3 {OPTIONS} --baselines pixels --out {tmp_path}"
    if error is KeyboardInterrupt:
        assert cli.main(line.split()) == 130
    else:
        with pytest.raises(Failure):
            cli.main(line.split())
    left = {path.name.partition(".")[0] for path in tmp_path.iterdir()} - {"environment"}
    assert left == LEFT[stage]
    monkeypatch.undo()
    if "diagnosis" in left:
        assert cli.main(["report", str(tmp_path)]) == 0
    elif "sweeps" in left:
        assert (
            diagnose_sweeps(tmp_path / "sweeps.safetensors", skip=["group"], progress=False)["z"].metadata["dim"] == 3
        )


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
    assert names == {"diagnosis.json", "sweeps.safetensors", "environment.yaml"}


def test_another_encoders_folder_is_refused_before_work(images, tmp_path):
    diagnose_encoder(sj.pixels, images, TURNS, baselines=(), folder=tmp_path, **SMALL)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(sj.InputError, match=r"holds a diagnosis of pixels.*--out"):
        diagnose_encoder(lambda x: 1 / 0, images, TURNS, baselines=(), folder=tmp_path, **SMALL)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert yaml.safe_load(before["environment.yaml"])["diagnosed"] == "pixels"


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
    monkeypatch.setattr(diagnosing, "diagnose", None)  # would fail if it were called
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
