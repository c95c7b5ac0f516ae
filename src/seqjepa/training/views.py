"""Batches of view sequences: poses of an epoch, warped and normalised on the device; or views of a scene."""

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
from seqjepa.training.scene_views import DrawnViews, SceneViews, draw_views, scene_batch
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
    """A batch of sequences.

    Attributes:
        views: normalised.
        actions: between them.
        labels: of the images.
        targets: what online probes predict of the first step; of affine views the first action.
    """

    views: Float[Tensor, "B V C H W"]
    actions: Float[Tensor, "B V-1 A"]
    labels: Int64[Tensor, " B"]
    targets: Float[Tensor, "B K"]


def epoch_poses(config: FactorsConfig, images: int, *keys: int | str) -> Pose:
    """The poses (N, V, 4) of all images, a pure function of the keys: independent of batches, workers and ranks."""
    poses = sample_poses(config.factors(), (images, config.views), generator(*keys, "poses"))
    if config.first_view == "identity":
        poses.values[:, 0] = 0
    return poses


def epoch_views(images: Images | SceneViews, config: FactorsConfig, *keys: int | str) -> Pose | DrawnViews:
    """What the views of all sequences will be, a pure function of the keys."""
    if isinstance(images, SceneViews):
        return draw_views(images, config, *keys)
    return epoch_poses(config, len(images), *keys)


def make_batch(
    images: Images | SceneViews,
    index: Int64[Tensor, " B"],
    poses: Pose | DrawnViews,
    config: FactorsConfig,
    normalise: Normalisation,
) -> Batch:
    """The sequences of the images at ``index`` under their rows of ``poses``, on the device that they are read to.

    Args:
        images: all of them; or a scene's identities.
        index: of the batch's.
        poses: of all images, (N, V, 4); or the views drawn of a scene.
        config: border, mask and kind of actions.
        normalise: applied to the views.
    """
    if isinstance(images, SceneViews):
        assert isinstance(poses, DrawnViews)
        seen, told, labels, targets = scene_batch(images, index, poses)
        return Batch(normalise(seen), told, labels, targets)
    assert isinstance(poses, Pose)
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
    told = pose_actions(pose, config)
    return Batch(normalise(views), told, labels, told[:, 0])


def pose_actions(poses: Pose, config: FactorsConfig) -> Float[Tensor, "*batch S 5"]:
    """The actions between consecutive poses, as the configuration counts them."""
    return actions(poses, config.actions, translation_unit(config.factors()))
