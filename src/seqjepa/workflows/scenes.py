"""Scenes by name, for the command line."""

from __future__ import annotations

from typing import Any

from seqjepa.factors import AffineViews
from seqjepa.factors.scenes import check_scene
from seqjepa.io.importing import call_imported, import_object
from seqjepa.types import InputError


def open_scene(name: str) -> Any:
    """A scene, or a pair (train, test) of scenes, by ``pkg.mod:name`` or ``./file.py:name``.

    What is named is a scene, a pair of them, or a function (or a class) without arguments that makes one.

    Raises:
        InputError: there is none of that name, or it is no scene.
    """
    found = import_object(name, "scene")
    if (callable(found) and not hasattr(found, "render")) or isinstance(found, type):
        found = call_imported(found, name, "scene")
    pair = found if isinstance(found, tuple | list) else (found,)
    if len(pair) not in (1, 2):
        raise InputError(f"scene {name!r} is {len(pair)} scenes; give one, or a pair (train, test)")
    for scene in pair:
        if not isinstance(scene, AffineViews):
            check_scene(scene)
    return tuple(found) if isinstance(found, tuple | list) else found
