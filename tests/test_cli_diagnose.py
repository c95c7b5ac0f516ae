"""``seqjepa diagnose`` and ``seqjepa compare``, as typed."""

import sys
from pathlib import Path

import pytest

from seqjepa import cli
from seqjepa.diagnostics import Diagnosis
from seqjepa.sweeps import Sweeps

CHECKPOINT = Path(__file__).parents[1] / "examples" / "mnist_affine_fast.safetensors"
SMALL = "--images digits --anchors 24 --steps 5 --base-poses 2"
OWN = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 6, 7, 7), nn.Linear(96, 5)

    def forward(self, x):
        return self.head(self.stem(x).flatten(1))

def mean(x):
    return x.mean((2, 3))

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
    assert typed(f"diagnose {CHECKPOINT} {SMALL} --out out") == 0
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
    assert Diagnosis.load("out/diagnosis-stem.json").about["dim"] == 6
    assert Diagnosis.load("out/diagnosis-head.json").about["dim"] == 5


def test_compare_pairs_two_diagnoses(capsys):
    for name in ("pca:8", "pca:9"):
        assert typed(f"diagnose --encoder {name} {SMALL} --baselines --out {name[4:]}") == 0
    capsys.readouterr()
    assert typed("compare 8 9/diagnosis.json") == 0
    assert "no difference seen" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("diagnose", "one of the arguments run --encoder is required"),
        ("diagnose nowhere", "no checkpoint nowhere"),
        (f"diagnose --encoder resnet {SMALL}", "'resnet' is not one of pixels, pca:DIM, pkg.mod:name"),
        (f"diagnose --encoder own_encoders:nothing {SMALL}", "has no attribute 'nothing'"),
        (f"diagnose --encoder own_encoders:number {SMALL}", "is a int, which cannot be called"),
        (f"diagnose --encoder own_encoders:mean {SMALL} --layers a", "layers: a function has none"),
        (f"diagnose --encoder pca:x {SMALL}", "pca:DIM takes a number"),
        (f"diagnose --encoder pixels {SMALL} --baselines svm", "'svm' is not one of pixels, pca, untrained"),
        (f"diagnose --encoder pixels {SMALL} --readers svm --baselines", "'svm' is not one of linear, knn, mlp"),
        (f"diagnose --encoder pixels {SMALL} --scale 1 0.5", "low 1 is above high 0.5"),
        ("diagnose --encoder pixels --images cats", "'cats' is not one of"),
        ("diagnose --encoder pixels --images digits --anchors 9999", "anchors: 9999 asked for"),
        ("compare nowhere there", "nowhere: not a readable diagnosis"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(line, says, capsys):
    assert typed(line) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
