"""Sets of images made by formula: rendered once, kept, and the same wherever they are made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rich.progress import track

from seqjepa.factors import Scene
from seqjepa.factors.objects3d import Objects3D
from seqjepa.factors.processes import rendered_parts
from seqjepa.factors.scenes import class_names_of, labels_of, pixels_at_once
from seqjepa.factors.sprites import Sprites
from seqjepa.images.recorded import read_made
from seqjepa.io.files import make_folder, write_atomic
from seqjepa.rng import generator
from seqjepa.types import InputError
from seqjepa.types.checking import check_whole, user_path
from seqjepa.types.records import Records

MADE: dict[str, Callable[[int, int, int], Scene]] = {"objects3d": Objects3D, "sprites": Sprites}


def make_records(
    name: str,
    file: str | Path,
    *,
    identities: int = 550,
    views: int = 50,
    side: int = 64,
    seed: int = 0,
    progress: bool = True,
) -> Records:
    """A set of ``views`` random views of each identity of a scene, kept in a file; read from there if it is there.

    Args:
        name: "objects3d" (the extra "objects") or "sprites".
        file: a .npz; see ``load_records("made:FILE")``.
        identities: how many.
        views: of each.
        side: of the images, in pixels.
        seed: of identities and values; another seed gives objects never seen.
        progress: show a bar.

    Raises:
        InputError: an unknown set, a count out of range, a file there that holds another set, or a folder that
            cannot be written to: before anything is rendered.
    """
    if name not in MADE:
        raise InputError(f"images make: {name!r} is not one of {', '.join(MADE)}")
    for option, given in {"identities": identities, "views": views, "side": side}.items():
        check_whole(option, given, 1, 10**6)
    check_whole("seed", seed)
    path, scene = user_path(file, "file"), MADE[name](identities, side, seed)
    random = generator(seed, "made", name, identities, views)
    drawn = [f.drawn(torch.rand(identities * views, f.uniforms, generator=random).double()) for f in scene.factors]
    values, who = torch.cat(drawn, -1), torch.arange(identities).repeat_interleave(views)
    if path.exists():
        found = read_made(path)
        if not torch.equal(found.values, values) or found.pixels.shape[-1] != side:
            raise InputError(f"{path}: holds another set; name another file, or remove it")
        return found
    make_folder(path.parent)  # before minutes of rendering, not after
    parts = list(zip(who.split(views), values.split(views), strict=True))
    made_of = rendered_parts(pixels_at_once, scene, parts)
    shown = track(made_of, f"rendering {name}", len(parts), disable=not progress, transient=True)
    made = Records(
        torch.cat(list(shown)), who, values, tuple(scene.factors), labels_of(scene)[who], class_names_of(scene)
    )
    write_atomic(path, made.packed())
    return made


def content_hash(records: Records) -> str:
    """SHA-256 of pixels, values and identities."""
    found = hashlib.sha256()
    for part in (records.pixels, records.values, records.identities):
        found.update(np.ascontiguousarray(part.numpy()).tobytes())
    return found.hexdigest()
