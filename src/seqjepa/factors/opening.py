"""Scenes by name, and what is held out of one."""

from __future__ import annotations

from typing import Any

import torch

from seqjepa.factors.affine_views import AffineViews
from seqjepa.factors.scenes import ChosenIdentities, Scene, check_scene
from seqjepa.io.importing import call_imported, import_object
from seqjepa.rng import generator
from seqjepa.types import InputError

HELD_OUT = 5  # of so many identities of a single scene one is held out


def open_scene(name: str) -> Any:
    """A scene, or a pair (train, test) of scenes, by ``pkg.mod:name`` or ``./file.py:name``.

    What is named is a scene, a pair of them, or a function (or a class) without arguments that makes one.

    Raises:
        InputError: there is none of that name, or it is no scene.
    """
    found = import_object(name, "scene")
    if (callable(found) and not hasattr(found, "render")) or isinstance(found, type):
        found = call_imported(found, name, "scene")
    pair = _one_or_two(found, f"scene {name!r} is")
    return pair if isinstance(found, tuple | list) else found


def check_any_scene(scene: Any) -> None:
    """Raises InputError for what is neither a scene of the user's own nor affine views."""
    if not isinstance(scene, AffineViews):
        check_scene(scene)


def _one_or_two(found: Any, what: str) -> tuple[Any, ...]:
    pair = tuple(found) if isinstance(found, tuple | list) else (found,)
    if len(pair) not in (1, 2):
        raise InputError(f"{what} {len(pair)} scenes; give one, or a pair (train, test)")
    for scene in pair:
        check_any_scene(scene)
    return pair


def train_and_test(found: Any) -> tuple[Scene, Scene]:
    """A pair (train, test) of scenes as it is; of a single scene four fifths and one fifth of its identities.

    Which are held out is drawn once, the same for every seed.

    Raises:
        InputError: what is no scene, or two that do not fit each other.
    """
    pair = _one_or_two(found, "scene:")
    if len(pair) == 1:
        order = torch.randperm(len(pair[0]), generator=generator("held-out identities"))
        held_out = max(1, len(order) // HELD_OUT)
        if len(order) < 2:
            raise InputError("scene: of a single identity none can be held out")
        first, last = order[held_out:].sort().values, order[:held_out].sort().values
        return ChosenIdentities(pair[0], first), ChosenIdentities(pair[0], last)
    if tuple(pair[0].factors) != tuple(pair[1].factors):
        raise InputError("scene: those of training and of test have other factors")
    return pair[0], pair[1]
