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

from seqjepa.model.needs import unmet
from seqjepa.objective import TERMS, Term, term
from seqjepa.training.config import OBJECT, Config, checked_config, with_whole_paths
from seqjepa.types import Images, InputError

SEEN = 1000  # images of each split whose pixels tell one data set from another
MODULES = ("encoder", "aggregator", "teacher")


@dataclass(frozen=True)
class Objects:
    """A run's objects, each None (or empty) where the configuration names it.

    Attributes:
        images: training and held-out images.
        encoder: images (B, C, H, W) to representations (B, D).
        aggregator: tokens (B, S, D + E) to z_agg (B, F).
        teacher: (encoder, images) to target representations, with ``update(encoder, decay)``.
        terms: of the objective, after the package's own.
    """

    images: tuple[Images, Images] | None = None
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
        for name, said in self._said().items():
            values["model"][name] = said
        if self.encoder is not None:
            values["model"]["split"] = None
        if self.images is not None:
            train, test = self.images
            values["images"] |= {"source": _fingerprint(self.images), "train": len(train), "test": len(test)}
        values["own_terms"] = {t.name: t.settings.model_dump(mode="json") for t in self.terms}
        recorded = with_whole_paths(checked_config(values))
        for own in self.terms:
            if own.weight and (message := unmet(f"the term {own.name!r}", own.asks, recorded.setting())):
                raise InputError(message)
        return recorded

    def check(self, config: Config, where: object) -> None:
        """Raises InputError unless these are the objects that a saved configuration speaks of."""
        said = self._said() | ({} if self.images is None else {"images": _fingerprint(self.images)})
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
    encoder: nn.Module | None,
    aggregator: nn.Module | None,
    teacher: nn.Module | None,
    terms: Sequence[Term | Callable],
) -> Objects:
    """The objects that a user gave, each checked for what it is.

    Args:
        images: training and held-out images.
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
    return Objects(pair, encoder, aggregator, teacher, made)


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
    return {name: getattr(config.model, name) for name in MODULES} | {"images": config.images.source}


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
