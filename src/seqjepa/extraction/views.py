"""The views of a design over its identities, warped and encoded in batches."""

from __future__ import annotations

import hashlib
import logging
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Float
from rich.progress import Progress
from torch import Tensor

from seqjepa.encoders.calling import check_encoder
from seqjepa.extraction.sequences import SequenceEncoder, aggregated, predicted_along
from seqjepa.extraction.sources import Source, source_of
from seqjepa.factors import Scene
from seqjepa.factors.warping import Border
from seqjepa.io.bars import bar_console
from seqjepa.io.memory import check_memory
from seqjepa.rng import generator
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.containers import ProbeSet
from seqjepa.sweeps.design import Design, make_design
from seqjepa.types import Factor, Images, InputError, OutOfMemory
from seqjepa.types.checking import check_whole
from seqjepa.types.foreign import memory_ran_out

VIEWS_AT_ONCE, BYTES_AT_ONCE = 1024, 128 << 20  # of a batch of views, whichever is fewer
LOG = logging.getLogger(__name__)
CPU = torch.device("cpu")


CodesOf = Callable[[Tensor], dict[str, Tensor]]  # views (B, C, H, W) to named representations (B, D)

GROUP = "group: "  # before a factor's name: its group sweep


@dataclass(frozen=True)
class Views:
    """The views of a design over its identities, ready to be warped and encoded in batches.

    Attributes:
        identities: whose views are made.
        design: the poses at which they are seen.
        seed: of identities, poses and probe images.
        border, circular_mask: see ``warp``.
        device: where views are warped and encoded.
    """

    identities: Source
    design: Design
    seed: int
    border: Border
    circular_mask: bool
    device: torch.device

    @staticmethod
    def of(
        images: Images | Scene,
        factors: Sequence[Factor] | None,
        identities: int,
        steps: int,
        base_poses: int,
        joint: int,
        seed: int,
        border: Border = "zeros",
        circular_mask: bool = False,
        device: torch.device = CPU,
    ) -> Views:
        """Draw the identities and lay out the design.

        Args:
            images: where the identities are drawn from: pictures, or a scene.
            factors: what moves: affine ones of pictures; of a scene its own, None for all of them.
            identities: how many images.
            steps, base_poses, joint: of the design, see ``make_design``.
            seed: of the draws.
            border, circular_mask: see ``warp``.
            device: where views are warped and encoded.

        Raises:
            InputError: more identities than images, a factor that is not affine, or a design that cannot be made.
        """
        check_whole("identities", identities)
        check_whole("seed", seed)
        source = source_of(images, factors, border, circular_mask)
        if not 1 <= identities <= len(source):
            raise InputError(f"identities: {identities} asked for, but there are {len(source)} images")
        order = torch.randperm(len(source), generator=generator(seed, "anchors"))
        chosen = source.chosen(order[:identities].sort().values)
        design = make_design(source.factors, identities, steps=steps, base_poses=base_poses, joint=joint, seed=seed)
        return Views(chosen, design, seed, border, circular_mask, device)

    def sweeps(
        self, codes_of: CodesOf, metadata: Mapping[str, str], progress: bool, group_sweeps: bool = True
    ) -> dict[str, Sweeps]:
        """The sweeps of each named representation. Raises EncoderError.

        Args:
            codes_of: the encoder.
            metadata: joins that of the sweeps.
            progress: show a bar.
            group_sweeps: also those in which the whole view is moved, where they differ from the isolated ones.
        """
        design = self.design
        poses: dict[str, Tensor] = {name: design.sweep_poses(name).flatten(1, 2) for name in design.grids}
        if group_sweeps and design.moves_as_a_group:
            poses |= {GROUP + name: design.group_poses(name).flatten(1, 2) for name in design.grids}
        poses["joint"] = design.joint_poses()
        source, first = self.identities, next(iter(poses.values()))
        taps = source.taps(torch.cat([p.flatten(0, 1) for p in poses.values()]))

        few = self._made(source, slice(0, 8), first[:8, :2], taps).flatten(0, 1)
        dims = {layer: codes.shape[1] for layer, codes in check_encoder(codes_of, few).items()}
        self.check_memory(sum(dims.values()), sum(of.shape[1] for of in poses.values()))
        count = sum(len(source) * of.shape[1] for of in poses.values())
        found: dict[str, dict[str, Tensor]] = {}
        with Progress(disable=not progress, transient=True, console=bar_console()) as bar:
            task = bar.add_task("encoding sweeps", total=count)
            for name, of in poses.items():
                for layer, codes in self._encoded(codes_of, source, of, taps, partial(bar.advance, task)).items():
                    found.setdefault(layer, {})[name] = codes
        told = dict(metadata) | {"device": str(self.device), "taps": taps}
        return {
            layer: self._assembled(codes, told | {"layer": layer, "layer_index": place})
            for place, (layer, codes) in enumerate(found.items())
        }

    def check_memory(self, dim: int, views: int | None = None) -> None:
        """Raises InputError when the representations of the sweeps would not fit into memory.

        Args:
            dim: dimensions of a representation; of several layers their sum.
            views: of an identity; by default those of the whole design.
        """
        if views is None:
            moved = 1 + self.design.moves_as_a_group
            views = self.design.joint_values.shape[1] + sum(
                math.prod(of.shape[1:3]) for name in self.design.grids for of in self._all_poses(name)[:moved]
            )
        count = len(self.identities) * views
        check_memory(
            f"{count} views ({len(self.identities)} identities) of {dim} dimensions",
            4 * dim * count,
            "make identities, steps or base_poses fewer, or the representation smaller (another pool or layer)",
        )

    def _all_poses(self, name: str) -> tuple[Tensor, Tensor]:
        return self.design.sweep_poses(name), self.design.group_poses(name)

    def probe_codes(
        self, codes_of: CodesOf, train: Images | Scene, test: Images | Scene, count: int, progress: bool
    ) -> dict[str, ProbeSet]:
        """Of each named representation those of further images, at two random poses each.

        Args:
            codes_of: the encoder.
            train, test: images to fit probes on, and to report on.
            count: so many of each at most.
            progress: show a bar.
        """
        found: dict[str, dict[str, Tensor]] = {}
        known: dict[str, Tensor] = {}
        for split, key, given in (("train", "fit", train), ("test", "report", test)):
            random = generator(self.seed, "probe", key)
            source = source_of(given, self.design.factors, self.border, self.circular_mask)
            images = source.chosen(torch.randperm(len(source), generator=random)[:count].sort().values)
            drawn = make_design(
                self.design.factors, len(images), steps=3, base_poses=1, joint=2, seed=self.seed, key=key
            )
            poses = drawn.joint_poses()
            known |= {f"{split}_values": drawn.joint_values, f"{split}_labels": images.labels.cpu()}
            with Progress(disable=not progress, transient=True, console=bar_console()) as bar:
                task = bar.add_task(f"encoding views for probes ({split})", total=2 * len(images))
                advance = partial(bar.advance, task)
                taps = images.taps(poses.flatten(0, 1))
                for layer, codes in self._encoded(codes_of, images, poses, taps, advance).items():
                    found.setdefault(layer, {})[split] = codes
        return {layer: ProbeSet(**codes, **known) for layer, codes in found.items()}

    def with_sequences(self, sweeps: Sweeps, encoder: SequenceEncoder) -> Sweeps:
        """What the encoder's aggregator and predictor make of the same views, and the parts of its representation."""
        design, parts = self.design, {n: p.indices(sweeps.dim)[:2] for n, p in encoder.parts.items()}
        predictions = {
            name: predicted_along(
                encoder, sweeps.group_sweep(name), self._moved_poses(sweeps, name), name, self.seed, self.device
            )
            for name in (sweeps.values if sweeps.group_values or not design.moves_as_a_group else ())
        }
        joint = (sweeps.joint, design.joint_poses(), self.seed, self.device)
        return replace(
            sweeps,
            extra=aggregated(encoder, *joint) if sweeps.joint.shape[1] else {},
            parts={} if len(parts) < 2 else parts,
            predictions={name: found for name, found in predictions.items() if found is not None},
        )

    def _moved_poses(self, sweeps: Sweeps, name: str) -> Float[Tensor, "I Q G 4"]:
        return sweeps.group_poses[name] if name in sweeps.group_values else sweeps.poses[name]

    def _encoded(
        self,
        codes_of: CodesOf,
        source: Source,
        poses: Float[Tensor, "N V K"],
        taps: int,
        advance: Callable[[int], None],
    ) -> dict[str, Float[Tensor, "N V _"]]:
        """THE loop: identities at their poses, made and encoded in batches; ``advance`` is told how many.

        A batch that memory has no room for is tried again in halves, and those after it are no larger.
        """
        found: dict[str, Tensor] = {}
        count, views = poses.shape[:2]
        at_once = max(1, min(VIEWS_AT_ONCE, BYTES_AT_ONCE // (4 * self._size(source))))
        left = deque(_parts(slice(0, count), slice(0, views), at_once))
        while left:
            who, which = left.popleft()
            try:
                made = self._made(source, who, poses[who, which], taps)
                codes_by_layer = codes_of(made.flatten(0, 1))
            except (MemoryError, RuntimeError) as error:
                tried = (who.stop - who.start) * (which.stop - which.start)
                if tried == 1 or not (isinstance(error, OutOfMemory) or memory_ran_out(error)):
                    raise
                at_once = tried // 2
                LOG.warning("out of memory with %d views at once; going on with %d", tried, at_once)
                left = deque(part for piece in [(who, which), *left] for part in _parts(*piece, at_once))
                continue
            for layer, codes in codes_by_layer.items():
                if layer not in found:
                    found[layer] = torch.empty(count, views, codes.shape[1])
                found[layer][who, which] = codes.float().cpu().unflatten(0, made.shape[:2])
            advance(made.shape[0] * made.shape[1])
        return found

    def _made(self, source: Source, who: slice, poses: Float[Tensor, "B V K"], taps: int) -> Float[Tensor, "B V C H W"]:
        return source.views(who, poses, taps, self.design, self.device)

    def _size(self, source: Source) -> int:
        """Numbers in a view."""
        return source.chosen(torch.arange(1)).pictures()[0].numel()

    def _assembled(self, codes: Mapping[str, Tensor], metadata: Mapping[str, str | int]) -> Sweeps:
        design = self.design
        names = list(design.grids)
        values, moved = (
            {n: codes[kind + n].unflatten(1, (-1, len(design.grids[n]))) for n in names if kind + n in codes}
            for kind in ("", GROUP)
        )
        empty, pictures = codes[names[0]][:, :0], self.identities.pictures().cpu()
        fingerprint = hashlib.sha256(pictures.numpy().tobytes()).hexdigest()[:16]
        return Sweeps(
            design.factors,
            values,
            design.grids,
            self.identities.labels.cpu(),
            codes.get("joint", empty),
            design.joint_values,
            dict(metadata)
            | {"seed": self.seed, "fingerprint": fingerprint}
            | {"border": self.border, "circular_mask": self.circular_mask},
            pictures,
            self.identities.intrinsic_pose(),
            poses={name: design.sweep_poses(name) for name in names},
            joint_poses=design.joint_poses(),
            group_values=moved,
            group_poses={name: design.group_poses(name) for name in moved},
        )


def _parts(identities: slice, views: slice, at_once: int) -> list[tuple[slice, slice]]:
    """Runs of identities whose views fill a batch; where those of one identity are too many, parts of them."""
    if not views.stop - views.start:
        return []
    several = max(1, at_once // (views.stop - views.start))
    who = _cut(identities, several)
    return [(one, which) for one in who for which in _cut(views, at_once)]


def _cut(whole: slice, size: int) -> list[slice]:
    return [slice(start, min(start + size, whole.stop)) for start in range(whole.start, whole.stop, size)]
