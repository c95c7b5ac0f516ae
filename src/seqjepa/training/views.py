"""Batches of view sequences: poses of an epoch, warped and normalised on the device."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from seqjepa.factors import actions, sample_poses, warp
from seqjepa.factors.relative_pose import translation_unit
from seqjepa.rng import generator
from seqjepa.training.config import FactorsConfig
from seqjepa.types import Images, Pose


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of each channel of the training images, scaled to [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @staticmethod
    def of(images: Images) -> Normalisation:
        """That of some images; a channel of one value has the standard deviation 1."""
        # A histogram a channel is exact in float64 and never copies the images to floating point.
        values = torch.arange(256, dtype=torch.float64) / 255
        counts = torch.zeros(images.pixels.shape[1], 256, dtype=torch.int64)
        for part in images.parts():
            for count, channel in zip(counts, part.pixels.cpu().unbind(1), strict=True):
                count += torch.bincount(channel.flatten(), minlength=256)
        mean, std = [], []
        for count in counts:
            weight = count.double() / count.sum()
            m = float((weight * values).sum())
            mean.append(m)
            std.append(math.sqrt(float((weight * (values - m) ** 2).sum())) or 1.0)
        return Normalisation(tuple(mean), tuple(std))

    def __call__(self, views: Float[Tensor, "*batch C H W"]) -> Float[Tensor, "*batch C H W"]:
        shape = (len(self.mean), 1, 1)
        return (views - views.new_tensor(self.mean).reshape(shape)) / views.new_tensor(self.std).reshape(shape)


@dataclass(frozen=True)
class Batch:
    """A batch of sequences: normalised views, actions between them, labels of the images."""

    views: Float[Tensor, "B V C H W"]
    actions: Float[Tensor, "B V-1 5"]
    labels: Int64[Tensor, " B"]


def epoch_poses(config: FactorsConfig, images: int, *keys: int | str) -> Pose:
    """The poses (N, V, 4) of all images, a pure function of the keys: independent of batches, workers and ranks."""
    poses = sample_poses(config.factors(), (images, config.views), generator(*keys, "poses"))
    if config.first_view == "identity":
        poses.values[:, 0] = 0
    return poses


def make_batch(
    images: Images, index: Int64[Tensor, " B"], poses: Pose, config: FactorsConfig, normalise: Normalisation
) -> Batch:
    """The sequences of the images at ``index`` under their rows of ``poses``, on the device that they are read to.

    Args:
        images: all of them.
        index: of the batch's.
        poses: of all images, (N, V, 4).
        config: border, mask and kind of actions.
        normalise: applied to the views.
    """
    pixels, labels = images.rows(index.to(images.pixels.device))
    pose = Pose(poses.values[index].to(pixels.device))
    factors = config.factors()
    smallest = min((f.low for f in factors if f.name == "scale"), default=1.0)
    views = warp(
        pixels,
        pose,
        taps=max(1, math.ceil(1 / smallest)),
        border=config.border,
        circular_mask=config.circular_mask,
    )
    return Batch(normalise(views), pose_actions(pose, config), labels)


def pose_actions(poses: Pose, config: FactorsConfig) -> Float[Tensor, "*batch S 5"]:
    """The actions between consecutive poses, as the configuration counts them."""
    return actions(poses, config.actions, translation_unit(config.factors()))
