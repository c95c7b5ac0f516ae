"""A training step beside its floor, our ResNet-18 beside a plain one, and the step beside the straightforward one."""

from __future__ import annotations

from statistics import median

from rows.effort import Effort
from rows.row import Row, Target
from rows.stepping import Step, recipe
from rows.straightforward import StraightforwardStep
from rows.timing import interleaved, ratio, said

FLOOR = "encoder fwd+bwd and teacher fwd"


def rows(effort: Effort) -> list[Row]:
    large = Step(recipe("mnist_affine", effort))
    fast = Step(recipe("mnist_affine_fast", effort))
    config = recipe("mnist_affine", effort)
    normalise = large.run.normalise
    plain = StraightforwardStep(config, large.run.images, normalise.mean[0], normalise.std[0])
    works = {"floor": large.floor, "plain": large.plain_floor, "step": large.whole}
    took = interleaved(works, effort.few)
    slow = interleaved(
        {"straightforward": plain.whole, "step": large.whole, "fast": fast.whole}, max(1, effort.few // 2)
    )
    steps = f"{config.batch_size} × {config.factors.views} views"
    found = [
        beside_floor(f"step of mnist_affine, ResNet-18, {steps}", took["step"], took["floor"], Target(1.08)),
        beside_floor(
            "its encoder beside a plain PyTorch ResNet-18",
            took["floor"],
            took["plain"],
            Target(1.02),
            "the plain one's " + FLOOR,
        ),
    ]
    for name, target in (("step", Target(4, at_least=True)), ("fast", Target(30, at_least=True))):
        times = ratio(slow["straightforward"], slow[name])
        what = "ResNet-18's step" if name == "step" else "the fast recipe's step"
        base, own = median(slow["straightforward"]), median(slow[name])
        values = {"straightforward_s": base, "step_s": own}
        found.append(
            Row(f"{what}, times faster than straightforward", said(base), said(own), times, target, times, values)
        )
    return [found[0], *small(effort, fast), *found[1:]]


def small(effort: Effort, fast: Step) -> list[Row]:
    """The small residual encoder, and the fast recipe's still smaller one."""
    found = []
    own = {} if effort.width is not None else {"width": 32}
    residual = Step(recipe("mnist_affine", effort, encoder="resnet_small", **own))
    for what, step, target in (
        ("the same with the small encoder (resnet_small, 32)", residual, Target(1.2)),
        ("the same with the fast recipe's convnet (12)", fast, None),
    ):
        took = interleaved({"floor": step.floor, "step": step.whole}, effort.repeats, warm=2)
        found.append(beside_floor(what, took["step"], took["floor"], target))
    return found


def beside_floor(what: str, took: list[float], floor: list[float], target: Target | None, against: str = FLOOR) -> Row:
    """Time over floor."""
    times = ratio(took, floor)
    values = {"measured_s": median(took), "floor_s": median(floor)}
    return Row(what, f"{against}: {said(median(floor))}", said(median(took)), times, target, times, values)
