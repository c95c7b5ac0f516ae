"""Files that are well-formed and senseless: for any change of a value or a shape, a line that names the file.

The changes know the formats: each file is taken apart into plain values, one of them is replaced, removed, doubled or
renamed, and the file is sealed again, its checksum right.
"""

import copy
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import seqjepa as sj
from seqjepa.cli.app import main
from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.estimate import Estimate
from seqjepa.io.files import read_rows
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.arrays import load_sweeps
from seqjepa.training.checkpoint import restore_checkpoint
from seqjepa.training.config import config_from_yaml
from seqjepa.types.limits import FACTORS, NAME_LETTERS, NUMBER
from tests.hostile.formats import (
    ARCHIVE,
    KINDS,
    ODD,
    changed,
    checkpoint_file,
    diagnosis_file,
    drawn_as_text,
    model_file,
    net,
    sealed,
    sweeps_file,
)

few = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
many = settings(few, max_examples=3000, derandomize=False)


def read_or_refused(read, path):
    """What is read, or None with one short line that names the file. Anything else that is raised fails the test."""
    try:
        return read(path)
    except sj.InputError as error:
        told = str(error)
    assert len(told) < 1500 * 21
    assert all(len(line) < 1500 for line in told.splitlines())
    return None


changes = dict(
    number=st.integers(0, 10**6),
    how=st.sampled_from(["replace", "replace", "replace", "remove", "double", "rename"]),
    odd=st.sampled_from(ODD) | st.integers() | st.floats() | st.text(max_size=9),
)


@pytest.mark.parametrize("amount", [few, pytest.param(many, marks=pytest.mark.slow)], ids=["few", "many"])
@pytest.mark.parametrize("name", KINDS)
def test_any_change_of_any_value_is_read_or_refused_in_a_line(name, amount, tmp_path):
    make, write, read = KINDS[name]
    valid, path = make(tmp_path), tmp_path / name
    assert write(path, valid)
    if name != "model.safetensors":  # or nothing behind the first check would be reached
        read(path)

    @amount
    @given(**changes)
    @example(number=0, how="replace", odd=None)
    def law(number, how, odd):
        if write(path, changed(valid, number, how, odd)):
            read_or_refused(read, path)

    law()


def test_an_unknown_field_of_a_section_that_may_be_missing_is_named(tmp_path):
    (tmp_path / "config.yaml").write_text("factors: {rotation: [-9, 9]}\nmodel: {encoder: split, split: {jiter: 1}}")
    with pytest.raises(
        sj.InputError, match=r"unknown field 'model\.split\.jiter'; did you mean 'model\.split\.jitter'"
    ):
        config_from_yaml(tmp_path / "config.yaml")


def refused(path, read, *words):
    with pytest.raises(sj.InputError) as caught:
        read(path)
    (line,) = str(caught.value).splitlines()
    assert all(word in line for word in (path.name, *words)), line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["estimates"][0].update(of=["rotation"]), ("estimates.0.of", "explained_variance")),
        (lambda d: d["estimates"][1].update(of="x"), ("estimates.1.of", "overlap")),
        (lambda d: d["estimates"][1].update(of=["rotation", ""]), ("estimates.1.of",)),
        (lambda d: d["estimates"][0].update(value=1e308), ("estimates.0.value",)),
        (lambda d: d["estimates"][0].update(interval=[2.0, 1.0]), ("estimates.0.interval",)),
        (lambda d: d["estimates"].append(d["estimates"][0]), ("twice",)),
        (lambda d: d["estimates"][3].update(of=["rotation", "x"]), ("irreps", "frequency")),
        (lambda d: d["estimates"][2].update(p=1.5), ("estimates.2.p",)),
        (lambda d: d["metadata"].update(identities="3"), ("metadata.identities",)),
        (lambda d: d["metadata"].update(identities=4), ("split",)),
        (lambda d: d["metadata"].update(dim=4), ("subspaces",)),
        (lambda d: d["baselines"]["pca"].update(baselines=copy.deepcopy(d["baselines"])), ("baselines",)),
        (lambda d: d["split"].update(test=[5]), ("split",)),
        (lambda d: d["estimates"].extend({**d["estimates"][0], "of": f"f{i}"} for i in range(200)), (str(FACTORS),)),
        (lambda d: d["metrics"][0].update(unit="m" * 1_000_000), ("metrics.0.unit",)),
        (lambda d: d["estimates"][0]["details"].update(fitted=[0.5] * 1_000_000), ("estimates.0.details", "fitted")),
    ],
)
def test_a_diagnosis_is_refused_by_the_field(tmp_path, change, words):
    plain = diagnosis_file(tmp_path)
    change(plain)
    (tmp_path / "diagnosis.json").write_text(json.dumps(plain))
    refused(tmp_path / "diagnosis.json", Diagnosis.load, *words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("loss\n1\n", ("row 1", "epoch")),
        ("epoch,loss\n2,1\n1,1\n", ("row 2", "epoch")),
        ("epoch,loss\n1,nan\n", ("row 1", "loss")),
        ("epoch,loss\n1,1e308\n", ("row 1", "loss")),
        ("epoch,loss\n1,x\n", ("x",)),
        ("epoch,epoch\n1,1\n", ("twice",)),
        ("epoch," + ",".join(map(str, range(2000))) + "\n1," + ",".join(["0"] * 2000), ("columns",)),
        (f"epoch,{'l' * (NAME_LETTERS + 1)}\n1,1", ("column",)),
        ("epoch\n" + "\n".join(map(str, range(1, 100_010))), ("rows",)),
        ("epoch,loss\n1.5,1", ("epoch",)),
    ],
)
def test_metrics_are_refused_by_the_row(tmp_path, text, words):
    (tmp_path / "metrics.csv").write_text(text)
    refused(tmp_path / "metrics.csv", read_rows, *words)


@pytest.mark.parametrize("rows", [["x"], [None], "rows", {"epoch": 1}, [{"epoch": "1"}], [{"epoch": 1, "": 2}], [[1]]])
def test_rows_of_a_checkpoint_are_of_the_same_schema(tmp_path, rows):
    plain = checkpoint_file(tmp_path)
    plain["said"]["rows"] = rows
    assert sealed(tmp_path / "it.safetensors", plain)
    refused(tmp_path / "it.safetensors", lambda path: restore_checkpoint(path, *net()), "row")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda p: p["tensors"].update(images=["uint8", [3, 2, 4, 4], 1]), "images"),
        (lambda p: p["tensors"].update(images=["uint8", [3, 0, 4, 4], 1]), "images"),
        (lambda p: p["tensors"].update(joint=["float64", [3, 2, 2], 1]), "joint"),
        (lambda p: p["tensors"].update(joint_values=["float64", [3, 2, 2], float("nan")]), "joint_values"),
        (lambda p: p["tensors"].update({"grids/rotation": ["float64", [1], float("nan")]}), "rotation"),
        (lambda p: p["tensors"].update({"values/rotation": ["float64", [3, 1, 1, 3], 1e308]}), "rotation"),
        (lambda p: p["tensors"].update(labels=["int64", [3], 2**40]), "labels"),
        (lambda p: p["tensors"].update({"intrinsic_pose/rotation": ["float32", [2], 1]}), "intrinsic_pose"),
        (lambda p: p["tensors"].update({"extra/": ["float32", [3, 2, 1], 1]}), "extra/"),
        (lambda p: p["said"]["factors"][0].update(name=""), "factors.0.name"),
        (lambda p: p["said"]["factors"][0].update(low=1e308), "factors.0.low"),
        (lambda p: p["said"]["factors"][0].update(unit="m" * 1_000_000), "factors.0.unit"),
        (lambda p: p["said"]["factors"][1].update(p["said"]["factors"][0]), "factors"),
        (lambda p: p["said"]["parts"].update(pose=[0, 99]), "pose"),
        (lambda p: p["said"]["parts"].update(pose=[1]), "parts.pose"),
        (lambda p: p["said"]["metadata"].update(taps=10**6), "taps"),
    ],
)
def test_sweeps_are_refused_by_the_field(tmp_path, change, word):
    plain = sweeps_file(tmp_path)
    change(plain)
    assert sealed(tmp_path / "sweeps.safetensors", plain)
    refused(tmp_path / "sweeps.safetensors", Sweeps.load, word)


@pytest.mark.parametrize("shape", [[2, 8, 8], [0, 8, 8], [1, 8, 10**6], [1, 8], [1.5, 8, 8], "188", [True, 8, 8]])
def test_a_model_of_pictures_that_are_none_is_refused(tmp_path, shape):
    plain = model_file(tmp_path)
    channels = shape[0] if shape[0] in (2, 0) else 1
    plain["said"] |= {"image_shape": shape, "mean": [0.1] * channels, "std": [0.3] * channels}
    assert sealed(tmp_path / "model.safetensors", plain)
    refused(tmp_path / "model.safetensors", sj.load_model)


@pytest.mark.parametrize(
    ("array", "value", "word"),
    [
        ("labels", np.array([0.33, 1, 2]), "labels"),
        ("labels", np.array([0, np.nan, 2]), "labels"),
        ("labels", np.array([0, 2**40, 2]), "labels"),
        ("joint", np.ones((4, 2, 2)), "joint"),
        ("joint", np.ones((3, 3, 2)), "joint"),
        ("joint", np.ones((3, 2, 5)), "joint"),
        ("joint_values", np.full((3, 2, 2), np.nan), "joint_values"),
        ("period/x", np.array([360.0, 1.0]), "period/x"),
        ("period/x", np.array(np.nan), "period"),
        ("period/x", np.array(0.0), "period"),
        ("values/rotation", np.full((3, 1, 1, 2), 1e308), "rotation"),
        ("values/x", np.ones((2, 1, 1, 2)), "x: "),
        ("grids/rotation", np.array([np.inf]), "rotation"),
        ("values/", np.ones((3, 1, 1, 2)), "grids/"),
    ],
)
def test_an_archive_is_refused_by_the_array(tmp_path, array, value, word):
    arrays = {name: np.full(shape, one, dtype=kind) for name, (kind, shape, one) in ARCHIVE.items()}
    np.savez(tmp_path / "codes.npz", **(arrays | {array: value}))
    refused(tmp_path / "codes.npz", load_sweeps, word)


def test_what_is_within_the_limits_is_drawn(tmp_path):
    """The largest numbers that are read: a table, a comparison and a page stand it."""
    largest = Estimate(float(NUMBER), (-float(NUMBER), float(NUMBER)), 0.0)
    names = ["rotation", "x", "f2", "f3"]
    spectrum = {"k": 1, "null_share": 0.1, "fitted": [float(NUMBER)], "held_out": [1e-300]}
    estimates = {
        "explained_variance": {n: Estimate(1e99, (0.0, 1e99), 0.1, details=spectrum) for n in names},
        "overlap": {(a, b): Estimate(1e99, details={"angles_deg": [1e99]}) for a in names for b in names if a != b},
        "sensitivity": dict.fromkeys(names, largest),
    }
    Diagnosis(estimates, {"identities": 3, "encoder": "x"}).save(tmp_path / "diagnosis.json")
    drawn_as_text(tmp_path / "diagnosis.json")
    rows = "epoch,loss\n1,1e99\n2,-1e99\n3,1e-300\n"
    (tmp_path / "metrics.csv").write_text(rows)
    assert main(["report", str(tmp_path)]) == 0
    assert (tmp_path / "report.html").stat().st_size < 5_000_000
