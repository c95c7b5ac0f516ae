"""The configuration of a run: every field, its meaning, its default and its limits."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from seqjepa.factors import affine_factors
from seqjepa.types import Factor, InputError


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


class ImagesConfig(Section):
    source: str = "mnist"
    """Image source: digits, mnist, cifar10, or npz:PATH."""
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
    views: Annotated[int, Field(ge=2)] = 4
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


class ModelConfig(Section):
    encoder: str = "resnet18"
    """Encoder: resnet18, resnet_small, convnet, or pkg.mod:factory."""
    width: PositiveInt = 64
    """Channels of the encoder's first stage."""
    action_embedding: PositiveInt = 64
    """Dimensions of an embedded action."""
    action_conditioning: bool = True
    """Whether aggregator and predictor know the actions."""
    layers: PositiveInt = 2
    """Layers of the aggregator."""
    heads: PositiveInt = 4
    """Attention heads of the aggregator; they must divide its width (code + embedded action)."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Dropout in the aggregator."""
    hidden: PositiveInt = 512
    """Width of the predictor's hidden layer."""
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


class ObjectiveConfig(Section):
    prediction: PredictionConfig = PredictionConfig()
    rate: RateConfig = RateConfig()


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
    hidden: PositiveInt = 1024
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
    """Epochs between effective ranks and other evaluators; the last epoch always has them."""
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

    def to_yaml(self) -> str:
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def config_from_yaml(path: Path) -> Config:
    """A saved configuration. Raises InputError with one line for each mistake."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"no configuration file {path}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not a readable YAML file: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: a configuration is a mapping of fields, not {type(values).__name__}")
    return checked_config(values)


def checked_config(values: dict) -> Config:
    """The configuration, or InputError with one line for each mistake that names the field and the valid choices."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise InputError("\n".join(_one_line(dict(e)) for e in error.errors())) from None


def fields_beside(path: list[str]) -> list[str]:
    """The names of the fields in the section that a path of names leads into."""
    section: type[BaseModel] = Config
    for part in path[:-1]:
        section = section.model_fields[part].annotation  # type: ignore[assignment]
    return list(section.model_fields)


def _one_line(error: dict) -> str:
    path = [str(part) for part in error["loc"] if not str(part).startswith("function-")]
    name = ".".join(path)
    if error["type"] == "extra_forbidden":
        fields = fields_beside(path)
        close = difflib.get_close_matches(path[-1], fields, 1)
        hint = f"did you mean {'.'.join([*path[:-1], *close])!r}? " if close else ""
        return f"unknown field {name!r}; {hint}the fields here are {', '.join(fields)}"
    message = error["msg"].removeprefix("Value error, ")
    return f"{name}: {message}, not {error['input']!r}" if name else message
