"""Recorded images: each of an identity, at values of factors that nobody can choose again."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from seqjepa.types.errors import InputError
from seqjepa.types.factor import Factor


@dataclass(frozen=True)
class Records:
    """Recorded images with what is known of them.

    Attributes:
        pixels: (N, C, H, W) uint8.
        identities: (N,) which identity an image shows.
        values: (N, F) the factors' values, their columns side by side in their units.
        factors: what varies.
        labels: (N,) classes, the same for all images of an identity.
        class_names: one name a class.
    """

    pixels: UInt8[Tensor, "N C H W"]
    identities: Int64[Tensor, " N"]
    values: Float[Tensor, "N F"]
    factors: tuple[Factor, ...]
    labels: Int64[Tensor, " N"]
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        width = sum(factor.width for factor in self.factors)
        count = len(self.pixels)
        if self.values.shape != (count, width) or not len(self.identities) == len(self.labels) == count:
            raise InputError(
                f"records: {count} images, identities {tuple(self.identities.shape)}, values "
                f"{tuple(self.values.shape)} and labels {tuple(self.labels.shape)} do not fit; {width} columns"
            )

    def packed(self) -> bytes:
        """As an archive of arrays, which ``load_records("made:FILE")`` reads."""
        told = json.dumps({"factors": [asdict(f) for f in self.factors], "class_names": self.class_names})
        file = io.BytesIO()
        np.savez(
            file,
            pixels=self.pixels.numpy(),
            identities=self.identities.numpy(),
            values=self.values.numpy(),
            labels=self.labels.numpy(),
            told=np.frombuffer(told.encode(), np.uint8),
        )
        return file.getvalue()

    def __len__(self) -> int:
        return len(self.pixels)

    def of_identities(self, count: int, random: torch.Generator) -> Records:
        """All records of so many identities, drawn."""
        known = self.identities.unique()
        kept = known[torch.randperm(len(known), generator=random)[:count]]
        rows = torch.isin(self.identities, kept)
        return Records(
            self.pixels[rows],
            self.identities[rows],
            self.values[rows],
            self.factors,
            self.labels[rows],
            self.class_names,
        )
