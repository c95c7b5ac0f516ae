"""The section of a configuration that names a scene."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from seqjepa.factors.objects3d import Objects3D
from seqjepa.factors.photometric import KINDS
from seqjepa.factors.sprites import Sprites
from seqjepa.settings import Named, Range, Section
from seqjepa.types import Factor

MADE = {"objects3d": Objects3D, "sprites": Sprites}  # identities by formula: (identities, side, seed, factors)
PHOTOMETRIC = "photometric"
OWN_PICTURES = "scene"  # the image source of scenes that bring their identities along


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _known(ranges: dict[str, Any]) -> dict[str, Any]:
    if unknown := [name for name in ranges if name not in KINDS]:
        raise ValueError(f"{unknown[0]!r} is not one of {', '.join(KINDS)}")
    return ranges


SceneName = Annotated[str, AfterValidator(Named((*MADE, PHOTOMETRIC)))]
Names = Annotated[tuple[str, ...], Field(min_length=1, max_length=100), BeforeValidator(_several)]


class SceneConfig(Section):
    """A scene that is trained on, in place of affine views of images."""

    name: SceneName | None = None
    """Scene: sprites, objects3d, photometric (of images), pkg.mod:name or ./file.py:name; none for affine views."""
    vary: Names | None = None
    """Which factors of sprites or objects3d vary; none for all."""
    ranges: Annotated[dict[str, Range], Field(max_length=100), AfterValidator(_known)] = Field(
        default_factory=dict, repr=False
    )
    """Of photometric: the range of each factor that varies, as in --scene.ranges.hue -30 30."""
    side: Annotated[int, Field(ge=8, le=512)] = 64
    """Of sprites and objects3d: pixels a side."""
    sequences: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Sequences of each identity an epoch."""
    kept_views: Annotated[int, Field(ge=2, le=100_000)] | None = None
    """Views of each identity that are rendered once, kept in the run's folder, and drawn from; none renders anew."""
    moves: Annotated[tuple[Factor, ...], Field(max_length=100)] = Field(default=(), repr=False)
    """Recorded, not set: the scene's factors."""
    views_sha256: str = Field(default="", repr=False)
    """Recorded, not set: of the views that are kept, or of a few."""
