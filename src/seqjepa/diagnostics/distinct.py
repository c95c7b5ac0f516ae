"""Identities that occur more than once are counted once: an interval over copies would be too narrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Int64
from torch import Tensor

from seqjepa.diagnostics.measures.repeats import first_of_equal
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.containers import SequenceCodes


@dataclass(frozen=True)
class Distinct:
    """Which identities a diagnosis is made of.

    Attributes:
        kept: (K,) the first of each set of copies, in their order.
        told: what was left out and by what it was known, or a warning; nothing where no identity repeats.
    """

    kept: Int64[Tensor, " K"]
    told: str = ""


def distinct_identities(sweeps: Sequence[Sweeps], fewest: int) -> Distinct:
    """The identities without copies.

    Copies are known by their images, where sweeps hold these; else by their representations, where they are equal up to
    rounding all along every sweep. A representation that tells few identities apart (collapsed, or of the class alone)
    looks the same as copies: where fewer would be left than a diagnosis needs, all stay, and a warning says so.

    Args:
        sweeps: of the encoder, and of the baselines beside it: what is equal in all of them.
        fewest: identities that a diagnosis needs.
    """
    count = sweeps[0].identities
    images = sweeps[0].images
    if images is not None:
        first, by = _of_images(images), "images"
    else:
        codes = [of.flatten(1) for each in sweeps for of in (each.values or {"joint": each.joint}).values()]
        by = "representations"
        first = first_of_equal(torch.cat(codes, 1))
    kept = (first == torch.arange(count)).nonzero()[:, 0]
    if len(kept) == count:
        return Distinct(kept)
    if len(kept) < fewest:
        return Distinct(
            torch.arange(count),
            f"{count} identities have {len(kept)} different {by}: if they are copies, intervals are too "
            "narrow; if they are told no more apart than that, they are right",
        )
    return Distinct(kept, f"{count} identities are {len(kept)} different ones by their {by}; each is counted once")


def _of_images(images: Tensor) -> Int64[Tensor, " I"]:
    """For each image the first that is the same, byte by byte."""
    seen: dict[bytes, int] = {}
    return torch.tensor([seen.setdefault(image.numpy().tobytes(), i) for i, image in enumerate(images.contiguous())])


def of_identities(sweeps: Sweeps, kept: Int64[Tensor, " K"]) -> Sweeps:
    """The sweeps of some of their identities."""
    if len(kept) == sweeps.identities:
        return sweeps

    def each(of: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: part[kept] for name, part in of.items()}

    return replace(
        sweeps,
        values=each(sweeps.values),
        labels=sweeps.labels[kept],
        joint=sweeps.joint[kept],
        joint_values=sweeps.joint_values[kept],
        images=None if sweeps.images is None else sweeps.images[kept],
        intrinsic_pose=each(sweeps.intrinsic_pose),
        extra=each(sweeps.extra),
        predictions={
            name: replace(of, predicted=of.predicted[kept], source=of.source[kept], target=of.target[kept])
            for name, of in sweeps.predictions.items()
        },
        poses=each(sweeps.poses),
        joint_poses=None if sweeps.joint_poses is None else sweeps.joint_poses[kept],
        group_values=each(sweeps.group_values),
        group_poses=each(sweeps.group_poses),
        sequences=None if (of := sweeps.sequences) is None else _sequences(of, kept),
    )


def _sequences(of: SequenceCodes, kept: Int64[Tensor, " K"]) -> SequenceCodes:
    aggregates = {name: codes[kept] for name, codes in of.aggregates.items()}
    return replace(of, aggregates=aggregates, upcoming=None if of.upcoming is None else of.upcoming[kept])
