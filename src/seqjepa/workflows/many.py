"""Many encoders in one call: each in a folder of its own, done ones skipped, and one comparison at the end."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqjepa.diagnostics import Diagnosis
from seqjepa.encoders.asking import Encoder
from seqjepa.factors.opening import open_scene
from seqjepa.images import load_images
from seqjepa.io.files import check_folder
from seqjepa.io.untrusted import read_text
from seqjepa.report.comparison import MOST, Comparison, compare
from seqjepa.types import InputError, OutOfMemory
from seqjepa.types.checking import user_path
from seqjepa.workflows.diagnosing import diagnose_encoder
from seqjepa.workflows.jobs import check_jobs
from seqjepa.workflows.many_at_once import diagnose_at_once

LOG = logging.getLogger(__name__)
PAGE = "comparison.html"
NAMED = re.compile(r"([\w.-]+)=(.+)", re.ASCII)


@dataclass(frozen=True)
class Diagnosed:
    """What came of many encoders.

    Attributes:
        found: by encoder and layer.
        failed: encoders that could not be diagnosed, with the reason.
        comparison: of the first ten diagnoses, each against the first; None of fewer than two.
    """

    found: Mapping[str, Mapping[str, Diagnosis]]
    failed: Mapping[str, str]
    comparison: Comparison | None


def diagnose_encoders(
    encoders: Mapping[str, Encoder | str | Path] | Sequence[str],
    images: Any = None,
    factors: Any = None,
    *,
    scene: str | None = None,
    folder: str | Path | None = None,
    jobs: int = 1,
    cluster: str | None = None,
    cluster_options: Mapping[str, str] | None = None,
    **options: Any,
) -> Diagnosed:
    """``diagnose_encoder`` of each encoder over the same images and poses, one after the other or several at once.

    One that fails is named and passed over. With a folder, what was done there before with the same encoder, images and
    options is not done again, and the comparison is written to ``comparison.html`` in it.

    Args:
        encoders: by a name of your own; or names, see ``open_encoder``, each as it is or as NAME=ENCODER.
        images, factors: as in ``diagnose_encoder``.
        scene: the name of a scene, see ``open_scene``, in place of images.
        folder: each encoder has a folder of its name in it; None saves nothing.
        jobs: encoders at once, each in a process of its own, which says in ``folder/logs`` what it has to say. They
            share out the cores and the GPUs. Then everything has to be given by name.
        cluster: "slurm" or "local" to send each encoder through submitit.
        cluster_options: of submitit's ``AutoExecutor``.
        options: any further keyword of ``diagnose_encoder``.

    Raises:
        InputError: no encoder, two of one name, or a folder that cannot be written to; with several at once, what has
            no name, or no folder.
    """
    check_jobs(jobs, cluster, cluster_options)
    apart = jobs > 1 or cluster is not None
    named = encoders if isinstance(encoders, Mapping) else names_of(encoders)
    if not named:
        raise InputError("encoders: none is given")
    home = None if folder is None else user_path(folder, "folder")
    if home is not None:
        check_folder(home)
    folders = {name: _plain(name) for name in named}
    for name, own in folders.items():
        if twins := [other for other in folders if folders[other].lower() == own.lower() and other != name]:
            raise InputError(f"encoders: {name!r} and {twins[0]!r} would share a folder; name one, as in mine=ENCODER")
    if apart:
        if home is None:
            raise InputError("folder: several encoders at once need one, for what they find")
        if isinstance(images, str):
            load_images(images, "test", options.get("root"))  # what is missing is fetched once
        given = {"images": images, "factors": factors, "scene": scene, **options}
        where = {"jobs": jobs, "cluster": cluster, "cluster_options": cluster_options}
        found, failed = diagnose_at_once(named, folders, home.absolute(), given, **where)
    else:
        over = images if scene is None else open_scene(scene)
        found, failed = _one_after_the_other(named, folders, home, {"images": over, "factors": factors, **options})
    compared = _compared(found)
    if compared is not None and home is not None:
        compared.to_html(home / PAGE)
    return Diagnosed(found, failed, compared)


def _one_after_the_other(
    named: Mapping[str, Encoder | str | Path], folders: Mapping[str, str], home: Path | None, options: dict[str, Any]
) -> tuple[dict[str, dict[str, Diagnosis]], dict[str, str]]:
    found: dict[str, dict[str, Diagnosis]] = {}
    failed: dict[str, str] = {}
    for place, (name, encoder) in enumerate(named.items(), 1):
        LOG.info("encoder %d of %d: %s", place, len(named), name)
        own = None if home is None else home / folders[name]
        try:
            found[name] = diagnose_encoder(encoder, folder=own, reuse=True, **options)
        except (InputError, OutOfMemory) as error:
            LOG.warning("passed over: %s: %s", name, error)
            failed[name] = str(error)
    return found, failed


def names_of(encoders: Sequence[str]) -> dict[str, str]:
    """Encoders by name, each given as it is or as NAME=ENCODER. Raises InputError for what is given twice."""
    found: dict[str, str] = {}
    for given in encoders:
        match = NAMED.fullmatch(given)
        name, encoder = (match[1], match[2]) if match else (given, given)
        if name in found:
            raise InputError(f"encoders: {name!r} is given twice")
        found[name] = encoder
    return found


def read_list(path: str | Path) -> list[str]:
    """Encoders that a text file names, one a line; empty lines and lines that begin with # say nothing.

    Raises:
        InputError: no such file, or none is named in it.
    """
    file = user_path(path, "encoder-list")
    lines = [line.strip() for line in read_text(file).splitlines()]
    if not (named := [line for line in lines if line and not line.startswith("#")]):
        raise InputError(f"{file}: names no encoder; one a line is expected")
    return named


def _plain(name: str) -> str:
    """A name as that of a folder."""
    return re.sub(r"[^\w.=,+-]+", "-", name, flags=re.ASCII).strip(".-") or "encoder"


def _compared(found: Mapping[str, Mapping[str, Diagnosis]]) -> Comparison | None:
    columns = {
        name if len(layers) == 1 else f"{name}, {layer}": diagnosis
        for name, layers in found.items()
        for layer, diagnosis in layers.items()
    }
    if len(columns) < 2:
        return None
    if len(columns) > MOST:
        LOG.warning("compared: the first %d of %d; others with seqjepa compare", MOST, len(columns))
    return compare(dict(list(columns.items())[:MOST]))
