"""A scene: identities under factors of any kind, rendered at any values of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from seqjepa.factors.affine import AFFINE_NAMES
from seqjepa.factors.processes import rendered_parts
from seqjepa.types import Factor, Images, InputError
from seqjepa.types.foreign import foreign_code

UNKNOWN = -1
TOLERANCE = 1e-4  # by which rendered images may leave [0, 1]: rounding


@runtime_checkable
class Scene(Protocol):
    """What can be seen at any values of its factors. Nothing of this package need be inherited.

    A scene may also have ``labels`` (N,), the identities' classes as integers, and ``class_names``; and say
    ``several_processes = True``, where its rendering keeps one core busy: views of an identity are then asked for
    together, and by several processes, see ``rendered_parts``.
    """

    @property
    def factors(self) -> Sequence[Factor]:
        """What varies; an attribute will do."""
        ...

    def __len__(self) -> int:
        """How many identities there are, N."""
        ...

    def render(self, identities: Int64[Tensor, " B"], values: Float[Tensor, "B F"]) -> Float[Tensor, "B C H W"]:
        """Images in [0, 1] of identities at values, the factors' columns side by side in their own units."""
        ...


@dataclass(frozen=True)
class PictureScene:
    """What scenes of pictures have in common: the pictures are the identities, with their own classes.

    Attributes:
        images: the identities.
        factors: what varies.
    """

    images: Images
    factors: tuple[Factor, ...]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def labels(self) -> Int64[Tensor, " N"]:
        """The images' own."""
        return self.images.labels

    @property
    def class_names(self) -> tuple[str, ...]:
        """The images' own."""
        return self.images.class_names


@dataclass(frozen=True)
class FunctionScene(PictureScene):
    """A scene out of pictures and a function of theirs::

        def brightness(pictures, values):          # (B, C, H, W) in [0, 1], (B, F)
            return (pictures * values[:, :1, None, None]).clamp(0, 1)

        scene = sj.picture_scene(images, [sj.Factor("brightness", 0.5, 1.5, "ratio", logarithmic=True)], brightness)

    Attributes:
        images: the identities.
        factors: what varies.
        function: from pictures (B, C, H, W), float32 in [0, 1], and values (B, F) to images (B, C, H, W).
    """

    function: Callable[[Tensor, Tensor], Tensor]

    def render(self, identities: Int64[Tensor, " B"], values: Float[Tensor, "B F"]) -> Float[Tensor, "B C H W"]:
        """The pictures, moved."""
        return self.function(self.images.pixels[identities].float() / 255, values.float())


def picture_scene(
    images: Images, factors: Sequence[Factor], function: Callable[[Tensor, Tensor], Tensor]
) -> FunctionScene:
    """A scene of pictures that a function moves; see ``FunctionScene``."""
    return FunctionScene(images, tuple(factors), function)


@dataclass(frozen=True)
class ChosenIdentities:
    """Some of a scene's identities, as a scene.

    Attributes:
        scene: the whole.
        index: (N,) which of its identities.
    """

    scene: Scene
    index: Int64[Tensor, " N"]

    @property
    def factors(self) -> Sequence[Factor]:
        """The scene's."""
        return self.scene.factors

    @property
    def labels(self) -> Int64[Tensor, " N"]:
        """The scene's."""
        return labels_of(self.scene)[self.index]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The scene's."""
        return class_names_of(self.scene)

    @property
    def several_processes(self) -> bool:
        """As the scene says."""
        return getattr(self.scene, "several_processes", False)

    def __len__(self) -> int:
        return len(self.index)

    def render(self, identities: Int64[Tensor, " B"], values: Float[Tensor, "B F"]) -> Float[Tensor, "B C H W"]:
        """As the scene does."""
        return self.scene.render(self.index[identities], values)


def check_scene(scene: Any) -> None:
    """Raises InputError for what is no scene, before anything is rendered."""
    kind = type(scene).__name__
    if not isinstance(scene, Scene):
        raise InputError(f"scene: a {kind} has no factors, len() or render(identities, values)")
    with foreign_code("the scene's factors, labels or len()"):
        factors, count, labels = list(scene.factors), len(scene), labels_of(scene)
    if not factors or not all(isinstance(factor, Factor) for factor in factors):
        raise InputError(f"scene: its factors are {factors!r:.200}, not one or more Factors")
    names = [factor.name for factor in factors]
    if len(set(names)) != len(names):
        raise InputError(f"scene: two factors of one name among {names}")
    if set(names) <= AFFINE_NAMES:
        raise InputError(
            f"scene: {', '.join(names)} are names of affine views, whose group law is known; use AffineViews, or call "
            "them otherwise"
        )
    if count < 1 or len(labels) != count:
        raise InputError(f"scene: {count} identities and {len(labels)} labels")


def labels_of(scene: Scene) -> Int64[Tensor, " N"]:
    """The identities' classes; -1, unknown, of a scene without."""
    labels = getattr(scene, "labels", None)
    return torch.full((len(scene),), UNKNOWN) if labels is None else torch.as_tensor(labels).long()


def class_names_of(scene: Scene) -> tuple[str, ...]:
    """One name a class: the scene's own, or numbers; none where classes are unknown."""
    names = getattr(scene, "class_names", None)
    labels = labels_of(scene)
    if names is not None or (labels == UNKNOWN).all():
        return tuple(names or ())
    return tuple(str(label) for label in range(int(labels.max()) + 1))


def resting_value(factor: Factor) -> Float[Tensor, " W"]:
    """A factor's value while it does not vary: the neutral one, or what in its range is nearest to it."""
    if factor.space == "levels":
        return torch.zeros(1, dtype=torch.float64)
    if factor.space == "direction":
        return torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    neutral = factor.kind.neutral()
    return neutral if factor.space == "rotation" else neutral.clamp(factor.low, factor.high)


def rendered(scene: Scene, identities: Int64[Tensor, " B"], values: Float[Tensor, "B F"]) -> Float[Tensor, "B C H W"]:
    """What a scene renders, checked.

    Raises:
        InputError: it raises, returns another shape or number of images, or what is not finite or outside of [0, 1].
    """
    with foreign_code("the scene's render"):
        images = scene.render(identities, values)
    if not isinstance(images, Tensor) or images.ndim != 4 or len(images) != len(identities):
        what = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise InputError(f"scene: render returned {what} for {len(identities)} identities, not images (B, C, H, W)")
    if images.dtype == torch.uint8:
        return images.float() / 255
    low, high = (float(images.min()), float(images.max())) if images.numel() else (0.0, 0.0)
    if not (low >= -TOLERANCE and high <= 1 + TOLERANCE):  # NaN too
        raise InputError(f"scene: render returned values from {low:g} to {high:g}, not images in [0, 1]")
    return images.float().clamp(0, 1)


def pixels_of(
    scene: Scene, identities: Int64[Tensor, " B"], values: Float[Tensor, "B F"], at_once: int = 256
) -> UInt8[Tensor, "B C H W"]:
    """What a scene renders, checked, as 8 bits.

    Args:
        scene: that renders.
        identities: of each image.
        values: of the factors, of each image.
        at_once: so many images are asked for.
    """
    order = torch.arange(len(identities))
    if together := getattr(scene, "several_processes", False):
        order = identities.argsort(stable=True)
    parts = [(identities[part], values[part]) for part in order.split(at_once)]
    found = torch.cat(list(rendered_parts(pixels_at_once, scene, parts)))
    return found[order.argsort()] if together else found


def pixels_at_once(
    scene: Scene, identities: Int64[Tensor, " B"], values: Float[Tensor, "B F"]
) -> UInt8[Tensor, "B C H W"]:
    """What a scene renders, checked, as 8 bits, asked for at once."""
    return (rendered(scene, identities, values) * 255).round().to(torch.uint8).cpu()


def at_rest(factors: Sequence[Factor]) -> Float[Tensor, " F"]:
    """Values with all factors at rest, side by side."""
    return torch.cat([resting_value(factor) for factor in factors])


def drawn_values(
    factors: Sequence[Factor], shape: tuple[int, ...], random: torch.Generator
) -> Float[Tensor, "*batch F"]:
    """Values without preference, side by side in the factors' own units, float64."""
    drawn = [f.drawn(torch.rand(*shape, f.uniforms, generator=random, dtype=torch.float64)) for f in factors]
    return torch.cat(drawn, -1)


def identity_pictures(scene: Scene, identities: Int64[Tensor, " I"]) -> UInt8[Tensor, "I C H W"]:
    """Each identity with all factors at rest."""
    return pixels_of(scene, identities, at_rest(scene.factors).expand(len(identities), -1))


def random_views(scene: Scene, count: int, random: torch.Generator) -> Images:
    """Images of so many identities at most, each at random values: what PCA of pixels is fitted on."""
    chosen = torch.randperm(len(scene), generator=random)[:count]
    values = drawn_values(scene.factors, (len(chosen),), random)
    return Images(pixels_of(scene, chosen, values), labels_of(scene)[chosen], class_names_of(scene))
