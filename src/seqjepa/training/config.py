"""The configuration of a run: every field, its meaning, its default and its limits."""

from __future__ import annotations

import difflib
import reprlib
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from seqjepa.factors import affine_factors
from seqjepa.io.untrusted import read_yaml
from seqjepa.types import Factor, InputError

MISTAKES = 20  # told of one configuration
_BRIEFLY = reprlib.Repr()
_BRIEFLY.maxstring = _BRIEFLY.maxother = _BRIEFLY.maxlong = 80


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError(f"low {bounds[0]:g} is above high {bounds[1]:g}")
    return bounds


def _positive(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] <= 0:
        raise ValueError(f"low {bounds[0]:g} must be above 0")
    return bounds


def _within_a_turn(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[1] - bounds[0] > 360:
        raise ValueError(f"the range spans {bounds[1] - bounds[0]:g} degrees, more than one turn")
    return bounds


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
RotationRange = Annotated[Range, AfterValidator(_within_a_turn)]
ScaleRange = Annotated[Range, AfterValidator(_positive)]
Width = Annotated[int, Field(gt=0, le=1 << 20)]


class ImagesConfig(Section):
    source: str = "mnist"
    """Image source: see 'seqjepa images list'; npz:PATH, npy:PATH, folder:PATH for images of your own."""
    root: str | None = None
    """Folder of a downloadable source; by default what SEQJEPA_DATA names, ./data, or the user's cache."""
    train: PositiveInt | None = 10_000
    """Training images, a fixed random subset; none takes all."""
    test: PositiveInt | None = 2_000
    """Held-out images, a fixed random subset of the test split; none takes all."""


class FactorsConfig(Section):
    rotation: RotationRange | None = None
    """Degrees, counter-clockwise on the screen; none switches it off."""
    translate_x: Range | None = None
    """Pixels to the right; none switches it off."""
    translate_y: Range | None = None
    """Pixels downwards; none switches it off."""
    scale: ScaleRange | None = None
    """Ratio, uniform in its logarithm; none switches it off."""
    views: Annotated[int, Field(ge=2, le=1000)] = 4
    """Views a sequence: all but the last are observed, the last is the target."""
    first_view: Literal["identity", "random"] = "identity"
    """Whether the first view is the untransformed image."""
    actions: Literal["difference", "group"] = "difference"
    """Relative pose between consecutive views: component by component, or by the group law."""
    border: Literal["zeros", "reflection"] = "zeros"
    """What lies outside the image: black, or its reflection."""
    circular_mask: bool = False
    """Blank what lies outside the inscribed circle, since corners betray a rotation."""

    def factors(self) -> tuple[Factor, ...]:
        return affine_factors(self.rotation, self.translate_x, self.translate_y, self.scale)


class SplitConfig(Section):
    content_dim: Width = 512
    """Dimensions of the content."""
    projection_dim: Annotated[int, Field(ge=0, le=65536)] = 256
    """Dimensions of a linear layer between the content and its contrastive term; 0 leaves it out."""
    pose_net: Literal["c4_equivariant", "plain"] = "c4_equivariant"
    """Networks that quarter turns cannot confuse, for the full circle; plain ones learn which turns do not occur."""
    pose_width: Width = 8
    """Maps of the pose networks' first layer, each of four orientations; a plain one has three times as many."""
    canonicalize: bool = True
    """Whether views are warped back by the pose that was read; without it there are no further steps and views either."""
    canonicalization_steps: Annotated[int, Field(ge=0, le=100)] = 1
    """Further reads of the pose, each from the canonicalized view, in evaluation."""
    test_time_views: Annotated[int, Field(gt=0, le=100)] = 5
    """Views over which pose and content are averaged in evaluation, turned by steps of 12° (test-time augmentation)."""
    jitter: Annotated[float, Field(ge=0)] = 1.0
    """Strength of the deformations of canonicalized views in training; 0 switches them off."""


class ModelConfig(Section):
    encoder: str = "resnet18"
    """Encoder: resnet18, resnet_small, convnet, split (into pose and content, see model.split), or pkg.mod:factory."""
    width: Width = 64
    """Channels of the encoder's first stage."""
    action_embedding: Width = 64
    """Dimensions of an embedded action."""
    action_conditioning: bool = True
    """Whether aggregator and predictor know the actions."""
    layers: Annotated[int, Field(gt=0, le=1000)] = 2
    """Layers of the aggregator."""
    heads: Width = 4
    """Attention heads of the aggregator; they must divide its width (code + embedded action)."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Dropout in the aggregator."""
    hidden: Width = 512
    """Width of the predictor's hidden layer."""
    aggregator: Literal["transformer", "group_action"] = "transformer"
    """Learnt aggregator and predictor, or known actions that move the parts of a split code, without weights."""
    split: SplitConfig = SplitConfig()
    """Of the encoder "split" only."""
    teacher: Literal["ema", "stop_gradient"] = "ema"
    """Teacher: a moving average of the encoder, or the encoder itself without gradient."""
    ema_decay: Annotated[float, Field(ge=0, le=1)] = 0.996
    """Decay of the moving average, a step."""
    ema_schedule: Literal["constant", "cosine"] = "constant"
    """The decay stays, or rises to 1 along a half cosine."""


class PredictionConfig(Section):
    weight: Annotated[float, Field(ge=0)] = 1.0
    """Weight of mean(1 - cos(prediction, target))."""


class RateConfig(Section):
    kind: Literal["coding_rate", "unit_norm_coding_rate", "none"] = "coding_rate"
    """Anti-collapse term: logdet(I + alpha Cov), the same of the codes' directions, or none."""
    weight: Annotated[float, Field(ge=0)] = 0.01
    """Weight of the rate, which is maximised."""
    target: Literal["z_agg", "z", "both"] = "z_agg"
    """Codes whose rate is taken."""
    alpha: Annotated[float, Field(gt=0)] = 1.0
    """Gain of the covariance in coding_rate."""
    eps: Annotated[float, Field(gt=0)] = 0.5
    """Distortion of unit_norm_coding_rate."""


class PoseAnchorConfig(Section):
    weight: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the mean squared distance of observed views' pose codes from where known actions lead from none."""


class EquivarianceConfig(Section):
    weight: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the mean squared distance of a view's pose code, moved by the action, from the next view's."""


class ContrastiveConfig(Section):
    weight: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the contrastive term: an image's contents seen in two views, among all others of the batch."""
    temperature: Annotated[float, Field(gt=0)] = 0.2
    """Its temperature."""


class ObjectiveConfig(Section):
    prediction: PredictionConfig = PredictionConfig()
    rate: RateConfig = RateConfig()
    pose_anchor: PoseAnchorConfig = PoseAnchorConfig()
    equivariance: EquivarianceConfig = EquivarianceConfig()
    contrastive: ContrastiveConfig = ContrastiveConfig()


class OptimiserConfig(Section):
    name: Literal["adam", "adamw"] = "adam"
    """Optimiser."""
    learning_rate: Annotated[float, Field(ge=0)] = 1e-3
    """Peak learning rate; 0 leaves the model untrained, for baselines."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Weight decay."""
    schedule: Literal["constant", "cosine"] = "constant"
    """After the warm-up the learning rate stays, or falls to 0 along a half cosine."""
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0
    """Epochs over which the learning rate rises linearly from 0."""


class ProbesConfig(Section):
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """Learning rate of the online probes (Adam)."""
    hidden: Width = 1024
    """Width of the two hidden layers of the action probe."""


class LoggingConfig(Section):
    wandb: bool = False
    """Log to Weights & Biases: online with a key (WANDB_API_KEY), else to an offline run."""
    tensorboard: bool = False
    """Log to TensorBoard."""
    project: str = "seqjepa"
    """Project in Weights & Biases."""


class Config(Section):
    """A run: what is trained, on what, how, and what is logged. Frozen; unknown fields are refused."""

    name: str = "run"
    """Name of the recipe; it names the run's folder."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Everything random is a pure function of it."""
    epochs: PositiveInt = 20
    """Passes over the training images."""
    batch_size: Annotated[int, Field(ge=2)] = 64
    """Sequences a step, of all processes together; an incomplete last batch is dropped in training."""
    precision: Literal["auto", "bf16", "float32", "float64"] = "auto"
    """Arithmetic of the model: auto takes bf16 (autocast) where the hardware has it; float64 is for proofs."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train: auto takes a GPU when there is one."""
    evaluate_every: PositiveInt = 5
    """Epochs between effective ranks and other callbacks; the last epoch always has them."""
    images: ImagesConfig = ImagesConfig()
    factors: FactorsConfig = FactorsConfig()
    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    probes: ProbesConfig = ProbesConfig()
    logging: LoggingConfig = LoggingConfig()

    @model_validator(mode="after")
    def _something_moves(self) -> Config:
        if not self.factors.factors():
            raise ValueError(
                "factors: every factor is off; give at least one of rotation, translate_x, translate_y, scale a range"
            )
        return self

    @model_validator(mode="after")
    def _a_split_code_where_one_is_needed(self) -> Config:
        model, terms = self.model, self.objective
        needing = {
            "model.aggregator 'group_action'": model.aggregator == "group_action",
            "objective.pose_anchor": terms.pose_anchor.weight > 0,
            "objective.equivariance": terms.equivariance.weight > 0,
            "objective.contrastive": terms.contrastive.weight > 0,
        }
        for what, wanted in needing.items():
            if wanted and model.encoder != "split":
                raise ValueError(f"{what} needs the parts of a split code: set model.encoder to 'split'")
        if model.encoder != "split" and model.split != SplitConfig():
            raise ValueError("model.split is of the encoder 'split' only")
        if (
            needing["objective.equivariance"] or model.aggregator == "group_action"
        ) and self.factors.actions == "group":
            raise ValueError("factors.actions: split codes are moved by actions of the kind 'difference' only")
        if needing["objective.pose_anchor"] and self.factors.first_view != "identity":
            raise ValueError("objective.pose_anchor needs factors.first_view to be 'identity'")
        if (needing["objective.equivariance"] or needing["objective.contrastive"]) and self.factors.views < 3:
            raise ValueError(
                "factors.views: objective.equivariance and .contrast compare observed views; give 3 or more"
            )
        return self

    def to_yaml(self) -> str:
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def config_from_yaml(path: Path) -> Config:
    """A saved configuration. Raises InputError with one line for each mistake."""
    if not path.exists():
        raise InputError(f"no configuration file {path}")
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise InputError(f"{path}: a configuration is a mapping of fields, not {type(values).__name__}")
    return checked_config(values)


def checked_config(values: dict) -> Config:
    """The configuration, or InputError with one line for each mistake that names the field and the valid choices."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        lines = [_one_line(dict(e)) for e in error.errors()]
        more = [f"… and {len(lines) - MISTAKES} more mistakes"] if len(lines) > MISTAKES else []
        raise InputError("\n".join(lines[:MISTAKES] + more)) from None


def fields_beside(path: list[str]) -> list[str]:
    """The names of the fields in the section that a path of names leads into."""
    section: type[BaseModel] = Config
    for part in path[:-1]:
        section = section.model_fields[part].annotation  # type: ignore[assignment]
    return list(section.model_fields)


def _one_line(error: dict) -> str:
    path = [str(part)[:80] for part in error["loc"] if not str(part).startswith("function-")]
    name = ".".join(path)
    if error["type"] == "extra_forbidden":
        fields = fields_beside(path)
        close = difflib.get_close_matches(path[-1], fields, 1)
        hint = f"did you mean {'.'.join([*path[:-1], *close])!r}? " if close else ""
        return f"unknown field {name!r}; {hint}the fields here are {', '.join(fields)}"
    message = error["msg"].removeprefix("Value error, ")
    return f"{name}: {message}, not {_BRIEFLY.repr(error['input'])}" if name else message
