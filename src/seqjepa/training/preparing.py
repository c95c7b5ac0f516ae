"""All that a run consists of, built from its configuration and objects before the loop begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import lightning_fabric as lf
import torch
from torch import nn

from seqjepa.model import SeqJEPA
from seqjepa.objective import Term
from seqjepa.rng import derive_seed
from seqjepa.training.building import build_model, probed_width
from seqjepa.training.config import Config
from seqjepa.training.hardware import build_fabric
from seqjepa.training.loggers import check_loggers
from seqjepa.training.objects import NONE, Objects
from seqjepa.training.optimiser import build_optimiser
from seqjepa.training.probes import OnlineProbes
from seqjepa.training.ranks import check_ranks, synchronise_batch_norm
from seqjepa.training.scene_views import SceneViews
from seqjepa.training.scenes import named_scenes, scene_views, with_recorded_scene
from seqjepa.training.subsets import image_subsets
from seqjepa.training.views import Normalisation
from seqjepa.types import Images, InputError
from seqjepa.types.allocation import keep_freed_memory

FEWEST_HELD_OUT = 4  # images, from which ranks and subspaces are estimated


@dataclass
class Run:
    """All that a run consists of while it lasts."""

    config: Config
    terms: tuple[Term, ...]
    folder: Path
    fabric: lf.Fabric
    images: Images | SceneViews
    held_out: Images | SceneViews
    normalise: Normalisation
    model: SeqJEPA
    probes: OnlineProbes
    optimiser: torch.optim.Optimizer
    probe_optimiser: torch.optim.Optimizer
    rows: list[dict] = field(default_factory=list)
    timings: list[dict] = field(default_factory=list)

    @property
    def modules(self) -> dict[str, nn.Module]:
        """What a checkpoint keeps the weights of."""
        return {"model": self.model, "probes": self.probes}

    @property
    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """What a checkpoint keeps the state of."""
        return {"optimiser": self.optimiser, "probe_optimiser": self.probe_optimiser}


def prepare(config: Config, folder: Path, objects: Objects = NONE) -> Run:
    """Everything a run needs, built from its configuration and objects; touches no file."""
    keep_freed_memory()
    images, held_out = load(config, objects, folder)
    if isinstance(images, SceneViews) and isinstance(held_out, SceneViews):
        config = with_recorded_scene(config, images, held_out)
    check_loggers(config)
    fabric = build_fabric(config)
    check_ranks(fabric, config.batch_size)
    torch.manual_seed(derive_seed(config.seed, "weights"))
    channels, height, width = images.image_shape
    normalise = Normalisation.of(images.sample if isinstance(images, SceneViews) else images)
    model = build_model(config, channels, (height, width), normalise, objects=objects)
    classes = len(images.class_names)  # none of images without labels
    told = probed_width(config)
    probes = OnlineProbes(model.code_dim, model.aggregate_dim, told, classes, config.probes.hidden)
    synchronise_batch_norm(fabric, model)
    for module in (model, probes):  # in place, before optimisers and checkpoints meet weights of another type
        fabric.strategy.precision.convert_module(module)
    return Run(
        config=config,
        terms=config.terms() + objects.terms,
        folder=folder,
        fabric=fabric,
        images=images.to(fabric.device),
        held_out=held_out.to(fabric.device),
        normalise=normalise,
        model=model,
        probes=probes,
        optimiser=build_optimiser(config.optimiser, model),
        probe_optimiser=torch.optim.Adam(probes.parameters(), lr=config.probes.learning_rate, fused=True),
    )


def load(
    config: Config, objects: Objects = NONE, folder: Path | None = None
) -> tuple[Images, Images] | tuple[SceneViews, SceneViews]:
    """The run's training and held-out images: fixed random subsets, the same for every seed; or the objects, whole.

    Of a scene its identities: those that are named, or all of the objects.
    """
    if config.scene.name is None:
        images = objects.images or image_subsets(config)
    else:
        images = scene_views(config, objects.scene or named_scenes(config, objects.images), folder)
    if len(images[0]) < config.batch_size:
        raise InputError(f"batch_size: {config.batch_size} is more than the {len(images[0])} training images")
    if len(images[1]) < FEWEST_HELD_OUT:
        raise InputError(f"images.test: {len(images[1])} held-out images; {FEWEST_HELD_OUT} are the least")
    return images
