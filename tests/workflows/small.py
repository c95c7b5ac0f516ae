"""A network and a design that are small enough for a test of a whole workflow."""

import torch
from torch import nn

TURNS = {"translate_x": (0, 0), "translate_y": (0, 0), "scale": (1, 1)}


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 5, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(108, 7))
