"""What could grow without bound, or is absurd: refused in a line and at once, by files, options and the environment."""

import os
import time

import numpy as np
import pytest

import seqjepa as sj
from seqjepa.cli.app import main
from seqjepa.cli.environment import FROM_ONE, NUMBERS, wrong_number
from seqjepa.diagnostics.measures.probes import probe_classes
from seqjepa.io.tensors import read_safetensors
from seqjepa.io.untrusted import parse_json, parse_yaml
from seqjepa.recipes import digits
from seqjepa.training.config import Config, config_from_yaml
from seqjepa.training.overrides import apply_overrides
from seqjepa.types import limits
from seqjepa.types.checking import user_path


def refused_soon(act, *given, seconds=20.0):
    started = time.process_time()
    with pytest.raises((sj.InputError, ValueError)) as caught:
        act(*given)
    assert time.process_time() - started < seconds
    assert len(str(caught.value)) < 1500
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"key{number}: 1\n" for number in range(80_000)),
        "[" + "1," * 300_000 + "]",
        "a: " * 1 + "{a: " * 60 + "1" + "}" * 60,
        "a: 0x" + "f" * 5000,
        "a: " + ":".join(["59"] * 5000),
        "a: " + "9" * 5000,
        "? [1, 2]\n: 3",
        "a: '" + "x" * 20_000 + "'",
    ],
    ids=range(8),
)
def test_yaml_is_bounded_before_it_takes_long(text, tmp_path):
    refused_soon(parse_yaml, text, "it")
    (tmp_path / "config.yaml").write_text(text)
    refused_soon(config_from_yaml, tmp_path / "config.yaml")


@pytest.mark.parametrize("text", ["[" + "1," * 6_000_000 + "1]", "1" * 100, "-" + "9" * 4000])
def test_json_is_bounded_before_it_is_parsed(text):
    refused_soon(parse_json, text)


def test_a_sparse_file_is_not_read(tmp_path):
    with (tmp_path / "it.safetensors").open("wb") as file:
        file.write((1 << 20).to_bytes(8, "little"))
        file.truncate(1 << 42)  # 4 TB that take no room on the disk
    assert "larger than" in refused_soon(read_safetensors, tmp_path / "it.safetensors")


def test_every_limit_has_a_reason_and_stands_in_the_documentation():
    named = {name for name in vars(limits) if name.isupper() and name != "LIMITS"}
    assert named == set(limits.LIMITS)
    assert all(limit.why and limit.of and limit.value > 0 for limit in limits.LIMITS.values())


ABSURD = [
    *(
        "--factors.scale 1e-300 1",
        "--factors.scale 1e-9 1",
        "--factors.translate_x 0 1e300",
        "--factors.rotation 0 1e-20",
    ),
    *("--objective.rate.eps 1e-320", "--objective.rate.weight 1e300", "--optimiser.learning_rate 1e308"),
    *(f"--epochs {'9' * 5000}", "--epochs 1000000000", "--factors.views 1000", "--model.width 1000000"),
    *(f"--images.source npz:{'a' * 5000}", "--images.source npz:a\0b", f"--name {'a' * 500}", "--name ../../x"),
    *(f"--seed {'9' * 30}", "--batch_size 1000000000000", "--optimiser.warmup_epochs 1e300", "--model.dropout 1e-320"),
    *("--probes.hidden 100000000", "--model.ema_decay 1e-300", "--name ."),
]


@pytest.mark.parametrize("given", ABSURD, ids=lambda given: given[:40])
def test_values_that_are_absurd_are_refused_by_the_field(given):
    flag, *values = given.split(" ")
    said = refused_soon(apply_overrides, digits(), [flag, *values])
    assert said.startswith(flag.removeprefix("--").split(".")[0])


@pytest.mark.parametrize("field", ["learning_rate", "weight_decay", "warmup_epochs"])
@pytest.mark.parametrize("value", [1e-320, 1e300, float("inf"), float("nan"), -1e300])
def test_no_number_of_a_configuration_is_beyond_computing(field, value):
    with pytest.raises(ValueError, match=field):
        Config.model_validate({"factors": {"rotation": [-9, 9]}, "optimiser": {field: value}})


@pytest.mark.parametrize(
    "changes",
    [
        dict(name=""),
        dict(name="n" * 1000),
        dict(name="a\nb"),
        dict(unit="m" * 1000),
        dict(low=-1e300),
        dict(high=1e300),
        dict(low=0.0, high=1e-300),
        dict(low=1e6, high=1e6 + 1e-10),
        dict(period=0.0),
        dict(period=float("nan")),
        dict(period=1e300),
        dict(low=1e-300, high=1.0, logarithmic=True),
    ],
    ids=str,
)
def test_factors_of_any_kind_are_within_bounds(changes):
    usual = dict(name="x", low=-1.0, high=1.0)
    if changes.get("logarithmic"):
        with pytest.raises(sj.InputError):
            sj.affine_factors(scale=(changes["low"], changes["high"]))
        return
    with pytest.raises(sj.InputError):
        sj.Factor(**(usual | changes))


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["abc", "", "-1", "1.5", "9" * 5000, "\u00b2", " 1", "1e3"])
def test_variables_that_are_no_numbers_are_named(name, value, monkeypatch, capsys, tmp_path):
    assert name in wrong_number({name: value})
    if value == "abc":
        monkeypatch.setenv(name, value)
        assert main(["list", "recipes"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"seqjepa: the environment variable {name} is 'abc'")


def test_variables_that_are_numbers_are_not():
    assert not wrong_number(dict.fromkeys(NUMBERS, "1"))
    assert not wrong_number({})
    assert all(wrong_number({name: "0"}) for name in FROM_ONE)


LONG = "a" * 5000
LINES = [
    *(f"train --config {LONG}", f"resume {LONG}", f"report {LONG}", f"check {LONG} --require overlap[a,b]>=0"),
    *(f"compare {LONG} {LONG}", f"diagnose {LONG}", f"diagnose --sweeps {LONG}", f"export {LONG} x.onnx"),
    *(f"train digits --out {LONG}", f"train digits --images.root {LONG}", f"grid digits --out {LONG} --grid seed=1"),
    *("resume ~nobody-x", "report ~nobody-x", "compare ~nobody-x ~nobody-x", "train --config ~nobody-x/c.yaml"),
    *("check ~nobody-x --require overlap[a,b]>=0", "diagnose --sweeps ~nobody-x", "train digits --out ~nobody-x/run"),
    *(f"report {'/a' * 3000}", f"resume {'/a' * 3000}", "check x --require overlap[a,b]>=1e999"),
    *(
        "grid digits --seeds 1000000000",
        "grid digits --jobs 1000000000",
        f"diagnose --encoder pixels --steps {'9' * 30}",
    ),
    *("diagnose --encoder pixels --images digits --steps 1000000000", "diagnose --encoder .x:y --images digits"),
    *("diagnose --encoder pca:\u00b2 --images digits", "diagnose --encoder pixels --images digits --scale 1e-9 1"),
    "grid digits --grid "
    + " ".join(f"model.{name}=1,2,3,4,5,6,7,8,9,10" for name in ("width", "layers", "heads", "hidden")),
]


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_arguments_are_refused_in_a_line(line, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(line.split()) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert len(said) < 1500
    assert os.listdir(tmp_path) == []


def test_an_array_without_labels_is_diagnosed_and_trained_on(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("u.npy", np.random.default_rng(0).integers(0, 255, (400, 8, 8), dtype=np.uint8))
    small = "--identities 24 --steps 3 --base-poses 1 --probe-images 40 --skip group --rotation -30 30"
    flat = "--translate-x 0 0 --translate-y 0 0 --scale 1 1 --baselines --out d"
    assert main(f"diagnose --encoder pixels --images npy:u.npy {small} {flat}".split()) == 0


def test_a_label_of_a_large_number_takes_no_square_of_it():
    import torch

    labels = torch.tensor([0, 99_999] * 30)
    codes = labels[:, None] / 1e5 + torch.randn(60, 3, generator=torch.Generator().manual_seed(0)).double() / 100
    place = torch.arange(60) % 3
    from seqjepa.diagnostics.measures.probes import Rows

    found = probe_classes("knn", codes, labels, Rows(place == 0, place == 1, place == 2))
    assert found.tolist() == labels[place == 2].tolist()


@pytest.mark.parametrize("path", ["a\0b", "a" * 300, "/a" * 3000, "~nobody-x", ""])
def test_paths_that_are_none(path):
    if path == "":
        assert str(user_path(path)) == "."
    else:
        refused_soon(user_path, path)
