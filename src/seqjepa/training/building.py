"""The model of a configuration."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from seqjepa.factors.relative_pose import ACTION_COLUMNS
from seqjepa.factors.steps import action_width, step_columns
from seqjepa.model import (
    Aggregation,
    AggregatorSpec,
    SeqJEPA,
    SplitEncoder,
    build_aggregation,
    build_encoder,
    build_teacher,
)
from seqjepa.model.aggregators import around
from seqjepa.model.registry import checked_teacher
from seqjepa.model.teachers import Teacher
from seqjepa.training.config import Config
from seqjepa.training.objects import NONE, Objects
from seqjepa.training.views import Normalisation
from seqjepa.types import WHOLE, InputError
from seqjepa.types.foreign import foreign_code

Module = TypeVar("Module", bound=nn.Module)


def build_model(
    config: Config,
    channels: int,
    size: tuple[int, int],
    normalise: Normalisation,
    code_dim: int | None = None,
    objects: Objects = NONE,
) -> SeqJEPA:
    """The model of a configuration, initialised from torch's global generator.

    Args:
        config: of the run.
        channels: of the images.
        size: their height and width.
        normalise: of the images.
        code_dim: dimensions of the encoder's code, where they are known; else it is asked with two blank images.
        objects: what the run was given; modules are copied, so that theirs stay as they are.

    Raises:
        InputError: an encoder that cannot be built or does not return (B, D), or heads that do not fit.
    """
    m = config.model
    try:
        encoder = _encoder(config, channels, size, normalise, objects)
    except InputError as error:
        raise InputError(f"model.encoder: {error}") from error
    if code_dim is None:
        code_dim = _asked_dim(encoder, m.encoder, channels, size)
    encoder.train()
    check_savable("model.encoder", encoder)
    aggregation = _aggregation(config, code_dim, encoder, objects)
    check_savable("model.aggregator", aggregation.aggregator)
    teacher = _teacher(m.teacher, encoder, objects)
    contrastive = config.objective.contrastive
    contrasted = m.split is not None and contrastive.weight and contrastive.target == "content"
    model = SeqJEPA(
        encoder,
        code_dim,
        aggregation,
        teacher,
        action_dim=_told_width(config),
        projection_dim=m.split.projection_dim if m.split is not None and contrasted else 0,
        action_conditioning=m.action_conditioning,
        halves=any(term.asks_for_halves for term in config.terms() + objects.terms),
    )
    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def _told_width(config: Config) -> int:
    """Columns of an action."""
    return len(ACTION_COLUMNS) if config.scene.name is None else action_width(config.scene.moves)


def probed_width(config: Config) -> int:
    """Columns of what online probes predict of the first step."""
    if config.scene.name is None:
        return len(ACTION_COLUMNS)
    return max(columns.stop for columns in step_columns(config.scene.moves).values())


def _encoder(
    config: Config, channels: int, size: tuple[int, int], normalise: Normalisation, objects: Objects
) -> nn.Module:
    if objects.encoder is not None:
        return _copied("encoder", objects.encoder)
    split, width = config.model.split, config.model.width
    if split is None:
        return build_encoder(config.model.encoder, channels, width)
    background = [-mean / std for mean, std in zip(normalise.mean, normalise.std, strict=True)]
    settings = split.model_dump(exclude={"projection_dim"})
    factors = config.factors
    return SplitEncoder(channels, size, factors.factors(), background, width=width, border=factors.border, **settings)


def _copied(what: str, module: Module) -> Module:
    with foreign_code(f"copying the {what}"):
        return copy.deepcopy(module)


def check_savable(name: str, module: nn.Module) -> None:
    """Raises InputError where a checkpoint could not be written or read again, which would show after an epoch only."""
    for key, value in module.state_dict().items():
        if not isinstance(value, Tensor):
            problem = f"a {type(value).__name__} and not a tensor (get_extra_state), which no checkpoint here can hold"
        elif is_lazy(value):
            problem = "has no shape yet, and what was tried did not reach it"
        elif any(step == 0 < size - 1 for step, size in zip(value.stride(), value.shape, strict=True)):
            problem = "repeats one place in memory (expand), which cannot be loaded into; give it as .clone()"
        else:
            continue
        raise InputError(f"{name}: {key}: {problem}")


def _asked_dim(encoder: nn.Module, name: str, channels: int, size: tuple[int, int]) -> int:
    images = torch.zeros(2, channels, *size)
    with torch.no_grad(), foreign_code(f"model.encoder: {name}, given images of shape {tuple(images.shape)},"):
        code = encoder.eval()(images)
    if not isinstance(code, Tensor) or code.ndim != 2:
        what = tuple(code.shape) if isinstance(code, Tensor) else type(code).__name__
        raise InputError(f"model.encoder: {name} returns {what} for 2 images, not a representation (2, D)")
    return code.shape[1]


def _aggregation(config: Config, code_dim: int, encoder: nn.Module, objects: Objects) -> Aggregation:
    m = config.model
    parts = dict(getattr(encoder, "parts", WHOLE))
    spec = AggregatorSpec(
        code_dim, _told_width(config), parts, m.action_embedding, m.layers, m.heads, m.dropout, m.hidden
    )
    if objects.aggregator is not None:
        return around(_copied("aggregator", objects.aggregator), spec)
    return build_aggregation(m.aggregator, spec)


def _teacher(name: str, encoder: nn.Module, objects: Objects) -> Teacher:
    if objects.teacher is None:
        return build_teacher(name, encoder)
    own = _copied("teacher", objects.teacher)
    check_savable("model.teacher", own)
    return checked_teacher(own)
