"""Photometric and other factors of pictures through kornia: light, colour, blur, crop, perspective, elastic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from seqjepa.factors.affine import affine_factors
from seqjepa.factors.scenes import PictureScene
from seqjepa.factors.warping import warp
from seqjepa.rng import generator
from seqjepa.types import Factor, Images, InputError, Pose

Range = tuple[float, float]
# In the order in which they are applied. A blur and an elastic distortion cannot be undone; of the others clipping to
# [0, 1] and what leaves the frame are all that is lost.
KINDS: dict[str, dict[str, Any]] = {
    "elastic": dict(group=False),
    "perspective_x": {},
    "perspective_y": {},
    "crop_x": dict(unit="px"),
    "crop_y": dict(unit="px"),
    "crop_size": dict(unit="ratio", logarithmic=True),
    "rotation": {},
    "translate_x": {},
    "translate_y": {},
    "scale": {},
    "blur": dict(unit="px", group=False),
    "brightness": {},
    "contrast": dict(unit="ratio", logarithmic=True),
    "saturation": dict(unit="ratio", logarithmic=True),
    "hue": dict(unit="deg", period=360.0),
}
WARPED = ("crop_x", "crop_y", "crop_size", "rotation", "translate_x", "translate_y", "scale")
COLOURED = ("saturation", "hue")
SMOOTH = 8  # of an image's side: the scale of elastic distortions


def kornia_scene(images: Images, **ranges: Range) -> KorniaScene:
    """A scene of pictures under any of kornia's factors, alone or with affine ones (the extra "kornia")::

        scene = sj.kornia_scene(images, brightness=(-0.3, 0.3), hue=(-180, 180), rotation=(-30, 30))

    They are applied in this order, whatever the order of the keywords: elastic (share of the side by which points are
    moved), perspective_x, perspective_y (how much nearer the right and the lower edge is), crop_x, crop_y (of its
    centre, pixels), crop_size (its side over the image's), rotation, translate_x, translate_y, scale (see
    ``affine_factors``), blur (standard deviation, pixels), brightness (added), contrast, saturation (ratios), hue
    (degrees). Crop and affine factors are one resampling.

    Args:
        images: the identities; in colour for saturation and hue.
        ranges: (low, high) by name.

    Raises:
        InputError: an unknown factor, a bad range, grey images for a colour, or kornia not installed.
    """
    for name, ends in ranges.items():
        if name not in KINDS:
            raise InputError(f"kornia_scene: {name!r} is not one of {', '.join(KINDS)}")
        if not isinstance(ends, tuple | list) or len(ends) != 2:
            raise InputError(f"kornia_scene: {name}: a range is two numbers, (low, high), not {ends!r:.80}")
        if name in COLOURED and images.pixels.shape[1] != 3:
            raise InputError(f"kornia_scene: {name} needs images in colour, with 3 channels")
        if name in ("blur", "elastic") and ends[0] < 0:
            raise InputError(f"kornia_scene: {name}: {ends[0]:g} is below 0")
    affine = {f.name: f for f in affine_factors(**{n: ends for n, ends in ranges.items() if n in WARPED[3:]})}
    own = {name: affine.get(name) or Factor(name, *ranges[name], **KINDS[name]) for name in KINDS if name in ranges}
    _kornia()
    return KorniaScene(images, tuple(own.values()))


@dataclass(frozen=True)
class KorniaScene(PictureScene):
    """See ``kornia_scene``.

    Attributes:
        images: the identities.
        factors: what varies, in the order in which they are applied.
    """

    def render(self, identities: Int64[Tensor, " B"], values: Float[Tensor, "B F"]) -> Float[Tensor, "B C H W"]:
        """The pictures under all factors."""
        enhance, filters = _kornia().enhance, _kornia().filters
        told = dict(zip((f.name for f in self.factors), values.float().unbind(1), strict=True))
        views = self.images.pixels[identities].float() / 255
        if "elastic" in told:
            views = _elastic(views, identities, told["elastic"])
        if "perspective_x" in told or "perspective_y" in told:
            views = _perspective(views, *(told.get(f"perspective_{axis}") for axis in "xy"))
        if any(name in told for name in WARPED):
            pose = _pose(told, len(values))
            smallest = min(1.0, float(pose.log_scale.exp().min()))
            views = warp(views, Pose(pose.values[:, None]), taps=max(1, math.ceil(1 / smallest - 1e-6)))[:, 0]
        if "blur" in told:
            most = max(factor.high for factor in self.factors if factor.name == "blur")
            size = min(2 * math.ceil(3 * most) + 1, 2 * (min(views.shape[2:]) // 2) - 1)
            sigma = told["blur"].clamp(min=1e-2)[:, None].expand(-1, 2)
            views = filters.gaussian_blur2d(views, (size, size), sigma)
        for name in ("brightness", "contrast", "saturation"):
            if name in told:
                views = getattr(enhance, f"adjust_{name}")(views, told[name])
        if "hue" in told:
            views = enhance.adjust_hue(views, told["hue"].deg2rad())
        return views.clamp(0, 1)


def _pose(told: dict[str, Tensor], count: int) -> Pose:
    """The crop, then the affine pose."""
    crop, moved = Pose.identity(count), Pose.identity(count)
    size = told.get("crop_size", torch.ones(count))
    for column, axis in ((1, "x"), (2, "y")):
        crop.values[:, column] = -told.get(f"crop_{axis}", torch.zeros(count)) / size
        moved.values[:, column] = told.get(f"translate_{axis}", torch.zeros(count))
    crop.values[:, 3] = -size.log()
    moved.values[:, 0] = told.get("rotation", torch.zeros(count)).deg2rad()
    moved.values[:, 3] = told.get("scale", torch.ones(count)).log()
    return moved @ crop


def _perspective(views: Float[Tensor, "B C H W"], x: Tensor | None, y: Tensor | None) -> Float[Tensor, "B C H W"]:
    height, width = views.shape[2:]
    centre = torch.tensor([[2 / width, 0, 1 / width - 1], [0, 2 / height, 1 / height - 1], [0, 0, 1.0]])
    tilt = torch.eye(3).repeat(len(views), 1, 1)
    for column, amount in enumerate((x, y)):
        if amount is not None:
            tilt[:, 2, column] = -amount
    homography = torch.linalg.inv(centre) @ tilt @ centre
    return _kornia().geometry.warp_perspective(views, homography, (height, width))


def _elastic(
    views: Float[Tensor, "B C H W"], identities: Int64[Tensor, " B"], amount: Float[Tensor, " B"]
) -> Float[Tensor, "B C H W"]:
    """Points moved by smooth noise, an identity's own, of this standard deviation times the side."""
    height, width = views.shape[2:]
    noise = torch.stack([torch.randn(2, SMOOTH, SMOOTH, generator=generator("elastic", int(i))) for i in identities])
    field = torch.nn.functional.interpolate(noise, (height, width), mode="bicubic", align_corners=True)
    rows, columns = torch.meshgrid(*[(torch.arange(n) + 0.5) / n * 2 - 1 for n in (height, width)], indexing="ij")
    places = torch.stack([columns, rows], -1) + 2 * amount[:, None, None, None] * field.permute(0, 2, 3, 1)
    return torch.nn.functional.grid_sample(views, places, align_corners=False)


@cache
def _kornia() -> Any:
    try:
        import kornia  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise InputError("kornia_scene: kornia is not installed; pip install 'seqjepa[kornia]'") from error
    return kornia
