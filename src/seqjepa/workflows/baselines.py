"""The encoders that an encoder is compared with, by name, prepared before anything is encoded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import nn

from seqjepa.encoders import PixelPCA, pixels, untrained
from seqjepa.encoders.calling import Encoder
from seqjepa.extraction import supervised
from seqjepa.extraction.supervised_baseline import check_supervised
from seqjepa.rng import generator
from seqjepa.sweeps import Sweeps
from seqjepa.types import Images, InputError
from seqjepa.workflows.defaults import BASELINES, PCA_DIM, SUPERVISED_IMAGES
from seqjepa.workflows.sweeping import Sweeping

LOG = logging.getLogger(__name__)
Sweep = Callable[[], Mapping[str, Sweeps]]


def prepare_baselines(
    wanted: Sequence[str] | Mapping[str, Encoder] | None, encoder: Encoder, sweeping: Sweeping, supervised_epochs: int
) -> dict[str, Sweep]:
    """For each baseline what sweeps it, over the same images and poses.

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
        return {name: partial(sweeping.output_sweeps, other) for name, other in wanted.items()}
    if wanted is not None:
        for name in wanted:
            if name not in BASELINES:
                raise InputError(f"baselines: {name!r} is not one of {', '.join(BASELINES)}")
        return {name: _prepared(name, encoder, sweeping, supervised_epochs) for name in wanted}
    usual: dict[str, Sweep] = {}
    for name in ("pca", "untrained") if isinstance(encoder, nn.Module) else ("pca",):
        try:
            usual[name] = _prepared(name, encoder, sweeping, supervised_epochs)
        except InputError as error:
            LOG.warning("no baseline %r: %s", name, error)
    return usual


def _prepared(name: str, encoder: Encoder, sweeping: Sweeping, epochs: int) -> Sweep:
    if name == "pixels":
        return partial(sweeping.output_sweeps, pixels)
    if name == "pca":
        return partial(sweeping.output_sweeps, _pca(sweeping.train))
    if not isinstance(encoder, nn.Module):
        raise InputError(f"baselines: {name!r} needs an encoder whose weights can be drawn anew, an nn.Module")
    fresh = untrained(encoder, sweeping.seed)
    if name == "untrained":
        return partial(sweeping.sweeps, fresh)
    train = _training_images(name, sweeping.train)
    check_supervised(train, epochs)
    return lambda: sweeping.sweeps(_trained(encoder, train, sweeping, epochs))


def _pca(train: Images | None) -> PixelPCA:
    return PixelPCA.fit(_training_images("pca", train), PCA_DIM)


def _trained(encoder: nn.Module, train: Images, sweeping: Sweeping, epochs: int) -> nn.Module:
    few = torch.randperm(len(train), generator=generator(sweeping.seed, "supervised"))[:SUPERVISED_IMAGES]
    how = dict(pick=sweeping.pick, pool=sweeping.pool, preprocess=sweeping.preprocess)
    return supervised(encoder, train[few], sweeping.factors, epochs, **how, **sweeping.views())


def _training_images(name: str, train: Images | None) -> Images:
    if train is None:
        raise InputError(f"baselines: {name!r} is fitted on training images; give images=(train, test)")
    return train
