import math
from dataclasses import replace

import pytest
import torch

from seqjepa.factors import affine_factors
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.design import factor_grid, make_design, neutral_index
from seqjepa.types import Factor, InputError, Pose
from tests.ground_truths import FACTORS, additive


@pytest.mark.parametrize("steps", [8, 9, 36])
def test_a_full_circle_leaves_out_the_repeated_end(steps):
    factor = affine_factors(rotation=(-180, 180))[0]
    grid = factor_grid(factor, steps)
    assert len(grid) == steps
    assert grid.min() >= -180
    assert grid.max() < 180
    assert neutral_index(factor, grid) is not None
    torch.testing.assert_close(grid.diff(), torch.full((steps - 1,), 360 / steps, dtype=torch.float64))


@pytest.mark.parametrize("steps", [5, 6, 36])
@pytest.mark.parametrize(("low", "high"), [(-75, 75), (-7, 5), (0, 3), (-0.1, 9)])
def test_another_range_is_odd_even_and_holds_the_identity(steps, low, high):
    factor = Factor("x", low, high)
    grid = factor_grid(factor, steps)
    assert len(grid) == steps + 1 - steps % 2
    assert neutral_index(factor, grid) is not None
    assert low - 1e-9 <= grid.min()
    assert grid.max() <= high + 1e-9
    assert (grid.diff() - grid.diff()[0]).abs().max() < 1e-9
    assert grid.min() == pytest.approx(low) or grid.max() == pytest.approx(high)
    assert grid.max() - grid.min() > 0.8 * (high - low)


def test_a_logarithmic_grid_is_even_in_its_logarithm():
    factor = affine_factors(scale=(0.5, 1.0))[0]
    grid = factor_grid(factor, 5)
    torch.testing.assert_close(grid, torch.tensor([2**-1, 2**-0.75, 2**-0.5, 2**-0.25, 1], dtype=torch.float64))
    assert neutral_index(factor, grid) == 4


def test_a_range_without_the_identity():
    factor = Factor("x", 2.0, 5.0)
    assert neutral_index(factor, factor_grid(factor, 5)) is None


def test_the_design_is_a_pure_function_of_the_seed():
    arguments = dict(steps=8, base_poses=3, joint=4)
    one, two = make_design(FACTORS, 6, seed=1, **arguments), make_design(FACTORS, 6, seed=1, **arguments)
    assert torch.equal(one.base, two.base)
    assert torch.equal(one.joint_values, two.joint_values)
    assert not torch.equal(one.base, make_design(FACTORS, 6, seed=2, **arguments).base)


@pytest.mark.parametrize("place", range(4))
def test_an_isolated_sweep_moves_one_coordinate_and_holds_the_rest(place):
    """Rotation and scale from the right, about the picture's own centre; translation from the left."""
    design = make_design(FACTORS, 4, steps=8, base_poses=3, joint=0, seed=0)
    factor = FACTORS[place]
    poses, others = design.sweep_poses(factor.name), [i for i in range(4) if i != place]
    assert torch.equal(poses[..., others], design.base[:, :, None, others].expand_as(poses[..., others]))
    unit = {"rotation": torch.deg2rad, "scale": torch.log}.get(factor.name, lambda values: values)
    torch.testing.assert_close(poses[1, 2, :, place], unit(design.grids[factor.name]))
    step, start = torch.zeros(8 if place == 0 else 9, 4, dtype=torch.float64), design.base.clone()
    step[:, place], start[..., place] = poses[1, 2, :, place], 0
    moved, base = Pose(step), Pose(start[1, 2].expand_as(step))
    whole = moved @ base if factor.name.startswith("translate") else base @ moved
    torch.testing.assert_close(poses[1, 2], whole.values)


def test_of_one_factor_both_kinds_of_sweep_are_the_same_and_encoded_once():
    design = make_design(FACTORS[:1], 4, steps=8, base_poses=3, joint=0, seed=0)
    assert torch.equal(design.group_poses("rotation"), design.sweep_poses("rotation"))
    sweeps = Sweeps.from_function(additive(10), FACTORS[:1], 10, steps=8, joint=2)
    assert sweeps.group_values == {}
    assert sweeps.group_sweep("rotation") is sweeps.values["rotation"]


def test_a_group_sweep_moves_the_whole_view_from_the_left():
    design = make_design(FACTORS, 4, steps=8, base_poses=3, joint=0, seed=0)
    poses = design.group_poses("rotation")
    assert poses.shape == (4, 2, 8, 4)
    start = design.base[:, :2].clone()
    start[..., 0] = 0
    for g, degrees in enumerate(design.grids["rotation"]):
        turn = Pose(torch.tensor([math.radians(degrees), 0, 0, 0], dtype=torch.float64))
        torch.testing.assert_close(poses[:, :, g], (turn @ Pose(start)).values)
    shifted = design.sweep_poses("translate_x")
    assert (shifted[..., 1].amax((0, 1, 2)) <= 7 + 1e-9).all()
    assert (shifted[..., [0, 2, 3]].diff(dim=2).abs() < 1e-12).all()


def test_the_joint_design_stays_in_its_ranges():
    design = make_design(FACTORS, 50, steps=5, base_poses=2, joint=20, seed=0)
    for i, factor in enumerate(FACTORS):
        values = design.joint_values[..., i]
        assert factor.low <= values.min() < values.max() <= factor.high
    torch.testing.assert_close(design.joint_poses()[..., 3].exp(), design.joint_values[..., 3])
    torch.testing.assert_close(design.joint_poses()[..., 0].rad2deg(), design.joint_values[..., 0])


def test_sweeps_of_a_function_say_what_the_function_says():
    f = additive(10)
    sweeps = Sweeps.from_function(f, FACTORS, 10, steps=6, base_poses=2, joint=3)
    design = make_design(FACTORS, 10, steps=6, base_poses=2, joint=3, seed=0)
    pose = design.sweep_poses("scale")[7, 1, 4]
    torch.testing.assert_close(sweeps.values["scale"][7, 1, 4], f(torch.tensor([7]), pose[None])[0])
    torch.testing.assert_close(sweeps.joint[2, 1], f(torch.tensor([2]), design.joint_poses()[2, 1][None])[0])


def test_factors_that_are_not_affine():
    factors = [Factor("brightness", 0.5, 2.0, logarithmic=True), Factor("hue", 0.0, 360.0, "deg", 360.0)]
    sweeps = Sweeps.from_function(lambda who, pose: pose, factors, 3, steps=4, base_poses=2)
    torch.testing.assert_close(sweeps.values["brightness"][0, 0, :, 0].exp(), sweeps.grids["brightness"])
    torch.testing.assert_close(sweeps.values["hue"][0, 0, :, 1], sweeps.grids["hue"])


def test_saved_and_loaded_they_are_the_same(tmp_path):
    sweeps = Sweeps.from_function(additive(6), FACTORS, 6, torch.arange(6), steps=6, base_poses=2, joint=3)
    sweeps.save(tmp_path / "s.safetensors")
    loaded = Sweeps.load(tmp_path / "s.safetensors")
    assert loaded.factors == sweeps.factors
    assert dict(loaded.metadata) == dict(sweeps.metadata)
    for name in sweeps.values:
        assert torch.equal(loaded.values[name], sweeps.values[name])
        assert torch.equal(loaded.grids[name], sweeps.grids[name])
    assert torch.equal(loaded.joint, sweeps.joint)
    assert torch.equal(loaded.labels, sweeps.labels)


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"\x00" * 100])
def test_a_file_that_is_not_sweeps_is_refused(tmp_path, content):
    (tmp_path / "s.safetensors").write_bytes(content)
    with pytest.raises(InputError, match="not a readable file of sweeps"):
        Sweeps.load(tmp_path / "s.safetensors")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (dict(grids={"x": torch.zeros(4).double()}), "representations of shape"),
        (dict(grids={"y": torch.zeros(3).double()}), "do not fit"),
        (dict(labels=torch.zeros(2, dtype=torch.long)), "2 labels for 5 identities"),
        (dict(values={"x": torch.full((5, 1, 3, 2), float("nan"))}), "x: a representation is not finite"),
        (dict(joint=torch.zeros(5, 2, 2)), "joint and joint_values go together"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes, says):
    good = dict(
        values={"x": torch.randn(5, 1, 3, 2)}, factors=[Factor("x", 0.0, 1.0)], grids={"x": torch.zeros(3).double()}
    )
    Sweeps.from_arrays(**good)
    with pytest.raises(InputError, match=says):
        Sweeps.from_arrays(**(good | changes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [(dict(steps=2), "steps"), (dict(base_poses=0), "base_poses: 0"), (dict(joint=-1), "joint: -1")],
)
def test_designs_that_make_no_sense(changes, says):
    with pytest.raises(InputError, match=says):
        make_design(FACTORS, 5, **(dict(steps=5, base_poses=1, joint=0, seed=0) | changes))
    with pytest.raises(InputError, match="each once"):
        make_design([], 5, steps=5, base_poses=1, joint=0, seed=0)


def test_a_factor_beside_one_that_is_not_affine_reaches_the_function_in_its_own_unit():
    factors = [FACTORS[0], Factor("hue", 0.0, 360.0, "deg", 360.0), FACTORS[3]]
    sweeps = Sweeps.from_function(lambda who, pose: pose, factors, 3, steps=4, base_poses=2, joint=5)
    torch.testing.assert_close(sweeps.values["rotation"][0, 0, :, 0], sweeps.grids["rotation"])
    torch.testing.assert_close(sweeps.values["scale"][0, 0, :, 2].exp(), sweeps.grids["scale"])
    torch.testing.assert_close(sweeps.joint[..., 0], sweeps.joint_values[..., 0])


def test_sweeps_keep_the_poses_of_their_views(tmp_path):
    sweeps = Sweeps.from_function(lambda who, pose: pose, FACTORS, 4, steps=5, base_poses=2, joint=3)
    for name, poses in sweeps.poses.items():
        assert torch.equal(poses, sweeps.values[name])
    assert torch.equal(sweeps.joint_poses, sweeps.joint)
    replace(sweeps, metadata={"taps": 2}).save(tmp_path / "s.safetensors")
    loaded = Sweeps.load(tmp_path / "s.safetensors")
    assert all(torch.equal(loaded.poses[name], poses) for name, poses in sweeps.poses.items())
    assert torch.equal(loaded.joint_poses, sweeps.joint_poses)
    assert loaded.metadata["taps"] == 2


@pytest.mark.parametrize("taps", [0, -1, 2.0, "2", True, 10**9])
def test_taps_that_are_no_number_of_samples_are_refused(tmp_path, taps):
    sweeps = Sweeps.from_function(lambda who, pose: pose, FACTORS, 2, steps=3, base_poses=1, joint=1)
    replace(sweeps, metadata={"taps": taps}).save(tmp_path / "s.safetensors")
    with pytest.raises(InputError, match="taps"):
        Sweeps.load(tmp_path / "s.safetensors")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (lambda s: dict(poses={"rotation": s.poses["rotation"]}), "do not fit"),
        (lambda s: dict(poses={n: p[:, :, :2] for n, p in s.poses.items()}), "rotation: poses of shape"),
        (lambda s: dict(poses={n: p / 0 for n, p in s.poses.items()}), "rotation: poses: a pose is not finite"),
        (lambda s: dict(joint_poses=s.joint_poses[:, :1]), "joint poses of shape"),
    ],
)
def test_poses_that_do_not_fit_are_refused(changes, says):
    sweeps = Sweeps.from_function(lambda who, pose: pose, FACTORS, 2, steps=3, base_poses=1, joint=2)
    with pytest.raises(InputError, match=says):
        replace(sweeps, **changes(sweeps))


RING = Factor("rotation", -180, 180, "deg", 360.0)


@pytest.mark.parametrize(
    ("factor", "grid", "says"),
    [
        (RING, torch.linspace(-180, 180, 9).double(), "holds both ends of a circle, -180 and 180"),
        (RING, torch.linspace(-180, 180, 9), "holds both ends of a circle"),
        (Factor("rotation", 0, 360, "deg", 360.0), torch.linspace(0, 360, 9), "both ends of a circle, 0 and 360"),
        (RING, torch.linspace(-90, 90, 9), "covers a whole circle, -180 to 180, and the grid only -90 to 90"),
        (Factor("rotation", -1, 1), torch.tensor([-1, -0.5, -0.5, 0, 0.2, 0.4, 0.6, 0.8, 1.0]), "holds -0.5 twice"),
        (Factor("rotation", -1, 1), torch.full((9,), math.nan), "a grid value is not finite"),
    ],
)
def test_grids_that_are_not_what_the_factor_says(factor, grid, says):
    with pytest.raises(InputError, match=says):
        Sweeps.from_arrays({"rotation": torch.randn(4, 1, 9, 3)}, [factor], {"rotation": grid})


def test_what_is_not_finite_in_the_joint_design_is_refused():
    values, grids = {"rotation": torch.randn(4, 1, 8, 3)}, {"rotation": torch.arange(8) * 45.0 - 180}
    joint, poses = torch.randn(4, 2, 3), torch.randn(4, 2, 1)
    broken = joint.clone()
    broken[0, 0, 0] = math.nan
    for at, where in ((broken, poses), (joint, poses / 0)):
        with pytest.raises(InputError, match=r"joint(_values)?: "):
            Sweeps.from_arrays(values, [RING], grids, joint=at, joint_values=where)
