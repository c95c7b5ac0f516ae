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
    took = interleaved({"floor": large.floor, "plain": large.plain_floor, "step": large.whole}, effort.repeats)
    config = large.config
    what = f"step of mnist_affine, ResNet-18, {config.batch_size} × {config.factors.views} views"
    against = f"the plain one's {FLOOR}"
    found = [
        beside_floor(what, took["step"], took["floor"], Target(1.08)),
        beside_floor("its encoder beside a plain ResNet-18", took["floor"], took["plain"], Target(1.02), against),
    ]
    return [*found, *other_encoders(effort), *faster_than_straightforward(effort, large)]


def other_encoders(effort: Effort) -> list[Row]:
    """The small encoder as the recipe widens it, and narrower ones, where everything but the encoder weighs more."""
    cases = [
        (
            "the same with --model.encoder resnet_small",
            recipe("mnist_affine", effort, encoder="resnet_small"),
            Target(1.2),
        ),
        (
            "… and --model.width 32",
            recipe("mnist_affine", effort, encoder="resnet_small", width=effort.width or 32),
            None,
        ),
        ("step of mnist_affine_fast, convnet", recipe("mnist_affine_fast", effort), None),
        ("step of mnist_affine_split, 256 × 3 views", recipe("mnist_affine_split", effort), None),
    ]
    found = []
    for what, config, target in cases:
        step = Step(config)
        took = interleaved({"floor": step.floor, "step": step.whole}, effort.repeats, warm=2)
        found.append(beside_floor(what, took["step"], took["floor"], target))
    return found


def faster_than_straightforward(effort: Effort, large: Step) -> list[Row]:
    normalise, fast = large.run.normalise, Step(recipe("mnist_affine_fast", effort))
    plain = StraightforwardStep(large.config, large.run.images, normalise.mean[0], normalise.std[0])
    works = {"plain": plain.whole, "step": large.whole, "fast": fast.whole}
    took = interleaved(works, max(1, effort.few // 2))
    found = []
    for name, what, limit in (("step", "mnist_affine", 4), ("fast", "mnist_affine_fast", 30)):
        times, target = ratio(took["plain"], took[name]), Target(limit, at_least=True)
        base, own = median(took["plain"]), median(took[name])
        values = {"straightforward_s": base, "step_s": own}
        what = f"step of {what}, times faster than straightforward"
        found.append(Row(what, f"straightforward: {said(base)}", said(own), times, target, times, values))
    return found


def beside_floor(what: str, took: list[float], floor: list[float], target: Target | None, against: str = FLOOR) -> Row:
    """Time over floor."""
    times = ratio(took, floor)
    values = {"measured_s": median(took), "floor_s": median(floor)}
    return Row(what, f"{against}: {said(median(floor))}", said(median(took)), times, target, times, values)
