"""One extraction: an encoder checked on a few views, its plan, and then all views of a design through it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from seqjepa.encoders.asking import Encoder
from seqjepa.encoders.calling import frozen
from seqjepa.encoders.devices import Device, placed
from seqjepa.extraction.batching import BatchSize, Measured, check_batch_size, measured
from seqjepa.extraction.loop import encode_views
from seqjepa.extraction.parts import InMemory, OnDisk
from seqjepa.extraction.plan import Plan
from seqjepa.extraction.progress import Progress, shown_progress
from seqjepa.extraction.reading import Reading
from seqjepa.extraction.sequences import has_sequences, knows_actions
from seqjepa.extraction.sources import Pictures
from seqjepa.extraction.views import JOINT, ProbeViews, Views
from seqjepa.io.peak import MemoryWatch
from seqjepa.sweeps import Sweeps
from seqjepa.types.allocation import keep_freed_memory
from seqjepa.types.checking import user_path

FORMAT = "1"  # of what is kept on the disk; another one makes other keys
LOG = logging.getLogger(__name__)
PROBE = "probe "  # before the name of a part of the probes' views


class Extraction:
    """What takes an encoder over the views of a design. Entered, the encoder is on its device and in eval mode.

    Args:
        encoder: any callable.
        reading: how its outputs become representations.
        views: the design over its identities, on the CPU.
        probes: further views; none for no probes.
        group_sweeps: also those in which the whole view is moved, where they differ from the isolated ones.
        taps: see ``represent``.
        batch_size: see ``represent``.
        cache: see ``represent``; of pictures only, since what a scene renders has no key.
        device: see ``represent``.
        progress: show bars.

    Raises:
        EncoderError: see ``represent``.
        InputError: likewise.
    """

    def __init__(
        self,
        encoder: Encoder,
        reading: Reading,
        views: Views,
        probes: Mapping[str, ProbeViews],
        *,
        group_sweeps: bool = True,
        taps: int | None = None,
        batch_size: BatchSize = "auto",
        cache: str | Path | None = None,
        device: Device = "auto",
        progress: Progress = True,
    ) -> None:
        check_batch_size(batch_size)
        sources = [views.identities, *(of.source for of in probes.values())]
        self._pictures = [source for source in sources if isinstance(source, Pictures)]
        self._unkept = cache is not None and len(self._pictures) < len(sources)
        self._cache = None if cache is None or self._unkept else user_path(cache, "cache")
        self._encoder, self._reading, self._views, self._probes = encoder, reading, views, probes
        self._batch_size: BatchSize = batch_size
        self._device = device
        self._progress: Progress = progress
        self._poses = views.poses(group_sweeps)
        self._taps = views.taps(self._poses) if taps is None else taps
        self._open, self._on_disk = ExitStack(), dict[Path, OnDisk]()

    def __enter__(self) -> Extraction:
        keep_freed_memory()
        with ExitStack() as opened:
            where = opened.enter_context(placed(self._encoder, self._device))
            opened.enter_context(frozen(self._encoder))
            opened.enter_context(self._reading)
            self._views = replace(self._views, device=where)
            self._watch = MemoryWatch(where)
            few = self._views.few(self._poses, self._taps)
            self._view_bytes = 4 * few[0].numel()
            self._few = self._reading.checked(few)
            self._dims = {layer: z.shape[1] for layer, z in self._few.items()}
            at_once = sum(self._dims.values()) if self._cache is None else max(self._dims.values())
            self._views.check_memory(at_once, sum(of.shape[1] for of in self._poses.values()))
            self._open = opened.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def plan(self) -> Plan:
        """What is to be done, with the encoder timed on a few batches unless everything is there already."""
        views = {"sweeps": 0, "joint": 0, "probes": 0}
        for name, (count, each) in self._shapes().items():
            kind = "probes" if name.startswith(PROBE) else "joint" if name == JOINT else "sweeps"
            views[kind] += count * each
        folder = self._folder()
        parts = self._opened(folder) if folder is not None and folder.exists() else None
        done, total = sum(parts.there(name) for name in self._kept.values()) if parts else 0, sum(views.values())
        return Plan(views, done, self._dims, None if done == total else self._measured(total))

    def sweeps(self) -> dict[str, Sweeps]:
        """By layer, all that the design asks for, probes included. Raises EncoderError."""
        if self._unkept:
            LOG.info("the cache: nothing is kept, since what a scene renders has no key")
        folder = self._folder()
        parts = InMemory() if folder is None else self._opened(folder)
        if parts.batch_size is None:  # else views are cut as before, so that the same bits come of them
            fixed = isinstance(self._batch_size, int)
            total = sum(count * each for count, each in self._shapes().values())
            parts.keep_batch_size(int(self._batch_size) if fixed else self._measured(total).batch_size)
        found: dict[str, dict[str, Tensor]] = {layer: {} for layer in self._dims}
        probes: dict[str, dict[str, Tensor]] = {layer: {} for layer in self._dims}
        views, taps = self._views, self._taps
        work = [(found, name, name, views.maker(views.identities, of, taps)) for name, of in self._poses.items()]
        work += [
            (probes, split, PROBE + split, views.maker(of.source, of.poses, of.taps))
            for split, of in self._probes.items()
        ]
        shapes = self._shapes()
        total = sum(count * each for count, each in shapes.values())
        before = sum(parts.there(name) for name in self._kept.values())
        with shown_progress(self._progress, "encoding views", total, before) as advance:
            for into, key, name, made_of in work:
                made = encode_views(self._reading, made_of, self._kept[name], shapes[name], parts, advance, self._dims)
                for layer, codes in made.items():
                    into[layer][key] = codes
        if isinstance(parts, OnDisk):
            parts.flush()
        told = self._reading.metadata | {"device": str(self._views.device), "taps": taps, "design": self._design()}
        swept = {}
        for place, (layer, codes) in enumerate(found.items()):
            said = told | {"layer": layer, "layer_index": place, "representation": self._reading.pooled[layer]}
            probe = ProbeViews.joined(self._probes, probes[layer])
            swept[layer] = replace(self._views.assembled(codes, said), probe=probe)
        encoder, whole = self._encoder, not self._reading.layers
        if whole and has_sequences(encoder) and knows_actions(encoder, views.design.factors):
            return {layer: self._views.with_sequences(of, encoder) for layer, of in swept.items()}
        return swept

    def _measured(self, total: int) -> Measured:
        poses, views, taps = next(iter(self._poses.values())), self._views, self._taps
        each = poses.shape[1]

        def encode(count: int) -> None:
            who = torch.arange(count) // each % len(views.identities)
            at = poses[who, torch.arange(count) % each][:, None]
            made = views.maker(views.identities.chosen(who), at, taps)(slice(0, count), slice(0, 1))
            for z in self._reading(made.flatten(0, 1)).values():
                z.cpu()  # a GPU has done it only then

        return measured(encode, total, self._view_bytes, self._watch, self._batch_size, views.device)

    def _shapes(self) -> dict[str, tuple[int, int]]:
        """How many images and views of each every sweep has."""
        shapes = {name: (poses.shape[0], poses.shape[1]) for name, poses in self._poses.items()}
        return shapes | {PROBE + split: (of.poses.shape[0], of.poses.shape[1]) for split, of in self._probes.items()}

    def _design(self) -> str:
        joint = self._views.design.joint_values.shape[1]
        steps = ", ".join(f"{name} {len(grid)}" for name, grid in self._views.design.grids.items())
        base_poses = self._views.design.base.shape[1]
        return f"{len(self._views.identities)} identities, {base_poses} base poses, {joint} joint, steps of {steps}"

    def _folder(self) -> Path | None:
        return None if self._cache is None else self._cache / self._key

    def _opened(self, folder: Path) -> OnDisk:
        if folder not in self._on_disk:
            self._on_disk[folder] = OnDisk(folder, self._dims)
            self._open.callback(self._on_disk[folder].close)
        return self._on_disk[folder]

    @cached_property
    def _key(self) -> str:
        """What all representations depend on: the encoder's weights, and what it makes of a few views."""
        found = hashlib.sha256(f"{FORMAT} {self._reading.digest()}".encode())
        for layer, z in self._few.items():
            found.update(layer.encode() + _bytes(z.float()))
        return found.hexdigest()[:32]

    @property
    def key(self) -> str | None:
        """What all of the sweeps depend on; None of a scene, which cannot be asked what it would render."""
        if len(self._pictures) < 1 + len(self._probes):
            return None
        return hashlib.sha256(f"{self._key} {sorted(self._digests.items())}".encode()).hexdigest()[:32]

    @cached_property
    def _kept(self) -> dict[str, str]:
        """Each sweep's name in the cache, which says of which pictures it is, at which poses, and made how."""
        if self._cache is None:
            return {name: name for name in self._shapes()}
        return {name: f"{name} {digest}" for name, digest in self._digests.items()}

    @cached_property
    def _digests(self) -> dict[str, str]:
        views = self._views
        sources = {name: (views.identities, poses, self._taps) for name, poses in self._poses.items()}
        sources |= {PROBE + split: (of.source, of.poses, of.taps) for split, of in self._probes.items()}
        pictures = {id(source): _bytes(source.pictures()) for source, _, _ in sources.values()}
        found = {}
        for name, (source, poses, taps) in sources.items():
            assert isinstance(source, Pictures)  # a scene has no key
            how = f"{tuple(source.pictures().shape)} {tuple(poses.shape)} {taps} {source.scene.border}"
            made = hashlib.sha256(f"{how} {source.scene.circular_mask}".encode() + pictures[id(source)])
            made.update(_bytes(poses))
            found[name] = made.hexdigest()[:16]
        return found


def _bytes(tensor: Tensor) -> bytes:
    return tensor.cpu().contiguous().numpy().tobytes()
