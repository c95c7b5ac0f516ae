"""Ideals are computed with the design, and are what theory says of two known representations."""

import math
from dataclasses import replace

import pytest
import torch

from seqjepa.diagnostics import diagnose
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.estimate import Estimate
from seqjepa.diagnostics.ideals import POINTS, WITHOUT, coordinates, has_ideal, ideal_text, ideal_values, known_sweeps
from seqjepa.diagnostics.registry import METRICS
from seqjepa.factors import affine_factors
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.containers import ProbeSet
from seqjepa.types import Factor
from tests.ground_truths import FACTORS, additive

NARROW = affine_factors(rotation=(-75, 75), translate_x=(-7, 7), translate_y=(-7, 7), scale=(0.5, 1.0))
I = 32  # noqa: E741


@pytest.fixture(scope="module")
def sweeps():
    return Sweeps.from_function(additive(I), NARROW, I, torch.arange(I) % 4, steps=9, base_poses=3, joint=8)


@pytest.fixture(scope="module")
def ideals(sweeps):
    return ideal_values(sweeps, 0, BLOCKS)


def test_the_disentangled_one_is_what_a_perfect_pose_is_told(ideals):
    """S13: isolated sweeps tell a perfect code of the pose that its factors are separate, of 2, 1, 1, 1 dimensions."""
    found = ideals["disentangled"]
    assert [found["dimension"][f.name] for f in NARROW] == [2, 1, 1, 1]
    assert all(value == pytest.approx(1, abs=1e-9) for value in found["explained_variance"].values())
    assert all(value == pytest.approx(1, abs=1e-6) for value in found["operator"].values())
    assert all(abs(value) < 1e-6 for metric in ("overlap", "shared_variance") for value in found[metric].values())
    assert all(abs(found["variance_shares"][f.name, "smooth"]) < 1e-9 for f in NARROW)


def test_the_equivariant_one_is_linear_and_closes_but_moves_each_identity_in_its_own_way(ideals):
    found = ideals["equivariant"]
    assert all(value == pytest.approx(1, abs=1e-6) for value in found["operator"].values())
    assert all(value < 1e-3 for value in found["closure"].values())
    assert found["dimension"]["rotation"] == 12
    assert found["orbit_share"]["rotation"] < 0.1 < 0.9 < found["orbit_share"]["translate_x"]


def test_key_points_move_by_the_poses_matrix(sweeps):
    """From one pose's code to another's: the matrix that leads from pose to pose acts on each point."""
    known = known_sweeps(sweeps)["equivariant"]
    directions = torch.linalg.svd(known.values["rotation"].flatten(0, 2), full_matrices=False)
    assert int((1e-9 * directions.S[0] < directions.S).sum()) == 12  # six points in the plane
    poses, codes = sweeps.poses["scale"][3, 1], known.values["scale"][3, 1]
    shift = known_sweeps(Sweeps.from_function(lambda who, p: p, NARROW, 1, steps=3, base_poses=1, joint=1))
    assert set(shift) == {"disentangled", "equivariant"}
    # about the picture's own centre a scaling moves each code along a line, in proportion to the scale
    scales = poses[:, 3].exp()
    fitted = torch.stack([torch.ones_like(scales), scales], 1)
    assert torch.allclose(fitted @ torch.linalg.lstsq(fitted, codes).solution, codes, atol=1e-9)
    # and the whole view turned about the image's centre turns every point: distances from the origin stay
    turned = known.group_values["rotation"][3, 1]
    assert torch.allclose(turned.norm(dim=-1), turned[0].norm().expand(len(turned)), atol=1e-9)


def test_without_poses_a_circle_and_its_grid_are_enough(sweeps):
    bare = replace(sweeps, poses={}, group_poses={}, group_values={}, joint_poses=None)
    at = coordinates(bare, "rotation")
    assert torch.allclose(at[..., 0], sweeps.grids["rotation"].deg2rad().expand(I, 3, 9))
    assert torch.equal(at[:, :, 0, 1:], at[:, :, -1, 1:])  # the others are held along an orbit
    assert at[:, :, 0, 3].min() == pytest.approx(math.log(0.5))


def test_they_depend_on_the_design_and_not_on_the_encoder(sweeps, ideals):
    other = Sweeps.from_function(lambda who, p: p.tanh(), NARROW, I, sweeps.labels, steps=9, base_poses=3, joint=8)
    again = ideal_values(other, 0, BLOCKS)
    assert {name: set(of) for name, of in again.items()} == {name: set(of) for name, of in ideals.items()}
    for name, metrics in again.items():
        for metric, of in metrics.items():
            assert of == pytest.approx(ideals[name][metric], abs=1e-6)


def test_every_estimate_has_them_where_they_have_a_value(sweeps, ideals, monkeypatch):
    monkeypatch.setattr("seqjepa.diagnostics.measures.probes.STEPS", 1)  # networks have no part in it
    found = diagnose(sweeps, skip=["contents", "actions"], baselines={"same": sweeps})
    for diagnosis in (found, found.baselines["same"]):
        for metric, estimates in diagnosis.estimates.items():
            for key, estimate in estimates.items():
                assert dict(estimate.ideals) == {
                    name: of[metric][key]
                    for name, of in ideals.items()
                    if key in of.get(metric, {}) and estimate.value is not None
                }
    assert found["overlap"]["rotation", "scale"].ideals.keys() == {"disentangled", "equivariant"}
    assert not diagnose(sweeps, skip=[*(set(BLOCKS) - {"effects"})], ideals=False)["variance_shares"][
        "rotation", "smooth"
    ].ideals


def test_metrics_without_an_ideal_are_the_packages_own_and_have_none(ideals):
    assert set(WITHOUT) <= set(METRICS)
    assert not set(WITHOUT) & set(ideals["disentangled"])
    assert has_ideal("leakage", ("rotation", "z", "linear"))
    assert not has_ideal("leakage", ("class", "z", "linear"))
    assert not has_ideal("variance_shares", ("rotation", "content"))


def test_other_factors_have_no_matrix_and_arrays_have_no_poses(sweeps):
    hue = Factor("hue", 0, 1, period=1.0)
    bright = Factor("brightness", 0.5, 2, logarithmic=True)
    made = Sweeps.from_function(lambda who, p: p, (hue, bright), I, steps=8, base_poses=2, joint=8)
    arrays = Sweeps.from_arrays(made.values, made.factors, made.grids, None, made.joint, made.joint_values)
    for known in (made, arrays):
        found = ideal_values(known, 0, {name: BLOCKS[name] for name in ("subspaces", "leakage")})
        assert set(found) == {"disentangled"}
        assert found["disentangled"]["dimension"] == {"hue": 2, "brightness": 1}
        assert found["disentangled"]["leakage"]["hue", "z", "linear"] == pytest.approx(1, abs=1e-4)
    bare = replace(sweeps, poses={}, group_poses={}, group_values={}, joint_poses=None)
    assert set(known_sweeps(bare)) == {"disentangled"}


def test_probe_sets_hold_the_known_codes_of_their_values(sweeps):
    random = torch.Generator().manual_seed(0)
    low, high = torch.tensor([[f.low, f.high] for f in NARROW], dtype=torch.float64).T
    values = low + (high - low) * torch.rand(80, 2, 4, generator=random, dtype=torch.float64)
    codes, labels = torch.zeros(40, 2, sweeps.dim), torch.arange(40) % 2
    probe = ProbeSet(codes, values[:40], labels, codes, values[40:], labels)
    found = ideal_values(replace(sweeps, probe=probe), 0, {"actions": BLOCKS["actions"]})["disentangled"]
    assert found["action"]["translate_x", "linear"] > 0.99


def test_classes_are_given_to_the_block_that_needs_them_alone(sweeps):
    seen = {}

    def block(name):
        def ask(context):
            seen[name] = context.sweeps.labels
            return {}

        return ask

    ideal_values(sweeps, 0, {name: block(name) for name in ("leakage", "contents")})
    assert (seen["leakage"] == -1).all()
    assert torch.equal(seen["contents"], sweeps.labels)


def test_a_constant_factor_has_none():
    factors = affine_factors(rotation=(-180, 180), translate_x=(3, 3))
    made = Sweeps.from_function(lambda who, p: p, factors, I, steps=8, base_poses=1, joint=8)
    found = ideal_values(made, 0, {name: BLOCKS[name] for name in ("subspaces", "leakage")})["disentangled"]
    assert set(found["dimension"]) == {"rotation"}


@pytest.mark.parametrize("count", [1, 2])
def test_one_circle_or_one_for_each_key_point_and_no_other_irrep(count):
    """Around shifted poses the plane in which all key points shift holds what does not turn: one irrep fewer."""
    made = Sweeps.from_function(lambda who, p: p, FACTORS[:count], 40, steps=13, base_poses=1, joint=0)
    found = ideal_values(made, 0, {"irreps": BLOCKS["irreps"]})
    told = {name: {key[1]: n for key, n in of["irreps"].items()} for name, of in found.items()}
    none = {f"k{k}": 0 for k in range(2, 6)}  # and k0 is left out
    assert told["disentangled"] == {"k1": 1} | none
    assert told["equivariant"] == {"k1": POINTS + 1 - count} | none
    for metric in ("no_representation", "pixel_grid"):
        assert found["disentangled"][metric]["rotation"] == pytest.approx(0, abs=1e-9)
    assert (found["equivariant"]["no_representation"]["rotation"] > 0.1) == (count == 2)


def test_of_scores_of_the_literature_those_that_hang_on_no_choice():
    made = Sweeps.from_function(lambda who, p: p, FACTORS[:2], I, steps=9, base_poses=1, joint=8)
    found = ideal_values(made, 0, {"literature": BLOCKS["literature"]})
    for of in found.values():
        assert of["d_lsbd"]["rotation"] == pytest.approx(0, abs=1e-9)
        assert set(of["axis_scores"]) == {("dci_informativeness", f.name) for f in made.factors}
        assert "lie_derivative" not in of
    assert found["disentangled"]["axis_scores"]["dci_informativeness", "rotation"] == pytest.approx(1, abs=1e-3)
    assert found["equivariant"]["axis_scores"]["dci_informativeness", "rotation"] < 0.1  # each point has its own place


@pytest.mark.parametrize(
    ("ideals", "text"),
    [
        ({}, ""),
        ({"disentangled": 1.0}, "1.00"),
        ({"disentangled": 1.0, "equivariant": 0.96}, "1.00"),
        ({"disentangled": 0.74, "equivariant": 1.0}, "0.74 / 1.00"),
        ({"equivariant": 16.0}, "– / 16.0"),
    ],
)
def test_ideals_as_text(ideals, text):
    assert ideal_text(Estimate(0.5, ideals=ideals)) == text
