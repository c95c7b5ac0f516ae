import pytest
import torch

from seqjepa.training.config import OptimiserConfig
from seqjepa.training.optimiser import build_optimiser, learning_rate_at


def test_warm_up_then_constant_or_cosine():
    constant = OptimiserConfig(learning_rate=0.1, warmup_epochs=1)
    assert [learning_rate_at(s, 4, 12, constant) for s in (0, 1, 3, 4, 11)] == pytest.approx(
        [0.025, 0.05, 0.1, 0.1, 0.1]
    )
    cosine = OptimiserConfig(learning_rate=0.1, warmup_epochs=1, schedule="cosine")
    assert [learning_rate_at(s, 4, 12, cosine) for s in (3, 4, 8, 12)] == pytest.approx(
        [0.1, 0.1, 0.05, 0.0], abs=1e-12
    )


def test_the_seed_runs_adam_and_adamw():
    model = torch.nn.Linear(2, 2)
    adam = build_optimiser(OptimiserConfig(), model)
    assert type(adam) is torch.optim.Adam
    assert (adam.defaults["lr"], adam.defaults["weight_decay"]) == (1e-3, 0)
    adamw = build_optimiser(OptimiserConfig(name="adamw", weight_decay=0.1), model)
    assert type(adamw) is torch.optim.AdamW
    assert adamw.defaults["weight_decay"] == 0.1


def test_frozen_parameters_are_left_out():
    model = torch.nn.Linear(2, 2)
    model.weight.requires_grad_(False)
    assert [p is model.bias for g in build_optimiser(OptimiserConfig(), model).param_groups for p in g["params"]] == [
        True
    ]
