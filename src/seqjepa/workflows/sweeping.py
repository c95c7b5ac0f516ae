"""How an encoder and its baselines are swept: all alike, so that their estimates can be paired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from seqjepa.encoders.asking import POOLS, Encoder, Pool
from seqjepa.encoders.devices import Device, whole_device
from seqjepa.encoders.layers import check_layers
from seqjepa.encoders.preprocess import Prepare, chosen_preprocess
from seqjepa.extraction.batching import BatchSize, check_batch_size
from seqjepa.extraction.plan import Plan
from seqjepa.extraction.planned import Extraction
from seqjepa.extraction.progress import Progress
from seqjepa.extraction.reading import Dtype, Reading, check_dtype
from seqjepa.extraction.sources import source_of
from seqjepa.extraction.views import ProbeViews, Views
from seqjepa.factors import Scene
from seqjepa.factors.warping import Border
from seqjepa.io.files import check_folder
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.design import make_design
from seqjepa.types import Factor, Images, InputError
from seqjepa.types.precision import single_precision

JOINT = 20  # views of each identity in which all factors vary


@dataclass(frozen=True)
class Sweeping:
    """What stays the same for an encoder and its baselines; the words are those of ``diagnose_encoder``.

    Attributes:
        factors: what moves; None for all of a scene's.
        test: images that are moved, or a scene.
        train: images, or a scene, for probes and for what is fitted; None where there are none.
        source: what the images are called.
        found_batch: the size that was found for an encoder of this architecture.
        cache: where representations are kept.
        group_sweeps: whether the whole view is moved too.
        joint: views of each identity in which all factors vary.
        readings: of the encoder that was asked about last, by its ``id``, so that it is checked and told of once.
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
    progress: Progress
    source: str = ""
    dtype: Dtype = "float32"
    batch_size: BatchSize = "auto"
    found_batch: int | None = None
    cache: Path | None = None
    group_sweeps: bool = True
    joint: int = JOINT
    readings: dict[int, Reading] = field(default_factory=dict, compare=False, repr=False)

    def check(self, encoder: Encoder) -> None:
        """Raises InputError for what would stop a sweep of this encoder, before anything is encoded."""
        if self.pool not in POOLS:
            raise InputError(f"pool: {self.pool!r} is not one of {', '.join(POOLS)}")
        if self.border not in get_args(Border):
            raise InputError(f"border: {self.border!r} is not one of {', '.join(get_args(Border))}")
        if self.pick is not None and (isinstance(self.pick, bool) or not isinstance(self.pick, str | int)):
            raise InputError(f"pick: a key or an index is needed, not {self.pick!r}")
        chosen_preprocess(encoder, self.preprocess)
        if self.layers:
            check_layers(encoder, self.layers)
        check_batch_size(self.batch_size)
        check_dtype(self.dtype)
        if self.cache is not None:
            check_folder(self.cache)
        if self.device != "auto":
            whole_device(self.device)
        self.laid_out()

    @property
    def taps(self) -> int:
        """Samples a side, the same whether group sweeps are encoded or not, so that no estimate hangs on it."""
        views = self.laid_out()
        return views.taps(views.poses())

    def laid_out(self) -> Views:
        """The views of the sweeps. Raises InputError for a design that cannot be made."""
        design = (self.identities, self.steps, self.base_poses, self.joint, self.seed)
        return Views.of(self.test, self.factors, *design, self.border, self.circular_mask)

    @single_precision()
    def plan(self, encoder: Encoder) -> Plan:
        """What sweeping an encoder will take, measured on a few batches."""
        with self._extraction(encoder) as extraction:
            return extraction.plan()

    @single_precision()
    def key(self, encoder: Encoder) -> str | None:
        """What the sweeps of an encoder depend on: its weights, pictures and poses; None of a scene."""
        with self._extraction(encoder) as extraction:
            return extraction.key

    def _extraction(self, encoder: Encoder) -> Extraction:
        if id(encoder) not in self.readings:  # one at a time: a baseline's is not kept for the next
            self.readings.clear()
            how = (self.preprocess, self.pick, self.pool, self.layers, self.dtype)
            self.readings[id(encoder)] = Reading(encoder, *how)
        reading, views, probes = self.readings[id(encoder)], self.laid_out(), {}
        if self.train is not None and self.probe_images:
            probes = ProbeViews.of(views, self.train, self.test, self.probe_images)
        return Extraction(
            encoder,
            reading,
            views,
            probes,
            group_sweeps=self.group_sweeps,
            taps=self.taps,
            batch_size=self.found_batch or self.batch_size,
            cache=self.cache,
            device=self.device,
            progress=self.progress,
        )

    def views_by_kind(self) -> dict[str, int]:
        """How many views there are for sweeps, the joint design, and probes."""
        factors = source_of(self.test, self.factors).factors
        design = make_design(factors, 1, steps=self.steps, base_poses=self.base_poses, joint=self.joint, seed=self.seed)
        swept = sum(design.sweep_poses(name).shape[1:3].numel() for name in design.grids)
        if self.group_sweeps and design.moves_as_a_group:
            swept += sum(design.group_poses(name).shape[1:3].numel() for name in design.grids)
        sources = [] if self.train is None else [self.train, self.test]
        probes = 2 * sum(min(self.probe_images, len(source)) for source in sources)
        return {"sweeps": self.identities * swept, "joint": self.identities * self.joint, "probes": probes}

    @single_precision()
    def sweeps(self, encoder: Encoder) -> Mapping[str, Sweeps]:
        """Of each layer, or of the encoder's output, "z"."""
        with self._extraction(encoder) as extraction:
            return self._noted(extraction.sweeps())

    def output_sweeps(self, encoder: Encoder) -> Mapping[str, Sweeps]:
        """Of the output of another encoder, which has neither these layers nor this preprocessing."""
        plain: dict[str, Any] = dict(
            layers=(), pick=None, preprocess="auto", dtype="float32", found_batch=None, readings={}
        )
        return replace(self, **plain).sweeps(encoder)

    def _noted(self, swept: Mapping[str, Sweeps]) -> dict[str, Sweeps]:
        noted = {"images": self.source}
        return {layer: replace(of, metadata={**of.metadata, **noted}) for layer, of in swept.items()}

    def views(self) -> dict[str, Any]:
        """How views are made and where, as keywords of ``represent`` and ``supervised``."""
        return dict(
            border=self.border,
            circular_mask=self.circular_mask,
            seed=self.seed,
            device=self.device,
            progress=self.progress is True,
        )
