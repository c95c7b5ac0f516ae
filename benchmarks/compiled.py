"""What other ways to run a step give: ``python benchmarks/compiled.py``. Medians of interleaved rounds.

ResNet-18's pass (forward and backward of the encoder, forward of the teacher) as it is, compiled, in bf16 throughout,
contiguous; a step with ``resnet_small`` as it is, with the aggregator compiled, without dropout, and its parts.
"""

import copy
import time
from statistics import median

import torch
from rows.effort import FULL
from rows.stepping import Step, recipe
from rows.timing import interleaved, said, seconds_of


def main() -> None:
    show("ResNet-18, a pass", passes(), 3)
    show("resnet_small, a step and its parts", small(), 9)


def passes() -> dict:
    step = Step(recipe("mnist_affine", FULL))
    encoder, teacher = step.run.model.encoder, step.run.model.teacher.encoder
    compiled = torch.compile(encoder), torch.compile(teacher)
    bf16 = [copy.deepcopy(module).bfloat16() for module in (encoder, teacher)]
    views = step.observed, step.target
    plain = [of.contiguous() for of in views]

    def run(encoder, teacher, observed, target, autocast=True) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            code = encoder(observed)
            with torch.no_grad():
                teacher(target)
        code.float().square().mean().backward()
        encoder.zero_grad()

    print(f"compiling: {said(seconds_of(lambda: run(*compiled, *views)))}")
    return {
        "as it is": lambda: run(encoder, teacher, *views),
        "compiled": lambda: run(*compiled, *views),
        "bf16 weights": lambda: run(*bf16, *(of.bfloat16() for of in views), autocast=False),
        "contiguous": lambda: run(encoder, teacher, *plain),
    }


def small() -> dict:
    step, compiled, without = (
        Step(recipe("mnist_affine", FULL, encoder="resnet_small", **more)) for more in ({}, {}, {"dropout": 0.0})
    )
    model = step.run.model
    compiled.run.model.aggregator = torch.compile(compiled.run.model.aggregator)
    began = time.perf_counter()
    compiled.whole()
    print(f"compiling: {said(time.perf_counter() - began)}")

    def aggregated() -> None:
        with step.run.fabric.autocast():
            embedded = model.embed_action(step.batch.actions)
            z_agg = model.aggregate(step.outputs.z.detach().requires_grad_(), embedded[:, :-1])
            prediction = model.predictor(z_agg, embedded[:, -1])
        prediction.float().square().mean().backward()

    return {
        "floor": step.floor,
        "whole": step.whole,
        "aggregator compiled": compiled.whole,
        "without dropout": without.whole,
        "aggregator and predictor": aggregated,
        "online probes": step.online_probes,
        "views": step.make_batch,
        "optimiser": step.optimiser.step,
    }


def show(title: str, works: dict, repeats: int) -> None:
    print(title)
    for name, times in interleaved(works, repeats, warm=2).items():
        print(f"  {name}: {said(median(times))}")


if __name__ == "__main__":
    main()
