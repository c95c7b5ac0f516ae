"""What is measured after an epoch on the held-out split, in eval mode, updating nothing."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from seqjepa.diagnostics import effective_rank
from seqjepa.objective import cosine_prediction_loss
from seqjepa.training.config import Config
from seqjepa.training.probes import ProbeScores, SceneScores
from seqjepa.training.ranks import desynchronise_batch_norm
from seqjepa.training.scene_views import SceneViews
from seqjepa.training.views import Normalisation, epoch_views, make_batch
from seqjepa.types import Images

BATCH = 250


@torch.no_grad()
def evaluate(
    model: nn.Module,
    probes: nn.Module,
    images: Images | SceneViews,
    normalise: Normalisation,
    config: Config,
    *,
    ranks: bool,
) -> dict[str, float]:
    """Probe scores, the held-out prediction loss and, if asked, effective ranks, at poses fixed by the seed.

    Ranks are measured twice: in eval mode, and of a copy in train mode ("_train_mode"), whose batch norm uses the
    batch's statistics; where the two differ, eval mode does not see what the loss saw.

    Args:
        model: a ``SeqJEPA``, in the run's precision.
        probes: the online probes.
        images: held out; or a scene's held-out identities.
        normalise: of the training images.
        config: of the run.
        ranks: whether effective ranks are measured.
    """
    model.eval()
    probes.eval()
    scores = (SceneScores if isinstance(images, SceneViews) else ProbeScores)(config.varying)
    prediction, codes = 0.0, _Codes()
    poses = epoch_views(images, config.factors, config.seed, "held-out")
    for index in torch.arange(len(images)).split(BATCH):
        batch = make_batch(images, index, poses, config.factors, normalise)
        outputs = model(batch.views, batch.actions)
        scores.update(probes(outputs), batch.labels, batch.targets)
        prediction += float(cosine_prediction_loss(outputs.prediction, outputs.target)) * len(index)
        codes.update(outputs.z[:, 0], outputs.z_agg)
    result = {**scores.compute(), "prediction_test": prediction / len(images)}
    if ranks:
        result |= codes.ranks("")
        in_train_mode, codes = desynchronise_batch_norm(copy.deepcopy(model)).train(), _Codes()
        for index in torch.arange(len(images)).split(config.batch_size):
            if len(index) == config.batch_size:
                batch = make_batch(images, index, poses, config.factors, normalise)
                outputs = in_train_mode(batch.views, batch.actions)
                codes.update(outputs.z[:, 0], outputs.z_agg)
        result |= codes.ranks("_train_mode")
    model.train()
    probes.train()
    return result


class _Codes:
    """z of the first view and z_agg, gathered over batches."""

    def __init__(self) -> None:
        self.z: list[Tensor] = []
        self.z_agg: list[Tensor] = []

    def update(self, z: Tensor, z_agg: Tensor) -> None:
        self.z.append(z)
        self.z_agg.append(z_agg)

    def ranks(self, suffix: str) -> dict[str, float]:
        if not self.z:  # fewer held-out images than one training batch
            return {}
        return {
            f"rank_eq_eff{suffix}": effective_rank(torch.cat(self.z)),
            f"rank_inv_eff{suffix}": effective_rank(torch.cat(self.z_agg)),
        }
