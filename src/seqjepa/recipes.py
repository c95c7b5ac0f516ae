"""Named configurations. A recipe is a function that returns a full ``Config``; a variant is four lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from seqjepa.training.config import Config, FactorsConfig

RECIPES: dict[str, Callable[[], Config]] = {}


def recipe(make: Callable[[], Config]) -> Callable[[], Config]:
    """Enter a recipe under its function's name, which becomes the configuration's."""
    RECIPES[make.__name__] = lambda: make().model_copy(update={"name": make.__name__})
    RECIPES[make.__name__].__doc__ = make.__doc__
    return RECIPES[make.__name__]


def change(section: Any, **changes: Any) -> Any:
    """A copy with some fields changed: ``change(config, model={"teacher": "stop_gradient"})``. Validated."""
    values = section.model_dump()
    for name, value in changes.items():
        inner = getattr(section, name)
        values[name] = change(inner, **value).model_dump() if isinstance(inner, BaseModel) and isinstance(value, dict) else value
    return type(section).model_validate(values)


@recipe
def mnist_affine() -> Config:
    """The seed run: rotation, translation and scale on MNIST, ResNet-18, EMA teacher, coding rate of z_agg."""
    return Config(
        factors=FactorsConfig(rotation=(-75, 75), translate_x=(-7, 7), translate_y=(-7, 7), scale=(0.5, 1.0)),
    )


@recipe
def mnist_rotation() -> Config:
    """The seed's rotation-only run: ±180° and nothing else."""
    return change(mnist_affine(), factors=dict(rotation=(-180, 180), translate_x=None, translate_y=None, scale=None))
