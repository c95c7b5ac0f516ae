"""The optimiser and its learning-rate schedule, a pure function of the step."""

from __future__ import annotations

import math

import torch

from seqjepa.training.config import OptimiserConfig


def build_optimiser(config: OptimiserConfig, model: torch.nn.Module) -> torch.optim.Optimizer:
    """Adam or AdamW over the parameters that take a gradient."""
    kind = torch.optim.Adam if config.name == "adam" else torch.optim.AdamW
    parameters = [p for p in model.parameters() if p.requires_grad]
    return kind(parameters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)


def learning_rate_at(step: int, steps_per_epoch: int, total: int, config: OptimiserConfig) -> float:
    """The learning rate of a step: linear warm-up, then constant or a half cosine to 0.

    Args:
        step: from 0, over the whole run.
        steps_per_epoch: to count the warm-up in.
        total: steps of the run.
        config: peak rate, warm-up and schedule.
    """
    warmup = config.warmup_epochs * steps_per_epoch
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    if config.schedule == "constant":
        return config.learning_rate
    return config.learning_rate * (math.cos(math.pi * (step - warmup) / max(1.0, total - warmup)) + 1) / 2
