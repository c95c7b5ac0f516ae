"""A diagnosis from beginning to end: an encoder and images in, diagnoses out, saved as they come.

What can be refused is refused before any view is encoded: ``diagnose_encoder`` checks its options, opens the encoder,
loads the images, prepares the baselines, and only then starts to work.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from seqjepa.diagnostics import Diagnosis
from seqjepa.diagnostics.assembly import BLOCKS, check_options
from seqjepa.diagnostics.metric import Metric
from seqjepa.diagnostics.views import VIEWS, views_read
from seqjepa.encoders.asking import Encoder, Pool, encoder_name
from seqjepa.encoders.devices import Device, pick_device
from seqjepa.encoders.preprocess import Prepare, chosen_preprocess
from seqjepa.extraction.batching import BatchSize
from seqjepa.extraction.progress import Progress
from seqjepa.extraction.reading import Dtype
from seqjepa.factors import Scene
from seqjepa.factors.warping import Border
from seqjepa.io.files import check_folder
from seqjepa.io.importing import whole_name
from seqjepa.training.saved import SavedEncoder, load_encoder
from seqjepa.types import Factor, Images, InputError
from seqjepa.types.checking import check_whole, user_path
from seqjepa.workflows.asked import check_lists, check_metrics
from seqjepa.workflows.baselines import prepare_baselines
from seqjepa.workflows.beside import diagnosed_beside
from seqjepa.workflows.encoders import open_encoder, pca_dim
from seqjepa.workflows.home import Home
from seqjepa.workflows.inputs import Ranges, chosen_factors, chosen_images, factors_of_scene, source_name
from seqjepa.workflows.planning import as_read, diagnosis_key, planned, read_budget
from seqjepa.workflows.sweeping import Sweeping

LOG = logging.getLogger(__name__)


def diagnose_encoder(
    encoder: Encoder | str | Path,
    images: str | Images | Scene | tuple[Images, Images] | tuple[Scene, Scene] | None = None,
    factors: Sequence[Factor] | Ranges | None = None,
    *,
    baselines: Sequence[str] | Mapping[str, Encoder] | None = None,
    layers: Sequence[str] = (),
    pick: str | int | None = None,
    pool: Pool = "mean",
    preprocess: Prepare = "auto",
    identities: int = 256,
    steps: int = 25,
    base_poses: int = 5,
    probe_images: int = 10_000,
    probes: Sequence[str] = ("linear",),
    skip: Sequence[str] = (),
    metrics: Sequence[Metric] = (),
    supervised_epochs: int = 10,
    border: Border | None = None,
    circular_mask: bool | None = None,
    seed: int = 0,
    root: str | Path | None = None,
    device: Device = "auto",
    dtype: Dtype = "float32",
    batch_size: BatchSize = "auto",
    budget: str | Sequence[str] | None = None,
    cache: str | Path | None = None,
    trust: bool = False,
    weights: str | Path | None = None,
    folder: str | Path | None = None,
    reuse: bool = False,
    progress: Progress = True,
) -> dict[str, Diagnosis]:
    """Where each factor lives in an encoder's representation: sweeps, baselines and diagnosis in one call.

    ::

        found = sj.diagnose_encoder(net, "digits", {"rotation": (-180, 180)}, identities=64)["z"]
        print(found.table())

    Args:
        encoder: a module or any callable, images (B, C, H, W) in [0, 1] to representations; or a name, see
            ``open_encoder``.
        images: an image source by name, see ``load_images``; held-out images, or a ``Scene``; or training and held-out
            ones. By default those that a run was trained on, else MNIST. Without training images there are no probes
            of the class, and no baselines that are fitted on them.
        factors: what moves, see ``affine_factors``; or ranges by name, which take the place of the usual ones (low =
            high leaves a factor out). By default those that a run was trained with, else rotation by ±180°, shifts by
            ±7 px and scales from 0.5 to 1; and all of a scene's.
        baselines: of "pixels", "pca", "untrained", "supervised"; or encoders by a name of your own. By default "pca"
            and "untrained", where the encoder and the images allow it.
        layers: diagnose these layers of a module, or nodes of an ONNX file, all recorded in one pass, and not the
            output; of a layer that returns several outputs ``pick`` takes one. ``"layer2:flatten"`` pools a layer's
            maps another way than ``pool`` says; both can be asked for.
        pick, pool, preprocess: how outputs become representations, and images become inputs; see ``represent``.
        identities: held-out images that are moved.
        steps: grid values of a sweep.
        base_poses: poses of each image around which one factor moves.
        probe_images: training and held-out images, so many of each at most, for probes of class and action; 0 for none.
        probes: of "linear", "knn", "mlp".
        skip: blocks of estimates to leave out, see ``diagnose``; views that no other block reads are not encoded.
        metrics: of one's own, see ``diagnose``.
        supervised_epochs: for which the baseline "supervised" is trained.
        border, circular_mask: how views are made, see ``warp``; by default as a run was trained, else zeros and none.
        seed: of images, poses and splits.
        root: where downloaded images lie, see ``load_images``.
        device: where the encoder computes; "auto" takes a GPU where there is one, see ``pick_device``.
        dtype, batch_size: in which the encoder computes, and views that it is given at once, see ``represent``.
        budget: what encoding this encoder and baselines like it may take, as "10min", "4GiB" or both: identities,
            steps, base poses and probe images are made fewer until it fits, and what was chosen is said.
        cache: a folder where representations that take more than a minute are kept as they come, see ``represent``.
        trust: that a file which runs code when it is loaded comes from where you believe it does.
        weights: a file of weights for a module that is given by name, see ``load_weights``.
        folder: for diagnosis.json, sweeps.safetensors (with the layer in their names where there are several) and
            environment.yaml, each written as soon as it is known; an older diagnosis of the same encoder is replaced;
            None saves nothing.
        reuse: give back what the folder holds, where that is the whole diagnosis of this encoder over these images with
            these options; never so for scenes, metrics of one's own and baselines that are no names.
        progress: True for bars, "lines" for a line on standard error now and then.

    Returns:
        A diagnosis for each layer; without layers one, called "z". What fails after the encoder was swept (a baseline,
        a block, a layer of several, a file that a full disk does not take) is left out; ``metadata["left_out"]`` says
        why.

    Raises:
        InputError: before anything is encoded, for whatever can be known by then: an unknown name, a count that is too
            small, a layer that does not exist, a folder that cannot be written to.
        EncoderError: the encoder raises, returns what is no representation, or is not deterministic.
    """
    if folder is not None:
        check_folder(user_path(folder, "folder"))
    check_lists(probes=probes, skip=skip, layers=layers, baselines=baselines)
    counts = {"identities": identities, "steps": steps, "base_poses": base_poses, "seed": seed}
    least = {"probe_images": 0, "supervised_epochs": 1}
    for option, given in (counts | {"probe_images": probe_images, "supervised_epochs": supervised_epochs}).items():
        check_whole(option, given, least.get(option))
    check_metrics(metrics)
    allowed = None if budget is None else read_budget(budget)
    check_options(probes, skip, metrics, identities)
    if weights is not None and not isinstance(encoder, str):
        raise InputError("weights: they are of a module that is given by name, as in pkg.mod:Class")
    if not callable(encoder) and not isinstance(encoder, str | Path):
        raise InputError(f"encoder: a module, a callable or a name is needed, not a {type(encoder).__name__}")
    name = None if callable(encoder) else str(encoder)
    fitted = name is not None and name.startswith("pca:") and pca_dim(name) > 0
    opened = encoder if callable(encoder) else None if fitted else open_encoder(encoder, trust=trust, weights=weights)
    config = opened.config if isinstance(opened, SavedEncoder) else None
    train, test = chosen_images(images, config, root, trust)
    if identities > len(test):
        LOG.warning("identities: %d, all images that there are, and not %d", len(test), identities)
        identities = len(test)
        check_options(probes, skip, metrics, identities)
    moved = chosen_factors(factors, config) if isinstance(test, Images) else factors_of_scene(factors)
    if opened is None:
        opened = open_encoder(str(name), training_images=train if isinstance(train, Images | None) else None)
    sweeping = Sweeping(
        factors=moved,
        test=test,
        train=train,
        layers=tuple(layers),
        pick=pick,
        pool=pool,
        preprocess=preprocess,
        identities=identities,
        steps=steps,
        base_poses=base_poses,
        probe_images=probe_images,
        border=border or (config.factors.border if config else "zeros"),
        circular_mask=bool(config and config.factors.circular_mask) if circular_mask is None else circular_mask,
        seed=seed,
        device=device,
        progress=progress,
        source=source_name(images, config),
        dtype=dtype,
        batch_size=batch_size,
        cache=None if cache is None else user_path(cache, "cache"),
    )
    sweeping.check(opened)
    read = VIEWS if metrics else views_read([block for name, block in BLOCKS.items() if name not in skip])
    given = baselines.values() if isinstance(baselines, Mapping) else ()
    sweeping = as_read(sweeping, read, [opened, *given])
    home = Home(folder, _owner(name, opened, folder), named=bool(layers))
    others = prepare_baselines(baselines, opened, sweeping, supervised_epochs)
    asked: dict[str, Any] = dict(seed=seed, probes=probes, skip=skip, metrics=metrics, progress=progress is True)
    key = None
    if folder is not None and not metrics and not isinstance(baselines, Mapping):
        chosen = {name: asked[name] for name in ("seed", "probes", "skip")} | {"baselines": baselines}
        key = diagnosis_key(sweeping, opened, chosen | {"epochs": supervised_epochs, "budget": budget})
    if reuse and (there := home.finished(key)):
        LOG.info("done before: %s", home.folder)
        return there
    where = str(pick_device(opened, device))
    home.begin(seed, where)
    LOG.info("images are prepared by: %s", chosen_preprocess(opened, preprocess))
    LOG.info("the encoder computes on: %s", where)
    sweeping = planned(sweeping, opened, others.like_the_encoder, allowed)

    swept = sweeping.sweeps(opened)
    for layer, sweeps in swept.items():
        home.save_sweeps(layer, sweeps)
    beside = {name: partial(sweep, sweeping) for name, sweep in others.sweeps.items()}
    found = diagnosed_beside(swept, beside, others.left_out, home, asked)
    # Where something was left out, it is worth trying again.
    home.finish(None if any(one.metadata.get("left_out") for one in found.values()) else key)
    return found


def diagnose_run(
    run: str | Path,
    images: str | Images | tuple[Images, Images] | None = None,
    factors: Sequence[Factor] | Ranges | None = None,
    *,
    trust: bool = False,
    encoder: nn.Module | None = None,
    aggregator: nn.Module | None = None,
    folder: str | Path | None = None,
    **options: Any,
) -> dict[str, Diagnosis]:
    """``diagnose_encoder`` of a training run: of its encoder, under its own transformations and over its own images.

    Args:
        run: a run's folder, its model.safetensors or a checkpoint.
        images, factors: in place of the run's own; see ``diagnose_encoder``.
        trust: that code which the run names (an encoder or a scene of one's own) may be imported and run.
        encoder, aggregator: of a run that was given them as objects, the same again.
        folder: where to save; by default ``diagnosis`` inside of a run's folder, and nowhere for a single file.
        options: any further keyword of ``diagnose_encoder``.

    Returns:
        A diagnosis for each layer; without layers one, called "z".

    Raises:
        InputError: no such run, a damaged one, or what ``diagnose_encoder`` refuses.
    """
    loaded = load_encoder(run, trust=trust, encoder=encoder, aggregator=aggregator)
    if folder is None and user_path(run).is_dir():
        folder = user_path(run) / "diagnosis"
    return diagnose_encoder(loaded, images, factors, folder=folder, trust=trust, **options)


def _owner(name: str | None, opened: Encoder, folder: str | Path | None) -> str:
    """What tells an encoder from others that may bear its name: where it comes from, unless the folder lies there."""
    if isinstance(opened, SavedEncoder):
        origin = opened.origin
        inside = origin is None or (folder is not None and user_path(folder).absolute().is_relative_to(origin))
        return opened.config.name if inside else f"{opened.config.name}, {origin}"
    if name is None:
        return encoder_name(opened)
    file = user_path(name, "encoder")
    return str(file.absolute()) if file.exists() else whole_name(name)
