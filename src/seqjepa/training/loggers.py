"""Loggers beside the files that are always written: Weights & Biases and TensorBoard, by option."""

from __future__ import annotations

import importlib.util
import io
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from PIL import Image
from requests.utils import get_netrc_auth

from seqjepa.training.config import Config
from seqjepa.training.quiet import quiet_threads
from seqjepa.types import InputError, OutOfMemory
from seqjepa.types.foreign import foreign_code

LOG = logging.getLogger(__name__)
NO_KEY = "there is no key (WANDB_API_KEY, or wandb login); 'wandb sync' sends it later"
SERVER = "https://api.wandb.ai"


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
    """Raises InputError when a logger that the configuration asks for is not installed, or refuses the project."""
    for library, wanted in (("tensorboard", config.logging.tensorboard), ("wandb", config.logging.wandb)):
        if wanted and importlib.util.find_spec(library) is None:
            raise InputError(f"logging.{library}: the library is not installed; pip install 'seqjepa[{library}]'")
    if config.logging.wandb and tracker_mode()[0] != "disabled":
        with foreign_code(f"logging.project: {config.logging.project[:80]!r}: Weights & Biases"):
            import wandb

            wandb.Settings(project=config.logging.project)


def build_loggers(config: Config, folder: Path) -> list[Logger]:
    """The loggers that the configuration asks for, started; one that cannot be started is told of in a warning."""
    wanted: dict[str, Callable[[], Logger]] = {}
    if config.logging.tensorboard:
        wanted["TensorBoard"] = lambda: TensorBoard(folder)
    if config.logging.wandb and tracker_mode()[0] != "disabled":
        wanted["Weights & Biases"] = lambda: WeightsAndBiases(config, folder)
    return [Sheltered(name, make) for name, make in wanted.items()]


def tracker_mode() -> tuple[str, str]:
    """Whether Weights & Biases logs "online", "offline", or is "disabled", and why.

    As the environment says (WANDB_MODE); else online where there is a key: WANDB_API_KEY, or a login that ``wandb
    login`` left in ~/.netrc.
    """
    asked = os.environ.get("WANDB_MODE", "").strip().lower()
    if asked == "disabled" or os.environ.get("WANDB_DISABLED", "").strip().lower() in ("true", "1"):
        return "disabled", "the environment says so (WANDB_MODE, WANDB_DISABLED)"
    if asked:
        return "offline" if asked in ("offline", "dryrun") else "online", f"WANDB_MODE is {asked}"
    if os.environ.get("WANDB_API_KEY"):
        return "online", "there is a key (WANDB_API_KEY)"
    if any(get_netrc_auth(server) for server in {os.environ.get("WANDB_BASE_URL") or SERVER, SERVER}):
        return "online", "there is a login (netrc)"
    return "offline", NO_KEY


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


class Sheltered:
    """A logger whose failure costs itself alone: from then on nothing is logged to it, and the run goes on.

    Args:
        name: as a warning tells it.
        make: starts the logger.
    """

    def __init__(self, name: str, make: Callable[[], Logger]) -> None:
        self._name = name
        self._logger: Logger | None = None
        with self._told():
            self._logger = make()

    def log(self, row: Mapping[str, float]) -> None:
        """The metrics of an epoch."""
        if self._logger is not None:
            with self._told():
                self._logger.log(row)

    def log_figure(self, epoch: int, name: str, png: bytes) -> None:
        """Before the epoch's ``log``."""
        if self._logger is not None:
            with self._told():
                self._logger.log_figure(epoch, name, png)

    def close(self) -> None:
        """Write what is still to be written."""
        if self._logger is not None:
            with self._told():
                self._logger.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            with quiet_threads(), foreign_code(self._name):
                yield
        except (InputError, OutOfMemory) as error:
            self._logger = None
            warnings.warn(f"{error}; the run goes on without it", stacklevel=4)


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
    """Scalars and figures by epoch: online, or an offline run in ``folder/wandb``, for ``wandb sync``."""

    def __init__(self, config: Config, folder: Path) -> None:
        mode, why = tracker_mode()
        LOG.log(logging.WARNING if why == NO_KEY else logging.INFO, "Weights & Biases: %s: %s", mode, why)
        try:
            with foreign_code("Weights & Biases"):
                self.run = self._start(config, folder, mode)
        except InputError as error:
            if mode == "offline":
                raise
            # A tracker that is down must not cost a run; the offline files can be synchronised later.
            warnings.warn(f"Weights & Biases cannot be reached ({error}); logging to an offline run", stacklevel=4)
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
