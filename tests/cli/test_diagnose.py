"""``seqjepa diagnose`` and ``seqjepa compare``, as typed."""

import argparse
import inspect
import re
import sys
from pathlib import Path

import pytest
import torch

from seqjepa.cli import app as cli
from seqjepa.cli.diagnose import add_diagnose_arguments
from seqjepa.diagnostics import Diagnosis
from seqjepa.sweeps import Sweeps
from seqjepa.workflows.diagnosing import diagnose_encoder

CHECKPOINT = Path(__file__).parents[2] / "examples" / "mnist_affine_fast.safetensors"
SMALL = "--images digits --identities 24 --steps 5 --base-poses 2 --probe-images 0 --skip group literature"
OWN = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 6, 7, 7), nn.Linear(96, 5)

    def forward(self, x):
        return self.head(self.stem(x).flatten(1))

class Bare(nn.Module):
    def __init__(self):
        super().__init__()
        self.by = nn.Parameter(torch.ones(3))

    def forward(self, x):
        return x[:, 0, 14, :3] * self.by

def mean(x):
    return x.mean((2, 3))

class Untouched(nn.Conv2d):
    # Fails the test when it is called.

    def __init__(self):
        super().__init__(1, 1, 1)

    def forward(self, x):
        raise AssertionError("work has begun")

number = 3
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_encoders.py").write_text(OWN)
    monkeypatch.delitem(sys.modules, "own_encoders", raising=False)


def typed(line):
    return cli.main(line.split())


def test_a_checkpoint_under_its_own_transformations(capsys):
    all_blocks = SMALL.removesuffix(" --skip group literature")
    assert typed(f"diagnose {CHECKPOINT} {all_blocks} --translate-x 0 0 --translate-y 0 0 --out out") == 0
    printed = capsys.readouterr().out
    assert "explained_variance" in printed
    assert "untrained" in printed
    assert "saved: out" in printed
    saved = Diagnosis.load("out/diagnosis.json")
    assert set(saved.baselines) == {"pca", "untrained"}
    assert Sweeps.load("out/sweeps.safetensors").factor("rotation").low == -75


def test_ranges_of_ones_own(capsys):
    line = f"diagnose --encoder pca:8 {SMALL} --rotation -180 180 --translate-x 0 0 --translate-y 0 0 --scale 1 1"
    assert typed(f"{line} --baselines pixels --out out") == 0
    factors = Sweeps.load("out/sweeps.safetensors").factors
    assert [(f.name, f.low, f.high) for f in factors] == [("rotation", -180, 180)]


def test_layers_of_ones_own_module(capsys):
    line = f"diagnose --encoder own_encoders:Net {SMALL} --layers stem head --baselines --out out"
    assert typed(line) == 0
    assert "layer stem" in capsys.readouterr().out
    assert Diagnosis.load("out/diagnosis-stem.json").metadata["dim"] == 6
    assert Diagnosis.load("out/diagnosis-head.json").metadata["dim"] == 5


def test_an_onnx_file_and_its_saved_sweeps_give_one_diagnosis(capsys):
    assert typed(f"export {CHECKPOINT} model.onnx") == 0
    line = f"diagnose --encoder model.onnx {SMALL} --scale 1 1 --translate-y 0 0 --out out"
    assert typed(line) == 0
    printed = capsys.readouterr().out
    assert "images are prepared by: channels 1, size (28, 28); assumed: values in [0, 1] (from the graph's" in printed
    first = Diagnosis.load("out/diagnosis.json")
    assert set(first.baselines) == {"pca"}  # a graph's weights cannot be drawn anew
    saved = "out/sweeps.safetensors"
    assert typed(f"diagnose --sweeps {saved} --baselines {saved} --out again --skip group literature") == 0
    second = Diagnosis.load("again/diagnosis.json")
    assert second["explained_variance"] == first["explained_variance"]
    assert set(second.baselines) == {"sweeps"}
    assert not Path("again/sweeps.safetensors").exists()
    assert typed(f"diagnose model.onnx {SMALL} --rotation 0 0 --scale 1 1 --translate-y 0 0 --baselines") == 0


def test_an_exported_program_has_to_be_trusted(capsys):
    program = torch.export.export(
        torch.nn.Sequential(torch.nn.AvgPool2d(7), torch.nn.Flatten()), (torch.zeros(8, 1, 28, 28),)
    )
    torch.export.save(program, "net.pt2")
    line = f"diagnose --encoder net.pt2 {SMALL} --rotation 0 0 --scale 1 1 --translate-y 0 0 --baselines --out out"
    assert typed(line) == 2
    assert "can run code when it is loaded" in capsys.readouterr().err
    assert typed(f"{line} --trust") == 0


def test_the_baseline_that_is_trained_on_labels(capsys):
    line = f"diagnose --encoder own_encoders:Net {SMALL} --rotation 0 0 --scale 1 1 --translate-y 0 0 --out out"
    assert typed(f"{line} --baselines supervised --supervised-epochs 1 --layers head") == 0
    found = Diagnosis.load("out/diagnosis-head.json")
    assert found.baselines["supervised"].metadata["layer"] == "head"
    assert found.baselines["supervised"]["health"]["norm"].value != found["health"]["norm"].value


def test_an_encoder_that_cannot_be_drawn_anew_goes_without_its_baseline(capsys):
    line = f"diagnose --encoder own_encoders:Bare {SMALL} --rotation 0 0 --scale 1 1 --translate-y 0 0 --out out"
    assert typed(line) == 0
    assert "no baseline 'untrained': untrained: Bare has parameters, but no reset_parameters" in capsys.readouterr().out
    assert set(Diagnosis.load("out/diagnosis.json").baselines) == {"pca"}
    assert typed(f"{line} --baselines untrained") == 2
    assert "has parameters, but no reset_parameters" in capsys.readouterr().err


def test_compare_pairs_two_diagnoses(capsys):
    for name in ("pca:8", "pca:9"):
        assert typed(f"diagnose --encoder {name} {SMALL} --baselines --out {name[4:]}") == 0
    capsys.readouterr()
    assert typed("compare 8 9/diagnosis.json") == 0
    printed = capsys.readouterr().out
    assert "* differs from 8" in printed
    assert "sensitivity" in printed


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--probes svm", "probes: 'svm' is not one of linear, knn, mlp"),
        ("--skip everything", "skip: 'everything' is not one of effects"),
        ("--baselines svm", "baselines: 'svm' is not one of pixels, pca, untrained, supervised"),
        ("--baselines supervised --supervised-epochs 0", "supervised_epochs: 0 is fewer than 1"),
        ("--supervised-epochs 3", "--supervised-epochs is of the baseline 'supervised'"),
        ("--identities 19", "19 identities; 20 are the least"),
        ("--steps 2", "steps: a sweep needs 3 or more, not 2"),
        ("--base-poses 0", "base_poses: 0 is fewer than 1"),
        ("--probe-images -1", "probe_images: -1 is fewer than 0"),
        ("--layers nothing", "layers: 'nothing' is not one of"),
        ("--pool middle", "invalid choice: 'middle'"),
        ("--device gpu", "device: 'gpu' is not one of auto, cpu, cuda"),
        ("--device meta", "device: 'meta' was asked for, but is not available"),
        ("--rotation 9 -9", "rotation: low 9 is above high -9"),
        ("--rotation 0 0 --translate-x 0 0 --translate-y 0 0 --scale 1 1", "factors: none is left"),
        ("--out own_encoders.py", "cannot write to the folder own_encoders.py"),
        ("--out own_encoders.py/below", "cannot write to the folder own_encoders.py/below"),
    ],
)
def test_what_can_be_refused_is_refused_before_anything_is_encoded(options, says, tmp_path, capsys):
    assert typed(f"diagnose --encoder ./own_encoders.py:Untouched --images digits {options}") == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix) == ["own_encoders.py"]
    assert not (tmp_path / "runs").exists()


def test_of_more_images_than_there_are_all_are_taken(capsys):
    assert typed("diagnose --encoder ./own_encoders.py:Untouched --images digits --identities 9999") == 2
    told = "".join(capsys.readouterr())
    assert re.search(r"identities: \d+, all images that there are, and not 9999", told)
    assert "raised AssertionError: work has begun" in told


def test_an_encoder_that_fails_when_called_is_called(capsys):
    """So the test above would notice."""
    assert typed(f"diagnose --encoder own_encoders:Untouched {SMALL}") == 2
    assert "raised AssertionError: work has begun" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    ["--images digits", "--identities 30", "--rotation 0 9", "--layers a", "--trust", "--device cpu", "--pick 0"],
)
def test_with_sweeps_an_option_of_encoders_is_refused(options, capsys):
    assert typed(f"diagnose --sweeps nowhere.safetensors {options}") == 2
    assert f"{options.split()[0]} says how to sweep an encoder; here there is none" in capsys.readouterr().err


def test_the_device_is_said_and_recorded(capsys):
    line = f"diagnose --encoder own_encoders:Net {SMALL} --rotation 0 0 --scale 1 1 --translate-y 0 0 --baselines"
    assert typed(f"{line} --device cpu --out out") == 0
    assert "the encoder computes on: cpu" in capsys.readouterr().out
    assert Sweeps.load("out/sweeps.safetensors").metadata["device"] == "cpu"


def test_help_tells_the_defaults_of_the_function():
    """They are written in two places: nothing heavy is imported for a help text."""
    parser = argparse.ArgumentParser()
    add_diagnose_arguments(parser)
    known = inspect.signature(diagnose_encoder).parameters
    for action in parser._actions:
        told = re.search(r"\(default: ([\w.]+)", action.help or "")
        default = known[action.dest].default if action.dest in known else None
        if isinstance(default, int | str) and not isinstance(default, bool):
            assert told, action.dest
            assert told[1] == str(default), action.dest
    assert {action.default for action in parser._actions if action.dest in known} == {None}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("diagnose", "one of the arguments run --encoder --sweeps"),
        ("diagnose nowhere", "no checkpoint nowhere"),
        (f"diagnose --encoder resnet {SMALL}", "'resnet' is not one of a run's folder, model.safetensors, model.onnx"),
        (f"diagnose --encoder own_encoders:nothing {SMALL}", "has no attribute 'nothing'"),
        (f"diagnose --encoder own_encoders:number {SMALL}", "is a int, which cannot be called"),
        (f"diagnose --encoder own_encoders:mean {SMALL} --layers a", "layers: a function has none"),
        (f"diagnose --encoder own_encoders:mean {SMALL} --baselines supervised", "needs an encoder whose weights"),
        (f"diagnose --encoder resnet {SMALL}", "pkg.mod:name, ./file.py:name, pixels, pca:DIM"),
        ("diagnose --encoder nowhere.onnx --images digits", "no file nowhere.onnx"),
        ("diagnose --encoder weights.pth --images digits", "pickled files are not opened"),
        (f"diagnose --encoder pixels {SMALL} everything --baselines", "skip: 'everything' is not one of effects"),
        ("diagnose --sweeps nowhere.npz", "no file nowhere.npz"),
        (f"diagnose --encoder pca:x {SMALL}", "pca:DIM takes a number"),
        (
            f"diagnose --encoder pixels {SMALL} --baselines svm",
            "'svm' is not one of pixels, pca, untrained, supervised",
        ),
        (f"diagnose --encoder pixels {SMALL} --probes svm --baselines", "'svm' is not one of linear, knn, mlp"),
        (f"diagnose --encoder pixels {SMALL} --scale 1 0.5", "low 1 is above high 0.5"),
        ("diagnose --encoder pixels --images cats", "'cats' is not one of"),
        ("compare nowhere there", "nowhere: neither a run's folder nor a diagnosis"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(line, says, capsys):
    assert typed(line) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
