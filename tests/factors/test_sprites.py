import pytest
import torch

from seqjepa.factors.scenes import check_scene
from seqjepa.factors.sprites import FACTORS, SHAPES, Sprites
from seqjepa.types import Factor, InputError

AT_REST = torch.tensor([[0.0, 0.0, 0.0, 1.0]])


def centre(images):
    """Of brightness, in shares of the side, x to the right and y downwards."""
    side = images.shape[-1]
    at = (torch.arange(side) + 0.5) / side - 0.5
    weight = images[:, 0] / images[:, 0].sum((1, 2), keepdim=True)
    return torch.stack([(weight.sum(1) * at).sum(1), (weight.sum(2) * at).sum(1)], 1)


def test_sprites_move_turn_and_grow_as_the_values_say():
    scene, who = Sprites(30), torch.arange(3)
    check_scene(scene)
    still = scene.render(who, AT_REST.expand(3, 4))
    assert still.shape == (3, 1, 64, 64)
    moved = scene.render(who, torch.tensor([[0.0, 0.125, -0.0625, 1.0]]).expand(3, 4))
    torch.testing.assert_close(moved, still.roll((8, -4), (3, 2)), atol=1e-4, rtol=0)
    turned = scene.render(who, torch.tensor([[90.0, 0.0, 0.0, 1.0]]).expand(3, 4))
    torch.testing.assert_close(turned, still.rot90(1, (2, 3)), atol=1e-3, rtol=0)
    half = scene.render(who, torch.tensor([[0.0, 0.0, 0.0, 0.5]]).expand(3, 4))
    torch.testing.assert_close(half.sum((1, 2, 3)) * 4, still.sum((1, 2, 3)), rtol=0.03, atol=0)
    assert centre(moved - 0).sub(centre(still)).sub(torch.tensor([0.125, -0.0625])).abs().max() < 1e-3


def test_classes_are_shapes_and_identities_differ():
    scene = Sprites(30)
    assert scene.class_names == SHAPES
    assert scene.labels.bincount().tolist() == [10, 10, 10]
    pictures = scene.render(torch.arange(30), AT_REST.expand(30, 4)).flatten(1)
    assert (torch.cdist(pictures, pictures) + torch.eye(30) > 0.5).all()
    other = Sprites(30, seed=1).render(torch.arange(30), AT_REST.expand(30, 4)).flatten(1)
    assert not torch.equal(other, pictures)
    again = Sprites(30).render(torch.arange(30).flip(0), AT_REST.expand(30, 4)).flatten(1).flip(0)
    assert torch.equal(again, pictures)


def test_some_factors_vary_and_others_rest():
    scene = Sprites(6, factors=(FACTORS[3],))
    torch.testing.assert_close(
        scene.render(torch.arange(6), torch.ones(6, 1)), Sprites(6).render(torch.arange(6), AT_REST.expand(6, 4))
    )
    with pytest.raises(InputError, match="'hue' is not one of angle, x, y, size"):
        Sprites(factors=(Factor("hue", 0, 1),))
