"""Readers of recorded data sets: dSprites, smallNORB and 3DIEBench, from where they lie. Nothing is downloaded."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from pydantic import TypeAdapter
from torch import Tensor

from seqjepa.io.untrusted import UNREADABLE, open_regular, parse_json, read_npz
from seqjepa.rng import generator
from seqjepa.types import Factor, InputError
from seqjepa.types.checking import user_path
from seqjepa.types.foreign import foreign_code
from seqjepa.types.records import Records
from seqjepa.types.rotations import multiply, turn

MOST_BYTES = 8 << 30  # of pixels that are read
SHAPES = ("square", "ellipse", "heart")
NORB_CLASSES = ("animal", "human", "plane", "truck", "car")
NORB_BYTES, NORB_NUMBERS = 0x1E3D4C55, 0x1E3D4C54
NORB_LIGHTS = 6
DSPRITES_FACTORS = {
    "scale": Factor("sprite_scale", 0.5, 1.0, "ratio", None, True),
    "orientation": Factor("angle", 0.0, 360.0, "deg", 360.0),
    "x": Factor("x", 0.0, 1.0),
    "y": Factor("y", 0.0, 1.0),
}


@dataclass(frozen=True)
class RecordedSource:
    """A recorded data set.

    Attributes:
        read: from its file or folder to records.
        where: the address at which it is published.
        images: how many.
        size: of the download, and of an image, for people.
    """

    read: Callable[[Path], Records]
    where: str
    images: int
    size: str


def load_records(name: str) -> Records:
    """A recorded data set by name: ``dsprites:FILE.npz``, ``smallnorb:FOLDER`` or ``3diebench:FOLDER``.

    Raises:
        InputError: an unknown kind, no such file, or one that is not what it should be.
    """
    kind, colon, path = name.partition(":")
    if not colon or kind not in RECORDED:
        raise InputError(f"records {name!r}: give one of {', '.join(f'{kind}:PATH' for kind in RECORDED)}")
    return RECORDED[kind].read(user_path(path, "records"))


def read_dsprites(path: Path, vary: Sequence[str] = ("orientation", "y")) -> Records:
    """dSprites (Matthey et al., 2017): every combination of shape, scale, orientation, x and y; 64 × 64.

    What does not vary makes identities: with three shapes alone there would be three.

    Args:
        path: of dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz.
        vary: of "scale", "orientation", "x" and "y".
    """
    if unknown := [name for name in vary if name not in DSPRITES_FACTORS]:
        raise InputError(f"dsprites: {unknown[0]!r} is not one of {', '.join(DSPRITES_FACTORS)}")
    arrays, _ = read_npz(path, {"latents_values", "latents_classes"})
    if set(arrays) != {"latents_values", "latents_classes"} or any(
        array.ndim != 2 or array.shape[1] != 6 for array in arrays.values()
    ):
        raise InputError(f"{path}: not dSprites: it has no latents_values and latents_classes of six columns")
    classes = torch.from_numpy(arrays["latents_classes"].astype(np.int64))
    values = torch.from_numpy(arrays["latents_values"].astype(np.float64))
    columns = {"scale": 2, "orientation": 3, "x": 4, "y": 5}
    held = classes[:, [1, *(column for name, column in columns.items() if name not in vary)]]
    # 2 π is 0 again: the last of its orientations is a copy of the first.
    kept = values[:, 3] < 2 * math.pi - 1e-6 if "orientation" in vary else torch.ones(len(values), dtype=torch.bool)
    found = [values[kept, columns[n]].rad2deg() if n == "orientation" else values[kept, columns[n]] for n in vary]
    pixels = _npz_rows(path, "imgs", kept.numpy())
    factors = [DSPRITES_FACTORS[name] for name in vary]
    identities = held[kept].unique(dim=0, return_inverse=True)[1]
    return Records(
        pixels.unsqueeze(1) * 255,
        identities,
        torch.stack(found, 1),
        tuple(factors),
        classes[kept, 1],
        SHAPES[: int(classes[:, 1].max()) + 1],
    )


def read_smallnorb(path: Path) -> Records:
    """smallNORB (LeCun et al., 2004): 50 toys of five classes, 9 elevations, 18 azimuths, 6 lightings; the left camera.

    Args:
        path: of a folder with smallnorb-*-dat.mat, -cat.mat and -info.mat of the training part, the test part or both.
    """
    parts = sorted(path.glob("smallnorb-*-dat.mat")) if path.is_dir() else []
    if not parts:
        raise InputError(f"{path}: no smallnorb-*-dat.mat in it (unpack the .gz files)")
    pixels, labels, infos = [], [], []
    for file in parts:
        stem = file.name.removesuffix("-dat.mat")
        dat, cat, info = (norb_matrix(path / f"{stem}-{what}.mat") for what in ("dat", "cat", "info"))
        if dat.ndim != 4 or cat.shape != dat.shape[:1] or info.shape != (len(dat), 4) or dat.dtype != np.uint8:
            raise InputError(
                f"{file}: {dat.shape}, {cat.shape} and {info.shape} are not images, classes and four latents"
            )
        pixels.append(torch.from_numpy(dat[:, :1].copy()))
        labels.append(torch.from_numpy(cat.astype(np.int64)))
        infos.append(torch.from_numpy(info.astype(np.int64)))
    label, info = torch.cat(labels), torch.cat(infos)
    ranges = ((label, 5), (info[:, 0], 10), (info[:, 1], 9), (info[:, 2], 36), (info[:, 3], NORB_LIGHTS))
    if any(bool(((of < 0) | (of >= most)).any()) for of, most in ranges):
        raise InputError(f"{path}: a class or a latent is out of its range")
    values = torch.stack([30.0 + 5 * info[:, 1], 10.0 * info[:, 2], info[:, 3].double()], 1).double()
    factors = (
        Factor("elevation", 30, 70, "deg"),
        Factor("azimuth", 0, 360, "deg", 360.0),
        Factor.levels("lighting", NORB_LIGHTS),
    )
    return Records(torch.cat(pixels), 10 * label + info[:, 0], values, factors, label, NORB_CLASSES)


def norb_matrix(path: Path) -> np.ndarray:
    """A file in smallNORB's format: a magic number, the dimensions (three are always written), and the numbers.

    Raises:
        InputError: no such file, another one, or one whose length is not what it says.
    """
    with open_regular(path) as file:
        head = _whole_numbers(file.read(8))
        kinds = {NORB_BYTES: np.dtype("u1"), NORB_NUMBERS: np.dtype("<i4")}
        if len(head) < 2 or int(head[0]) not in kinds or not 1 <= int(head[1]) <= 4:
            raise InputError(f"{path}: not a matrix of smallNORB")
        kind, count = kinds[int(head[0])], int(head[1])
        shape = _whole_numbers(file.read(4 * max(3, count)))[:count]
        size = math.prod(int(n) for n in shape) * kind.itemsize if len(shape) == count and (shape > 0).all() else -1
        start = file.tell()
        if size != file.seek(0, 2) - start or size > MOST_BYTES:
            raise InputError(f"{path}: it says {tuple(shape.tolist())}, which is not what it holds")
        file.seek(start)
        return np.frombuffer(file.read(size), kind).reshape(shape)


def _whole_numbers(content: bytes) -> np.ndarray:
    """Of four bytes each; what a file that was cut short has too many is left out."""
    return np.frombuffer(content[: len(content) // 4 * 4], "<i4")


def read_3diebench(path: Path, objects: int = 256, size: int = 64) -> Records:
    """3DIEBench (Garrido et al., 2023): rendered objects, each at 50 random rotations, floor and light hues and lights.

    Args:
        path: of a folder with a folder a class, in it a folder an object, in it image_I.jpg beside latent_I.npy.
        objects: so many at most, an even choice among all.
        size: a side, in pixels, to which images are made smaller.
    """
    found = sorted(p.parent for p in path.glob("*/*/latent_0.npy")) if path.is_dir() else []
    if not found:
        raise InputError(f"{path}: no CLASS/OBJECT/latent_0.npy in it")
    order = torch.randperm(len(found), generator=generator("3diebench", len(found)))[:objects].sort().values.tolist()
    classes = sorted({of.parent.name for of in found})
    pixels, who, values, labels = [], [], [], []
    for number, place in enumerate(order):
        folder = found[place]
        for latent in sorted(folder.glob("latent_*.npy"), key=lambda p: (len(p.name), p.name)):
            pixels.append(_picture(folder / latent.name.replace("latent_", "image_").replace(".npy", ".jpg"), size))
            values.append(_latents(latent))
            who.append(number)
            labels.append(classes.index(folder.parent.name))
    told = torch.stack(values)
    factors = (
        Factor.rotation("orientation"),
        Factor("floor_hue", 0.0, 1.0, "", 1.0),
        Factor.direction("light"),
        Factor("light_hue", 0.0, 1.0, "", 1.0),
    )
    return Records(torch.stack(pixels), torch.tensor(who), told, factors, torch.tensor(labels), tuple(classes))


def read_made(path: Path) -> Records:
    """What ``Records.packed`` packed, as ``seqjepa images make`` writes it."""
    arrays, _ = read_npz(path, {"pixels", "identities", "values", "labels", "told"})
    try:
        told = parse_json(arrays["told"].tobytes().decode())
        factors = tuple(TypeAdapter(Factor).validate_python(factor) for factor in told["factors"])
        names = tuple(str(name) for name in told["class_names"])
        found = [torch.from_numpy(arrays[name]) for name in ("pixels", "identities", "values", "labels")]
        return Records(found[0], found[1].long(), found[2].double(), factors, found[3].long(), names)
    except InputError as error:
        raise InputError(f"{path}: {str(error)[:200]}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: not a set made by seqjepa ({' '.join(repr(error).split())[:200]})") from error


def _latents(path: Path) -> Float[Tensor, " F"]:
    """Quaternion, floor hue, light direction and light hue of seven numbers.

    These are Euler angles about the fixed x, y and z, floor hue, the light's polar angle and azimuth, and its hue.
    """
    with open_regular(path) as file, foreign_code(str(path)):
        array = np.lib.format.read_array(file, allow_pickle=False)
    if array.shape != (7,) or not np.isfinite(array.astype(np.float64)).all():
        raise InputError(f"{path}: {array.shape} is not seven latents")
    x, y, z, floor, polar, azimuth, hue = torch.from_numpy(array.astype(np.float64))
    axes = torch.eye(3, dtype=torch.float64)
    q = multiply(turn(axes[2], z), multiply(turn(axes[1], y), turn(axes[0], x)))
    light = torch.stack([polar.sin() * azimuth.cos(), polar.sin() * azimuth.sin(), polar.cos()])
    return torch.cat([q, floor[None], light, hue[None]])


def _picture(path: Path, size: int) -> Tensor:
    with open_regular(path) as file, foreign_code(str(path)):
        picture = Image.open(file).convert("RGB").resize((size, size), Image.Resampling.BOX)
    return torch.from_numpy(np.asarray(picture).transpose(2, 0, 1).copy())


def _npz_rows(path: Path, name: str, kept: np.ndarray) -> Tensor:
    """Some rows of an archive's array of bytes, which is read in pieces and never whole in memory."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive, archive.open(f"{name}.npy") as member:
            version = np.lib.format.read_magic(member)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = read(member)
            if dtype != np.uint8 or fortran or len(shape) != 3 or shape[0] != len(kept):
                raise InputError(f"{path}: {name} is {dtype} of shape {shape}, not an image for each row of latents")
            size = shape[1] * shape[2]
            if int(kept.sum()) * size > MOST_BYTES:
                raise InputError(f"{path}: {int(kept.sum())} images of {size} bytes are more than can be read")
            rows, step = [], 4096
            for start in range(0, len(kept), step):
                which = kept[start : start + step]
                block = np.frombuffer(member.read(len(which) * size), np.uint8).reshape(len(which), *shape[1:])
                rows.append(block[which])
    except (*UNREADABLE, KeyError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: no readable array {name} ({' '.join(str(error).split())[:200]})") from error
    return torch.from_numpy(np.concatenate(rows))


RECORDED = {
    "dsprites": RecordedSource(
        read_dsprites,
        "https://github.com/google-deepmind/dsprites-dataset",
        737_280,
        "64 × 64 grey, about 26 MB",
    ),
    "smallnorb": RecordedSource(
        read_smallnorb, "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/", 48_600, "96 × 96 grey, 0.9 GB unpacked"
    ),
    "made": RecordedSource(read_made, "seqjepa images make objects3d", 27_500, "64 × 64 RGB, made by formula"),
    "3diebench": RecordedSource(
        read_3diebench, "https://dl.fbaipublicfiles.com/SIE/3DIEBench.tar.gz", 2_623_600, "256 × 256 RGB, 17 GB"
    ),
}
