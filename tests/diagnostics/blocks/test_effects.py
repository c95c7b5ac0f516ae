"""Mixtures of images, shares with content beside them, codes in which nothing moves or differs."""

import pytest
import torch

from seqjepa.diagnostics.blocks.effects import effect_estimates
from seqjepa.diagnostics.context import Context
from seqjepa.diagnostics.measures.movements import heterogeneity
from seqjepa.sweeps import Sweeps
from seqjepa.types import Factor
from tests.ground_truths import contents

I = 64  # noqa: E741
ROTATION, LINE = Factor("rotation", -180, 180, "deg", 360.0), Factor("a", -1, 1)
SHARES = ("content", "factor", "smooth", "residual")


def white(seed):
    random = torch.Generator().manual_seed(seed)
    return lambda who, dim: torch.randn(len(who), dim, generator=random, dtype=torch.float64)


def circle(pose, radius=2.0):
    return radius * torch.cat([pose[:, :1].cos(), pose[:, :1].sin()], 1)


def effects(f, factor=ROTATION, labels=None, identities=I, **more):
    options = {"steps": 25, "base_poses": 1, "joint": 0} | more
    return effect_estimates(Context.of(Sweeps.from_function(f, [factor], identities, labels, **options), 0, ()))


def test_s17_images_that_move_and_images_that_do_not():
    content, noise, moves = contents(I, 8, 0), white(1), torch.arange(I) % 2
    found = effects(
        lambda who, pose: torch.cat([content[who], moves[who, None] * circle(pose)], 1) + 0.1 * noise(who, 10),
        labels=moves,
    )
    mixture = found["heterogeneity"]["rotation"]
    assert mixture.verdict == "some images move, others do not"
    assert mixture.value == pytest.approx(1, abs=0.05)  # half at 0, half at twice the mean
    assert mixture.interval[0] > mixture.null_interval[1]
    assert mixture.details["still"] == pytest.approx(0.5)
    assert mixture.details["by_class"]["0"][0] == pytest.approx(0, abs=0.01)
    assert mixture.details["by_class"]["1"][0] == pytest.approx(2, abs=0.05)
    still, moved = (found["sensitivity"]["rotation"].details["by_class"][label] for label in "01")
    assert still[2] < moved[1]


def test_still_is_who_stands_still_in_both_halves():
    halves = torch.ones(2, 10, dtype=torch.float64)
    halves[0, :4] = halves[1, 3:5] = 0  # one of them in both
    assert heterogeneity(halves).still == pytest.approx(0.1)


def test_one_that_moves_alone_is_the_most_that_images_can_differ():
    alone = torch.zeros(2, 24, dtype=torch.float64)
    alone[:, 3] = 2.0
    assert heterogeneity(alone).value == pytest.approx(24**0.5)


@pytest.mark.parametrize("seed", range(5))
def test_movements_about_zero_do_not_differ_without_bound(seed):
    halves = torch.randn(2, 24, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    found = heterogeneity(halves)
    assert max(found.value, float(found.draws.max()), float(found.null.max())) < 2 * 24**0.5


@pytest.mark.parametrize("poses", [1, 4])
def test_all_alike_within_noise_whatever_the_noise(poses):
    """Also where every image has noise of another size: only what is predicted counts."""
    said = []
    for seed in range(20):
        noise, size = white(seed), contents(I, 1, seed).exp()
        found = effects(
            lambda who, pose, n=noise, s=size: torch.cat([circle(pose)], 1) + 0.5 * s[who] * n(who, 2),
            base_poses=poses,
        )
        said.append(found["heterogeneity"]["rotation"].verdict)
    assert said.count("all alike within noise") >= 18


def test_classes_that_move_as_far_are_told_so_however_far_apart_their_images_are():
    labels = torch.arange(I) % 2
    content = contents(I, 4, 0) * (1 + 4 * labels[:, None])
    found = effects(lambda who, pose: torch.cat([content[who], circle(pose)], 1), labels=labels)
    one, other = (found["sensitivity"]["rotation"].details["by_class"][label][0] for label in "01")
    assert one == pytest.approx(other)


def test_unequal_but_none_still():
    size = 1 + 0.5 * torch.rand(I, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = effects(lambda who, pose: size[who] * circle(pose))["heterogeneity"]["rotation"]
    energy = size.square()
    assert found.verdict == "images move by different amounts"
    assert found.value == pytest.approx(float(energy.std() / energy.mean()), rel=1e-6)


@pytest.mark.parametrize("dim", [4, 64])
def test_content_does_not_shift_the_null_of_an_additive_factor(dim):
    """An exactly additive factor of a tenth of the content's size is more than chance, never less."""
    content = contents(I, dim, 0)
    share = effects(lambda who, pose: torch.cat([content[who], 0.1 * circle(pose)], 1))["variance_shares"]
    assert share["rotation", "factor"].verdict == "above its null"
    assert share["rotation", "factor"].null == pytest.approx(share["rotation", "factor"].value / I, rel=0.2)


def test_shares_of_noise_are_at_their_nulls():
    said = []
    for seed in range(40):
        noise, content = white(seed), contents(I, 6, seed)
        found = effects(lambda who, pose, n=noise, c=content: c[who] + n(who, 6), steps=13)["variance_shares"]
        said += [found["rotation", share].verdict for share in ("factor", "smooth")]
    assert said.count("at its null") >= 0.95 * len(said)


def test_a_permuted_grid_gives_the_null_of_the_factor_share():
    from seqjepa.diagnostics.measures.variance import variance_shares

    noise, content = white(0), contents(I, 3, 0)
    sweep = Sweeps.from_function(
        lambda who, pose: torch.cat([content[who], circle(pose)], 1) + noise(who, 5), [ROTATION], I, steps=13, joint=0
    )
    z, grid = sweep.values["rotation"], sweep.grids["rotation"]
    found = variance_shares(z, grid, 360.0)
    random, drawn = torch.Generator().manual_seed(1), []
    for _ in range(300):
        order = torch.rand(z.shape[:3], generator=random).argsort(-1)
        drawn.append(variance_shares(z.gather(2, order[..., None].expand_as(z)), grid, 360.0).factor.value)
    quantiles = torch.tensor([0.025, 0.5, 0.975], dtype=torch.float64)
    expected = torch.tensor(drawn, dtype=torch.float64).quantile(quantiles)
    torch.testing.assert_close(found.factor_null.quantile(quantiles), expected, rtol=0.06, atol=0)


def test_a_noise_free_additive_code_has_no_smooth_part():
    for seed in range(12):
        content, turn = contents(I, 8, seed), torch.linalg.qr(contents(9, 9, seed + 50)).Q
        found = effects(lambda who, pose, c=content, q=turn: torch.cat([c[who], pose[:, :1]], 1) @ q, LINE)
        assert found["variance_shares"]["a", "smooth"].verdict == "at its null"


def test_what_is_too_fast_for_the_grid_is_not_split():
    """Frequency 5 on 9 values: -0.605 of it was smooth, and 1.115 residual."""
    content = torch.view_as_complex(contents(I, 4, 0).reshape(I, 2, 2))

    def f(who, pose):
        return torch.view_as_real(content[who] * torch.exp(5j * pose[:, :1])).flatten(1)

    found = effects(f, steps=9)["variance_shares"]
    for share in ("smooth", "residual"):
        assert "faster from value to value than a grid of 9 values" in found["rotation", share].reason
    assert found["rotation", "content"].value == pytest.approx(0, abs=1e-9)
    assert found["rotation", "factor"].value < 0.1


def test_an_uneven_grid_splits_a_linear_interaction():
    slope, grid = contents(I, 3, 0), torch.tensor([-1, -0.95, -0.7, -0.2, 0, 0.5, 0.6, 1], dtype=torch.float64)
    z = (slope[:, None] * grid[None, :, None])[:, None]
    context = Context.of(Sweeps.from_arrays({"a": z}, [LINE], {"a": grid}), 0, ())
    found = effect_estimates(context)["variance_shares"]
    assert found["a", "residual"].value == pytest.approx(0, abs=1e-9)
    assert found["a", "smooth"].value > 0.95


@pytest.mark.parametrize("offset", [0.0, 0.1, 1e8])
def test_s16_nothing_moves_or_nothing_differs(offset):
    constant = effects(lambda who, _: torch.full((len(who), 3), offset, dtype=torch.float64))
    for metric in constant.values():
        assert {estimate.value for estimate in metric.values()} == {None}
    free = effects(lambda who, pose: torch.cat([pose[:, :1].cos(), pose[:, :1].sin()], 1) + offset)
    assert free["sensitivity"]["rotation"].reason == "all identities have the same representation"
    assert free["variance_shares"]["rotation", "factor"].value == pytest.approx(1, abs=1e-6)
    content = contents(I, 3, 0)
    invariant = effects(lambda who, _: content[who] + offset)
    assert invariant["sensitivity"]["rotation"].value == pytest.approx(0, abs=1e-12)
    assert invariant["heterogeneity"]["rotation"].reason.startswith("neighbouring grid values predict nothing")


def test_float32_is_exact_to_its_own_digits():
    """Identities that differ by rounding alone do not differ."""
    noise = white(0)

    def f(who, pose):
        return (circle(pose) + 1e-7 * noise(who, 2)).float()

    assert effects(f)["sensitivity"]["rotation"].value is None
