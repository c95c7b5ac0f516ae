import math

import pytest
import torch

from seqjepa.diagnostics.measures.movements import level_movement, movement
from seqjepa.types import NotIdentifiable

GRID = torch.linspace(0, 2 * math.pi, 25, dtype=torch.float64)[:-1]


def circles(planes):
    """Of each identity a circle in one of several planes that have nothing in common."""
    codes = torch.zeros(len(planes), 2, len(GRID), 2 * (max(planes) + 1), dtype=torch.float64)
    for who, plane in enumerate(planes):
        codes[who, ..., 2 * plane : 2 * plane + 2] = torch.stack([GRID.cos(), GRID.sin()], -1)
    return codes


@pytest.mark.parametrize(("planes", "pairs"), [([0, 1, 2, 3], 0), ([0, 0, 0, 0], 1), ([0, 0, 1, 1], 1 / 3)])
def test_alike_is_the_share_of_pairs_of_two_identities_that_move_alike(planes, pairs):
    assert movement(circles(planes), GRID, 2 * math.pi).alike == pytest.approx(pairs, abs=1e-9)


def test_half_a_grid_that_is_too_coarse_makes_no_mixture_of_images_that_move_as_far():
    """At six of twelve values a circle that comes around twice is predicted the wrong way: it would stand still."""
    angle, often = torch.arange(12).double() * math.pi / 6, torch.arange(20) % 2 + 1
    turned = often[:, None].double() * angle
    sweep = torch.stack([turned.cos(), turned.sin()], -1)[:, None]
    with pytest.raises(NotIdentifiable, match="every second grid value is too coarse"):
        movement(sweep, angle, 2 * math.pi)
    found = movement(sweep.expand(-1, 2, -1, -1), angle, 2 * math.pi)  # halves of base poses hold all values
    assert float((found.halves / found.energy).min()) == pytest.approx(1)


def test_levels_are_told_from_noise_by_other_base_poses():
    random = torch.Generator().manual_seed(0)
    still = torch.arange(40) % 2 == 0
    levels = torch.randn(40, 1, 3, 6, generator=random, dtype=torch.float64)
    levels = levels - levels.mean(2, keepdim=True)
    levels[still] = 0
    noise = torch.randn(40, 60, 3, 6, generator=random, dtype=torch.float64)
    found = level_movement(levels + noise)
    assert float(found.energy[still].abs().max()) < 0.3
    energy = levels.square().sum((1, 2, 3)) / 3
    torch.testing.assert_close(found.energy, energy, atol=0.9, rtol=0)
    assert float((found.energy - energy).mean()) == pytest.approx(0, abs=0.1)
    same = level_movement((levels[1:2] + noise * 0).expand(40, -1, -1, -1))
    assert same.alike == pytest.approx(1)
    with pytest.raises(NotIdentifiable, match="40 identities and 3 base poses; 2 and 4"):
        level_movement(noise[:, :3])
    with pytest.raises(NotIdentifiable, match="levels around other base poses predict nothing"):
        level_movement(noise[:, :6])
