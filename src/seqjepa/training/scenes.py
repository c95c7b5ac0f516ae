"""The scenes of a run: by name or as objects, with the views that are kept of them."""

from __future__ import annotations

from pathlib import Path

from seqjepa.factors import Scene
from seqjepa.factors.opening import open_scene, train_and_test
from seqjepa.factors.photometric import kornia_scene
from seqjepa.factors.scenes import ChosenIdentities
from seqjepa.io.untrusted import is_there
from seqjepa.training.config import Config
from seqjepa.training.scene_config import MADE, PHOTOMETRIC
from seqjepa.training.scene_views import VIEWS_FILE, Kept, SceneViews, keep_views, read_kept, views_hash
from seqjepa.training.subsets import fixed_subset, image_subsets
from seqjepa.types import Images, InputError

HELD_OUT_SEED = 1  # of identities by formula; those of training have 0


def named_scenes(config: Config, images: tuple[Images, Images] | None = None) -> tuple[Scene, Scene]:
    """The scenes (train, test) that a configuration names, with as many identities as it says.

    Args:
        config: of a run.
        images: of a scene of images those that the run was given; None loads those that are named.

    Raises:
        InputError: there is none of that name, it is no scene, or it has fewer identities.
    """
    scene, name = config.scene, config.scene.name
    assert name is not None
    wanted = {"train": config.images.train, "test": config.images.test}
    if name in MADE:
        made, usual = MADE[name], {f.name: f for f in MADE[name]().factors}
        if unknown := [each for each in scene.vary or () if each not in usual]:
            raise InputError(f"scene.vary: {unknown[0]!r} is not one of {', '.join(usual)}")
        factors = tuple(usual[each] for each in dict.fromkeys(scene.vary or usual))
        return tuple(
            made(count, scene.side, seed, factors)  # pyright: ignore[reportReturnType, reportArgumentType]
            for seed, count in zip((0, HELD_OUT_SEED), wanted.values(), strict=True)
        )
    if name == PHOTOMETRIC:
        return tuple(kornia_scene(each, **scene.ranges) for each in images or image_subsets(config))  # pyright: ignore[reportReturnType]
    found = []
    for (split, count), whole in zip(wanted.items(), train_and_test(open_scene(name)), strict=True):
        chosen = fixed_subset(len(whole), split, count, f"the scene {name!r}")
        found.append(whole if chosen is None else ChosenIdentities(whole, chosen))
    return found[0], found[1]


def scene_views(config: Config, scenes: tuple[Scene, Scene], folder: Path | None) -> tuple[SceneViews, SceneViews]:
    """Training and held-out sequences; what is kept is read from a run's folder, or rendered.

    Args:
        config: of the run.
        scenes: of training and held out.
        folder: of a run that may have kept views; None renders them.

    Raises:
        InputError: views of another hash than those that the run began with.
    """
    named = dict(zip(("train", "test"), scenes, strict=True))
    kept: dict[str, Kept] = {}
    if config.scene.kept_views is not None:
        if config.scene.views_sha256 and folder is not None and is_there(folder / VIEWS_FILE):
            kept = read_kept(folder, named)
        else:
            # Held-out sequences are the same in every epoch, so that no more views are needed than they have.
            counts = {"train": config.scene.kept_views, "test": config.factors.views}
            kept = {name: keep_views(scene, counts[name], config.factors, name) for name, scene in named.items()}
    sequences = {"train": config.scene.sequences, "test": 1}
    views = {name: SceneViews.of(scene, sequences[name], name, kept.get(name)) for name, scene in named.items()}
    if views["train"].image_shape != views["test"].image_shape:
        raise InputError("scene: images of training and of test have other shapes")
    found = views_hash(views)
    if config.scene.views_sha256 and found != config.scene.views_sha256:
        raise InputError(
            f"scene {config.scene.name!r}: its views are not those that the run began with (SHA-256 {found[:16]}…, "
            f"not {config.scene.views_sha256[:16]}…): the scene has changed, or what is kept of it"
        )
    return views["train"], views["test"]


def with_recorded_scene(config: Config, train: SceneViews, test: SceneViews) -> Config:
    """The configuration with the scene's factors and the hash of its views."""
    recorded = {"moves": train.factors, "views_sha256": views_hash({"train": train, "test": test})}
    return config.model_copy(update={"scene": config.scene.model_copy(update=recorded)})
