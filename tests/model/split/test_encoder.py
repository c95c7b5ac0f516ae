"""The split encoder: C4-equivariance, canonicalization and its steps, and the aggregate by group action."""

import math

import pytest
import torch

from seqjepa.factors import actions, affine_factors, sample_poses, warp
from seqjepa.factors.relative_pose import translation_unit
from seqjepa.model import AggregatorSpec, SeqJEPA, SplitEncoder, StopGradient, build_aggregation
from seqjepa.model.split.augmentation import jitter
from seqjepa.model.split.c4 import PoseNet
from seqjepa.model.split.group_action import pose_code
from seqjepa.model.split.strided import PlainPoseNet
from seqjepa.rng import generator
from seqjepa.types import InputError, Pose

ALL = affine_factors(rotation=(-180, 180), translate_x=(-7, 7), translate_y=(-7, 7), scale=(0.5, 1.0))


def split(factors=ALL, **changes):
    torch.manual_seed(0)
    small = dict(content_dim=6, width=4, pose_width=2)
    return SplitEncoder(1, (28, 28), factors, [-0.4], **(small | changes))


@pytest.mark.parametrize("size", [8, 28, 32])
def test_the_estimated_pose_turns_with_the_view(size):
    torch.manual_seed(0)
    net, x = PoseNet(3, size, 3, vectors=2, scalars=1).eval(), torch.randn(5, 3, size, size)
    with torch.no_grad():
        (vectors, scalars), (turned, still) = net(x), net(torch.rot90(x, 1, (-2, -1)))
    assert vectors.abs().max() > 1e-3
    torch.testing.assert_close(turned, torch.stack([-vectors[..., 1], vectors[..., 0]], -1), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(still, scalars, atol=1e-5, rtol=1e-4)


def test_a_view_turned_by_90_degrees_has_the_pose_turned_by_90_degrees():
    """In the package's own coordinates: a turn after the pose is the group's product."""
    net, x = split().eval(), torch.randn(4, 1, 28, 28)
    quarter, turned = Pose(torch.tensor([[torch.pi / 2, 0.0, 0.0, 0.0]])), torch.rot90(x, 1, (-2, -1))
    with torch.no_grad():
        off = net._turned(turned).rotation - (quarter @ net._turned(x)).rotation
        expected, found = (quarter @ net._placed(x)).values[:, 1:], net._placed(turned).values[:, 1:]
    torch.testing.assert_close(off.cos(), torch.ones(4))
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)


def blob():
    picture = torch.zeros(1, 1, 28, 28)
    picture[:, :, 9:20, 12:16] = 1.0
    picture[:, :, 9:12, 12:19] = 1.0
    return picture


def test_canonicalization_undoes_the_pose_and_keeps_the_background():
    net, poses = split(), sample_poses(ALL, (1, 6), generator(0))
    views = warp(blob(), poses, taps=2)[0] - 0.4
    back = net.canonicalize(views, Pose(poses.values[0]))
    assert (back - (blob() - 0.4)).abs().mean() < 0.03
    assert (views - (blob() - 0.4)).abs().mean() > 0.06
    torch.testing.assert_close(back[:, :, 0, 0], torch.full((6, 1), -0.4))


def test_the_code_is_laid_out_in_parts():
    net = split()
    assert list(net.parts) == ["rotation", "translate_x", "translate_y", "scale", "content"]
    z = net(torch.randn(5, 1, 28, 28))
    assert z.shape == (5, 5 + 6)
    for part in ("rotation", "content"):
        torch.testing.assert_close(z[:, net.parts[part]].norm(dim=1), torch.ones(5))
    only = split(affine_factors(rotation=(-180, 180)))
    assert only(torch.randn(5, 1, 28, 28)).shape == (5, 2 + 6)
    assert (only.read(torch.randn(5, 1, 28, 28))[0].values[:, 1:] == 0).all()


class Oracle(torch.nn.Module):
    """Reads the pose of a known picture, but only so well: a rotation comes out short by a tenth."""

    def forward(self, x):
        places = torch.arange(360).deg2rad()
        candidates = warp(blob(), Pose(torch.stack([places, *[torch.zeros(360)] * 3], 1)[None]))[0] - 0.4
        best = ((candidates[None] - x[:, None]) ** 2).sum((2, 3, 4)).argmin(1)
        turn = 0.9 * ((places[best] + torch.pi) % (2 * torch.pi) - torch.pi)
        return torch.stack([turn.cos(), turn.sin()], 1)[:, None], torch.zeros(len(x), 0)


def test_canonicalization_steps_take_away_errors_that_depend_on_the_pose():
    factors = affine_factors(rotation=(-180, 180))
    angles = torch.tensor([-100.0, -30.0, 20.0, 90.0]).deg2rad()
    views = warp(blob(), Pose(torch.stack([angles, *[torch.zeros(4)] * 3], 1)[None]))[0] - 0.4
    errors = []
    for count in (0, 1, 2):
        net = split(factors, canonicalization_steps=count, test_time_views=1).eval()
        net.turn = Oracle()
        found = net(views)[:, :2].detach()
        errors.append(float((torch.atan2(found[:, 1], found[:, 0]) - angles).abs().max().rad2deg()))
    assert errors[0] > 9
    assert max(errors[1:]) < 3  # the oracle knows whole degrees of a picture that was warped twice


def test_translation_and_scale_are_estimated_before_rotation_and_each_network_learns_its_own():
    net, x = split(), torch.randn(6, 1, 28, 28)
    for columns, learnt, other in ((slice(0, 2), net.turn, net.place), (slice(2, 5), net.place, net.turn)):
        net.zero_grad()
        net(x)[:, columns].sum().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in learnt.parameters())
        assert all(p.grad is None or not p.grad.any() for p in other.parameters())
    assert split(affine_factors(rotation=(-180, 180))).place is None
    assert split(affine_factors(scale=(0.5, 1.0))).turn is None


def test_jitter_is_of_training_only_and_moves_by_its_strength():
    x = blob()
    assert torch.equal(jitter(x, 0.0).round(decimals=4), x)
    torch.manual_seed(0)
    weak, strong = ((jitter(x.expand(64, -1, -1, -1), s) - x).abs().mean() for s in (0.2, 1.0))
    assert 0 < weak < strong / 2
    kept = jitter(x - 0.4, 1.0, "zeros", torch.full((1, 1, 1), -0.4))
    torch.testing.assert_close(kept[:, :, 0, 0], torch.tensor([[-0.4]]))
    net = split()
    net.train()
    view = torch.randn(8, 1, 28, 28)
    assert not torch.equal(net(view)[:, -6:], net(view)[:, -6:])
    net.eval()
    assert torch.equal(net(view), net(view))


def test_plain_pose_networks_have_the_same_outputs():
    net = PlainPoseNet(3, 8, 6, vectors=2, scalars=1)
    vectors, scalars = net(torch.randn(5, 3, 8, 8))
    assert (vectors.shape, scalars.shape) == ((5, 2, 2), (5, 1))
    plain = split(pose_net="plain")
    assert isinstance(plain.turn, PlainPoseNet)
    assert plain(torch.randn(5, 1, 28, 28)).shape == (5, 5 + 6)


class Overshooting(Oracle):
    """Reads the pose of a known picture, but 6° too far from upright to either side."""

    def forward(self, x):
        vectors, nothing = super().forward(x)
        turn = torch.atan2(vectors[..., 1], vectors[..., 0]) / 0.9
        turn = turn + turn.sign() * math.radians(6)
        return torch.stack([turn.cos(), turn.sin()], -1), nothing


def test_test_time_views_are_averaged():
    angles = torch.tensor([-100.0, -30.0, 20.0, 90.0]).deg2rad()
    views = warp(blob(), Pose(torch.stack([angles, *[torch.zeros(4)] * 3], 1)[None]))[0] - 0.4
    net = split(affine_factors(rotation=(-180, 180)), canonicalization_steps=0, test_time_views=5).eval()
    net.turn = Overshooting()
    with torch.no_grad():
        first, straight = net.read(views)
        pose, content = net._read_turned(views, first, straight)
        turns = [Pose(torch.tensor([math.radians(12 * i), 0.0, 0.0, 0.0])) for i in range(-2, 3)]
        seen = [net._content(net.canonicalize(views, first, turn)) for turn in turns]
        torch.testing.assert_close(content, torch.nn.functional.normalize(torch.stack(seen).mean(0), dim=-1))
        torch.testing.assert_close(net(views)[:, 2:], content)
        off = [(p.rotation - angles).abs().max().rad2deg() for p in (first, pose)]
        assert off[0] > 5
        assert off[1] < 3
        net.test_time_views = 1
        torch.testing.assert_close(net(views)[:, 2:], net._content(straight))


def test_shifts_and_scale_are_averaged_in_the_frame_of_the_straight_view():
    """A network that says a shift in the frame of the view it sees: turned views say turned shifts."""

    class Shifted(torch.nn.Module):
        def forward(self, x):
            middle = torch.linspace(-1, 1, 28)
            weight = (x[:, 0] + 0.4).clamp(min=0)
            total = weight.sum((1, 2))
            right, down = (weight.sum(1) @ middle / total, weight.sum(2) @ middle / total)
            return torch.stack([right, -down], 1)[:, None] * 13.5 / 7, torch.zeros(len(x), 1)

    factors = affine_factors(translate_x=(-7, 7), translate_y=(-7, 7), scale=(0.5, 1.0))
    net = split(factors, canonicalization_steps=0, test_time_views=5).eval()
    net.place = Shifted()
    poses = Pose(torch.tensor([[0.0, 3.0, -2.0, 0.0], [0.0, -4.0, 1.0, 0.0]]))
    with torch.no_grad():
        code = net(warp(blob(), Pose(poses.values[None]))[0] - 0.4)
    moved = (code[0, :2] - code[1, :2]) * net.unit
    torch.testing.assert_close(moved, torch.tensor([7.0, -3.0]), atol=0.15, rtol=0)


def test_what_lies_out_of_range_does_not_add_up():
    class Large(torch.nn.Module):
        """Every picture that canonicalization may not make smaller looks too large by the same factor."""

        def forward(self, x):
            return torch.zeros(len(x), 1, 2), torch.full((len(x), 1), 0.2)

    for canonicalization_steps in (0, 3):
        net = split(
            affine_factors(scale=(0.5, 1.0)), canonicalization_steps=canonicalization_steps, test_time_views=1
        ).eval()
        net.place = Large()
        torch.testing.assert_close(net.read(blob())[0].values[0, 3], torch.tensor(0.2))


def test_without_canonicalization_the_content_is_of_the_view_as_it_is():
    net, x = split(canonicalize=False).eval(), torch.randn(4, 1, 28, 28)
    with torch.no_grad():
        torch.testing.assert_close(net(x)[:, 5:], net._content(x))
        assert torch.equal(net.read(x)[1], x)
        assert net.read(x)[0].values.abs().max() > 1e-3


def group_model(encoder, code_dim, **options):
    aggregation = build_aggregation("group_action", AggregatorSpec(code_dim, 5, encoder.parts))
    return SeqJEPA(encoder, code_dim, aggregation, StopGradient(), **options)


def test_contents_are_projected_for_the_contrastive_term_alone():
    net = split()
    model = group_model(net, 11, projection_dim=3)
    views, moves = torch.randn(2, 3, 1, 28, 28), torch.zeros(2, 2, 5)
    moves[..., 1] = 1.0
    out = model(views, moves)
    assert out.z.shape == (2, 2, 11)
    assert out.projection.shape == (2, 2, 3)
    torch.testing.assert_close(out.projection, out.z[..., 5:] @ model.project.weight.T)
    assert group_model(net, 11)(views, moves).projection is None


def test_views_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match=r"multiple of 4 pixels, not 30 × 30"):
        SplitEncoder(1, (30, 30), ALL, [0.0])


class Perfect(torch.nn.Module):
    """Codes that are given as views: (B, 1, 1, D)."""

    def __init__(self, parts):
        super().__init__()
        self.parts = parts

    def forward(self, x):
        return x.flatten(1)


def test_with_perfect_codes_the_group_action_predicts_the_target_and_averages_the_rest():
    poses = sample_poses(ALL, (10, 4), generator(0))
    content = torch.nn.functional.normalize(torch.randn(10, 1, 6), dim=-1).expand(-1, 4, -1)
    codes = torch.cat([pose_code(poses, ALL), content], -1)
    parts = split().parts
    model = group_model(Perfect(parts), codes.shape[-1])
    out = model(codes[:, :, None, None], actions(poses, "difference", translation_unit(ALL)))
    torch.testing.assert_close(out.z_agg, codes[:, 2], atol=1e-5, rtol=0)
    torch.testing.assert_close(out.prediction, out.target, atol=1e-5, rtol=0)
    assert dict(out.parts) == parts
    assert not list(model.aggregator.parameters()) + list(model.predictor.parameters())


def test_noise_in_the_codes_is_averaged_over_the_views():
    poses = sample_poses(ALL, (500, 4), generator(0))
    true = torch.cat([pose_code(poses, ALL), torch.eye(6)[torch.zeros(500, 4).long()]], -1)
    noisy = true + 0.1 * torch.randn(true.shape, generator=generator(1))
    model = group_model(Perfect(split().parts), true.shape[-1])
    out = model(noisy[:, :, None, None], actions(poses, "difference", translation_unit(ALL)))
    apart = [((code - true[:, 2])[:, 2:5] ** 2).mean() for code in (noisy[:, 2], out.z_agg)]
    assert float(apart[0] / apart[1]) == pytest.approx(3, rel=0.15)
