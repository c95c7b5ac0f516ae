"""How an encoder and its baselines are swept: all alike, so that their estimates can be paired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from torch import nn

from seqjepa.encoders.calling import POOLS, Encoder, Pool
from seqjepa.encoders.devices import Device, whole_device
from seqjepa.encoders.preprocess import Prepare, chosen_preprocess
from seqjepa.extraction import represent, represent_layers
from seqjepa.extraction.extract import check_layers
from seqjepa.extraction.views import Views
from seqjepa.factors import Scene
from seqjepa.factors.warping import Border
from seqjepa.sweeps import Sweeps
from seqjepa.types import Factor, Images, InputError

JOINT = 20  # views of each identity in which all factors vary


@dataclass(frozen=True)
class Sweeping:
    """What stays the same for an encoder and its baselines; the words are those of ``diagnose_encoder``.

    Attributes:
        factors: what moves; None for all of a scene's.
        test: images that are moved, or a scene.
        train: images, or a scene, for probes and for what is fitted; None where there are none.
    """

    factors: tuple[Factor, ...] | None
    test: Images | Scene
    train: Images | Scene | None
    layers: tuple[str, ...]
    pick: str | int | None
    pool: Pool
    preprocess: Prepare
    identities: int
    steps: int
    base_poses: int
    probe_images: int
    border: Border
    circular_mask: bool
    seed: int
    device: Device
    progress: bool

    def check(self, encoder: Encoder) -> None:
        """Raises InputError for what would stop a sweep of this encoder, before anything is encoded."""
        if self.pool not in POOLS:
            raise InputError(f"pool: {self.pool!r} is not one of {', '.join(POOLS)}")
        if self.border not in get_args(Border):
            raise InputError(f"border: {self.border!r} is not one of {', '.join(get_args(Border))}")
        if self.pick is not None and (isinstance(self.pick, bool) or not isinstance(self.pick, str | int)):
            raise InputError(f"pick: a key or an index is needed, not {self.pick!r}")
        chosen_preprocess(encoder, self.preprocess)
        if self.layers and not isinstance(encoder, nn.Module):
            raise InputError(f"layers: a {type(encoder).__name__} has none")
        if self.layers and isinstance(encoder, nn.Module):
            check_layers(encoder, self.layers)
        if self.device != "auto":
            whole_device(self.device)
        self.laid_out()

    def laid_out(self) -> Views:
        """The views of the sweeps. Raises InputError for a design that cannot be made."""
        design = (self.identities, self.steps, self.base_poses, JOINT, self.seed)
        return Views.of(self.test, self.factors, *design, self.border, self.circular_mask)

    def sweeps(self, encoder: Encoder) -> Mapping[str, Sweeps]:
        """Of each layer, or of the encoder's output, "z"."""
        how = self._design() | {"pool": self.pool, "preprocess": self.preprocess}
        if not self.layers:
            return {"z": represent(encoder, self.test, self.factors, pick=self.pick, **how)}
        assert isinstance(encoder, nn.Module)  # checked
        return represent_layers(encoder, self.test, self.factors, self.layers, pick=self.pick, **how)

    def output_sweeps(self, encoder: Encoder) -> Mapping[str, Sweeps]:
        """Of the output of another encoder, which has neither these layers nor this preprocessing."""
        return {"z": represent(encoder, self.test, self.factors, pool=self.pool, **self._design())}

    def views(self) -> dict[str, Any]:
        """How views are made and where, as keywords of ``represent`` and ``supervised``."""
        return dict(
            border=self.border,
            circular_mask=self.circular_mask,
            seed=self.seed,
            device=self.device,
            progress=self.progress,
        )

    def _design(self) -> dict[str, Any]:
        how = dict(identities=self.identities, steps=self.steps, base_poses=self.base_poses, joint=JOINT)
        if self.train is not None and self.probe_images:
            how |= dict(probe_images=self.train, probe_count=self.probe_images)
        return how | self.views()
