"""Encoders, aggregators and teachers: each by its name, by ``pkg.mod:factory`` or ``./file.py:factory``."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from seqjepa.io.importing import call_imported, import_object
from seqjepa.model.aggregation import Aggregation, AggregatorSpec
from seqjepa.model.aggregators import around, transformer
from seqjepa.model.encoders import ENCODERS
from seqjepa.model.needs import Need
from seqjepa.model.split.aggregator import NEEDS, group_action
from seqjepa.model.teachers import TEACHERS, Teacher
from seqjepa.types import InputError
from seqjepa.types.foreign import foreign_code

AGGREGATORS: dict[str, Callable[[AggregatorSpec], Aggregation]] = {
    "transformer": transformer,
    "group_action": group_action,
}
AGGREGATOR_NEEDS: Mapping[str, Sequence[Need]] = {"group_action": NEEDS}


def build_encoder(name: str, channels: int, width: int) -> nn.Module:
    """An encoder by name, or of one's own: a module, or a factory ``(channels, width) -> nn.Module``.

    Raises:
        InputError: an unknown name, or a factory that cannot be had or does not return a module.
    """
    return _module(_built("encoder", name, ENCODERS, channels, width), "encoder", name)


def build_teacher(name: str, encoder: nn.Module) -> Teacher:
    """A teacher by name, or by a factory of one's own, a callable ``(encoder) -> nn.Module`` as in ``Teacher``.

    Raises:
        InputError: an unknown name, or a factory that cannot be had or does not return a teacher.
    """
    return checked_teacher(_module(_built("teacher", name, TEACHERS, encoder), "teacher", name))


def checked_teacher(teacher: nn.Module) -> Teacher:
    """The teacher. Raises InputError when it lacks ``update``."""
    if not isinstance(teacher, Teacher):
        raise InputError(f"teacher {type(teacher).__name__}: a teacher needs a method update(encoder, decay)")
    return teacher


def build_aggregation(name: str, spec: AggregatorSpec) -> Aggregation:
    """An aggregator by name, or by a factory of one's own, with embedded actions and a predictor around it.

    Args:
        name: one of ``AGGREGATORS``, or of a callable ``(spec) -> Aggregation`` or ``(spec) -> nn.Module``, which takes
            tokens (B, S, ``spec.code_dim + spec.action_embedding``) to z_agg (B, F).
        spec: what it is built from.

    Raises:
        InputError: an unknown name, or a factory that cannot be had or returns something else.
    """
    found = _built("aggregator", name, AGGREGATORS, spec)
    return found if isinstance(found, Aggregation) else around(_module(found, "aggregator", name), spec)


def _built(what: str, name: str, known: Mapping[str, Callable[..., Any]], *arguments: Any) -> Any:
    if name in known:
        return known[name](*arguments)
    if ":" not in name:
        choices = ", ".join(known)
        raise InputError(f"{what} {name!r} is not one of {choices}, pkg.mod:factory, ./file.py:factory")
    if name.startswith("object:"):  # what a configuration records of an object is no name of a module
        raise InputError(f"{what} {name!r} was given as an object, which is needed again")
    found = import_object(name, what)
    if isinstance(found, nn.Module):  # there already, as for a diagnosis; the run's own is a copy
        with foreign_code(f"{what} {name!r}: copying it"):
            return copy.deepcopy(found)
    return call_imported(found, name, what, *arguments)


def _module(found: Any, what: str, name: str) -> nn.Module:
    if not isinstance(found, nn.Module):
        raise InputError(f"{what} {name!r}: the factory returned {type(found).__name__}, not an nn.Module")
    return found
