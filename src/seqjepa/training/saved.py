"""Models into run folders, and out of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import torch
from jaxtyping import Float
from pydantic import Field, TypeAdapter, model_validator
from torch import Tensor, nn

from seqjepa.factors.steps import scene_actions
from seqjepa.io.schemas import Stored, checked
from seqjepa.model import TEACHERS, Ema, SeqJEPA
from seqjepa.training.building import build_model
from seqjepa.training.checkpoint import CHECKPOINT, load_state, newest_whole, read_tensors, write_tensors
from seqjepa.training.config import OBJECT, Config, checked_config
from seqjepa.training.objects import Objects, needs_again
from seqjepa.training.trust import check_trusted
from seqjepa.training.views import Normalisation, pose_actions
from seqjepa.types import InputError, Pose
from seqjepa.types.checking import user_path
from seqjepa.types.limits import IMAGE_PIXELS
from seqjepa.types.precision import single_precision

LOG = logging.getLogger(__name__)
MODEL_FILE = "model.safetensors"
DESCRIPTION = ("config", "mean", "std", "image_shape")
Brightness = Annotated[list[Annotated[float, Field(ge=-1e3, le=1e3)]], Field(min_length=1, max_length=4)]
Size = Annotated[int, Field(ge=1, le=IMAGE_PIXELS)]


class Described(Stored):
    """What a file of weights says of its model."""

    config: dict[str, Any]
    mean: Brightness
    std: Brightness
    image_shape: Annotated[list[Size], Field(min_length=3, max_length=3)]

    @model_validator(mode="after")
    def _fit(self) -> Described:
        if not len(self.mean) == len(self.std) == self.image_shape[0] or min(self.std) <= 0:
            raise ValueError("mean, std and image_shape do not fit: one of each for every channel, std above 0")
        if self.image_shape[0] not in (1, 3):
            raise ValueError(f"image_shape: pictures of {self.image_shape[0]} channels; they have 1 or 3")
        return self


DESCRIBED = TypeAdapter(Described)


def describe(config: Config, normalise: Normalisation, image_shape: tuple[int, ...]) -> dict[str, Any]:
    """What ``load_model`` needs beside the weights."""
    metadata = {"config": config.model_dump(mode="json"), "mean": normalise.mean, "std": normalise.std}
    return metadata | {"image_shape": image_shape}


def save_model(folder: Path, model: SeqJEPA, metadata: Mapping[str, Any]) -> None:
    """One small file for ``load_model`` and ``load_encoder``: weights but the teacher's, and what ``describe`` says."""
    weights = {k: v for k, v in model.state_dict().items() if not k.startswith("teacher.")}
    write_tensors(folder / MODEL_FILE, weights, metadata)


class SavedEncoder(nn.Module):
    """A trained encoder with its normalisation: images in [0, 1], (B, C, H, W), to representations (B, D).

    The model that it belongs to stands behind it: ``aggregate`` and ``predict`` are its aggregator and predictor.

    Attributes:
        name: of the run's recipe; of a checkpoint with its epoch.
        config: what it was trained with.
        observed: views of a sequence that the aggregator was trained on.
        varying: the factors that it was trained on, with their ranges there.
        moves: the factors of the scene that it was trained on; none of affine views.
        parts: named blocks of the representation.
        origin: the run's folder, or the file that it was loaded from.
    """

    def __init__(self, model: SeqJEPA, normalise: Normalisation, config: Config) -> None:
        super().__init__()
        self.name = config.name
        self.encoder = model.encoder
        self.model = model
        self.normalise = normalise
        self.observed = config.factors.views - 1
        self.varying = config.varying
        self.moves = config.scene.moves
        self.parts = dict(model.parts)
        self.config = config
        self.origin: Path | None = None

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        """The representations of images in [0, 1]."""
        return self.encoder(self.normalise(images))

    def actions(self, poses: Float[Tensor, "B V C"]) -> Float[Tensor, "B V-1 A"]:
        """The actions between views, as the model knows them.

        Args:
            poses: as in ``Pose``; of a scene the values of all of its factors side by side, in their own units.
        """
        if self.config.scene.name is not None:
            return scene_actions(self.config.scene.moves, poses)
        return pose_actions(Pose(poses), self.config.factors)

    def aggregate(self, z: Float[Tensor, "B S D"], actions: Float[Tensor, "B S-1 A"] | None) -> Float[Tensor, "B E"]:
        """z_agg of S representations and the actions between them; None stands for embedded actions of zero."""
        return self.model.aggregate(z, self._embedded(z, actions, z.shape[1] - 1))

    def predict(self, z: Float[Tensor, "B S D"], actions: Float[Tensor, "B S A"]) -> Float[Tensor, "B D"]:
        """The representation of the view to which the last action leads."""
        embedded = self._embedded(z, actions, z.shape[1])
        return self.model.predictor(self.model.aggregate(z, embedded[:, :-1]), embedded[:, -1])

    def _embedded(self, z: Tensor, actions: Tensor | None, count: int) -> Float[Tensor, "B N E"]:
        if actions is None or not self.model.action_conditioning or not count:
            return z.new_zeros(len(z), count, self.model.embedded_dim)
        return self.model.embed_action(actions)


def model_file(path: str | Path) -> Path:
    """The file itself; in a run's folder its model, or of a run that is not finished its newest whole checkpoint.

    Raises:
        InputError: a folder with neither.
    """
    file = user_path(path)
    if not file.is_dir() or (file / MODEL_FILE).exists():
        return file / MODEL_FILE if file.is_dir() else file
    newest = newest_whole(file / "checkpoints")
    if newest is None:
        begun = (file / "config.yaml").exists()
        more = f"; no epoch of it is finished: seqjepa resume {file}" if begun else ", so it is no run's folder"
        raise InputError(f"{file}: neither {MODEL_FILE} nor a checkpoint in it{more}")
    LOG.warning("%s is not finished: its newest checkpoint is taken, %s", file, newest.name)
    return newest


@single_precision()
def load_model(
    path: str | Path,
    *,
    trust: bool = False,
    encoder: nn.Module | None = None,
    aggregator: nn.Module | None = None,
) -> tuple[SeqJEPA, Config, Normalisation]:
    """A model out of a run's folder, its model.safetensors or a checkpoint, in eval mode and on the CPU.

    The teacher is not taken along: an EMA starts as a copy of the encoder, and for one of the user's own the encoder
    without gradient stands in.

    Args:
        path: the folder or the file.
        trust: that code which the file names (an encoder or an aggregator ``pkg.mod:factory``) may be imported and run.
        encoder: of a run that was given its encoder as an object, the same again; it is copied, and its weights are
            replaced by the run's.
        aggregator: likewise.

    Raises:
        InputError: no such file, a damaged one, or one that is not ours; one that names code, without ``trust``; one
            that needs an object again.
    """
    file = model_file(path)
    tensors, metadata = read_tensors(file)
    if any(name.startswith("model.") for name in tensors):  # a checkpoint also holds probes and optimisers
        inside = {name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")}
        tensors = {name: t for name, t in inside.items() if not name.startswith("teacher.")}
    config, normalise, (channels, height, width) = _described(metadata, file)
    objects, built, code_dim = Objects(encoder=encoder, aggregator=aggregator), config, None
    if config.model.teacher not in TEACHERS:
        built = config.model_copy(update={"model": config.model.model_copy(update={"teacher": "stop_gradient"})})
    own = {name: code for name in ("encoder", "aggregator") if ":" in (code := getattr(config.model, name))}
    for name, code in own.items():
        if code.startswith(OBJECT) and getattr(objects, name) is None:
            raise InputError(needs_again(file, name, code, "load_encoder"))
    # The teacher is not built, no scene is opened, nor what an object stands in for.
    check_trusted(
        config,
        file,
        trust,
        ["model.teacher", "scene.name", *(f"model.{n}" for n in own if getattr(objects, n) is not None)],
    )
    if not own:  # compared before anything of the size that the file claims is allocated
        code_dim = _claimed(built, (channels, height, width), normalise, tensors, file).code_dim
    model = build_model(built, channels, (height, width), normalise, code_dim, objects)
    load_state(_without_teacher(model), tensors, file)
    if isinstance(model.teacher, Ema):
        model.teacher.encoder.load_state_dict(model.encoder.state_dict())
    return model.eval(), config, normalise


def _described(metadata: Mapping[str, Any], file: Path) -> tuple[Config, Normalisation, tuple[int, int, int]]:
    """What ``describe`` said, checked."""
    said = checked(
        DESCRIBED, {name: metadata[name] for name in DESCRIPTION if name in metadata}, f"{file}: not a model"
    )
    try:
        config = checked_config(said.config)
    except InputError as error:
        raise InputError(f"{file}: not a model of seqjepa ({' '.join(str(error).split())[:300]})") from error
    channels, height, width = said.image_shape
    return config, Normalisation(tuple(said.mean), tuple(said.std)), (channels, height, width)


def _claimed(
    config: Config, shape: tuple[int, int, int], normalise: Normalisation, tensors: Mapping[str, Tensor], file: Path
) -> SeqJEPA:
    """The model that a file claims to hold, without memory of its own; raises InputError where its weights differ."""
    channels, height, width = shape
    try:
        with torch.device("meta"):
            model = build_model(config, channels, (height, width), normalise)
    except (RuntimeError, TypeError, OverflowError) as error:  # sizes beyond what can be counted
        raise InputError(f"{file}: no model can be of the size that it claims") from error
    load_state(_without_teacher(model), tensors, file, assign=True)
    return model


def _without_teacher(model: SeqJEPA) -> nn.ModuleDict:
    return nn.ModuleDict({k: v for k, v in model.named_children() if k != "teacher"})


def load_encoder(
    path: str | Path,
    *,
    trust: bool = False,
    encoder: nn.Module | None = None,
    aggregator: nn.Module | None = None,
) -> SavedEncoder:
    """The encoder of a run's folder or model.safetensors, in eval mode: images in [0, 1] to representations.

    Args:
        path, trust, encoder, aggregator: as for ``load_model``.

    Raises:
        InputError: as ``load_model``.
    """
    file = model_file(path)
    model, config, normalise = load_model(file, trust=trust, encoder=encoder, aggregator=aggregator)
    found = SavedEncoder(model, normalise, config).eval()
    epoch = CHECKPOINT.fullmatch(file.name)
    if epoch and int(epoch[1]) < config.epochs:
        found.name = f"{config.name}, epoch {int(epoch[1])} of {config.epochs}"
    found.origin = user_path(path).absolute()
    return found
