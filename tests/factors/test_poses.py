import math

import pytest
import torch

from seqjepa.factors import actions, affine_factors, sample_poses
from seqjepa.factors.relative_pose import ACTION_COLUMNS, action_columns, translation_unit
from seqjepa.types import InputError, Pose

FACTORS = affine_factors((-75, 75), (-7, 7), (-7, 5), (0.5, 1.0))


def test_poses_fill_their_ranges_uniformly_in_pose_units():
    values = sample_poses(FACTORS, (20_000,), torch.Generator().manual_seed(0)).values.double()
    low = torch.tensor([-math.radians(75), -7, -7, math.log(0.5)])
    high = torch.tensor([math.radians(75), 7, 5, 0.0])
    position = (values - low) / (high - low)
    assert position.min() >= -1e-6
    assert position.max() <= 1 + 1e-6
    quantiles = position.quantile(torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64), dim=0)
    torch.testing.assert_close(quantiles, torch.tensor([[0.1], [0.5], [0.9]]).double().expand(3, 4), atol=0.015, rtol=0)


def test_a_factor_that_is_off_stays_at_the_identity_and_leaves_the_others_draws_alone():
    some = sample_poses(affine_factors(rotation=(-75, 75)), (100,), torch.Generator().manual_seed(0)).values
    every = sample_poses(FACTORS, (100,), torch.Generator().manual_seed(0)).values
    assert (some[:, 1:] == 0).all()
    torch.testing.assert_close(some[:, 0], every[:, 0])


def test_the_seed_runs_action_by_hand():
    poses = Pose(
        torch.tensor([[[0.1, 1.0, 2.0, -0.2], [0.4, -6.0, 3.0, -0.5], [0.4, -6.0, 3.0, -0.5]]], dtype=torch.float64)
    )
    expected = [[math.sin(0.3), math.cos(0.3), -1.0, 1 / 7, -0.3], [0, 1, 0, 0, 0]]
    torch.testing.assert_close(actions(poses, "difference", 7.0)[0], torch.tensor(expected, dtype=torch.float64))


def test_group_actions_say_what_to_do_to_the_first_view():
    values = sample_poses(FACTORS, (10, 2), torch.Generator().manual_seed(3)).values.double()
    step = actions(Pose(values), "group")[:, 0]
    rebuilt = Pose(torch.stack([torch.atan2(step[:, 0], step[:, 1]), step[:, 2], step[:, 3], step[:, 4]], -1))
    first, second = Pose(values[:, 0]), Pose(values[:, 1])
    torch.testing.assert_close((rebuilt @ first).matrix(), second.matrix())


def test_the_conventions_agree_on_rotation_and_scale_and_differ_on_translation():
    poses = sample_poses(FACTORS, (10, 3), torch.Generator().manual_seed(4))
    difference, group = actions(poses, "difference"), actions(poses, "group")
    torch.testing.assert_close(difference[..., [0, 1, 4]], group[..., [0, 1, 4]])
    assert (difference[..., 2:4] - group[..., 2:4]).abs().max() > 0.5


def test_translation_unit_is_the_larger_bound():
    assert translation_unit(FACTORS) == 7
    assert translation_unit(affine_factors(translate_x=(-2, 3))) == 3
    assert translation_unit(affine_factors(rotation=(-5, 5))) == 1


def test_columns_that_vary():
    assert action_columns(FACTORS) == [0, 1, 2, 3, 4]
    assert action_columns(affine_factors(rotation=(-180, 180))) == [0, 1]
    assert [ACTION_COLUMNS[c] for c in action_columns(affine_factors(scale=(0.5, 1), translate_y=(2, 2)))] == [
        "log_scale"
    ]


@pytest.mark.parametrize(
    ("ranges", "says"),
    [
        (dict(rotation=(10, -10)), "rotation: low 10 is above high -10"),
        (dict(rotation=(-200, 200)), "rotation: .* more than one period"),
        (dict(scale=(0, 1)), "scale: low 0 must be above 0"),
    ],
)
def test_ranges_that_make_no_sense(ranges, says):
    with pytest.raises(InputError, match=says):
        affine_factors(**ranges)


def test_unknown_convention():
    with pytest.raises(Exception, match="difference"):
        actions(Pose.identity(1, 2), "relative")
