import pytest
import torch

import seqjepa as sj
from seqjepa.factors.photometric import KINDS, kornia_scene
from seqjepa.types import InputError

kornia = pytest.importorskip("kornia")

PIXELS = torch.randint(0, 256, (6, 3, 24, 24), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
SMOOTH = torch.nn.functional.avg_pool2d(PIXELS.float(), 5, 1, 2).to(torch.uint8)
IMAGES = sj.Images(SMOOTH, torch.arange(6) % 2, ("a", "b"))
WHO, GREY = torch.arange(6), sj.Images(SMOOTH[:, :1], torch.arange(6) % 2, ("a", "b"))
PLAIN = SMOOTH.float() / 255
RANGES = {
    "elastic": (0.0, 0.1), "perspective_x": (-0.2, 0.2), "crop_x": (-4, 4), "crop_size": (0.5, 1.0),
    "rotation": (-30, 30), "blur": (0.0, 2.0), "brightness": (-0.3, 0.3), "contrast": (0.5, 2.0),
    "saturation": (0.5, 2.0), "hue": (-180, 180),
}  # fmt: skip
NEUTRAL = {"crop_size": 1.0, "contrast": 1.0, "saturation": 1.0, "scale": 1.0}


def at(value):
    return torch.full((6, 1), float(value), dtype=torch.float64)


@pytest.mark.parametrize("name", list(RANGES))
def test_at_rest_a_picture_is_itself_and_at_the_end_it_is_not(name):
    scene = kornia_scene(IMAGES, **{name: RANGES[name]})
    still = scene.render(WHO, at(NEUTRAL.get(name, 0.0)))
    torch.testing.assert_close(still, PLAIN, atol=2e-3, rtol=0)
    assert (scene.render(WHO, at(RANGES[name][0] or RANGES[name][1])) - PLAIN).abs().mean() > 0.003


def test_each_is_kornias_own():
    blurred = kornia_scene(IMAGES, blur=(0, 1.0)).render(WHO, at(1.0))
    torch.testing.assert_close(blurred, kornia.filters.gaussian_blur2d(PLAIN, 7, (1.0, 1.0)))
    hue = kornia_scene(IMAGES, hue=(-180, 180)).render(WHO, at(90.0))
    torch.testing.assert_close(hue, kornia.enhance.adjust_hue(PLAIN, torch.pi / 2).clamp(0, 1))
    dark = kornia_scene(IMAGES, brightness=(-1, 1)).render(WHO, at(-0.25))
    torch.testing.assert_close(dark, kornia.enhance.adjust_brightness(PLAIN, -0.25))


def test_a_crop_shows_a_part_and_the_order_is_stated_not_given():
    crop = kornia_scene(IMAGES, crop_x=(-6, 6), crop_size=(0.5, 1.0))
    seen = crop.render(WHO, torch.tensor([[6.0, 0.5]]).expand(6, 2).double())
    part = torch.nn.functional.interpolate(PLAIN[:, :, 6:18, 12:24], scale_factor=2, mode="bilinear")
    torch.testing.assert_close(seen[:, :, 2:-2, 2:-2], part[:, :, 2:-2, 2:-2], atol=2e-2, rtol=0)
    one, other = (kornia_scene(IMAGES, **dict(order)) for order in (RANGES.items(), reversed(RANGES.items())))
    assert one.factors == other.factors
    assert [f.name for f in one.factors] == [name for name in KINDS if name in RANGES]
    assert [f.name for f in one.factors if not f.group] == ["elastic", "blur"]


def test_a_factor_without_a_group_says_so():
    scene = kornia_scene(sj.load_images("digits", "test"), blur=(0.0, 2.0))
    flat = dict(steps=5, base_poses=1, joint=2, progress=False, preprocess=None)
    sweeps = sj.represent(lambda x: x[:, :, ::4, ::4].flatten(1), scene, identities=20, **flat)
    skip = ["literature", "leakage", "classes", "contents", "actions", "subspaces", "shared", "effects"]
    found = sj.diagnose(sweeps, skip=skip, ideals=False)
    assert "cannot be undone" in found["operator"]["blur"].reason
    assert "cannot be undone" in found["composition"]["blur"].reason


def test_what_cannot_be_is_refused():
    for ranges, says in (
        (dict(hue=(-180, 180)), "hue needs images in colour"),
        (dict(sharpness=(0, 1)), "'sharpness' is not one of elastic"),
        (dict(blur=(-1, 1)), "blur: -1 is below 0"),
    ):
        with pytest.raises(InputError, match=says):
            kornia_scene(GREY, **ranges)
