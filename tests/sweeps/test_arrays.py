"""Sweeps out of files, without an encoder."""

import numpy as np
import pytest
import torch

import seqjepa as sj
from tests.ground_truths import FACTORS, additive


def archive(tmp_path, **changes):
    random = np.random.default_rng(0)
    arrays = {
        "values/rotation": random.normal(size=(6, 2, 4, 3)),
        "grids/rotation": np.array([-180.0, -90, 0, 90]),
        "values/hue": random.normal(size=(6, 2, 3, 3)).astype(np.float32),
        "grids/hue": np.array([0, 10, 20]),
        "period/hue": np.array(360),
        "values/blur": random.normal(size=(6, 2, 3, 3)),
        "grids/blur": np.array([1.0, 2, 4]),
        "logarithmic/blur": np.array(True),
    }
    path = tmp_path / "codes.npz"
    np.savez(path, **{name: array for name, array in (arrays | changes).items() if array is not None})
    return path


def test_arrays_of_ones_own(tmp_path):
    labels = np.arange(6) % 2
    sweeps = sj.load_sweeps(archive(tmp_path, labels=labels))
    rotation, hue, blur = (sweeps.factor(name) for name in ("rotation", "hue", "blur"))
    assert rotation.full_circle
    assert (rotation.unit, rotation.low, rotation.high) == ("deg", -180, 180)
    assert (hue.period, hue.full_circle, hue.high) == (360, False, 20)
    assert (blur.logarithmic, blur.low, blur.high) == (True, 1, 4)
    assert sweeps.labels.tolist() == labels.tolist()
    assert sweeps.values["hue"].shape == (6, 2, 3, 3)
    assert sweeps.joint.shape == (6, 0, 3)


def test_sweeps_that_were_saved(tmp_path):
    sweeps = sj.Sweeps.from_function(additive(5), FACTORS, 5, steps=5, base_poses=2, joint=3)
    sweeps.save(tmp_path / "sweeps.safetensors")
    again = sj.load_sweeps(tmp_path / "sweeps.safetensors")
    assert again.same_design(sweeps)
    assert torch.equal(again.joint, sweeps.joint)


def test_the_same_arrays_in_an_archive_give_the_same_diagnosis(tmp_path):
    sweeps = sj.Sweeps.from_function(additive(24), FACTORS, 24, steps=5, base_poses=2, joint=3)
    arrays = {f"values/{name}": codes.numpy() for name, codes in sweeps.values.items()}
    arrays |= {f"grids/{name}": grid.numpy() for name, grid in sweeps.grids.items()}
    np.savez(tmp_path / "codes.npz", joint=sweeps.joint, joint_values=sweeps.joint_values, **arrays)
    options = dict(skip=["group"], ideals=False)
    one = sj.diagnose(sweeps, **options)
    two = sj.diagnose(sj.load_sweeps(tmp_path / "codes.npz"), **options)
    assert {m: set(figures) for m, figures in one.estimates.items()} == {m: set(f) for m, f in two.estimates.items()}
    for factor in FACTORS:
        expected = one["explained_variance"][factor.name].value
        assert two["explained_variance"][factor.name].value == pytest.approx(expected, abs=1e-5)


def test_arrays_of_no_factor_are_refused():
    with pytest.raises(sj.InputError, match="values: no factor has any"):
        sj.Sweeps.from_arrays({}, [sj.Factor("glow", -1, 1)], {})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"grids/hue": None}, "no array grids/hue"),
        ({"values/hue": np.zeros((6, 2))}, r"values/hue is float64 of shape \(6, 2\), not numbers in 4 dimensions"),
        ({"values/hue": np.array([[[["a"]]]])}, "values/hue is <U1"),
        ({"values/hue": np.zeros((6, 2, 3, 9))}, "hue: representations of shape"),
        ({"grids/hue": np.zeros(9)}, "hue: representations of shape"),
        ({"joint": np.zeros((6, 4, 3))}, "joint and joint_values go together"),
        ({"labels": np.array([{}], dtype=object)}, "not a readable .npz archive"),
    ],
)
def test_an_archive_that_does_not_fit_is_refused_in_one_line(tmp_path, changes, says):
    with pytest.raises(sj.InputError, match=says) as caught:
        sj.load_sweeps(archive(tmp_path, **changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"no archive"])
def test_a_file_that_is_none(tmp_path, content):
    path = tmp_path / "codes.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(sj.InputError, match=r"no file|not a readable \.npz archive"):
        sj.load_sweeps(path)


def test_an_archive_of_something_else(tmp_path):
    np.savez(tmp_path / "codes.npz", z=np.zeros(3))
    with pytest.raises(sj.InputError, match="no array values/NAME with grids/NAME; it holds z"):
        sj.load_sweeps(tmp_path / "codes.npz")


def test_a_repeated_end_of_a_circle_is_refused(tmp_path):
    with pytest.raises(sj.InputError, match="rotation: the grid holds both ends of a circle, -180 and 180"):
        sj.load_sweeps(archive(tmp_path, **{"grids/rotation": np.linspace(-180, 180, 4)}))


def test_a_circle_in_float32_is_whole(tmp_path):
    values, grid = np.zeros((6, 2, 7, 3)), np.linspace(-180, 180, 8)[:-1].astype(np.float32)
    sweeps = sj.load_sweeps(archive(tmp_path, **{"values/rotation": values, "grids/rotation": grid}))
    assert sweeps.factor("rotation").full_circle
