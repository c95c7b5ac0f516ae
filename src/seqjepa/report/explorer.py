"""Data of the page's slider: images, how each view moves them, and where their representations go."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import matplotlib.image
import torch
from jaxtyping import UInt8
from markupsafe import Markup
from torch import Tensor

from seqjepa.diagnostics import Diagnosis
from seqjepa.report.orbits import Orbits, orbits_of
from seqjepa.report.style import legible
from seqjepa.report.views import border_of, images_of, sweep_poses
from seqjepa.sweeps import Sweeps
from seqjepa.types import NotIdentifiable, Pose


def explorer_data(diagnosis: Diagnosis, sweeps: Sweeps) -> dict[str, Any]:
    """For each factor its values, the mean orbit, and for a few test identities their orbit and views' transforms.

    ``sheets`` are what is moved: the images, or where borders are reflected the images amid their mirror images,
    ``reach`` times as wide.

    A transform is (a, b, c, d, e, f) as in CSS's ``matrix()``: the forward map about the image's centre, shifts in
    pixels of the image.

    Raises:
        NotIdentifiable: no images, poses or split that is known, or no factor that moves the representation.
    """
    images = images_of(sweeps)
    found: dict[str, Orbits] = {}
    reasons = []
    for factor in sweeps.axes:
        try:
            found[factor.name] = orbits_of(diagnosis, sweeps, factor.name)
        except NotIdentifiable as error:
            reasons.append(str(error))
    if not found:
        raise NotIdentifiable(reasons[0])
    shown = next(iter(found.values())).who
    factors = []
    for name, orbits in found.items():
        factor, poses = sweeps.factor(name), Pose(sweep_poses(sweeps, name)[shown, 0].double())
        transforms = torch.cat([poses.linear().mT.flatten(-2), poses.translation], -1)
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
    images = images[shown]
    sheets = mirrored(images) if border == "reflection" else images
    return {
        "images": [_png(image) for image in images],
        "sheets": [_png(sheet) for sheet in sheets],
        "reach": sheets.shape[-1] // images.shape[-1],
        "mask": mask,
        "factors": factors,
    }


def script_json(data: Any) -> Markup:
    """JSON that cannot end the script element it stands in."""
    return Markup(json.dumps(data, allow_nan=False).replace("<", "\\u003c"))


def mirrored(images: UInt8[Tensor, "N C H W"]) -> UInt8[Tensor, "N C H3 W3"]:
    """Each image amid its eight mirror images: what a reflected border shows, as far as one image away."""
    for axis in (-1, -2):
        flipped = images.flip(axis)
        images = torch.cat([flipped, images, flipped], axis)
    return images


def _short(values: Tensor, digits: int) -> Any:
    scale = 10.0**digits
    return ((values.double() * scale).round() / scale).tolist()


def _png(image: UInt8[Tensor, "C H W"]) -> str:
    """A data address that an ``img`` element takes."""
    pixels = image.permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    if pixels.shape[-1] == 1:
        matplotlib.image.imsave(buffer, pixels[..., 0], cmap="gray", vmin=0, vmax=255, format="png")
    else:
        matplotlib.image.imsave(buffer, pixels, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
