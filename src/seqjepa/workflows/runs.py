"""Training as the commands do it: with a folder of its own, and with a look inside."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Any

from seqjepa.training import Config, Result, resume, train
from seqjepa.training.callbacks import Callback
from seqjepa.training.config import config_from_yaml
from seqjepa.types.checking import user_path


def usual_callbacks(config: Config) -> list[Callback]:
    """What looks inside while a run trains; it draws only where a logger takes figures."""
    if config.logging.wandb or config.logging.tensorboard:
        from seqjepa.workflows.logged_figures import LoggedFigures  # brings matplotlib

        return [LoggedFigures()]
    from seqjepa.workflows.monitor import SubspaceMonitor

    return [SubspaceMonitor()]


def _quiet() -> None:
    """Device and precision stand in our own first line."""
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)


def train_run(config: Config, folder: str | Path | None = None, **objects: Any) -> Result:
    """``train`` with the usual callbacks, into a new folder, runs/NAME-TIME unless another is named.

    ``objects`` are those that ``train`` takes: images, encoder, aggregator, teacher, terms.
    """
    _quiet()
    default = Path("runs") / f"{config.name}-{datetime.now():%Y%m%d-%H%M%S}"
    return train(config, default if folder is None else folder, usual_callbacks(config), **objects)


def resume_run(folder: str | Path, *, trust: bool = False, **objects: Any) -> Result:
    """``resume`` with the usual callbacks; ``objects`` are those that ``train_run`` was given."""
    _quiet()
    config = config_from_yaml(user_path(folder) / "config.yaml", trust=trust)
    return resume(folder, usual_callbacks(config), trust=trust, **objects)
