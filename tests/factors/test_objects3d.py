import colorsys
import math

import pytest
import torch

from seqjepa.factors.meshes import FAMILIES
from seqjepa.factors.objects3d import FACTORS, GROUND, Objects3D
from seqjepa.factors.scenes import check_scene
from seqjepa.types import Factor, InputError
from seqjepa.types.rotations import turn

pytest.importorskip("pybullet")

REST = torch.tensor([[1.0, 0, 0, 0, 0, 0, 0.3, 0.4, 0.866, 0]], dtype=torch.float64)
COUNT = len(FAMILIES)


def seen(images):
    return (images - GROUND).abs().amax(1) > 0.02


def test_objects_move_and_take_their_hue():
    scene, who = Objects3D(COUNT), torch.arange(COUNT)
    check_scene(scene)
    still = scene.render(who, REST.expand(COUNT, -1))
    assert still.shape == (COUNT, 3, 64, 64)
    assert 0.02 < float(seen(still).float().mean()) < 0.6
    assert not seen(still)[:, [0, -1]].any()
    assert not seen(still)[:, :, [0, -1]].any()
    moved = REST.clone()
    moved[:, 4:6] = torch.tensor([0.2, 0.1])
    at = torch.arange(64.0)
    shift = []
    for images in (still, scene.render(who, moved.expand(COUNT, -1))):
        mask = seen(images).float()
        mask = mask / mask.sum((1, 2), keepdim=True)
        shift.append(torch.stack([(mask.sum(1) * at).sum(1), (mask.sum(2) * at).sum(1)], 1))
    pixels = 32 / (3.2 * math.tan(math.radians(15)))  # of a unit at the object's distance
    torch.testing.assert_close((shift[1] - shift[0]).mean(0), torch.tensor([0.2, -0.1]) * pixels, atol=0.5, rtol=0.05)
    for hue in (0.0, 120.0, 240.0):
        coloured = REST.clone()
        coloured[:, -1] = hue
        image = scene.render(who[:1], coloured)[0]
        found = image[:, seen(image[None])[0]].mean(1)
        assert int(found.argmax()) == int(torch.tensor(colorsys.hsv_to_rgb(hue / 360, 0.7, 0.9)).argmax())


def test_a_turn_about_the_line_of_sight_turns_the_picture_and_light_falls_from_where_it_is():
    scene, who = Objects3D(COUNT, factors=(FACTORS[0], FACTORS[2])), torch.arange(COUNT)
    front = torch.tensor([0.0, 0, 1], dtype=torch.float64)
    quarter = turn(front, torch.tensor(math.pi / 2, dtype=torch.float64))
    still = scene.render(who, torch.cat([REST[0, :4], front]).expand(COUNT, -1))
    turned = scene.render(who, torch.cat([quarter, front]).expand(COUNT, -1))
    both = seen(turned) & seen(still.rot90(1, (2, 3)))
    either = seen(turned) | seen(still.rot90(1, (2, 3)))
    assert float(both.sum() / either.sum()) > 0.9
    sides = []
    for x in (-1.0, 1.0):
        light = torch.tensor([x, 0, 0.3], dtype=torch.float64) / math.hypot(1, 0.3)
        image = scene.render(who[2:3], torch.cat([REST[0, :4], light])[None])[0].mean(0)  # an ellipsoid
        mask = seen(image[None, None])[0]
        columns = mask.any(0).nonzero()[:, 0]
        middle = int(columns.float().mean())
        left, right = (image[:, part][mask[:, part]].mean() for part in (slice(0, middle), slice(middle, 64)))
        sides.append(float(right - left))
    assert sides[0] < 0 < sides[1]


def test_q_and_minus_q_are_one_picture():
    scene, who = Objects3D(COUNT, factors=(FACTORS[0],)), torch.arange(COUNT)
    q = FACTORS[0].drawn(torch.rand(COUNT, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    assert torch.equal(scene.render(who, q), scene.render(who, -q))


def test_no_turn_leaves_an_object_as_it_was():
    scene = Objects3D(COUNT, factors=(FACTORS[0],))
    axes = torch.eye(3, dtype=torch.float64)
    turns = [turn(axis, torch.tensor(angle, dtype=torch.float64)) for axis in axes for angle in (math.pi / 2, math.pi)]
    values = torch.stack([REST[0, :4], *turns])
    for who in range(COUNT):
        images = scene.render(torch.full((len(values),), who), values)
        for image in images[1:]:
            there = seen(image[None]) | seen(images[:1])
            assert float((image - images[0]).abs().mean(0)[there[0]].mean()) > 0.02, tuple(FAMILIES)[who]


def test_what_there_is_not_is_refused():
    with pytest.raises(InputError, match="'size' is not one of orientation, position, light, hue"):
        Objects3D(factors=(Factor("size", 0, 1),))
    with pytest.raises(InputError, match="from 8 to 512"):
        Objects3D(side=4)
