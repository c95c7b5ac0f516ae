"""What is trained where the question is what prediction adds: operators, terms and controls."""

import math
from pathlib import Path

import pytest
import torch

from seqjepa.types import Outputs

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import prediction

    return prediction


@pytest.fixture
def parts(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    from networks import predicting

    return predicting


def turning(parts, views=4):
    """Codes that turn with the pose as the planes say, the actions between them, and the operator."""
    planes = parts.Planes(8)
    with torch.no_grad():
        planes.frequencies.copy_(torch.arange(4.0))
    pose = torch.rand(6, views, dtype=torch.float64) * 6
    codes = planes(torch.randn(6, 1, 8, dtype=torch.float64).expand(-1, views, -1), pose)
    between = pose.diff(dim=1)
    actions = torch.stack([between.sin(), between.cos(), *[torch.zeros_like(between)] * 3], -1)
    return planes, codes.detach(), actions


def test_codes_that_turn_with_the_operator_are_predicted_exactly(parts):
    planes, codes, actions = turning(parts)
    told = torch.cat([actions[:, :-1], torch.zeros(6, 1, 5, dtype=torch.float64)], 1)
    z_agg = parts.Moved(planes, 8)(torch.cat([codes[:, :3], told], -1))
    torch.testing.assert_close(z_agg, codes[:, 2])
    torch.testing.assert_close(parts.Onwards(planes)(z_agg, actions[:, -1]), codes[:, 3])
    assert not list(parts.Onwards(planes).parameters())  # they are the aggregator's


def test_what_is_still_does_not_turn_and_learns_to(parts):
    planes = parts.half_still(8)
    z = torch.randn(5, 8, requires_grad=True)
    moved = planes(z, torch.rand(5) * 3 + 0.1)
    assert torch.equal(moved[:, :4], z[:, :4])
    assert not torch.isclose(moved[:, 6:], z[:, 6:]).any()
    (learnt,) = torch.autograd.grad((moved - 1).square().sum(), planes.frequencies)
    assert (learnt[:2] != 0).all()


def test_targets_of_other_images_are_negatives(parts):
    one, loss = torch.eye(4), parts.across_images.function
    elsewhere = one[:, None].expand(-1, 3, -1)  # codes of the observed views are none
    assert loss(Outputs(elsewhere, one, one, one)) < 0.05
    same_image = one[:1].expand(4, -1)
    assert loss(Outputs(elsewhere, same_image, same_image, same_image)).item() == pytest.approx(math.log(4))


def test_a_view_is_predicted_from_the_others_only(parts, monkeypatch):
    planes, codes, actions = turning(parts)
    monkeypatch.setitem(parts.MADE, "operator", planes)
    seen, said = codes[:, :3], codes[:, 3]
    loss = parts.unseen_views.function
    assert loss(Outputs(seen, said, said, said, actions=actions)).item() == pytest.approx(0, abs=1e-12)
    moved = seen.clone()
    moved[:, 0] += 1  # by 1 from its prediction, and by half from those of the two others: (1 + 1/4 + 1/4) / 3
    assert loss(Outputs(moved, said, said, said, actions=actions)).item() == pytest.approx(0.5)
    assert loss(Outputs(seen, said, said, said, actions=-actions)) > 0.01


def test_other_poses_of_an_image_and_other_images_are_negatives(parts):
    one = torch.eye(4)[:2]
    elsewhere = torch.eye(4)[2:, None].expand(-1, 3, -1)
    loss = parts.across_poses.function
    easy = loss(Outputs(elsewhere, one, one, one))
    same_pose = loss(Outputs(one[:, None].expand(-1, 3, -1), one, one, one))
    same_image = loss(Outputs(elsewhere, one, one[:1].expand(2, -1), one[:1].expand(2, -1)))
    assert easy < 0.05 < same_pose
    assert easy < 0.05 < same_image


def test_a_control_predicts_nothing_and_keeps_what_else_is_trained(bench):
    for variant in bench.VARIANTS.values():
        off = bench.control(variant)
        assert variant.predicts
        assert any(variant.predicting.values())
        assert not off.predicting
        kept = ("asked", "changes", "collapse")
        assert [getattr(off, name) for name in kept] == [getattr(variant, name) for name in kept]
        config = bench.configured(off, bench.SIZES["small"], 0, False)
        assert config.objective.prediction.weight == 0 < config.objective.vicreg.weight
        assert not any(getattr(config.objective, name).weight for name in ("pose_anchor", "equivariance"))


def test_the_blind_are_not_told_the_actions(bench):
    assert not bench.configured(bench.BASE, bench.SIZES["small"], 0, True).model.action_conditioning


def test_validation_images_are_neither_trained_on_nor_of_the_test_split(bench, monkeypatch):
    import seqjepa as sj
    from seqjepa.types import Images

    asked = []

    def numbered(source, split):
        asked.append(split)
        values = torch.arange(60_000 if split == "train" else 10_000)
        pixels = torch.stack([values % 256, values // 256], -1).to(torch.uint8)[:, None, :, None]
        return Images(pixels.repeat_interleave(14, 2).repeat_interleave(28, 3), values * 0, ("0",))

    monkeypatch.setattr(sj, "load_images", numbered)
    bench.images_of.cache_clear()
    size = bench.SIZES["small"]
    train, held_out = bench.images_of("validation", size)
    bench.images_of.cache_clear()
    assert asked == ["train"]
    number = [
        set((part.pixels[:, 0, 0, 0].int() + 256 * part.pixels[:, 0, -1, 0].int()).tolist())
        for part in (train, held_out)
    ]
    assert (len(train), len(held_out)) == (size.train, bench.HELD_OUT)
    assert [len(each) for each in number] == [size.train, bench.HELD_OUT]
    assert not number[0] & number[1]


def test_the_page_is_its_rows(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import prediction_page

    page = (BENCHMARKS.parent / "docs" / "results" / "prediction.md").read_text(encoding="utf-8")
    for table in prediction_page.tables():
        assert table in page
    said = " ".join(page.split())
    for name, variant in prediction_page.VARIANTS.items():
        assert f"**{name}**: {variant.predicts}" in said
