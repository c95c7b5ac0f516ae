"""Loggers beside the files that are always written: Weights & Biases and TensorBoard, by option."""

from __future__ import annotations

import importlib.util
import io
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from PIL import Image

from seqjepa.training.config import Config
from seqjepa.types import InputError


@runtime_checkable
class Logger(Protocol):
    """What takes a run's metrics and figures."""

    def log(self, row: Mapping[str, float]) -> None:
        """The metrics of an epoch."""
        ...

    def log_figure(self, epoch: int, name: str, png: bytes) -> None:
        """Before the epoch's ``log``."""
        ...

    def close(self) -> None:
        """Write what is still to be written."""
        ...


def check_loggers(config: Config) -> None:
    """Raises InputError when the library of a logger that the configuration asks for is not installed."""
    for library, wanted in (("tensorboard", config.logging.tensorboard), ("wandb", config.logging.wandb)):
        if wanted and importlib.util.find_spec(library) is None:
            raise InputError(f"logging.{library}: the library is not installed; pip install 'seqjepa[{library}]'")


def build_loggers(config: Config, folder: Path) -> list[Logger]:
    """The loggers that the configuration asks for, started."""
    loggers: list[Logger] = []
    if config.logging.tensorboard:
        loggers.append(TensorBoard(folder))
    if config.logging.wandb:
        loggers.append(WeightsAndBiases(config, folder))
    return loggers


def log_figure(loggers: Sequence[Logger], epoch: int, name: str, png: bytes) -> None:
    """A figure to every logger.

    Args:
        loggers: of the run.
        epoch: that it shows, from 1.
        name: under which it is logged.
        png: content of a PNG file.
    """
    for logger in loggers:
        logger.log_figure(epoch, name, png)


class TensorBoard:
    """Scalars and figures by epoch in ``folder/tensorboard``."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(folder / "tensorboard"))

    def log(self, row: Mapping[str, float]) -> None:
        """Each metric as a scalar at its epoch."""
        for name, value in row.items():
            if name != "epoch":
                self.writer.add_scalar(name, value, int(row["epoch"]))
        self.writer.flush()

    def log_figure(self, epoch: int, name: str, png: bytes) -> None:
        """The figure as an image at its epoch."""
        self.writer.add_image(name, np.asarray(_picture(png)), epoch, dataformats="HWC")

    def close(self) -> None:
        """Flush and close the event file."""
        self.writer.close()


class WeightsAndBiases:
    """Scalars and figures by epoch: online with a key, else an offline run in ``folder/wandb``, for ``wandb sync``."""

    def __init__(self, config: Config, folder: Path) -> None:
        from wandb.errors import Error as TrackerError

        online = bool(os.environ.get("WANDB_API_KEY")) and os.environ.get("WANDB_MODE", "online") == "online"
        try:
            self.run = self._start(config, folder, "online" if online else "offline")
        except (TrackerError, OSError) as error:
            # A tracker that is down must not cost a run; the offline files can be synchronised later.
            warnings.warn(
                f"Weights & Biases cannot be reached ({type(error).__name__}); logging to an offline run", stacklevel=2
            )
            self.run = self._start(config, folder, "offline")
        self.run.define_metric("epoch")
        self.run.define_metric("*", step_metric="epoch")

    def _start(self, config: Config, folder: Path, mode: str):
        import wandb

        return wandb.init(
            project=config.logging.project,
            name=folder.name,
            dir=str(folder),
            config=config.model_dump(mode="json"),
            mode=mode,  # type: ignore[arg-type]
            settings=wandb.Settings(init_timeout=20, silent=True),
        )

    def log(self, row: Mapping[str, float]) -> None:
        """The epoch's row, figures of the same epoch with it."""
        self.run.log(dict(row))

    def log_figure(self, epoch: int, name: str, png: bytes) -> None:
        """The figure, which joins the epoch's row."""
        import wandb

        self.run.log({name: wandb.Image(_picture(png))}, commit=False)

    def close(self) -> None:
        """Finish the run at the tracker."""
        self.run.finish()


def _picture(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")
