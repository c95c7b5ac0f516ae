"""The monitor for a training loop of one's own: plain PyTorch, or a callback of Lightning."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import nn

from seqjepa.encoders.asking import Encoder
from seqjepa.extraction import represent
from seqjepa.io.files import make_folder
from seqjepa.sweeps import Sweeps
from seqjepa.training.preparing import FEWEST_HELD_OUT as FEWEST
from seqjepa.types import Factor, Images, InputError
from seqjepa.types.checking import check_whole, user_path
from seqjepa.workflows.logged_figures import drawn
from seqjepa.workflows.monitor import SubspaceMonitor

LIGHTNING = ("lightning.pytorch", "pytorch_lightning")


@dataclass(frozen=True)
class Look:
    """What the monitor saw of an encoder at one epoch.

    Attributes:
        epoch: at which.
        row: estimates by name, as ``SubspaceMonitor`` names them.
        sweeps: that they came from.
    """

    epoch: int
    row: Mapping[str, float]
    sweeps: Sweeps

    @cached_property
    def figures(self) -> dict[str, bytes]:
        """PNG files by name, drawn when first asked for; what cannot be drawn is left out."""
        return drawn(self.sweeps, [{"epoch": float(self.epoch), **self.row}])

    def to_tensorboard(self, writer: Any) -> None:
        """Scalars and images into a ``SummaryWriter``, at this epoch."""
        for name, value in self.row.items():
            writer.add_scalar(name, value, self.epoch)
        for name, png in self.figures.items():
            writer.add_image(name, np.asarray(_picture(png)), self.epoch, dataformats="HWC")

    def to_wandb(self, run: Any) -> None:
        """Everything into a run of Weights & Biases, in one step of it."""
        import wandb

        images = {name: wandb.Image(_picture(png)) for name, png in self.figures.items()}
        run.log({"epoch": self.epoch, **self.row, **images})


@dataclass(frozen=True)
class EncoderMonitor:
    """Looks into any encoder while it is trained by a loop of your own; the encoder is left as it was found.

    ::

        monitor = sj.EncoderMonitor(held_out, sj.affine_factors(rotation=(-180, 180)))
        for epoch in range(epochs):
            train_one_epoch(net)
            look = monitor(net, epoch)
            print(look.row)
            look.to_tensorboard(writer)   # or look.to_wandb(run)

    Attributes:
        images: held out from training, at least 4; 16 or more for figures.
        factors: that are moved, see ``affine_factors``.
        folder: for the leading directions of each look, from which ``stability_…`` is computed in the next.
        identities: images that are moved (all, where there are fewer).
        steps, base_poses, seed: see ``represent``.
        options: further keywords of ``represent``: preprocess, pick, pool, border, device.
    """

    images: Images
    factors: Sequence[Factor]
    folder: str | Path = "subspaces"
    identities: int = 64
    steps: int = 13
    base_poses: int = 2
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.images) < FEWEST:
            raise InputError(f"images: {len(self.images)} are given, and the monitor needs {FEWEST} or more")
        check_whole("identities", self.identities, FEWEST)

    def __call__(self, encoder: Encoder, epoch: int) -> Look:
        """Sweep the encoder and estimate its subspaces.

        Args:
            encoder: a module or any callable, images (B, C, H, W) in [0, 1] to representations (B, D).
            epoch: a number from 0, by which looks are told apart.

        Raises:
            InputError: an epoch that is no whole number from 0, or a folder that cannot be written to.
            EncoderError: the encoder raises, or returns what is no representation.
        """
        check_whole("epoch", epoch, 0)
        folder = make_folder(user_path(self.folder, "folder"))
        sweeps = represent(
            encoder,
            self.images,
            self.factors,
            min(self.identities, len(self.images)),
            self.steps,
            self.base_poses,
            self.seed,
            joint=0,
            group_sweeps=False,
            progress=False,
            **self.options,
        )
        return Look(epoch, SubspaceMonitor().estimates(sweeps, folder, epoch), sweeps)


def lightning_callback(
    monitor: EncoderMonitor, encoder: Callable[[nn.Module], Encoder] | str = "encoder", every: int = 1
) -> Any:
    """The monitor as a callback of Lightning's ``Trainer``: estimates are logged, and figures go to the loggers.

    ::

        trainer = Trainer(callbacks=[sj.lightning_callback(monitor, every=5)])

    Figures go to every logger that takes images: TensorBoard's and that of Weights & Biases. Of several processes the
    first alone looks.

    Args:
        monitor: what is moved, and how much.
        encoder: the name of the module's encoder, or a function of the module that gives it.
        every: epochs between looks.

    Returns:
        A ``Callback`` of ``lightning.pytorch``, or of ``pytorch_lightning`` where only that is installed.

    Raises:
        InputError: neither is installed.
    """
    check_whole("every", every, 1)
    find = (lambda module: getattr(module, encoder)) if isinstance(encoder, str) else encoder

    class Monitored(_lightning().Callback):
        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            epoch = trainer.current_epoch
            if (epoch + 1) % every or not trainer.is_global_zero:
                return
            look = monitor(find(pl_module), epoch)
            pl_module.log_dict(dict(look.row), rank_zero_only=True)
            for logger in trainer.loggers:
                log_figures(logger, look)

    return Monitored()


def log_figures(logger: Any, look: Look) -> None:
    """A look's figures into a logger of Lightning's; one that takes no images gets none."""
    if hasattr(logger, "log_image"):  # Weights & Biases
        for name, png in look.figures.items():
            logger.log_image(name, [_picture(png)])
    elif hasattr(logger.experiment, "add_image"):  # TensorBoard
        for name, png in look.figures.items():
            logger.experiment.add_image(name, np.asarray(_picture(png)), look.epoch, dataformats="HWC")


def _lightning() -> Any:
    for name in LIGHTNING:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if not name.startswith(str(error.name)):  # it is there, and something that it needs is not
                raise
    raise InputError("the callback needs Lightning: pip install 'seqjepa[lightning]'")


def _picture(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")
