"""Factories as a user might write them."""

from torch import nn


def make(channels, width):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * 28 * 28, width))


ready = nn.Sequential(nn.Flatten(), nn.Linear(784, 4))


def feature_map(channels, width):
    return nn.Conv2d(channels, width, 3)


def not_a_module(channels, width):
    return width


class Mean(nn.Module):
    """An aggregator."""

    def __init__(self, spec):
        super().__init__()
        self.layer = nn.Linear(spec.code_dim + spec.action_embedding, 6)

    def forward(self, tokens):
        return self.layer(tokens.mean(1))


def mean(spec):
    return Mean(spec)
