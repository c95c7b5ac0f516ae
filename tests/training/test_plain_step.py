"""What makes a step fast leaves its result as it was: the loop beside the straightforward way, a piece at a time."""

import copy

import pytest
import torch

from seqjepa.factors import actions, warp
from seqjepa.factors.relative_pose import translation_unit
from seqjepa.objective import coding_rate, cosine_prediction_loss
from seqjepa.recipes import change
from seqjepa.rng import derive_seed, generator
from seqjepa.training.building import build_model
from seqjepa.training.loop import train
from seqjepa.training.preparing import load
from seqjepa.training.saved import load_model
from seqjepa.training.views import Normalisation, epoch_poses
from seqjepa.types import Pose


def plain_run(config):
    """One epoch: views one by one, contiguous, all tokens in every layer, Adam and teacher tensor by tensor.

    Returns mean losses and the model.
    """
    images, _ = load(config)
    kind, normalise = torch.float64 if config.precision == "float64" else torch.float32, Normalisation.of(images)
    torch.manual_seed(derive_seed(config.seed, "weights"))
    model = build_model(config, 1, tuple(images.pixels.shape[2:]), normalise).to(kind)
    model = model.to(memory_format=torch.contiguous_format)
    teacher = copy.deepcopy(model.encoder)
    wanted = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(
        wanted, config.optimiser.learning_rate, weight_decay=config.optimiser.weight_decay, foreach=False, fused=False
    )
    poses = epoch_poses(config.factors, len(images), config.seed, 1)
    order = torch.randperm(len(images), generator=generator(config.seed, 1, "order"))
    losses = []
    for index in order.split(config.batch_size):
        batch = [
            [warp(images.pixels[i : i + 1], Pose(pose[None, None]), taps=2)[0, 0] for pose in poses.values[i]]
            for i in index
        ]
        views = normalise(torch.stack([torch.stack(own) for own in batch])).to(kind)
        moved = actions(Pose(poses.values[index]), unit=translation_unit(config.factors.factors())).to(kind)
        z = model.encoder(views[:, :-1].flatten(0, 1)).unflatten(0, (len(index), -1))
        embedded = model.embed_action(moved)
        tokens = torch.cat([z, torch.nn.functional.pad(embedded[:, :-1], (0, 0, 0, 1))], -1)
        token = model.aggregator.token.expand(len(index), -1, -1)
        z_agg = model.aggregator.transformer(torch.cat([token, tokens], 1))[:, 0]
        with torch.no_grad():
            target = teacher(views[:, -1])
        distance = cosine_prediction_loss(model.predictor(z_agg, embedded[:, -1]), target)
        loss = distance - config.objective.rate.weight * coding_rate(z_agg)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            for slow, fast in zip(teacher.parameters(), model.encoder.parameters(), strict=True):
                slow.mul_(config.model.ema_decay).add_(fast, alpha=1 - config.model.ema_decay)
        losses.append((float(loss.detach()), float(distance.detach())))
    return torch.tensor(losses, dtype=torch.float64).mean(0), model


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("encoder", ["convnet", "resnet_small"])
def test_an_epoch_equals_the_plain_way(tiny, tmp_path, encoder, precision):
    constant = dict(schedule="constant", warmup_epochs=0.0)
    config = change(tiny, epochs=1, precision=precision, optimiser=constant, model=dict(encoder=encoder, dropout=0.0))
    row = train(config, tmp_path / "run").rows[0]
    losses, plain = plain_run(config)
    within = 1e-5 if precision == "float32" else 2e-7  # means are taken, and weights saved, in float32
    assert [row["loss"], row["prediction"]] == pytest.approx(losses.tolist(), abs=within)
    if precision == "float64":  # in float32 Adam makes a step of what is left of a gradient of 0
        ours = dict(load_model(tmp_path / "run")[0].named_parameters())
        for name, weight in plain.named_parameters():
            if not name.startswith("teacher."):
                torch.testing.assert_close(ours[name].double(), weight, atol=1e-6, rtol=0)
