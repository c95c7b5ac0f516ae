"""Known actions move a code of poses as they moved the picture."""

import pytest
import torch

from seqjepa.factors import actions, affine_factors, sample_poses
from seqjepa.factors.relative_pose import translation_unit
from seqjepa.model.split.group_action import added, apply_action, pose_code, pose_parts
from seqjepa.rng import generator

ALL = affine_factors(rotation=(-180, 180), translate_x=(-7, 7), translate_y=(-5, 5), scale=(0.5, 1.0))
SOME = affine_factors(translate_y=(-5, 5), rotation=(-30, 30))


@pytest.mark.parametrize("factors", [ALL, SOME])
def test_the_code_of_one_pose_moves_to_that_of_the_next(factors):
    poses = sample_poses(factors, (50, 4), generator(0))
    code, parts = pose_code(poses, factors), pose_parts(factors)
    steps = actions(poses, "difference", translation_unit(factors))
    torch.testing.assert_close(apply_action(code[:, :-1], steps, parts), code[:, 1:])


def test_all_actions_together_lead_to_the_last_pose():
    poses = sample_poses(ALL, (50, 4), generator(1))
    code, parts = pose_code(poses, ALL), pose_parts(ALL)
    steps = added(actions(poses, "difference", translation_unit(ALL)))
    torch.testing.assert_close(
        apply_action(code[:, :-1], steps, parts), code[:, -1:].expand(-1, 3, -1), atol=1e-5, rtol=0
    )


def test_parts_and_units():
    parts = pose_parts(ALL)
    assert parts == {
        "rotation": slice(0, 2),
        "translate_x": slice(2, 3),
        "translate_y": slice(3, 4),
        "scale": slice(4, 5),
    }
    at_bounds = sample_poses(affine_factors((90, 90), (7, 7), (-3.5, -3.5), (0.5, 0.5)), (1,), generator(0))
    expected = torch.tensor([[0.0, 1.0, 1.0, -0.5, -0.6931]])
    torch.testing.assert_close(pose_code(at_bounds, ALL), expected, atol=1e-4, rtol=0)


def test_what_is_no_pose_stays_and_an_action_of_zeros_moves_nothing():
    z = torch.randn(7, 9)
    moved = apply_action(z, torch.randn(7, 5), pose_parts(ALL))
    assert torch.equal(moved[:, 5:], z[:, 5:])
    assert not torch.equal(moved[:, :5], z[:, :5])
    torch.testing.assert_close(apply_action(z, torch.zeros(7, 5), pose_parts(ALL)), z)
