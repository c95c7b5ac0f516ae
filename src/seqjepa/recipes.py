"""Named configurations. A recipe is a function that returns a full ``Config``; a variant is four lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seqjepa.images.cifar import cifar_at_hand
from seqjepa.training.config import Config, FactorsConfig, checked_config

RECIPES: dict[str, Callable[[], Config]] = {}


def recipe(make: Callable[[], Config]) -> Callable[[], Config]:
    """Enter a recipe under its function's name."""
    RECIPES[make.__name__] = make
    return make


def change(config: Config, **changes: Any) -> Config:
    """A copy with some fields changed, validated: ``change(config, epochs=5, model=dict(teacher="stop_gradient"))``."""
    return checked_config(_merged(config.model_dump(), changes))


def _merged(values: dict, changes: dict) -> dict:
    merged = dict(values)
    for name, value in changes.items():
        nested = isinstance(value, dict) and isinstance(values.get(name), dict)
        merged[name] = _merged(values[name], value) if nested else value
    return merged


def _fast(config: Config, name: str) -> Config:
    """For two CPU cores and a minute: another encoder, optimiser, schedule and λ, all else as it was."""
    return change(
        config,
        name=name,
        epochs=7,
        model=dict(encoder="convnet", width=12),
        optimiser=dict(name="adamw", learning_rate=1e-3, weight_decay=0.01, schedule="cosine", warmup_epochs=0.5),
        objective=dict(rate=dict(weight=0.001)),
    )


DIGITS = dict(source="digits", train=None, test=None)


@recipe
def digits() -> Config:
    """The affine run on scikit-learn's embedded digits, in a minute or two on a laptop's CPU."""
    return change(mnist_affine_fast(), name="digits", images=DIGITS, epochs=40)


@recipe
def mnist_affine() -> Config:
    """The seed run: rotation ±75°, translation ±7 px and scale 0.5 to 1 on MNIST; ResNet-18, EMA teacher."""
    return Config(
        name="mnist_affine",
        factors=FactorsConfig(rotation=(-75, 75), translate_x=(-7, 7), translate_y=(-7, 7), scale=(0.5, 1.0)),
    )


@recipe
def mnist_affine_teacherless() -> Config:
    """mnist_affine without a teacher: the target is the encoder's own representation, without gradient."""
    return change(mnist_affine(), name="mnist_affine_teacherless", model=dict(teacher="stop_gradient"))


@recipe
def mnist_affine_teacherless_tuned() -> Config:
    """mnist_affine_teacherless as its predecessor tuned it: λ 0.03, two epochs of warm-up, then a half cosine to 0."""
    return change(
        mnist_affine_teacherless(),
        name="mnist_affine_teacherless_tuned",
        objective=dict(rate=dict(weight=0.03)),
        optimiser=dict(schedule="cosine", warmup_epochs=2.0),
    )


@recipe
def mnist_affine_fast() -> Config:
    """mnist_affine with a small encoder, for a minute on two CPU cores."""
    return _fast(mnist_affine(), "mnist_affine_fast")


@recipe
def mnist_affine_teacherless_fast() -> Config:
    """mnist_affine_teacherless with a small encoder."""
    return _fast(mnist_affine_teacherless(), "mnist_affine_teacherless_fast")


@recipe
def mnist_rotation() -> Config:
    """The seed's second run: rotation ±180° and nothing else."""
    factors = dict(rotation=(-180, 180), translate_x=None, translate_y=None, scale=None)
    return change(mnist_affine(), name="mnist_rotation", factors=factors)


@recipe
def mnist_rotation_teacherless() -> Config:
    """mnist_rotation without a teacher."""
    return change(mnist_rotation(), name="mnist_rotation_teacherless", model=dict(teacher="stop_gradient"))


@recipe
def mnist_rotation_fast() -> Config:
    """mnist_rotation with a small encoder."""
    return _fast(mnist_rotation(), "mnist_rotation_fast")


@recipe
def mnist_rotation_teacherless_fast() -> Config:
    """mnist_rotation_teacherless with a small encoder."""
    return _fast(mnist_rotation_teacherless(), "mnist_rotation_teacherless_fast")


@recipe
def cifar_affine() -> Config:
    """CIFAR-10 under rotation ±30°, translation ±4 px and scale 0.8 to 1.2, its border reflected; ResNet-18.

    Where corners should not betray a rotation: ``--factors.circular-mask true``.
    """
    factors = dict(rotation=(-30, 30), translate_x=(-4, 4), translate_y=(-4, 4), scale=(0.8, 1.2), border="reflection")
    return change(mnist_affine(), name="cifar_affine", images=dict(source="cifar10"), factors=factors)


@recipe
def cifar_affine_fast() -> Config:
    """cifar_affine with a small encoder."""
    return _fast(cifar_affine(), "cifar_affine_fast")


@recipe
def mnist_rotation_split() -> Config:
    """Rotation ±180°, split into a pose and a content, from all 60,000 images."""
    return change(
        mnist_rotation(),
        name="mnist_rotation_split",
        epochs=6,
        batch_size=256,
        images=dict(train=None),
        factors=dict(views=3),
        model=dict(encoder="split", width=32, aggregator="group_action", ema_decay=0.99),
        objective=dict(
            rate=dict(kind="none"),
            pose_anchor=dict(weight=1.0),
            equivariance=dict(weight=1.0),
            contrastive=dict(weight=1.0),
        ),
        optimiser=dict(name="adamw", learning_rate=2e-3, weight_decay=0.01, schedule="cosine", warmup_epochs=1.0),
    )


@recipe
def digits_rotation() -> Config:
    """mnist_rotation_fast on the embedded digits: the demo's first run, half a minute on a laptop's CPU."""
    return change(mnist_rotation_fast(), name="digits_rotation", images=DIGITS, epochs=30, precision="float32")


@recipe
def digits_rotation_split() -> Config:
    """mnist_rotation_split on the embedded digits, with small networks: the demo's second run."""
    return change(
        mnist_rotation_split(),
        name="digits_rotation_split",
        epochs=24,
        batch_size=64,
        images=DIGITS,
        precision="float32",
        model=dict(width=12, split=dict(content_dim=64, projection_dim=64, pose_width=4)),
    )


@recipe
def mnist_affine_split() -> Config:
    """Rotation ±75°, translation ±7 px and scale 0.5 to 1, split into a pose and a content."""
    affine = mnist_affine().factors.model_dump(include={"rotation", "translate_x", "translate_y", "scale"})
    return change(
        mnist_rotation_split(),
        name="mnist_affine_split",
        factors=affine,
        epochs=8,
        model=dict(split=dict(pose_net="plain")),
    )


@recipe
def cifar_affine_split() -> Config:
    """cifar_affine's factors, split into a pose and a content."""
    cifar = cifar_affine()
    return change(
        mnist_affine_split(),
        name="cifar_affine_split",
        images=cifar.images.model_dump(include={"source"}),
        factors=cifar.factors.model_dump(include={"rotation", "translate_x", "translate_y", "scale", "border"}),
    )


STILL = dict(rotation=None, translate_x=None, translate_y=None, scale=None)


def scene_recipe(**small: Any) -> Callable[[Callable[[], Config]], Callable[[], Config]]:
    """Enter a recipe of a scene with three variants: without a teacher, fast (with these changes), and both."""

    def entered(make: Callable[[], Config]) -> Callable[[], Config]:
        name = make.__name__

        def teacherless() -> Config:
            return change(make(), name=f"{name}_teacherless", model=dict(teacher="stop_gradient"))

        def fast() -> Config:
            return change(_fast(make(), f"{name}_fast"), **small)

        def teacherless_fast() -> Config:
            return change(fast(), name=f"{name}_teacherless_fast", model=dict(teacher="stop_gradient"))

        teacherless.__doc__ = f"{name} without a teacher: the target is the encoder's own, without gradient."
        fast.__doc__ = f"{name} with a small encoder and smaller or fewer images, for minutes on two CPU cores."
        teacherless_fast.__doc__ = f"{name}_fast without a teacher."
        recipe(make)
        for variant in (teacherless, fast, teacherless_fast):
            variant.__name__ = f"{name}_{variant.__name__}"
            recipe(variant)
        return make

    return entered


@scene_recipe(epochs=8, images=dict(train=600, test=300), scene=dict(side=32))
def sprites() -> Config:
    """Squares, ellipses and hearts by formula under angle, x, y and size, as in dSprites; ResNet-18, EMA teacher."""
    return change(
        mnist_affine(),
        name="sprites",
        images=dict(source="scene", train=1200, test=600),
        factors=STILL | dict(first_view="random"),
        scene=dict(name="sprites", sequences=8),
    )


SMALL_OBJECTS = dict(
    epochs=30,
    evaluate_every=10,
    images=dict(train=550, test=275),
    scene=dict(side=32, sequences=8, kept_views=32),
)


@scene_recipe(**SMALL_OBJECTS)
def objects3d_rotation() -> Config:
    """Eleven families of solid shapes under any rotation of SO(3), in the manner of 3DIEBench; ResNet-18, EMA teacher.

    50 views of each are rendered once and kept. Needs ``pip install 'seqjepa[objects]'``.
    """
    return change(
        mnist_affine(),
        name="objects3d_rotation",
        epochs=100,
        images=dict(source="scene", train=1100, test=275),
        factors=STILL | dict(first_view="random"),
        scene=dict(name="objects3d", vary=["orientation"], sequences=8, kept_views=50),
    )


@scene_recipe(**SMALL_OBJECTS)
def objects3d_rotation_hue() -> Config:
    """objects3d_rotation with a hue that varies too."""
    return change(
        objects3d_rotation(), name="objects3d_rotation_hue", scene=dict(vary=["orientation", "hue"], kept_views=100)
    )


@scene_recipe(images=dict(train=5000, test=1000))
def cifar100_augment() -> Config:
    """CIFAR-100 under crop, colour jitter and blur; ResNet-18, EMA teacher. Needs ``pip install 'seqjepa[kornia]'``.

    Where CIFAR-100 is not at hand and ``cifar10_sample.npz`` is (in SEQJEPA_DATA, ./data or the user's cache), that.
    """
    crop = dict(crop_x=(-8, 8), crop_y=(-8, 8), crop_size=(0.5, 1.0))
    light = dict(brightness=(-0.3, 0.3), contrast=(0.7, 1.4), saturation=(0.7, 1.4), hue=(-36, 36))
    return change(
        mnist_affine(),
        name="cifar100_augment",
        images=dict(source=cifar_at_hand()),
        factors=STILL,
        scene=dict(name="photometric", ranges=crop | light | dict(blur=(0.0, 1.5))),
    )
