"""How much of the machine's arithmetic the encoder gets, beside one large matrix product."""

from __future__ import annotations

from statistics import median

import torch
from torch.utils.flop_counter import FlopCounterMode

from rows.effort import Effort
from rows.row import Row
from rows.stepping import Step, recipe
from rows.timing import interleaved
from seqjepa.training.hardware import has_bf16

SIZE = 2048


def rows(effort: Effort) -> list[Row]:
    step, size = Step(recipe("mnist_affine", effort)), SIZE if effort.batch is None else 128
    with FlopCounterMode(display=False) as counter:
        step.floor()
    dtypes = {"bf16": torch.bfloat16, "float32": torch.float32} if has_bf16("cpu") else {"float32": torch.float32}
    square = {name: torch.randn(size, size).to(dtype) for name, dtype in dtypes.items()}
    products = {name: lambda m=matrix: m @ m for name, matrix in square.items()}
    took = interleaved({"encoder": step.floor, **products}, effort.few)
    work = {"encoder": counter.get_total_flops()} | dict.fromkeys(products, 2 * size**3)
    speed = {name: flops / median(took[name]) / 1e9 for name, flops in work.items()}
    best = next(iter(products))
    return [
        Row(
            "arithmetic of mnist_affine's encoder, forward and backward",
            ", ".join(f"a {name} product of {size}³: {speed[name]:,.0f} GFLOP/s" for name in products),
            f"{speed['encoder']:,.0f} GFLOP/s",
            speed[best] / speed["encoder"],
            values={f"{name}_gflop_per_s": of for name, of in speed.items()},
        )
    ]
