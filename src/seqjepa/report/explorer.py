"""Data of the page's slider: pictures, how each view moves them, and where their codes go."""

from __future__ import annotations

import base64
import io
from typing import Any

import matplotlib.image
import torch
from jaxtyping import UInt8
from torch import Tensor

from seqjepa.report.orbits import Orbits, orbits_of
from seqjepa.report.pictures import border_of, design_of
from seqjepa.report.style import legible
from seqjepa.sweeps import Sweeps
from seqjepa.types import NotIdentifiable, Pose


def explorer_data(sweeps: Sweeps) -> dict[str, Any]:
    """For each factor its values, the mean orbit, and for a few images their orbit and the views' transforms.

    ``sheets`` are what is moved: the pictures, or where borders are reflected the pictures amid their mirror images,
    ``reach`` times as wide.

    A transform is (a, b, c, d, e, f) as in CSS's ``matrix()``: the forward map about the image's centre, shifts in
    pixels of the image.

    Raises:
        NotIdentifiable: no pictures, poses that are not known, or no factor that moves the code.
    """
    if sweeps.images is None:
        raise NotIdentifiable("the sweeps hold no pictures")
    design = design_of(sweeps)
    found: dict[str, Orbits] = {}
    for factor in sweeps.factors:
        try:
            found[factor.name] = orbits_of(sweeps, factor.name)
        except NotIdentifiable:
            continue
    if not found:
        raise NotIdentifiable("no factor moves the code")
    shown = next(iter(found.values())).who
    factors = []
    for name, orbits in found.items():
        factor, poses = sweeps.factor(name), Pose(design.sweep_poses(name)[shown, 0])
        linear, shift = poses.linear(), poses.translation
        transforms = torch.cat([linear.mT.flatten(-2), shift], -1)
        factors.append(
            {
                "name": legible(name),
                "unit": {"deg": "°", "px": " px", "ratio": " ×"}.get(factor.unit, f" {factor.unit}"),
                "values": _short(orbits.values, 4),
                "circle": factor.full_circle,
                "mean": _short(orbits.mean, 4),
                "orbits": _short(orbits.points, 4),
                "transforms": _short(transforms, 4),
            }
        )
    border, mask = border_of(sweeps)
    pictures = sweeps.images[shown]
    sheets = mirrored(pictures) if border == "reflection" else pictures
    return {
        "pictures": [_png(picture) for picture in pictures],
        "sheets": [_png(sheet) for sheet in sheets],
        "reach": sheets.shape[-1] // pictures.shape[-1],
        "mask": mask,
        "factors": factors,
    }


def mirrored(pictures: UInt8[Tensor, "N C H W"]) -> UInt8[Tensor, "N C H3 W3"]:
    """Each picture amid its eight mirror images: what a reflected border shows, as far as one picture away."""
    for axis in (-1, -2):
        flipped = pictures.flip(axis)
        pictures = torch.cat([flipped, pictures, flipped], axis)
    return pictures


def _short(values: Tensor, digits: int) -> Any:
    scale = 10.0**digits
    return ((values.double() * scale).round() / scale).tolist()


def _png(picture: UInt8[Tensor, "C H W"]) -> str:
    """A data address that an ``img`` element takes."""
    pixels = picture.permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    if pixels.shape[-1] == 1:
        matplotlib.image.imsave(buffer, pixels[..., 0], cmap="gray", vmin=0, vmax=255, format="png")
    else:
        matplotlib.image.imsave(buffer, pixels, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
