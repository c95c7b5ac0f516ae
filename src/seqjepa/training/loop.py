"""THE training loop. Read it from top to bottom: ``train`` sets up, ``_fit`` is the loop."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning_fabric as lf
import torch
from torch import nn

from seqjepa.images import load_images
from seqjepa.model import SeqJEPA
from seqjepa.model.teacher import decay_at
from seqjepa.objective import Rate, compute_loss
from seqjepa.randomness import derive_seed, generator
from seqjepa.training import folder as run_folder
from seqjepa.training.checkpoint import CheckpointError, list_checkpoints, restore_checkpoint, save_checkpoint
from seqjepa.training.config import Config, ConfigError, config_from_yaml
from seqjepa.training.evaluation import evaluate
from seqjepa.training.hardware import pick_device, pick_precision
from seqjepa.training.loggers import build_loggers
from seqjepa.training.optimiser import build_optimiser, learning_rate_at
from seqjepa.training.probes import OnlineProbes, probe_loss
from seqjepa.training.progress import Progress
from seqjepa.training.saved import build_model, save_model
from seqjepa.training.views import Normalisation, epoch_poses, make_batch
from seqjepa.types import Images


@dataclass(frozen=True)
class Moment:
    """What an evaluator sees, every ``evaluate_every`` epochs and after the last."""

    epoch: int
    config: Config
    model: nn.Module
    held_out: Images
    normalise: Normalisation
    folder: Path


Evaluator = Callable[[Moment], Mapping[str, float]]


@dataclass(frozen=True)
class Result:
    """A finished run: its folder and a row of metrics an epoch."""

    folder: Path
    rows: list[dict]


def train(config: Config, folder: str | Path, evaluators: Sequence[Evaluator] = ()) -> Result:
    """Train from the start into a new folder.

    Args:
        config: what to train.
        folder: a run's folder to be; must not hold a run.
        evaluators: called with a ``Moment``; what they return joins the epoch's row of metrics.

    Raises:
        ConfigError, FolderError, ValueError, FileNotFoundError: before anything is trained, naming what is wrong.
        FloatingPointError: a term of the loss is not finite; the last epoch's checkpoint is kept.
    """
    folder = Path(folder)
    train_images, test_images = _load(config)
    return _fit(config, run_folder.create(folder), train_images, test_images, evaluators, checkpoint=None)


def resume(folder: str | Path, evaluators: Sequence[Evaluator] = ()) -> Result:
    """Go on after the newest checkpoint of a run, to the same figures as if it had never stopped."""
    folder = Path(folder)
    config = config_from_yaml(folder / "config.yaml")
    checkpoints = list_checkpoints(folder / "checkpoints")
    if not checkpoints:
        raise CheckpointError(f"{folder / 'checkpoints'}: no checkpoint to go on from; start again with 'seqjepa train --config {folder / 'config.yaml'}'")
    train_images, test_images = _load(config)
    return _fit(config, folder, train_images, test_images, evaluators, checkpoint=checkpoints[-1])


def _fit(
    config: Config, folder: Path, images: Images, held_out: Images, evaluators: Iterable[Evaluator], checkpoint: Path | None
) -> Result:
    precision = pick_precision(config)
    fabric = lf.Fabric(accelerator=pick_device(config), devices=1, precision=precision)
    torch.manual_seed(derive_seed(config.seed, "weights"))
    model = build_model(config, images.pixels.shape[1], tuple(images.pixels.shape[2:]))
    probes = _build_probes(config, model, images)
    optimiser = build_optimiser(config.optimiser, model)
    probe_optimiser = torch.optim.Adam(probes.parameters(), lr=config.probes.learning_rate, fused=True)
    normalise = Normalisation.of(images)
    rate = Rate(**config.objective.rate.model_dump())
    images, held_out = images.to(fabric.device), held_out.to(fabric.device)
    modules: dict[str, nn.Module] = {"model": model, "probes": probes}
    optimisers = {"optimiser": optimiser, "probe_optimiser": probe_optimiser}
    rows: list[dict] = []
    timings: list[dict] = []
    done = 0
    if checkpoint is not None:
        done, rows = restore_checkpoint(checkpoint, modules, optimisers)
    else:
        run_folder.write_environment(folder, str(fabric.device), precision)
        run_folder.write_atomic(folder / "config.yaml", config.to_yaml())
    wrapped, optimiser = fabric.setup(model, optimiser)
    probes_wrapped, probe_optimiser = fabric.setup(probes, probe_optimiser)
    loggers = build_loggers(config, folder)

    steps = len(images) // config.batch_size
    total = steps * config.epochs
    with Progress(config.epochs, steps, done) as progress:
        for epoch in range(done + 1, config.epochs + 1):
            started = time.perf_counter()
            # Everything random in an epoch follows from (seed, epoch), so a resumed run draws the same numbers.
            torch.manual_seed(derive_seed(config.seed, "epoch", epoch))
            poses = epoch_poses(config.factors, len(images), config.seed, epoch)
            order = torch.randperm(len(images), generator=generator(config.seed, epoch, "order"))
            sums: dict[str, torch.Tensor] = defaultdict(lambda: torch.zeros((), device=fabric.device))
            for step, index in enumerate(order[: steps * config.batch_size].split(config.batch_size)):
                now = (epoch - 1) * steps + step
                for group in optimiser.param_groups:
                    group["lr"] = learning_rate_at(now, steps, total, config.optimiser)
                batch = make_batch(images, index, poses, config.factors, normalise)

                outputs = wrapped(batch.views, batch.actions)
                terms = compute_loss(outputs, rate, config.objective.prediction.weight)
                fabric.backward(terms.loss)
                optimiser.step()
                optimiser.zero_grad()
                decay = decay_at(now / total, config.model.ema_decay, config.model.ema_schedule)
                model.teacher.update(model.encoder, decay)

                fabric.backward(probe_loss(probes_wrapped(outputs), batch.labels, batch.actions[:, 0]))
                probe_optimiser.step()
                probe_optimiser.zero_grad()

                for name, value in terms.logged.items():
                    sums[name] += value
                progress.step()
            trained = time.perf_counter()

            also = epoch % config.evaluate_every == 0 or epoch == config.epochs
            row: dict = {"epoch": epoch} | {name: float(value) / steps for name, value in sums.items()}
            row |= evaluate(wrapped, probes_wrapped, held_out, normalise, config, ranks=also)
            for evaluator in evaluators if also else ():
                row |= evaluator(Moment(epoch, config, model, held_out, normalise, folder))
            rows.append(row)
            timings.append({"epoch": epoch, "training_s": trained - started, "evaluation_s": time.perf_counter() - trained})
            save_checkpoint(folder / "checkpoints", epoch, modules, optimisers, rows)
            run_folder.write_metrics(folder, rows, timings)
            for logger in loggers:
                logger.log(row)
            progress.epoch(row)
    save_model(folder, model, config, normalise, tuple(images.pixels.shape[1:]))
    for logger in loggers:
        logger.close()
    return Result(folder, rows)


def _load(config: Config) -> tuple[Images, Images]:
    """The run's training and held-out images: fixed random subsets, the same for every seed of the run."""
    loaded = []
    for split, count in (("train", config.images.train), ("test", config.images.test)):
        images = load_images(config.images.source, split, config.images.root)
        if count is not None and count > len(images):
            raise ConfigError(f"images.{split}: {count} images asked for, but {config.images.source} has {len(images)}")
        if count is not None and count < len(images):
            images = images[torch.randperm(len(images), generator=generator("subset", split))[:count].sort().values]
        loaded.append(images)
    if len(loaded[0]) < config.batch_size:
        raise ConfigError(f"batch_size: {config.batch_size} is more than the {len(loaded[0])} training images")
    return loaded[0], loaded[1]


def _build_probes(config: Config, model: SeqJEPA, images: Images) -> OnlineProbes:
    return OnlineProbes(model.code_dim, model.aggregate_dim, model.action_dim, len(images.class_names), config.probes.hidden)
