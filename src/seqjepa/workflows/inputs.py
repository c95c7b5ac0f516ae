"""What is diagnosed over: images or scenes, and which factors move, of what a user or a run names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from seqjepa.factors import Scene, affine_factors
from seqjepa.factors.opening import check_any_scene
from seqjepa.images import load_images
from seqjepa.training.config import OBJECT, Config
from seqjepa.training.objects import checked_pair
from seqjepa.training.scenes import named_scenes
from seqjepa.training.trust import FIELDS, check_trusted
from seqjepa.types import Factor, Images, InputError
from seqjepa.types.checking import user_path
from seqjepa.workflows.defaults import RANGES, SOURCE

Ranges = Mapping[str, tuple[float, float]]


def chosen_factors(given: Sequence[Factor] | Ranges | None, config: Config | None) -> tuple[Factor, ...]:
    """Factors of affine views: those given, else a run's own with the given ranges, else the usual ones.

    Raises:
        InputError: what is no factor, no range, or leaves nothing that moves.
    """
    if given is not None and not isinstance(given, Mapping):
        if not isinstance(given, Sequence):
            raise InputError(f"factors: a list of Factors or ranges by name are needed, not a {type(given).__name__}")
        if wrong := [factor for factor in given if not isinstance(factor, Factor)]:
            raise InputError(f"factors: each is a Factor, as affine_factors makes them, not {wrong[0]!r}")
        return tuple(given)
    own = config.factors.factors() if config else ()  # none of a run that was trained on a scene
    usual = {f.name: (f.low, f.high) for f in own} or RANGES
    for name in given or {}:
        if name not in RANGES:
            raise InputError(f"factors: {name!r} is not one of {', '.join(RANGES)}")
    for name, ends in (given or {}).items():
        if not isinstance(ends, tuple | list) or [isinstance(end, int | float) for end in ends] != [True, True]:
            raise InputError(f"factors: {name}: a range is two numbers, (low, high), not {ends!r}")
    ranges = {name: (low, high) for name, (low, high) in {**usual, **(given or {})}.items() if low != high}
    if not ranges:
        raise InputError("factors: none is left; give at least one range, as in --rotation -180 180")
    return affine_factors(**ranges)


def factors_of_scene(given: Sequence[Factor] | Ranges | None) -> tuple[Factor, ...] | None:
    """Those of a scene's factors that move; None for all of them. Raises InputError for ranges."""
    if given is None:
        return None
    if isinstance(given, Mapping):
        raise InputError("factors: a scene has ranges of its own; give some of its Factors, or none for all")
    return tuple(given)


def chosen_images(
    given: str | Images | Scene | tuple[Images, Images] | tuple[Scene, Scene] | None,
    config: Config | None,
    root: str | Path | None,
    trust: bool = False,
) -> tuple[Images | Scene | None, Images | Scene]:
    """Training and held-out images, or scenes; by default the run's.

    Args:
        given: by the user.
        config: of a run.
        root: where downloaded images lie.
        trust: that code which the run names as its scene may be imported and run.

    Raises:
        InputError: what is neither; a run's scene that was an object, or is code, without ``trust``.
    """
    if root is not None:
        user_path(root, "root")
    if isinstance(given, Images):
        return None, given
    if isinstance(given, tuple | list):
        if len(given) == 2 and not any(isinstance(each, Images) for each in given):
            for scene in given:
                check_any_scene(scene)
            return given[0], given[1]
        return checked_pair(given)  # pyright: ignore[reportArgumentType] (what is no pair of Images is refused there)
    if isinstance(given, Scene):
        check_any_scene(given)
        return None, given
    if config and given is None and config.scene.name is not None:
        return run_scenes(config, trust)
    if config and given is None:
        given, root = config.images.source, root or config.images.root
        if given.startswith(OBJECT):
            raise InputError("images: the run was given them as objects; give images=(train, test) or a source's name")
        try:
            return load_images(given, "train", root), load_images(given, "test", root)
        except InputError as error:
            told = "give others with --images or --root (in Python: images=…)"
            raise InputError(f"the run {config.name!r} was trained on images {given!r}: {error}; {told}") from error
    source = SOURCE if given is None else given
    if not isinstance(source, str):
        kind = type(source).__name__
        raise InputError(f"images: a source's name, Images, or two of these (train, test), not a {kind}")
    return load_images(source, "train", root), load_images(source, "test", root)


def source_name(given: object, config: Config | None) -> str:
    """What the images are called, for whoever repeats the diagnosis."""
    if isinstance(given, str):
        return given
    if given is not None:
        return "given as objects"
    if config is None:
        return SOURCE
    return config.images.source if config.scene.name is None else f"scene {config.scene.name}"


def run_scenes(config: Config, trust: bool) -> tuple[Scene, Scene]:
    """Those that a run was trained on and had held out. Raises InputError as ``chosen_images``."""
    name = str(config.scene.name)
    if name.startswith(OBJECT) or config.images.source.startswith(OBJECT):
        what = f"scene ({name.removeprefix(OBJECT)})"
        raise InputError(f"images: the run was given its {what} as an object; give images=(train, test), both scenes")
    check_trusted(config, f"the run {config.name!r}", trust, [field for field in FIELDS if field != "scene.name"])
    return named_scenes(config)
