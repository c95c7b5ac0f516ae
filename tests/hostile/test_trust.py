"""What a file names is not run, by any command and from any Python door, unless somebody says that they trust it."""

import shutil

import pytest
import torch

import seqjepa as sj
from seqjepa.cli.app import main
from seqjepa.recipes import change
from seqjepa.training.checkpoint import read_tensors, write_tensors
from seqjepa.training.config import config_from_yaml
from seqjepa.training.overrides import apply_overrides
from seqjepa.training.trust import FIELDS, named_code
from seqjepa.workflows.runs import resume_run, train_run

CODE = """
import pathlib
pathlib.Path({touched!r}).touch()

from torch import nn

def make(*arguments):
    raise RuntimeError("called")
"""


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """A finished run of seconds, which names no code."""
    from seqjepa.recipes import digits

    config = change(digits(), epochs=1, batch_size=32, precision="float32", images=dict(train=64, test=64))
    config = change(config, model=dict(encoder="convnet", width=4, layers=1, hidden=16), probes=dict(hidden=16))
    folder = tmp_path_factory.mktemp("honest") / "run"
    sj.train(config, folder)
    return folder


NAMED = [*((field, "evil:make") for field in FIELDS), (FIELDS[0], "./evil.py:make"), (FIELDS[0], "os:system")]


FACTORS = ("rotation", "translate_x", "translate_y", "scale")
BESIDE = {"scene.name": ["--images.source", "scene", *(w for f in FACTORS for w in (f"--factors.{f}", "none"))]}
NO_SCENE = ("export", "check-equivariance")  # commands, and doors below, that load weights and open no scene


@pytest.fixture(params=NAMED, ids=str)
def hostile(request, honest, tmp_path, monkeypatch):
    """The run, naming code of a stranger's in one field of everything that holds its configuration."""
    field, name = request.param
    touched, run = tmp_path / "touched", tmp_path / "run"
    (tmp_path / "evil.py").write_text(CODE.format(touched=str(touched)))
    shutil.copytree(honest, run)
    config = apply_overrides(config_from_yaml(run / "config.yaml"), [*BESIDE.get(field, []), f"--{field}", name])
    if field == "scene.name":  # a run of such a scene: with as many columns of an action as the weights know
        moves = (sj.Factor.vector("place", -1, 1, 5),)
        config = config.model_copy(update={"scene": config.scene.model_copy(update={"moves": moves})})
    (run / "config.yaml").write_text(config.to_yaml())
    for file in (run / "model.safetensors", *run.glob("checkpoints/*.safetensors")):
        tensors, metadata = read_tensors(file)
        write_tensors(file, tensors, metadata | {"config": config.model_dump(mode="json")})
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "evil", raising=False)
    return field, name, run, touched


COMMANDS = {  # and whether the command has a use for a teacher, which only training has
    "train --config {run}/config.yaml --out new": True,
    "resume {run}": True,
    "grid --config {run}/config.yaml --out new": True,
    "grid --config {run}/config.yaml --grid model.width=4,8 --out new": True,
    "diagnose {run} --out new": False,
    "diagnose {run}/model.safetensors --out new": False,
    "diagnose {run}/checkpoints/epoch-0001.safetensors --out new": False,
    "diagnose --encoder {run} --out new": False,
    "export {run} it.onnx": False,
    "check-equivariance --encoder {run} --images digits": False,
}


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_run_nothing_that_a_file_names(line, hostile, capsys, tmp_path):
    field, name, run, touched = hostile
    if field == "model.teacher" and not COMMANDS[line]:
        pytest.skip("it builds no teacher")
    if field == "scene.name" and line.startswith(NO_SCENE):
        pytest.skip("it opens no scene")
    assert main(line.format(run=run).split()) == 2
    (said,) = capsys.readouterr().err.splitlines()
    place, _, called = name.rpartition(":")
    assert all(word in said for word in (field, repr(name), repr(place), repr(called), "--trust")), said
    assert not touched.exists()
    assert not (tmp_path / "new").exists()


DOORS = [
    lambda run, trust: config_from_yaml(run / "config.yaml", trust=trust),
    lambda run, trust: sj.resume(run, trust=trust),
    lambda run, trust: resume_run(run, trust=trust),
    lambda run, trust: train_run(config_from_yaml(run / "config.yaml", trust=trust), run.parent / "new"),
    lambda run, trust: sj.load_model(run, trust=trust),
    lambda run, trust: sj.load_encoder(run, trust=trust),
    lambda run, trust: sj.open_encoder(run, trust=trust),
    lambda run, trust: sj.diagnose_run(run, trust=trust),
    lambda run, trust: sj.diagnose_encoder(run, "digits", trust=trust),
    lambda run, trust: sj.export_onnx(run, run.parent / "it.onnx", trust=trust),
]


@pytest.mark.parametrize("door", range(len(DOORS)))
def test_python_runs_nothing_that_a_file_names(door, hostile):
    field, name, run, touched = hostile
    if field == "model.teacher" and door > 3:
        pytest.skip("it builds no teacher")
    if field == "scene.name" and door in (4, 5, 6, 8, 9):
        pytest.skip("it opens no scene")
    with pytest.raises(sj.InputError, match="trust=True") as caught:
        DOORS[door](run, False)
    assert repr(name) in str(caught.value)
    assert not touched.exists()
    if name == "os:system":
        return
    if door:  # trusted, it is run, and what it raises is told
        with pytest.raises(sj.InputError, match=r"called|weights"):
            DOORS[door](run, True)
        assert touched.exists()
    else:
        assert named_code(DOORS[door](run, True)) == {field: name}


@pytest.mark.parametrize("line", ["report {run}", "check {run} --require overlap[a,b]>=0", "compare {run} {run}"])
def test_what_only_reads_needs_no_trust_and_runs_nothing(line, hostile, capsys):
    *_, run, touched = hostile
    main(line.format(run=run).split())
    assert "--trust" not in capsys.readouterr().err
    assert not touched.exists()


def test_a_dry_run_shows_a_strangers_configuration_and_runs_nothing(hostile, capsys):
    _, name, run, touched = hostile
    assert main(["train", "--config", str(run / "config.yaml"), "--dry-run"]) == 0
    assert name in capsys.readouterr().out
    assert not touched.exists()


def test_what_the_user_types_is_their_own_wish(hostile, capsys, tmp_path):
    field, name, run, touched = hostile
    config = ["--config", str(run / "config.yaml"), "--out", "new"]
    if name != "os:system":
        assert main(["train", *config, f"--{field}", name]) == 2  # the same name, typed: it is run, and fails
        assert "called" in capsys.readouterr().err
        assert touched.exists()
    harmless = {"model.encoder": "convnet", "model.aggregator": "transformer", "model.teacher": "ema"}
    harmless = (harmless | {"scene.name": "sprites"})[field]
    assert main(["train", *config, f"--{field}", harmless, "--epochs", "1"]) == 0  # and the file's is not used


def test_a_grid_trains_what_its_user_trusts(tmp_path, monkeypatch, honest):
    monkeypatch.chdir(tmp_path)
    code = "from seqjepa.model import ENCODERS\ndef make(*given):\n    return ENCODERS['convnet'](*given)\n"
    (tmp_path / "mine.py").write_text(code)
    config = apply_overrides(config_from_yaml(honest / "config.yaml"), ["--model.encoder", "./mine.py:make"])
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    assert main(["grid", "--config", "config.yaml", "--out", "grid"]) == 2
    assert main(["grid", "--config", "config.yaml", "--out", "grid", "--trust"]) == 0
    assert main(["grid", "--config", str(honest / "config.yaml"), "--grid", "model.encoder=./mine.py:make",
                 "--out", "typed"]) == 0  # fmt: skip


def test_what_a_diagnosis_says_of_a_metric_of_ones_own_is_never_a_function(tmp_path):
    import json

    from seqjepa.diagnostics import Diagnosis
    from seqjepa.diagnostics.estimate import Estimate
    from seqjepa.diagnostics.metric import Metric

    Diagnosis({"mine": {"x": Estimate(1.0)}}, metrics={"mine": Metric("mine", "?")}).save(tmp_path / "d.json")
    plain = json.loads((tmp_path / "d.json").read_text())
    plain["metrics"][0]["compute"] = "os:system"
    (tmp_path / "d.json").write_text(json.dumps(plain))
    with pytest.raises(sj.InputError, match="compute"):
        Diagnosis.load(tmp_path / "d.json")


def test_an_encoder_given_as_an_object_needs_no_trust(hostile):
    field, _, run, touched = hostile
    if field != "model.encoder":
        pytest.skip("of encoders")
    with pytest.raises(sj.InputError, match="weights are of another model"):
        sj.load_encoder(run, encoder=torch.nn.Flatten())
    assert not touched.exists()
