"""What a run was given as objects rather than by name, and what its configuration says of them.

The configuration records each object as ``object:`` and what it was, so that whatever reads it (``resume``,
``load_encoder``, a report) knows that the object itself is needed again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from seqjepa.factors import AffineViews, Scene
from seqjepa.factors.opening import train_and_test
from seqjepa.factors.scenes import ChosenIdentities
from seqjepa.model.needs import unmet
from seqjepa.objective import TERMS, Term, term
from seqjepa.training.config import OBJECT, Config, FactorsConfig, checked_config, with_whole_paths
from seqjepa.training.scene_config import OWN_PICTURES, SceneConfig
from seqjepa.types import Images, InputError

SEEN = 1000  # images of each split whose pixels tell one data set from another
MODULES = ("encoder", "aggregator", "teacher")


@dataclass(frozen=True)
class Objects:
    """A run's objects, each None (or empty) where the configuration names it.

    Attributes:
        images: training and held-out images.
        scene: training and held-out scenes.
        affine: how images are moved, where they were given as affine views.
        encoder: images (B, C, H, W) to representations (B, D).
        aggregator: tokens (B, S, D + E) to z_agg (B, F).
        teacher: (encoder, images) to target representations, with ``update(encoder, decay)``.
        terms: of the objective, after the package's own.
    """

    images: tuple[Images, Images] | None = None
    scene: tuple[Scene, Scene] | None = None
    affine: AffineViews | None = None
    encoder: nn.Module | None = None
    aggregator: nn.Module | None = None
    teacher: nn.Module | None = None
    terms: tuple[Term, ...] = ()

    def recorded(self, config: Config) -> Config:
        """The configuration that says what the objects are, in place of what it named.

        Raises:
            InputError: an object is not what it should be, or does not fit the configuration.
        """
        for name, was in _named(config).items():
            if was.startswith(OBJECT) and getattr(self, name) is None:
                raise InputError(needs_again("the configuration", name, was, "train"))
        if lacking := sorted(set(config.own_terms) - {t.name for t in self.terms}):
            raise InputError(needs_again("the configuration", "terms", OBJECT + ", ".join(lacking), "train"))
        values = config.model_dump()
        values["scene"] |= {"moves": (), "views_sha256": ""}  # of an earlier run
        for name, said in self._said().items():
            values["model"][name] = said
        if self.encoder is not None:
            values["model"]["split"] = None
        if self.images is not None:
            train, test = self.images
            values["images"] |= {"source": _fingerprint(self.images), "train": len(train), "test": len(test)}
        if self.affine is not None:
            values["scene"] = SceneConfig().model_dump()
            values["factors"] |= _moved(self.affine)
        if self.scene is not None:
            train, test = self.scene
            usual = SceneConfig(name=_scene_name(self.scene)).model_dump()
            values["scene"] = usual | {name: values["scene"][name] for name in ("sequences", "kept_views")}
            values["images"] |= {"source": OWN_PICTURES, "train": len(train), "test": len(test)}
            values["factors"] |= _still()
        values["own_terms"] = {t.name: t.settings.model_dump(mode="json") for t in self.terms}
        recorded = with_whole_paths(checked_config(values))
        for own in self.terms:
            if own.weight and (message := unmet(f"the term {own.name!r}", own.asks, recorded.setting())):
                raise InputError(message)
        return recorded

    def check(self, config: Config, where: object) -> None:
        """Raises InputError unless these are the objects that a saved configuration speaks of."""
        said = self._said() | ({} if self.images is None else {"images": _fingerprint(self.images)})
        if self.scene is not None:
            said["scene"] = _scene_name(self.scene)
        for name, was in _named(config).items():
            if was.startswith(OBJECT) and name not in said:
                raise InputError(needs_again(where, name, was, "resume"))
            if name in said and said[name] != was:
                raise InputError(f"{where}: {name}: the run's was {was}, and {said[name]} was given")
        own = {t.name: t.settings.model_dump(mode="json") for t in self.terms}
        if own != config.own_terms:
            raise InputError(f"{needs_again(where, 'terms', OBJECT + str(config.own_terms), 'resume')}; given: {own}")

    def _said(self) -> dict[str, str]:
        return {name: _class(value) for name in MODULES if (value := getattr(self, name)) is not None}


NONE = Objects()


def gathered(
    images: Sequence[Images] | None,
    scene: Scene | Sequence[Scene] | None,
    encoder: nn.Module | None,
    aggregator: nn.Module | None,
    teacher: nn.Module | None,
    terms: Sequence[Term | Callable],
) -> Objects:
    """The objects that a user gave, each checked for what it is.

    Args:
        images: training and held-out images.
        scene: a scene, or those of training and held out.
        encoder, aggregator, teacher: modules; see ``Objects``.
        terms: of the objective; a bare function is one of weight 1.

    Raises:
        InputError: the first that is not what it should be.
    """
    for name, value in zip(MODULES, (encoder, aggregator, teacher), strict=True):
        if value is not None and not isinstance(value, nn.Module):
            raise InputError(f"{name}: an nn.Module is needed, not {type(value).__name__}")
    if not isinstance(terms, Sequence) or not all(callable(t) for t in terms):
        raise InputError("terms: a list of functions is needed, each of Outputs, as in terms=[my_term]")
    made = tuple(t if isinstance(t, Term) else term(weight=1.0)(t) for t in terms)
    names = [t.name for t in made]
    for name in names:
        if not name.isidentifier():
            raise InputError(f"terms: {name!r}: a term needs a name of letters, digits and underscores")
        if name in TERMS or names.count(name) > 1:
            raise InputError(f"terms: there is a term {name!r} already; give yours another name")
    pair = None if images is None else checked_pair(images)
    if pair is not None and pair[0].class_names != pair[1].class_names:
        raise InputError("images: training and held-out images have other class names")
    scenes, affine = None, None
    if scene is not None:
        if pair is not None:
            raise InputError("scene: it brings its own identities; leave images out")
        scenes = train_and_test(scene)
        affine = _affine(scenes[0])
        if affine is not None:  # the fast way for pictures
            pair, scenes = checked_pair([_pictures(each) for each in scenes]), None
    return Objects(pair, scenes, affine, encoder, aggregator, teacher, made)


def needs_again(where: object, name: str, was: str, call: str) -> str:
    """One line that says which object is missing, and how it is given.

    Args:
        where: the run's folder or file.
        name: of the argument.
        was: what the configuration says of it.
        call: the function that takes it.
    """
    said = f"given as an object ({was.removeprefix(OBJECT)})"
    return f"{where}: {name}: {said}, which is needed again; in Python: seqjepa.{call}(…, {name}=…)"


def _named(config: Config) -> dict[str, str]:
    named = {name: getattr(config.model, name) for name in MODULES}
    return named | {"images": config.images.source, "scene": config.scene.name or ""}


def checked_pair(images: Sequence[Images]) -> tuple[Images, Images]:
    """Training and held-out images. Raises InputError unless they are two, of one shape."""
    if len(images) != 2 or not all(isinstance(each, Images) for each in images):
        raise InputError("images: two are needed, (train, test), each an Images; make them with Images.from_dataset")
    train, test = images
    if train.pixels.shape[1:] != test.pixels.shape[1:]:
        shapes = [tuple(each.pixels.shape[1:]) for each in images]
        raise InputError(f"images: training images have shape {shapes[0]}, held-out ones {shapes[1]}")
    if not len(test):
        raise InputError("images: there is no held-out image")
    return train, test


def _whole(scene: Scene) -> Scene:
    return scene.scene if isinstance(scene, ChosenIdentities) else scene


def _scene_name(scenes: tuple[Scene, Scene]) -> str:
    return _class(_whole(scenes[0]))


def _affine(scene: Scene) -> AffineViews | None:
    whole = _whole(scene)
    return whole if isinstance(whole, AffineViews) else None


def _pictures(scene: Scene) -> Images:
    """The pictures of affine views, or of some of them."""
    whole = _whole(scene)
    assert isinstance(whole, AffineViews)  # both have the same factors
    return whole.images[scene.index] if isinstance(scene, ChosenIdentities) else whole.images


def _still() -> dict[str, object]:
    """What the section of affine factors says while a scene has factors of its own."""
    usual = FactorsConfig().model_dump()
    return {name: usual[name] for name in usual if name not in ("views", "first_view")}


def _moved(views: AffineViews) -> dict[str, object]:
    """Affine views as the section says them; how actions are counted is left as it is."""
    ends = {factor.name: (factor.low, factor.high) for factor in views.factors}
    still = {name: value for name, value in _still().items() if name != "actions"}
    return still | ends | {"border": views.border, "circular_mask": views.circular_mask}


def _class(value: object) -> str:
    return f"{OBJECT}{type(value).__module__}.{type(value).__qualname__}"


def _fingerprint(images: tuple[Images, Images]) -> str:
    digest = hashlib.sha256()
    for each in images:
        digest.update(f"{tuple(each.pixels.shape)} {each.class_names}".encode())
        rows = torch.linspace(0, len(each) - 1, min(SEEN, len(each))).long()
        for part in each.rows(rows):
            digest.update(part.cpu().contiguous().numpy().tobytes())
    return f"{OBJECT}{digest.hexdigest()[:16]}"
