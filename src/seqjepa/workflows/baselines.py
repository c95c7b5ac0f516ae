"""The encoders that an encoder is compared with, by name, prepared before anything is encoded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import nn

from seqjepa.encoders import PixelPCA, pixels, untrained
from seqjepa.encoders.asking import Encoder
from seqjepa.encoders.baselines import check_pca
from seqjepa.extraction import supervised
from seqjepa.extraction.supervised_baseline import check_supervised
from seqjepa.factors import Scene
from seqjepa.factors.scenes import random_views
from seqjepa.rng import generator
from seqjepa.sweeps import Sweeps
from seqjepa.types import Images, InputError
from seqjepa.workflows.defaults import BASELINES, PCA_DIM, SUPERVISED_IMAGES
from seqjepa.workflows.sweeping import Sweeping

SCENE_VIEWS = 2_000  # of a training scene, on which PCA of pixels is fitted
LOG = logging.getLogger(__name__)
Sweep = Callable[[Sweeping], Mapping[str, Sweeps]]


@dataclass(frozen=True)
class Baselines:
    """What will be compared with an encoder.

    Attributes:
        sweeps: for each baseline, by name, what sweeps it as a design says, which may have been chosen since.
        left_out: for each of the usual ones that there cannot be, why.
    """

    sweeps: Mapping[str, Sweep] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def like_the_encoder(self) -> tuple[str, ...]:
        """Those of the encoder's own architecture, which cost as much as it."""
        return tuple(name for name in ("untrained", "supervised") if name in self.sweeps)


def prepare_baselines(
    wanted: Sequence[str] | Mapping[str, Encoder] | None, encoder: Encoder, sweeping: Sweeping, supervised_epochs: int
) -> Baselines:
    """For each baseline what sweeps it, over the same images and poses. Nothing is fitted yet.

    Args:
        wanted: of ``BASELINES``; or encoders by a name; None for the usual ones, "pca" and "untrained", as far as the
            encoder and the images allow them.
        encoder: that the baselines stand beside.
        sweeping: how it is swept.
        supervised_epochs: for which "supervised" is trained.

    Raises:
        InputError: an unknown name, or one that this encoder or these images cannot have.
    """
    if isinstance(wanted, Mapping):
        for name, other in wanted.items():
            if not callable(other):
                raise InputError(f"baselines: {name!r} is a {type(other).__name__}, not a module or a callable")
            if not isinstance(name, str) or not name.strip():
                raise InputError(f"baselines: {name!r} is no name; give each a text, as in {{'mine': encoder}}")
        return Baselines({name: partial(_output_sweeps, other) for name, other in wanted.items()})
    if wanted is not None:
        for name in wanted:
            if name not in BASELINES:
                raise InputError(f"baselines: {name!r} is not one of {', '.join(BASELINES)}")
        return Baselines({name: _prepared(name, encoder, sweeping, supervised_epochs) for name in wanted})
    usual: dict[str, Sweep] = {}
    left_out: dict[str, str] = {}
    for name in ("pca", "untrained") if isinstance(encoder, nn.Module) else ("pca",):
        try:
            usual[name] = _prepared(name, encoder, sweeping, supervised_epochs)
        except InputError as error:
            left_out[name] = str(error)
            LOG.warning("no baseline %r: %s", name, error)
    return Baselines(usual, left_out)


def _prepared(name: str, encoder: Encoder, sweeping: Sweeping, epochs: int) -> Sweep:
    if name == "pixels":
        views = sweeping.laid_out()
        views.check_memory(views.identities.chosen(torch.arange(1)).pictures()[0].numel())
        return partial(_output_sweeps, pixels)
    if name == "pca":
        train = _training_images(name, sweeping.train, sweeping.seed)
        check_pca(train)
        return lambda design: design.output_sweeps(PixelPCA.fit(train, PCA_DIM, fewer=True))
    if not isinstance(encoder, nn.Module):
        raise InputError(f"baselines: {name!r} needs an encoder whose weights can be drawn anew, an nn.Module")
    fresh = untrained(encoder, sweeping.seed)
    if name == "untrained":
        return lambda design: design.sweeps(fresh)
    if not isinstance(sweeping.train, Images | None) or sweeping.factors is None:
        raise InputError(f"baselines: {name!r} is trained on pictures under affine factors, not on a scene")
    train = _training_images(name, sweeping.train, sweeping.seed)
    check_supervised(train, epochs)
    return lambda design: design.sweeps(_trained(encoder, train, design, epochs))


def _output_sweeps(other: Encoder, design: Sweeping) -> Mapping[str, Sweeps]:
    return design.output_sweeps(other)


def _trained(encoder: nn.Module, train: Images, sweeping: Sweeping, epochs: int) -> nn.Module:
    assert sweeping.factors is not None  # checked
    few = torch.randperm(len(train), generator=generator(sweeping.seed, "supervised"))[:SUPERVISED_IMAGES]
    how = dict(pick=sweeping.pick, pool=sweeping.pool, preprocess=sweeping.preprocess)
    return supervised(encoder, train[few], sweeping.factors, epochs, **how, **sweeping.views())


def _training_images(name: str, train: Images | Scene | None, seed: int) -> Images:
    if train is None:
        raise InputError(f"baselines: {name!r} is fitted on training images; give images=(train, test)")
    if isinstance(train, Images):
        return train
    return random_views(train, SCENE_VIEWS, generator(seed, "baseline", name))
