"""THE training loop. ``train`` and ``resume`` prepare; ``_fit`` is the loop and reads from top to bottom."""

from __future__ import annotations

import signal
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from seqjepa.factors import Scene
from seqjepa.io.rows import finite_row
from seqjepa.model.teachers import decay_at
from seqjepa.objective import Term, compute_loss
from seqjepa.rng import generator, seed_everything
from seqjepa.training import folder as run_folder
from seqjepa.training.callbacks import Callback, EpochEnd, join_metrics
from seqjepa.training.checkpoint import newest_whole, restore_checkpoint, save_checkpoint
from seqjepa.training.config import Config, config_from_yaml
from seqjepa.training.evaluation import evaluate
from seqjepa.training.failures import kept_on_failure, told_in_a_line
from seqjepa.training.hardware import pick_precision
from seqjepa.training.loggers import build_loggers, log_figure
from seqjepa.training.objects import gathered
from seqjepa.training.optimiser import learning_rate_at
from seqjepa.training.preparing import Run, prepare
from seqjepa.training.probes import probe_loss
from seqjepa.training.progress import Progress
from seqjepa.training.ranks import (
    OnOneRank,
    gather_outputs,
    keys_of_rank,
    naming_lost_ranks,
    share_of_rank,
)
from seqjepa.training.saved import describe, save_model
from seqjepa.training.scene_views import SceneViews, write_kept
from seqjepa.training.signals import Stopped, stoppable, undisturbed
from seqjepa.training.views import epoch_views, make_batch
from seqjepa.types import Images, InputError
from seqjepa.types.checking import user_path
from seqjepa.types.precision import single_precision


@dataclass(frozen=True)
class Result:
    """What came of a run.

    Attributes:
        folder: the run's.
        rows: metrics, a row an epoch.
        complete: whether it reached the last epoch.
        stopped_by: the signal that stopped it before (``signal.SIGINT`` or ``SIGTERM``), else None.
        rank: of this process among the run's; only 0 writes.
    """

    folder: Path
    rows: list[dict]
    complete: bool
    stopped_by: int | None = None
    rank: int = 0


@single_precision()
def train(
    config: Config,
    folder: str | Path,
    callbacks: Sequence[Callback] = (),
    *,
    images: Sequence[Images] | None = None,
    scene: Scene | Sequence[Scene] | None = None,
    encoder: nn.Module | None = None,
    aggregator: nn.Module | None = None,
    teacher: nn.Module | None = None,
    terms: Sequence[Term | Callable[..., Tensor]] = (),
) -> Result:
    """Train from the start into a new folder.

    What is given as an object takes the place of what the configuration names. The run's configuration records what it
    was; ``resume`` and ``load_encoder`` need the same object again::

        import seqjepa as sj

        train, test = (sj.Images.from_dataset(mine) for mine in (train_set, test_set))
        sj.train(config, "runs/mine", images=(train, test), encoder=net, terms=[my_term])
        encoder = sj.load_encoder("runs/mine", encoder=net)

    Args:
        config: what to train.
        folder: the run's folder to be; must not hold a run.
        callbacks: called with an ``EpochEnd``; metrics that they return join the epoch's row. Whatever one raises ends
            the run in a line that names it, with the epoch saved: mend it and ``resume``.
        images: all training and all held-out images.
        scene: what is trained on in place of affine views of images; or a pair (train, test). Of a single one a fifth
            of the identities is held out.
        encoder: a module, images (B, C, H, W) to representations (B, D). It is copied, as all modules are.
        aggregator: a module, tokens (B, S, D + ``model.action_embedding``) to z_agg (B, F).
        teacher: a module, (encoder, images) to target representations, with ``update(encoder, decay)``.
        terms: functions of ``Outputs`` under ``@sj.term(weight=…)``; or bare ones, of weight 1.

    Raises:
        InputError: before anything is written, naming what is wrong; or a callback failed, when its epoch is saved.
        FloatingPointError: a term of the loss is not finite; the last epoch's checkpoint is kept, and the batch.
        WriteFailed, OutOfMemory: as they say; what was saved before is kept.
    """
    folder = user_path(folder, "folder")
    run_folder.refuse_taken(folder)
    objects = gathered(images, scene, encoder, aggregator, teacher, terms)
    config = objects.recorded(config)
    with told_in_a_line(config, folder), _at_work(run := prepare(config, folder, objects)):
        if run.fabric.is_global_zero:
            run_folder.refuse_taken(folder)
            metadata = config.seed, str(run.fabric.device), pick_precision(config), run.fabric.world_size
            run_folder.write_environment(folder, *metadata)
            if isinstance(run.images, SceneViews) and isinstance(run.held_out, SceneViews):
                write_kept(folder, {"train": run.images, "test": run.held_out})
            run_folder.write_atomic(folder / "config.yaml", run.config.to_yaml())
        return _fit(run, callbacks)


@single_precision()
def resume(
    folder: str | Path,
    callbacks: Sequence[Callback] = (),
    *,
    images: Sequence[Images] | None = None,
    scene: Scene | Sequence[Scene] | None = None,
    encoder: nn.Module | None = None,
    aggregator: nn.Module | None = None,
    teacher: nn.Module | None = None,
    terms: Sequence[Term | Callable[..., Tensor]] = (),
    trust: bool = False,
) -> Result:
    """Go on after a run's newest checkpoint, to the same estimates as if it had never stopped.

    Without a checkpoint the run starts again; a damaged one is named in a warning, and the one before it is taken.

    Args:
        folder: the run's.
        callbacks: as for ``train``.
        images, scene, encoder, aggregator, teacher, terms: the objects that ``train`` was given, the same again, with
            the weights that they had then.
        trust: that code which the run's configuration names (an encoder ``pkg.mod:factory``) may be imported and run.

    Raises:
        InputError: an object is missing, or is another one; code is named, without ``trust``; and as ``train``.
    """
    folder = user_path(folder, "folder")
    config = config_from_yaml(folder / "config.yaml", trust=trust)
    objects = gathered(images, scene, encoder, aggregator, teacher, terms)
    objects.check(config, folder)
    run_folder.refuse_special(folder)
    with told_in_a_line(config, folder), _at_work(run := prepare(config, folder, objects)):
        first = run.fabric.is_global_zero
        newest = run.fabric.broadcast(newest_whole(folder / "checkpoints") if first else None)
        if newest is not None:
            run.rows = restore_checkpoint(newest, run.modules, run.optimisers)
            if len(run.rows) > config.epochs:
                raise InputError(f"{newest}: of epoch {len(run.rows)}, and the configuration's last is {config.epochs}")
            run.timings = run_folder.read_timings(folder, len(run.rows))
        if newest is not None and first:
            run_folder.write_metrics(folder, run.rows, run.timings)
        return _fit(run, callbacks)


@contextmanager
def _at_work(run: Run) -> Iterator[None]:
    """The folder is this run's alone, signals stop it in good order, and the loss of another rank is told in a line."""
    folder = run_folder.held(run.folder) if run.fabric.is_global_zero else nullcontext()
    with stoppable(), naming_lost_ranks(run.fabric, run.folder), folder:
        yield


def _fit(run: Run, callbacks: Sequence[Callback]) -> Result:
    config, fabric, images = run.config, run.fabric, run.images
    first = (
        fabric.is_global_zero
    )  # of several processes it alone evaluates and writes, while the others wait for its row
    model, optimiser = fabric.setup(run.model, run.optimiser)
    probes, probe_optimiser = fabric.setup(run.probes, run.probe_optimiser)
    evaluated, evaluated_probes = (OnOneRank(module, fabric.strategy.precision) for module in (run.model, run.probes))
    loggers = build_loggers(config, run.folder) if first else []
    steps = len(images) // config.batch_size
    total = steps * config.epochs
    metadata = describe(config, run.normalise, images.image_shape)
    where = f"{fabric.device}{f' × {fabric.world_size}' if fabric.world_size > 1 else ''}"
    saved, stopped_by = len(run.rows), None
    try:
        where += f" · {pick_precision(config)} · {run.folder}"
        with Progress(config, steps, saved, where, shown=first) as progress:
            for epoch in range(saved + 1, config.epochs + 1):
                started = time.perf_counter()
                # Everything random in an epoch follows from (seed, epoch), so a resumed run draws the same numbers.
                seed_everything(config.seed, "epoch", epoch, *keys_of_rank(fabric))
                poses = epoch_views(images, config.factors, config.seed, epoch)
                order = torch.randperm(len(images), generator=generator(config.seed, epoch, "order"))
                sums: dict[str, Tensor] = defaultdict(lambda: torch.zeros((), device=fabric.device))

                for step, whole in enumerate(order[: steps * config.batch_size].split(config.batch_size)):
                    now = (epoch - 1) * steps + step
                    for group in optimiser.param_groups:
                        group["lr"] = learning_rate_at(now, steps, total, config.optimiser)
                    batch = make_batch(images, share_of_rank(fabric, whole), poses, config.factors, run.normalise)

                    outputs = model(batch.views, batch.actions)
                    of_batch = images, whole, poses
                    with kept_on_failure(run.folder, epoch, step, *of_batch, run.model, first):
                        whole_batch = gather_outputs(fabric, outputs)._replace(key=(config.seed, epoch, step))
                        loss = compute_loss(whole_batch, run.terms)
                    fabric.backward(loss.loss)
                    optimiser.step()
                    optimiser.zero_grad()
                    decay = decay_at(now / total, config.model.ema_decay, config.model.ema_schedule)
                    run.model.teacher.update(run.model.encoder, decay)

                    fabric.backward(probe_loss(probes(outputs), batch.labels, batch.targets))
                    probe_optimiser.step()
                    probe_optimiser.zero_grad()

                    for name, value in loss.logged.items():
                        sums[name] += value
                    progress.step()
                trained = time.perf_counter()

                row: dict = {"epoch": epoch} | {name: float(value) / steps for name, value in sums.items()}
                if first:
                    thoroughly = epoch % config.evaluate_every == 0 or epoch == config.epochs
                    row |= evaluate(evaluated, evaluated_probes, run.held_out, run.normalise, config, ranks=thoroughly)
                    about_now = config, run.model, run.held_out, run.normalise, run.folder, [*run.rows, row]
                    state = EpochEnd(epoch, *about_now, partial(log_figure, loggers, epoch))
                    failed = join_metrics(row, callbacks if thoroughly else (), state)
                    row, odd = finite_row(row)
                    if odd:  # a checkpoint that cannot be read again would be worth less
                        left = f"epoch {epoch}: {', '.join(odd)[:200]}: no finite number, left out of the metrics"
                        warnings.warn(left, stacklevel=2)
                    run.rows.append(row)
                    seconds = {"training_s": trained - started, "evaluation_s": time.perf_counter() - trained}
                    run.timings.append({"epoch": epoch} | seconds)
                    checkpoints = run.folder / "checkpoints"
                    with undisturbed():
                        save_checkpoint(checkpoints, epoch, run.modules, run.optimisers, metadata | {"rows": run.rows})
                        run_folder.write_metrics(run.folder, run.rows, run.timings)
                        saved = epoch
                    for logger in loggers:
                        logger.log(row)
                    if failed is not None:  # of others' code; the epoch that was trained is saved by now
                        raise failed
                saved, run.rows = epoch, fabric.broadcast(run.rows)
                progress.epoch(run.rows[-1])
    except KeyboardInterrupt as interruption:
        # Every finished epoch is saved; the result says that the run is not complete.
        stopped_by = interruption.signal if isinstance(interruption, Stopped) else signal.SIGINT
    finally:
        for logger in loggers:
            logger.close()
    complete = saved == config.epochs
    if complete and first:
        save_model(run.folder, run.model, metadata)
    return Result(run.folder, run.rows[:saved], complete, None if complete else stopped_by, fabric.global_rank)
