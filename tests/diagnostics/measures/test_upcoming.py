import math

import pytest
import torch

from seqjepa.diagnostics.measures.upcoming import placed_next, prediction_errors

ANGLES = torch.tensor([0.0, 90.0, 180.0, 60.0]) / 180 * math.pi
VIEWS = torch.stack([ANGLES.cos(), ANGLES.sin()], 1).double()[None]  # of one identity


def test_the_error_by_hand_around_the_end():
    """After the view at 60° comes the one at 0°; the others are at 90° and 180°, and the last is none of them."""
    error, other = prediction_errors(VIEWS[:, :1], VIEWS, torch.tensor([3]))
    assert error.value == pytest.approx(0)
    assert other == pytest.approx((1 + 2) / 2)


def test_errors_of_several_sequences_are_averaged():
    """Predictions at 0°: the next views are at 90° and at 60°."""
    error, other = prediction_errors(VIEWS[:, [0, 0]], VIEWS, torch.tensor([0, 2]))
    assert error.value == pytest.approx((1 + 0.5) / 2)
    assert other == pytest.approx((2 + 0.5 + 0 + 1) / 4)


def test_the_next_view_is_placed_among_all_but_the_last():
    """A prediction at 0°: next is the view at 90°; that at 60° is nearer, and the last, at 0°, is no candidate."""
    found = placed_next(VIEWS[:, :1], VIEWS, torch.tensor([0]))
    assert (found.nearer.item(), found.equal.item()) == (1, 0)
