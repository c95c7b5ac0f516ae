"""Terms of split codes: by hand, at their best and at chance, and in the sum."""

import math

import pytest
import torch
import torch.nn.functional as F

from seqjepa.factors import actions, affine_factors, sample_poses
from seqjepa.model.split.group_action import apply_action, pose_code, pose_parts
from seqjepa.objective import TERMS, compute_loss, contrastive_loss, equivariance_loss, pose_anchor_loss
from seqjepa.rng import generator
from seqjepa.types import Outputs

FACTORS = affine_factors(rotation=(-180, 180), scale=(0.5, 1.0))
PARTS = pose_parts(FACTORS) | {"content": slice(3, 8)}


def test_pose_anchor_by_hand():
    z = torch.zeros(2, 1, 8)
    z[0, :, 0] = 1.0
    z[..., 3:] = torch.randn(2, 1, 5)
    z[1, :, 1], z[1, :, 2] = 1.0, 0.5
    torch.testing.assert_close(
        pose_anchor_loss(z, torch.randn(2, 1, 5), PARTS), torch.tensor((0.0 + (1 + 1 + 0.25)) / 2)
    )


def test_pose_anchor_is_where_known_actions_lead_from():
    poses = sample_poses(FACTORS, (20, 4), generator(0))
    poses.values[:, 0] = 0
    z = torch.cat([pose_code(poses, FACTORS), torch.randn(20, 4, 5)], -1)[:, :3]
    assert float(pose_anchor_loss(z, actions(poses), PARTS)) < 1e-10
    z[:, 2, 2] += 0.6
    torch.testing.assert_close(pose_anchor_loss(z, actions(poses), PARTS), torch.tensor(0.6**2 / 3))
    slanted = apply_action(z, torch.tensor([math.sin(0.1), math.cos(0.1), 0.0, 0.0, 0.0]).expand(20, 3, 5), PARTS)
    assert float(equivariance_loss(slanted, actions(poses), PARTS) - equivariance_loss(z, actions(poses), PARTS)) < 1e-6
    assert float(pose_anchor_loss(slanted, actions(poses), PARTS)) > 0.1**2 / 2


def test_equivariance_is_none_for_the_pose_itself_and_by_hand_for_another():
    poses = sample_poses(FACTORS, (20, 4), generator(0))
    z = torch.cat([pose_code(poses, FACTORS), torch.randn(20, 4, 5)], -1)[:, :3]
    steps = actions(poses)
    assert float(equivariance_loss(z, steps, PARTS)) < 1e-10
    off = z.clone()
    off[:, 0, 2] += 0.3  # and only the first pair sees it
    torch.testing.assert_close(equivariance_loss(off, steps, PARTS), torch.tensor(0.3**2 / 2))
    still = z.clone()
    still[:, :, :2] = torch.tensor([1.0, 0.0])
    expected = (2 - 2 * steps[:, :2, 1]).mean()
    torch.testing.assert_close(equivariance_loss(still, steps, PARTS), expected)


def test_contrastive_of_two_views_is_that_of_simclr():
    first, second = torch.randn(2, 16, 6).unbind()
    both = F.normalize(torch.cat([first, second]), dim=-1)
    near = (both @ both.T / 0.3).fill_diagonal_(-torch.inf)
    expected = F.cross_entropy(near, torch.arange(32).roll(16))
    torch.testing.assert_close(contrastive_loss(torch.stack([first, second], 1), 0.3), expected)


def test_contrastive_at_its_best_and_at_chance():
    apart = torch.eye(8).repeat_interleave(3, 0).unflatten(0, (8, 3))
    assert float(contrastive_loss(apart, 0.01)) == pytest.approx(math.log(2), abs=1e-4)  # two positives share
    alike = torch.ones(8, 3, 4)
    assert float(contrastive_loss(alike)) == pytest.approx(math.log(8 * 3 - 1), abs=1e-5)


@pytest.mark.parametrize(("shape", "temperature"), [((4, 1, 3), 0.2), ((1, 2, 3), 0.2), ((4, 2, 3), 0.0)])
def test_contrastive_refuses(shape, temperature):
    with pytest.raises(ValueError, match=r"at least two views|temperature"):
        contrastive_loss(torch.randn(shape), temperature)


def objective(temperature=0.2, **weights):
    weights = {"prediction": 1.0, "contrastive": 0.0} | weights
    terms = [TERMS[name].with_settings(weight=weight) for name, weight in weights.items()]
    return [t.with_settings(temperature=temperature) if t.name == "contrastive" else t for t in terms]


def outputs(**changes):
    random = torch.Generator().manual_seed(0)
    z = torch.randn(12, 2, 8, generator=random)
    rest = dict(z_agg=z[:, 0], prediction=z[:, 0], target=z[:, 1], parts=PARTS, actions=torch.randn(12, 2, 5))
    return Outputs(**({"z": z} | rest | changes))


def test_terms_are_weighted_named_and_left_out_at_0():
    out = outputs()
    terms = compute_loss(out, objective(prediction=0.5, pose_anchor=2.0, equivariance=3.0, contrastive=4.0))
    said = terms.logged
    weighted = 0.5 * said["prediction"] + 2 * said["pose_anchor"] + 3 * said["equivariance"] + 4 * said["contrastive"]
    torch.testing.assert_close(terms.loss, weighted)
    torch.testing.assert_close(said["contrastive"], contrastive_loss(out.z[..., 3:]))
    warmer = compute_loss(out, objective(0.5, contrastive=1.0)).logged["contrastive"]
    torch.testing.assert_close(warmer, contrastive_loss(out.z[..., 3:], 0.5))
    projected = torch.randn(12, 2, 4)
    seen = compute_loss(outputs(projection=projected), objective(contrastive=1.0)).logged["contrastive"]
    torch.testing.assert_close(seen, contrastive_loss(projected))
    assert not {"pose_anchor", "equivariance", "contrastive"} & set(compute_loss(out, objective()).logged)


@pytest.mark.parametrize("name", ["pose_anchor", "equivariance"])
def test_terms_of_the_pose_need_actions(name):
    with pytest.raises(ValueError, match=f"{name}' needs the outputs' actions"):
        compute_loss(outputs(actions=None), objective(**{name: 1.0}))
