import math

import pytest
import torch

from seqjepa.types import Factor, Images, InputError, Pose


def random_poses(count, seed):
    random = torch.Generator().manual_seed(seed)
    return Pose(torch.randn(count, 4, generator=random, dtype=torch.float64) * torch.tensor([2.0, 5.0, 5.0, 0.5]))


def test_composition_is_that_of_the_matrices():
    a, b = random_poses(50, 0), random_poses(50, 1)
    torch.testing.assert_close((a @ b).matrix(), a.matrix() @ b.matrix())


def test_inverse_and_identity():
    a = random_poses(50, 2)
    identity = Pose.identity(50, dtype=torch.float64)
    for product in (a @ a.inverse(), a.inverse() @ a):
        torch.testing.assert_close(product.matrix(), identity.matrix())
    torch.testing.assert_close((a @ identity).values, a.values)
    torch.testing.assert_close((identity @ a).values, a.values)


def test_composition_is_associative_but_does_not_commute():
    a, b, c = (random_poses(50, seed) for seed in (3, 4, 5))
    torch.testing.assert_close(((a @ b) @ c).matrix(), (a @ (b @ c)).matrix())
    assert ((a @ b).matrix() - (b @ a).matrix()).abs().max() > 1


def test_relative_pose_leads_from_one_to_the_other():
    a, b = random_poses(50, 6), random_poses(50, 7)
    torch.testing.assert_close((a.relative_to(b) @ b).matrix(), a.matrix())


def test_positive_rotation_is_counter_clockwise_on_a_screen_whose_y_points_down():
    quarter = Pose(torch.tensor([math.pi / 2, 0, 0, 0], dtype=torch.float64))
    right = torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64)
    up = torch.tensor([0.0, -1.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(quarter.matrix() @ right, up)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (dict(low=3, high=1), "low 3 is above high 1"),
        (dict(low=0, high=1, logarithmic=True), "must be above 0"),
        (dict(low=-200, high=200, period=360.0), "more than one period"),
        (dict(low=float("nan"), high=1), "must be finite"),
    ],
)
def test_a_factor_refuses_a_range_that_makes_no_sense(arguments, says):
    with pytest.raises(InputError, match=says):
        Factor(
            "rotation", **{key: value if isinstance(value, bool) else float(value) for key, value in arguments.items()}
        )


def test_full_circle():
    assert Factor("rotation", -180.0, 180.0, "deg", 360.0).full_circle
    assert not Factor("rotation", -75.0, 75.0, "deg", 360.0).full_circle


@pytest.mark.parametrize(
    ("labels", "says"),
    [([0, 1], "3 images but labels"), ([0, 1, 2], "only|2 class names"), ([0, -1, 1], "run from -1")],
)
def test_images_refuse_labels_that_do_not_fit(labels, says):
    with pytest.raises(InputError, match=says):
        Images(torch.zeros(3, 1, 4, 4, dtype=torch.uint8), torch.tensor(labels), ("a", "b"))
