"""A training step as the loop takes it, its floor, and its parts, ready to be timed."""

from __future__ import annotations

from pathlib import Path

import torch

from rows.effort import Effort
from rows.plain_resnet import PlainResNet18
from seqjepa.objective import compute_loss
from seqjepa.recipes import RECIPES, change
from seqjepa.training.config import Config
from seqjepa.training.preparing import prepare
from seqjepa.training.probes import probe_loss
from seqjepa.training.views import epoch_poses, make_batch


def recipe(name: str, effort: Effort, device: str = "cpu", **model) -> Config:
    """A recipe on the embedded digits (a step's time does not depend on what is in the images)."""
    config = change(RECIPES[name](), device=device, images=dict(source="digits", train=512, test=64))
    if model:
        config = change(config, model=model)
    if effort.batch is not None:
        config = change(config, batch_size=effort.batch)
    if effort.width is not None:
        config = change(config, model=dict(width=effort.width))
    return config


class Step:
    """One batch of a recipe, over and over."""

    def __init__(self, config: Config) -> None:
        self.run = run = prepare(config, Path("unused"))
        self.config, self.device = config, run.fabric.device.type
        self.model, self.optimiser = run.fabric.setup(run.model, run.optimiser)
        self.probes, self.probe_optimiser = run.fabric.setup(run.probes, run.probe_optimiser)
        self.objective = config.terms()
        self.poses = epoch_poses(config.factors, len(run.images), 0, 1)
        self.index = torch.arange(config.batch_size)
        self.batch = self.make_batch()
        views = self.batch.views
        layout = torch.channels_last
        self.observed = views[:, :-1].flatten(0, 1).contiguous(memory_format=layout)
        self.target = views[:, -1].contiguous(memory_format=layout)
        self.plain = PlainResNet18(views.shape[2], config.model.width).to(views.device, memory_format=layout)
        self.plain_teacher = PlainResNet18(views.shape[2], config.model.width).to(views.device, memory_format=layout)
        self.outputs = self.model(views, self.batch.actions)

    def make_batch(self):
        return make_batch(self.run.images, self.index, self.poses, self.config.factors, self.run.normalise)

    def whole(self) -> None:
        """Views, model, losses, optimiser, teacher, probes: what the loop does in a step."""
        run, batch = self.run, self.make_batch()
        outputs = self.model(batch.views, batch.actions)
        run.fabric.backward(compute_loss(outputs, self.objective).loss)
        self.optimiser.step()
        self.optimiser.zero_grad()
        run.model.teacher.update(run.model.encoder, self.config.model.ema_decay)
        self._probe(outputs, batch)

    def floor(self) -> None:
        """The encoder's forward and backward for the observed views, and the teacher's forward for the target."""
        self._pass(self.run.model.encoder, self.run.model.teacher.encoder)

    def plain_floor(self) -> None:
        """The same with a plain ResNet-18."""
        self._pass(self.plain, self.plain_teacher)

    def online_probes(self) -> None:
        """The probes alone, on representations that are there."""
        self._probe(self.outputs, self.batch)

    def _pass(self, encoder: torch.nn.Module, teacher: torch.nn.Module) -> None:
        with self.run.fabric.autocast():
            code = encoder(self.observed)
            with torch.no_grad():
                teacher(self.target)
        code.float().square().mean().backward()
        for parameter in encoder.parameters():
            parameter.grad = None

    def _probe(self, outputs, batch) -> None:
        self.run.fabric.backward(probe_loss(self.probes(outputs), batch.labels, batch.actions[:, 0]))
        self.probe_optimiser.step()
        self.probe_optimiser.zero_grad()
