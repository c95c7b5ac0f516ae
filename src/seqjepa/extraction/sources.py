"""Where the views of a sweep come from: pictures that are warped, or a scene that renders."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from seqjepa.extraction.intrinsic_pose import slant
from seqjepa.factors import AffineViews, Scene, warp
from seqjepa.factors.scenes import check_scene, identity_pictures, labels_of, rendered, resting_value
from seqjepa.sweeps.design import Design
from seqjepa.types import Factor, Images, InputError, Pose
from seqjepa.types.factor import value_columns


@runtime_checkable
class Source(Protocol):
    """Identities whose views can be made.

    Attributes:
        factors: what moves.
        labels: (N,) the identities' classes.
    """

    @property
    def factors(self) -> tuple[Factor, ...]:
        """What moves."""
        ...

    @property
    def labels(self) -> Int64[Tensor, " N"]:
        """The identities' classes."""
        ...

    def __len__(self) -> int: ...
    def chosen(self, index: Int64[Tensor, " K"]) -> Source:
        """Some of the identities."""
        ...

    def pictures(self) -> UInt8[Tensor, "N C H W"]:
        """Each identity as it stands."""
        ...

    def intrinsic_pose(self) -> dict[str, Float[Tensor, " N"]]:
        """What is measured of how identities stand by themselves."""
        ...

    def taps(self, poses: Float[Tensor, "M C"]) -> int:
        """Samples a side under one pixel that the strongest shrinking among the poses asks for."""
        ...

    def views(
        self, who: slice, poses: Float[Tensor, "B V K"], taps: int, design: Design, device: torch.device
    ) -> Float[Tensor, "B V C H W"]:
        """The views of some identities.

        Args:
            who: which.
            poses: as the design has them.
            taps: see ``warp``.
            design: says what poses mean.
            device: where views are made.
        """
        ...


@dataclass(frozen=True)
class Pictures:
    """Pictures under affine factors, warped on the device."""

    scene: AffineViews

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The scene's."""
        return self.scene.factors

    @property
    def labels(self) -> Int64[Tensor, " N"]:
        """The pictures' own."""
        return self.scene.images.labels

    def __len__(self) -> int:
        return len(self.scene)

    def chosen(self, index: Int64[Tensor, " K"]) -> Pictures:
        """Some of the pictures."""
        return Pictures(replace(self.scene, images=self.scene.images[index]))

    def pictures(self) -> UInt8[Tensor, "N C H W"]:
        """The pictures."""
        return self.scene.images.pixels

    def intrinsic_pose(self) -> dict[str, Float[Tensor, " N"]]:
        """How they are slanted, where they are turned."""
        return {f.name: slant(self.pictures().cpu()) for f in self.factors if f.name == "rotation"}

    def taps(self, poses: Float[Tensor, "M 4"]) -> int:
        """Of the smallest scale."""
        smallest = min(1.0, float(poses[:, 3].exp().min()))
        return max(1, math.ceil(1 / smallest - 1e-6))

    def views(
        self, who: slice, poses: Float[Tensor, "B V 4"], taps: int, design: Design, device: torch.device
    ) -> Float[Tensor, "B V C H W"]:
        """One resampling each. Arguments as in ``Source.views``."""
        here, pose = self.scene.images.pixels[who].to(device), Pose(poses.float())
        return warp(here, pose, taps=taps, border=self.scene.border, circular_mask=self.scene.circular_mask)


@dataclass(frozen=True)
class Rendered:
    """Identities of a scene.

    Attributes:
        scene: that renders.
        factors: those of its factors that move; the others rest.
        index: (N,) which of its identities.
    """

    scene: Scene
    factors: tuple[Factor, ...]
    index: Int64[Tensor, " N"]

    @property
    def labels(self) -> Int64[Tensor, " N"]:
        """The scene's."""
        return labels_of(self.scene)[self.index]

    def __len__(self) -> int:
        return len(self.index)

    def chosen(self, index: Int64[Tensor, " K"]) -> Rendered:
        """Some of the identities."""
        return replace(self, index=self.index[index])

    def pictures(self) -> UInt8[Tensor, "N C H W"]:
        """With all factors at rest."""
        return identity_pictures(self.scene, self.index)

    def intrinsic_pose(self) -> dict[str, Float[Tensor, " N"]]:
        """Nothing is measured."""
        return {}

    def taps(self, poses: Float[Tensor, "M C"]) -> int:
        """A scene sees to its own sampling."""
        return 1

    def views(
        self, who: slice, poses: Float[Tensor, "B V K"], taps: int, design: Design, device: torch.device
    ) -> Float[Tensor, "B V C H W"]:
        """Rendered at the design's values. Arguments as in ``Source.views``."""
        values = all_values(self.scene.factors, design, poses)
        identities = self.index[who][:, None].expand(poses.shape[:2])
        made = rendered(self.scene, identities.flatten(), values.flatten(0, 1))
        return made.unflatten(0, poses.shape[:2]).to(device)


def all_values(
    factors: Sequence[Factor], design: Design, poses: Float[Tensor, "*batch C"]
) -> Float[Tensor, "*batch F"]:
    """The values of all of a scene's factors at a design's poses, side by side; those that do not move rest.

    Args:
        factors: the scene's.
        design: of those that move.
        poses: of the design.
    """
    moved, columns = design.values_of(poses.double()), value_columns(design.factors)
    parts = [
        moved[..., columns[f.name]] if f.name in columns else resting_value(f).expand(*moved.shape[:-1], -1)
        for f in factors
    ]
    return torch.cat(parts, -1)


def source_of(
    given: Images | Scene, factors: Sequence[Factor] | None, border: str = "zeros", circular_mask: bool = False
) -> Source:
    """Where views of pictures, or of a scene, come from.

    Args:
        given: pictures, or a scene.
        factors: what moves; of a scene some of its own, by name and with a range within theirs, or None for all.
        border, circular_mask: of pictures, see ``warp``.

    Raises:
        InputError: no factors for pictures; what is no scene; a factor that the scene does not have.
    """
    if isinstance(given, Images):
        if factors is None:
            raise InputError("factors: say what moves, as in affine_factors(rotation=(-180, 180))")
        return Pictures(AffineViews(given, tuple(factors), border, circular_mask))  # pyright: ignore[reportArgumentType]
    if isinstance(given, AffineViews):
        return Pictures(given if factors is None else replace(given, factors=tuple(factors)))
    check_scene(given)
    own = {factor.name: factor for factor in given.factors}
    for factor in factors or ():
        theirs = own.get(factor.name)
        if theirs is None:
            raise InputError(f"factors: {factor.name!r} is not one of the scene's, {', '.join(own)}")
        if (factor.space, factor.size, factor.period) != (theirs.space, theirs.size, theirs.period) or not (
            theirs.low <= factor.low <= factor.high <= theirs.high
        ):
            raise InputError(f"factors: {factor.name!r} is of another kind or range than the scene's {theirs}")
    return Rendered(given, tuple(own.values() if factors is None else factors), torch.arange(len(given)))
