"""The configuration of a run: every field, its meaning, its default and its limits."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import yaml
from pydantic import AfterValidator, BaseModel, Field, PositiveInt, ValidationError, create_model, model_validator

from seqjepa.factors import affine_factors
from seqjepa.images.sources import whole_source
from seqjepa.io.importing import whole_name
from seqjepa.io.schemas import Plain, briefly
from seqjepa.io.untrusted import is_there, read_yaml
from seqjepa.model import AGGREGATORS, ENCODERS, TEACHERS
from seqjepa.model.needs import Need, Setting, unmet
from seqjepa.model.registry import AGGREGATOR_NEEDS
from seqjepa.model.split.config import SplitConfig
from seqjepa.objective import TERMS, Term
from seqjepa.settings import MadeSection, Named, Range, RotationRange, ScaleRange, Section, Width
from seqjepa.training.scene_config import MADE, OWN_PICTURES, PHOTOMETRIC, SceneConfig
from seqjepa.training.trust import OBJECT as OBJECT
from seqjepa.training.trust import check_trusted
from seqjepa.types import Factor, InputError
from seqjepa.types.checking import user_path
from seqjepa.types.limits import BATCH, EPOCHS, NAME_LETTERS, VIEWS

MISTAKES = 20  # told of one configuration

EncoderName = Annotated[str, AfterValidator(Named((*ENCODERS, "split")))]
AggregatorName = Annotated[str, AfterValidator(Named(tuple(AGGREGATORS)))]
TeacherName = Annotated[str, AfterValidator(Named(tuple(TEACHERS)))]


def _names_a_folder(name: str) -> str:
    if name in (".", "..") or "/" in name or "\\" in name:
        raise ValueError("it names the run's folder, so it is no path")
    return name


RunName = Annotated[str, Field(min_length=1, max_length=NAME_LETTERS), AfterValidator(_names_a_folder)]


class ImagesConfig(Section):
    """Where images come from, and how many are taken."""

    source: str = "mnist"
    """Image source: see 'seqjepa images list'; npz:PATH, npy:PATH, folder:PATH for images of your own."""
    root: str | None = None
    """Folder of a downloadable source; by default what SEQJEPA_DATA names, ./data, or the user's cache."""
    train: PositiveInt | None = 10_000
    """Training images (identities of a scene), a fixed random subset; none takes all."""
    test: PositiveInt | None = 2_000
    """Held-out images (identities of a scene), a fixed random subset of the test split; none takes all."""


class FactorsConfig(Section):
    """What varies between views, and how a sequence is made of them."""

    rotation: RotationRange | None = None
    """Degrees, counter-clockwise on the screen; none switches it off."""
    translate_x: Range | None = None
    """Pixels to the right; none switches it off."""
    translate_y: Range | None = None
    """Pixels downwards; none switches it off."""
    scale: ScaleRange | None = None
    """Ratio, uniform in its logarithm; none switches it off."""
    views: Annotated[int, Field(ge=2, le=VIEWS)] = 4
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
        """Those that are not switched off."""
        return affine_factors(self.rotation, self.translate_x, self.translate_y, self.scale)

    @model_validator(mode="after")
    def _can_be_seen(self) -> FactorsConfig:
        self.factors()  # an InputError, which is a ValueError, names the factor
        return self


class ModelConfig(Section):
    """Encoder, aggregator, predictor and teacher."""

    encoder: EncoderName = "resnet18"
    """Encoder: resnet18, resnet_small, convnet, split (into pose and content), pkg.mod:factory or ./file.py:factory."""
    width: Width = 64
    """Channels of the encoder's first stage."""
    action_embedding: Width = 64
    """Dimensions of an embedded action."""
    action_conditioning: bool = True
    """Whether aggregator and predictor know the actions."""
    layers: Annotated[int, Field(gt=0, le=1000)] = 2
    """Layers of the aggregator."""
    heads: Width = 4
    """Attention heads of the aggregator; they must divide its width (representation + embedded action)."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Dropout in the aggregator."""
    hidden: Width = 512
    """Width of the predictor's hidden layer."""
    aggregator: AggregatorName = "transformer"
    """Aggregator: transformer, group_action (acts on a split representation), pkg.mod:factory or ./file.py:factory."""
    split: SplitConfig | None = None
    """Settings of the encoder "split", and none for any other."""
    teacher: TeacherName = "ema"
    """Teacher: ema (a moving average), stop_gradient (the encoder itself), pkg.mod:factory or ./file.py:factory."""
    ema_decay: Annotated[float, Field(ge=0, le=1)] = 0.996
    """Decay of the moving average, a step."""
    ema_schedule: Literal["constant", "cosine"] = "constant"
    """The decay stays, or rises to 1 along a half cosine."""

    @model_validator(mode="before")
    @classmethod
    def _split_has_its_settings(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("encoder") == "split" and values.get("split") is None:
            return values | {"split": SplitConfig()}
        return values

    @model_validator(mode="after")
    def _no_other_has_them(self) -> ModelConfig:
        if self.split is not None and self.encoder != "split":
            raise ValueError(f"split: settings of the encoder 'split' only, and the encoder is {self.encoder!r}")
        return self


OBJECTIVE = {name: (type(term.settings), term.settings) for name, term in TERMS.items()}
if TYPE_CHECKING:

    class ObjectiveConfig(Section):
        """One section a term, in the order in which they are summed."""

        def __getattr__(self, name: str) -> Any: ...

else:
    ObjectiveConfig = create_model("ObjectiveConfig", __base__=MadeSection, **OBJECTIVE)


class OptimiserConfig(Section):
    """The optimiser and its learning rate."""

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
    """The online probes, which the model does not feel."""

    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """Learning rate of the online probes (Adam)."""
    hidden: Width = 1024
    """Width of the two hidden layers of the action probe."""


class LoggingConfig(Section):
    """Loggers beside the files that are always written."""

    wandb: bool = False
    """Log to Weights & Biases: as WANDB_MODE says, else online with a key (WANDB_API_KEY, netrc), else offline."""
    tensorboard: bool = False
    """Log to TensorBoard."""
    project: str = "seqjepa"
    """Project in Weights & Biases."""


class Config(Section):
    """A run: what is trained, on what, how, and what is logged. Frozen; unknown fields are refused."""

    name: RunName = "run"
    """Name of the recipe; it names the run's folder."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Everything random is a pure function of it."""
    epochs: Annotated[int, Field(gt=0, le=EPOCHS)] = 20
    """Passes over the training images."""
    batch_size: Annotated[int, Field(ge=2, le=BATCH)] = 64
    """Sequences a step, of all processes together; an incomplete last batch is dropped in training."""
    precision: Literal["auto", "bf16", "float32", "float64"] = "auto"
    """Arithmetic of the model: auto takes bf16 (autocast) where the hardware has it; float64 is for proofs."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train: auto takes a GPU when there is one."""
    evaluate_every: PositiveInt = 5
    """Epochs between effective ranks and other callbacks; the last epoch always has them."""
    images: ImagesConfig = ImagesConfig()
    factors: FactorsConfig = FactorsConfig()
    scene: SceneConfig = SceneConfig()
    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    probes: ProbesConfig = ProbesConfig()
    logging: LoggingConfig = LoggingConfig()
    own_terms: Annotated[dict[str, dict[str, Plain]], Field(max_length=100)] = Field(default_factory=dict, repr=False)
    """Recorded, not set: terms of the objective that were given as objects, with their settings."""

    @model_validator(mode="after")
    def _something_moves(self) -> Config:
        if self.scene.name is not None:
            check_scene_fits(self)
        elif not self.factors.factors():
            raise ValueError(
                "factors: every factor is off; give at least one of rotation, translate_x, translate_y, scale a range"
            )
        elif self.scene != SceneConfig():
            raise ValueError("scene.name: settings of a scene were given, and no scene; name one")
        return self

    @property
    def varying(self) -> tuple[Factor, ...]:
        """What moves: affine factors, or a scene's, which are recorded when a run begins."""
        return self.factors.factors() if self.scene.name is None else self.scene.moves

    @model_validator(mode="after")
    def _has_what_its_parts_need(self) -> Config:
        asking: dict[str, Sequence[Need]] = {f"objective.{t.name}": t.asks for t in self.terms() if t.weight}
        asking["model.aggregator"] = AGGREGATOR_NEEDS.get(self.model.aggregator, ())
        for name, needs in asking.items():
            if message := unmet(name, needs, self.setting()):
                raise ValueError(message)
        return self

    def setting(self) -> Setting:
        """What terms and aggregators may ask of it."""
        return Setting(self.model.encoder, self.factors.views, self.factors.first_view, self.factors.actions)

    def terms(self) -> tuple[Term, ...]:
        """The objective: the package's terms with this configuration's settings, in the order of their sum."""
        return tuple(term.configured(getattr(self.objective, name)) for name, term in TERMS.items())

    def to_yaml(self) -> str:
        """As saved in a run's folder; ``config_from_yaml`` reads it."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def check_scene_fits(config: Config) -> None:
    """Raises ValueError for settings that do not go together with the configuration's scene."""
    scene, factors = config.scene, config.factors
    name = scene.name
    if on := [f.name for f in factors.factors()]:
        raise ValueError(f"factors.{on[0]}: the scene {name!r} has factors of its own; switch this one off with none")
    for field in ("actions", "border", "circular_mask"):
        if getattr(factors, field) != FactorsConfig.model_fields[field].default:
            raise ValueError(f"factors.{field}: of affine views only, and the scene is {name!r}")
    if config.model.encoder == "split":
        raise ValueError(f"model.encoder: 'split' knows affine factors only, and the scene is {name!r}")
    if name == PHOTOMETRIC and not scene.ranges:
        raise ValueError("scene.ranges: give at least one factor a range, as in --scene.ranges.hue -30 30")
    if name != PHOTOMETRIC and scene.ranges:
        raise ValueError(f"scene.ranges: of the scene {PHOTOMETRIC!r} only, and it is {name!r}")
    if name not in MADE and (scene.vary is not None or scene.side != SceneConfig().side):
        field = "side" if scene.vary is None else "vary"
        raise ValueError(f"scene.{field}: of {' and '.join(MADE)} only, and the scene is {name!r}")
    if name in MADE and None in (config.images.train, config.images.test):
        raise ValueError(f"images.train, images.test: the scene {name!r} makes as many identities as they say")
    if name != PHOTOMETRIC and config.images.source != OWN_PICTURES:
        source = config.images.source
        raise ValueError(
            f"images.source: the scene {name!r} brings its own; set it to {OWN_PICTURES!r}, not {source!r}"
        )
    if scene.kept_views is not None and scene.kept_views < factors.views:
        raise ValueError(f"scene.kept_views: {scene.kept_views} are fewer than the {factors.views} of a sequence")


def config_from_yaml(path: Path, *, trust: bool = False) -> Config:
    """A saved configuration.

    Args:
        path: the file.
        trust: that code which it names (``model.encoder: pkg.mod:factory``) may be imported and run.

    Raises:
        InputError: one line for each mistake; or code that it names, without ``trust``.
    """
    path = user_path(path, "configuration")
    if not is_there(path):
        raise InputError(f"no configuration file {path}")
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise InputError(f"{path}: a configuration is a mapping of fields, not {type(values).__name__}")
    config = checked_config(values)
    check_trusted(config, path, trust)
    return config


def with_whole_paths(config: Config) -> Config:
    """The configuration with absolute paths of data and code, so that a run can be diagnosed from any folder."""
    root = None if config.images.root is None else str(user_path(config.images.root, "images.root").absolute())
    images = {"source": whole_source(config.images.source), "root": root}
    code = {name: whole_name(getattr(config.model, name)) for name in ("encoder", "aggregator", "teacher")}
    sections: dict[str, dict] = {"images": images, "model": code}
    if config.scene.name is not None:
        sections["scene"] = {"name": whole_name(config.scene.name)}
    return config.model_copy(
        update={name: getattr(config, name).model_copy(update=of) for name, of in sections.items()}
    )


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
        kind = section.model_fields[part].annotation
        section = next(arm for arm in (kind, *get_args(kind)) if isinstance(arm, type) and issubclass(arm, BaseModel))
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
    if isinstance(error["input"], dict) and error["type"] == "value_error":  # of a section: the message names its field
        return f"{name}.{message}" if name else message
    return f"{name}: {message}, not {briefly(error['input'])}" if name else message
