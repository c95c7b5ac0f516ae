"""Objects in space, rendered: any orientation, place, light and hue, in the manner of 3DIEBench and made by formula."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, field
from functools import cache, reduce
from types import ModuleType
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from seqjepa.factors.meshes import FAMILIES, mesh
from seqjepa.factors.scenes import resting_value
from seqjepa.rng import generator
from seqjepa.types import Factor, InputError
from seqjepa.types.factor import value_columns

FINER = 2  # samples a side under one pixel: the renderer has no anti-aliasing of its own
RADIUS = 0.55  # of an object; the frame is 1.71 wide and high where it stands
LEVELS = 255
GROUND = 38 / LEVELS  # grey of the background
BACKGROUND = np.array([round(GROUND * LEVELS)] * 4, np.uint8).view(np.uint32)[0]
FACTORS = (
    Factor.rotation("orientation"),
    Factor.vector("position", -0.25, 0.25, 2),
    Factor.direction("light"),
    Factor("hue", 0.0, 360.0, "deg", 360.0),
)


@dataclass(frozen=True)
class Objects3D:
    """A scene of solid objects, rendered by pybullet's software renderer (the extra "objects"); no GPU, no files.

    The class is the family of the shape, of which there are eleven; identities of a family are instances of their own,
    drawn once from the seed, without any symmetry. The camera looks along the world's -z: x to the right, y upwards.

    Attributes:
        identities: how many.
        side: of the images, in pixels.
        seed: of the identities' shapes; another one gives objects never seen.
        factors: orientation (a rotation), position (in the image plane, the object's radius is 0.55), light (the
            direction that it comes from) and hue, or some of them; what is left out rests.
    """

    identities: int = 550
    side: int = 64
    seed: int = 0
    factors: tuple[Factor, ...] = field(default=FACTORS)
    class_names = tuple(FAMILIES)
    several_processes = True

    def __post_init__(self) -> None:
        names = [factor.name for factor in FACTORS]
        if unknown := [factor.name for factor in self.factors if factor.name not in names]:
            raise InputError(f"objects3d: {unknown[0]!r} is not one of {', '.join(names)}")
        if self.identities < 1 or not 8 <= self.side <= 512:
            raise InputError(f"objects3d: {self.identities} identities of {self.side} pixels a side, from 8 to 512")
        _pybullet()

    def __len__(self) -> int:
        return self.identities

    @property
    def labels(self) -> Int64[Tensor, " N"]:
        """The families."""
        return torch.arange(self.identities) % len(FAMILIES)

    def render(self, identities: Int64[Tensor, " B"], values: Float[Tensor, "B F"]) -> Float[Tensor, "B 3 H W"]:
        """Rendered views. Those of one identity are best asked for together: its shape is then loaded once."""
        columns = value_columns(self.factors)
        told = {factor.name: resting_value(factor).expand(len(values), -1) for factor in FACTORS}
        told |= {name: values[:, own].double() for name, own in columns.items()}
        images = np.empty((len(identities), self.side, self.side, 3), np.float32)
        shapes = torch.rand(self.identities, 5, generator=generator(self.seed, "objects3d"), dtype=torch.float64)
        for who in identities.unique().tolist():
            with _Object(tuple(FAMILIES)[who % len(FAMILIES)], shapes[who].numpy()) as shown:
                for row in (identities == who).nonzero()[:, 0].tolist():
                    images[row] = shown.seen(self.side, {name: value[row].numpy() for name, value in told.items()})
        return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()


class _Object:
    """One shape, loaded into the renderer while it is looked at."""

    def __init__(self, family: str, numbers: np.ndarray) -> None:
        self.bullet, self.client = _pybullet(), _connected()
        points, normals, triangles = mesh(family, numbers)
        shape = self.bullet.createVisualShape(
            self.bullet.GEOM_MESH,
            vertices=(RADIUS * points).tolist(),
            normals=normals.tolist(),
            indices=triangles.ravel().tolist(),
            physicsClientId=self.client,
        )
        self.body = self.bullet.createMultiBody(baseVisualShapeIndex=shape, physicsClientId=self.client)

    def __enter__(self) -> _Object:
        return self

    def __exit__(self, *of: Any) -> None:
        self.bullet.removeBody(self.body, physicsClientId=self.client)

    def seen(self, side: int, at: dict[str, np.ndarray]) -> Float[np.ndarray, "H W 3"]:
        """From the front, in [0, 1]."""
        b, client = self.bullet, self.client
        w, x, y, z = at["orientation"].tolist()
        place = [*at["position"].tolist(), 0.0]
        colour = [*colorsys.hsv_to_rgb(float(at["hue"][0]) / 360 % 1, 0.7, 0.9), 1.0]
        b.resetBasePositionAndOrientation(self.body, place, [x, y, z, w], physicsClientId=client)
        b.changeVisualShape(self.body, -1, rgbaColor=colour, physicsClientId=client)
        view = b.computeViewMatrix([0, 0, 3.2], [0, 0, 0], [0, 1, 0])
        lens = b.computeProjectionMatrixFOV(30.0, 1.0, 0.5, 6.0)
        size = FINER * side
        _, _, pixels, _, segments = b.getCameraImage(
            size,
            size,
            view,
            lens,
            lightDirection=at["light"].tolist(),
            lightAmbientCoeff=0.35,
            lightDiffuseCoeff=0.65,
            lightSpecularCoeff=0.0,
            shadow=0,
            renderer=b.ER_TINY_RENDERER,
            physicsClientId=client,
        )
        image = np.asarray(pixels, np.uint8).reshape(size, size, 4)
        # A pixel is moved as one number of four bytes, of which the last is left out in the end.
        image = np.where(np.asarray(segments).reshape(size, size) < 0, BACKGROUND, image.view(np.uint32)[..., 0])
        image = image.view(np.uint8).reshape(size, size, 4).astype(np.uint16)
        rows = reduce(np.add, [image[i::FINER] for i in range(FINER)])  # many times faster than a mean over axes
        return reduce(np.add, [rows[:, i::FINER] for i in range(FINER)])[..., :3] / np.float32(FINER**2 * LEVELS)


@cache
def _pybullet() -> ModuleType:
    try:
        import pybullet  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise InputError("objects3d: pybullet is not installed; pip install 'seqjepa[objects]'") from error
    return pybullet


@cache
def _connected() -> int:
    bullet = _pybullet()
    return bullet.connect(bullet.DIRECT)
