import math

import pytest
import torch

from seqjepa.diagnostics.measures.movements import movement

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
