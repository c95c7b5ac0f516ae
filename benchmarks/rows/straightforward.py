"""The straightforward training step: a view at a time through Pillow, float32, contiguous, PyTorch's defaults.

What a first version of the experiment looks like: same model, batch, losses and optimiser as the recipe's, but each
view is warped alone on the CPU, the teacher is averaged tensor by tensor, and metrics are read in every step.
"""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from rows.plain_resnet import PlainResNet18
from seqjepa.factors import actions
from seqjepa.factors.relative_pose import translation_unit
from seqjepa.model.aggregators import ActionEmbedding, Aggregator, Predictor
from seqjepa.objective import coding_rate, cosine_prediction_loss
from seqjepa.training.config import Config
from seqjepa.training.views import epoch_poses
from seqjepa.types import Images, Pose


def warp_one(image: np.ndarray, pose: list[float]) -> Image.Image:
    """One uint8 (H, W) image under one pose, as Pillow does it: a bilinear sample at each pixel."""
    rotation, x, y, log_scale = pose
    height, width = image.shape
    cos, sin = math.cos(rotation) / math.exp(log_scale), math.sin(rotation) / math.exp(log_scale)
    centre = width / 2, height / 2
    # p = R(θ)ᵀ (p' - t) / s about the centre, in Pillow's coordinates.
    a, b, d, e = cos, -sin, sin, cos
    c = centre[0] - a * (centre[0] + x) - b * (centre[1] + y)
    f = centre[1] - d * (centre[0] + x) - e * (centre[1] + y)
    return Image.fromarray(image).transform((width, height), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.BILINEAR)


def view(image: np.ndarray, pose: list[float], mean: float = 0.0, std: float = 1.0) -> Tensor:
    """One normalised view (1, H, W): warp, to a tensor, normalise."""
    pixels = np.asarray(warp_one(image, pose), dtype=np.float32) / 255
    return (torch.from_numpy(pixels)[None] - mean) / std


class StraightforwardStep:
    """A step of ``mnist_affine`` on grey images, over and over."""

    def __init__(self, config: Config, images: Images, mean: float, std: float) -> None:
        m, self.config = config.model, config
        self.images, self.mean, self.std = images, mean, std
        self.poses = epoch_poses(config.factors, len(images), 0, 1)
        dim = 8 * m.width
        self.encoder = PlainResNet18(1, m.width)
        self.teacher = copy.deepcopy(self.encoder).requires_grad_(False)
        self.embed = ActionEmbedding(5, m.action_embedding)
        self.aggregator = Aggregator(dim + m.action_embedding, m.layers, m.heads, m.dropout)
        self.predictor = Predictor(dim + 2 * m.action_embedding, m.hidden, dim)
        parts = (self.encoder, self.embed, self.aggregator, self.predictor)
        self.optimiser = torch.optim.Adam([p for part in parts for p in part.parameters()], lr=1e-3)
        hidden = config.probes.hidden
        self.probes = nn.ModuleList(
            [nn.Linear(dim + m.action_embedding, 10), nn.Linear(dim, 10), nn.Linear(dim + m.action_embedding, 5)]
        )
        self.pair = nn.Sequential(
            nn.Linear(2 * dim, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 5)
        )
        self.probe_optimiser = torch.optim.Adam([*self.probes.parameters(), *self.pair.parameters()], lr=1e-3)

    def make_views(self) -> Tensor:
        """The batch's views (B, V, 1, H, W), one after the other."""
        batch = []
        for i in range(self.config.batch_size):
            image = self.images.pixels[i, 0].numpy()
            batch.append(torch.stack([view(image, p.tolist(), self.mean, self.std) for p in self.poses.values[i]]))
        return torch.stack(batch)

    def whole(self) -> float:
        """One step; returns its loss."""
        size = self.config.batch_size
        views, labels = self.make_views(), self.images.labels[:size]
        moved = actions(Pose(self.poses.values[:size]), unit=translation_unit(self.config.factors.factors()))
        z = self.encoder(views[:, :-1].reshape(-1, *views.shape[2:])).reshape(size, views.shape[1] - 1, -1)
        embedded = self.embed(moved)
        z_agg = self.aggregator(torch.cat([z, F.pad(embedded[:, :-1], (0, 0, 0, 1))], -1))
        prediction = self.predictor(z_agg, embedded[:, -1])
        with torch.no_grad():
            target = self.teacher(views[:, -1])
        distance, rate = cosine_prediction_loss(prediction, target), coding_rate(z_agg)
        loss = distance - 0.01 * rate
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        with torch.no_grad():
            for slow, fast in zip(self.teacher.parameters(), self.encoder.parameters(), strict=True):
                slow.mul_(0.996).add_(fast, alpha=0.004)
        z, z_agg = z.detach(), z_agg.detach()
        probe = (
            F.cross_entropy(self.probes[0](z_agg), labels)
            + F.cross_entropy(self.probes[1](z[:, 0]), labels)
            + F.mse_loss(self.probes[2](z_agg), moved[:, 0])
            + F.mse_loss(self.pair(torch.cat([z[:, 0], z[:, 1]], -1)), moved[:, 0])
        )
        self.probe_optimiser.zero_grad()
        probe.backward()
        self.probe_optimiser.step()
        distance.item(), rate.item(), probe.item()
        return loss.item()
