"""The warp against computations that share no line with it."""

import math

import pytest
import torch
import torch.nn.functional as F

from seqjepa.factors import affine_factors, sample_poses, warp
from seqjepa.factors.warping import inscribed_circle
from seqjepa.types import Pose


def poses(count, *values):
    return Pose(torch.tensor(values, dtype=torch.float64).expand(count, 1, 4).clone())


@pytest.fixture
def noise():
    return torch.rand(3, 2, 28, 28, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def blob(x, y, size=28, width=2.0):
    axis = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    return torch.exp(-((axis[None, :] - x) ** 2 + (axis[:, None] - y) ** 2) / (2 * width**2))[None, None]


def centroid(image):
    axis_y = torch.arange(image.shape[-2], dtype=torch.float64) - (image.shape[-2] - 1) / 2
    axis_x = torch.arange(image.shape[-1], dtype=torch.float64) - (image.shape[-1] - 1) / 2
    return torch.stack([(image * axis_x).sum(), (image * axis_y[:, None]).sum()]) / image.sum()


@pytest.mark.parametrize("quarters", [1, 2, 3, -1])
def test_quarter_turns_equal_rot90(noise, quarters):
    turned = warp(noise, poses(3, quarters * math.pi / 2, 0, 0, 0))[:, 0]
    torch.testing.assert_close(turned, torch.rot90(noise, quarters, (2, 3)), atol=1e-12, rtol=0)


def test_identity_and_whole_pixel_translations_are_exact(noise):
    torch.testing.assert_close(warp(noise, poses(3, 0, 0, 0, 0))[:, 0], noise, atol=1e-12, rtol=0)
    moved = warp(noise, poses(3, 0, 3, -2, 0))[:, 0]
    torch.testing.assert_close(moved[..., :-2, 3:], noise[..., 2:, :-3], atol=1e-12, rtol=0)
    assert moved[..., -2:, :].max() < 1e-12
    assert moved[..., :3].max() < 1e-12


@pytest.mark.parametrize("taps", [1, 2, 3])
def test_a_blob_lands_where_the_matrix_says(taps):
    random = torch.Generator().manual_seed(1)
    factors = affine_factors((-180, 180), (-4, 4), (-4, 4), (0.6, 1.2))
    pose = Pose(sample_poses(factors, (1, 20), random).values.double())
    source = torch.tensor([2.5, -1.5, 1.0], dtype=torch.float64)
    views = warp(blob(2.5, -1.5, size=48, width=3.0), pose, taps=taps)
    for view, matrix in zip(views[0, :, 0], pose.matrix()[0], strict=True):
        torch.testing.assert_close(centroid(view), (matrix @ source)[:2], atol=0.02, rtol=0)


def test_warp_of_a_composition_is_the_composition_of_warps():
    image = blob(2, 1, size=41, width=4.0)
    a, b = poses(1, 0.4, 2.0, -1.0, 0.1), poses(1, -0.9, -1.5, 2.5, 0.05)
    twice = warp(warp(image, b)[:, 0], a)[:, 0]
    once = warp(image, a @ b)[:, 0]
    assert (twice - once).abs().max() < 0.02  # what a second bilinear resampling blurs
    assert (twice - warp(image, b @ a)[:, 0]).abs().max() > 0.1  # the other order is something else


@pytest.mark.parametrize("taps", [2, 3, 4])
def test_shrinking_averages_all_pixels_underneath(taps):
    image = torch.rand(2, 1, 24, 24, dtype=torch.float64)
    size, shrunk = 24 // taps, warp(image, poses(2, 0, 0, 0, -math.log(taps)), taps=taps)[:, 0]
    start = (24 - size) // 2
    torch.testing.assert_close(shrunk[..., start : start + size, start : start + size], F.avg_pool2d(image, taps))


def test_without_anti_aliasing_a_fine_pattern_survives_shrinking():
    stripes = torch.zeros(1, 1, 28, 28, dtype=torch.float64)
    stripes[..., ::2] = 1
    half = poses(1, 0, 0.25, 0, math.log(0.5))
    assert warp(stripes, half, taps=2)[0, 0, 0, 10:18, 10:18].std() < 1e-9
    assert warp(stripes, half, taps=1)[0, 0, 0, 10:18, 9:19].std() < 0.51


def test_each_image_gets_its_own_poses(noise):
    pose = sample_poses(
        affine_factors((-180, 180), (-3, 3), (-3, 3), (0.5, 1)), (3, 4), torch.Generator().manual_seed(2)
    )
    pose = Pose(pose.values.double())
    together = warp(noise, pose)
    for i in range(3):
        for v in range(4):
            alone = warp(noise[i : i + 1], Pose(pose.values[i : i + 1, v : v + 1]))[0, 0]
            torch.testing.assert_close(together[i, v], alone)


@pytest.mark.parametrize("border", ["zeros", "reflection"])
@pytest.mark.parametrize("taps", [1, 2, 3])
def test_equals_the_plain_way_a_view_and_a_sample_at_a_time(taps, border):
    images = torch.rand(3, 2, 28, 20, generator=torch.Generator().manual_seed(3))
    factors = affine_factors((-180, 180), (-5, 5), (-5, 5), (0.5, 1.3))
    pose = sample_poses(factors, (3, 4), torch.Generator().manual_seed(4))
    together = warp(images, pose, taps=taps, border=border)
    x, y = torch.arange(20) - 9.5, torch.arange(28) - 13.5
    seen = torch.stack([x.expand(28, 20), y[:, None].expand(28, 20), torch.ones(28, 20)], -1)
    for i in range(3):
        for v in range(4):
            read = (seen @ torch.linalg.inv(Pose(pose.values[i, v]).matrix()).T)[..., :2]
            spread = max(0.0, math.exp(-float(pose.values[i, v, 3])) - 1) / max(1, taps - 1)
            total = torch.zeros(2, 28, 20)
            for dx in range(taps):
                for dy in range(taps):
                    moved = read + spread * (torch.tensor([dx, dy]) - (taps - 1) / 2)
                    place = moved / torch.tensor([10.0, 14.0])
                    total += F.grid_sample(images[i : i + 1], place[None], padding_mode=border, align_corners=False)[0]
            torch.testing.assert_close(together[i, v], total / taps**2, atol=1e-5, rtol=0)


def test_uint8_is_scaled_to_one():
    white = torch.full((1, 1, 5, 7), 255, dtype=torch.uint8)
    torch.testing.assert_close(warp(white, Pose.identity(1, 2)), torch.ones(1, 2, 1, 5, 7))


def test_reflection_has_no_black_border_and_zeros_has():
    white = torch.ones(1, 1, 28, 28)
    far = Pose(torch.tensor([[[0.5, 9.0, 0.0, 0.0]]]))
    assert warp(white, far, border="reflection").min() > 0.999
    assert warp(white, far, border="zeros").min() == 0


def test_circular_mask_blanks_the_corners_only():
    view = warp(torch.ones(1, 1, 28, 28), Pose.identity(1, 1), circular_mask=True)[0, 0, 0]
    assert view[0, 0] == 0
    assert view[14, 14] == 1
    assert view[14, 1] == 1
    assert abs(float(inscribed_circle(28, 28).sum()) - math.pi * 14**2) < 8


@pytest.mark.parametrize(
    ("arguments", "says"), [(dict(taps=0), "taps"), (dict(border="wrap"), "'zeros', 'reflection'")]
)
def test_unknown_options_are_refused(arguments, says):
    with pytest.raises(Exception, match=says):
        warp(torch.ones(1, 1, 4, 4), Pose.identity(1, 1), **arguments)
