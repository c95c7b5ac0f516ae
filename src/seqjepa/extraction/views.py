"""The views of a design over its identities, and what is made of their representations."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.extraction.sequences import SequenceEncoder, aggregated, predicted_along, scene_factors, sequences_of
from seqjepa.extraction.sources import Pictures, Source, all_values, source_of
from seqjepa.factors import Scene
from seqjepa.factors.warping import Border
from seqjepa.io.memory import check_memory
from seqjepa.rng import generator
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.containers import ProbeSet
from seqjepa.sweeps.design import Design, make_design
from seqjepa.types import Factor, Images, InputError
from seqjepa.types.checking import check_whole

CPU = torch.device("cpu")
GROUP = "group: "  # before a factor's name: its group sweep
JOINT = "joint"


@dataclass(frozen=True)
class Views:
    """The views of a design over its identities, ready to be made.

    Attributes:
        identities: whose views are made.
        design: the poses at which they are seen.
        seed: of identities, poses and probe images.
        border, circular_mask: of pictures, see ``warp``.
        device: where views are made and encoded.
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
            border, circular_mask: see ``warp``; ``AffineViews`` have their own.
            device: where views are made and encoded.

        Raises:
            InputError: more identities than images, a factor that is not affine, or a design that cannot be made.
        """
        check_whole("identities", identities)
        check_whole("seed", seed)
        source = source_of(images, factors, border, circular_mask)
        if not 1 <= identities <= len(source):
            raise InputError(f"identities: {identities} asked for, but there are {len(source)} images")
        if isinstance(source, Pictures):
            border, circular_mask = source.scene.border, source.scene.circular_mask
        order = torch.randperm(len(source), generator=generator(seed, "anchors"))
        chosen = source.chosen(order[:identities].sort().values)
        design = make_design(source.factors, identities, steps=steps, base_poses=base_poses, joint=joint, seed=seed)
        return Views(chosen, design, seed, border, circular_mask, device)

    def poses(self, group_sweeps: bool = True) -> dict[str, Float[Tensor, "I _ K"]]:
        """The poses of every sweep by its name, those of the joint design last.

        Args:
            group_sweeps: also those in which the whole view is moved, where they differ from the isolated ones.
        """
        design = self.design
        poses: dict[str, Tensor] = {name: design.sweep_poses(name).flatten(1, 2) for name in design.grids}
        if group_sweeps and design.moves_as_a_group:
            poses |= {GROUP + name: design.group_poses(name).flatten(1, 2) for name in design.grids}
        return poses | {JOINT: design.joint_poses()}

    def taps(self, poses: Mapping[str, Float[Tensor, "I _ K"]]) -> int:
        """Samples a side with which all views are made."""
        return self.identities.taps(torch.cat([p.flatten(0, 1) for p in poses.values()]))

    def few(self, poses: Mapping[str, Float[Tensor, "I _ K"]], taps: int) -> Float[Tensor, "B C H W"]:
        """A handful of views, to try an encoder on: two of each of eight identities."""
        first = next(iter(poses.values()))
        return self.maker(self.identities, first, taps)(slice(0, 8), slice(0, 2)).flatten(0, 1)

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

    def with_sequences(self, sweeps: Sweeps, encoder: SequenceEncoder) -> Sweeps:
        """What the encoder's aggregator and predictor make of the same views, and the parts of its representation."""
        design, parts = self.design, {n: p.indices(sweeps.dim)[:2] for n, p in encoder.parts.items()}
        moves = scene_factors(encoder)

        def told(poses: Tensor) -> Tensor:
            """As the encoder's actions are made from."""
            return all_values(moves, design, poses) if moves else poses

        predictions = {
            name: predicted_along(
                encoder, sweeps.group_sweep(name), told(self._moved_poses(sweeps, name)), name, self.seed, self.device
            )
            for name in (sweeps.values if sweeps.group_values or not design.moves_as_a_group else ())
        }
        joint = sweeps.joint, told(design.joint_poses())
        return replace(
            sweeps,
            extra=aggregated(encoder, *joint, self.seed, self.device) if sweeps.joint.shape[1] else {},
            sequences=sequences_of(encoder, *joint, sweeps.factors, self.device) if sweeps.joint.shape[1] else None,
            parts={} if len(parts) < 2 else parts,
            predictions={name: found for name, found in predictions.items() if found is not None},
        )

    def _moved_poses(self, sweeps: Sweeps, name: str) -> Float[Tensor, "I Q G C"]:
        return sweeps.group_poses[name] if name in sweeps.group_values else sweeps.poses[name]

    def maker(
        self, source: Source, poses: Float[Tensor, "N V K"], taps: int
    ) -> Callable[[slice, slice], Float[Tensor, "B V C H W"]]:
        """What makes the views of a run of these identities at a run of their poses, on the device."""
        return lambda who, which: source.views(who, poses[who, which], taps, self.design, self.device)

    def assembled(self, codes: Mapping[str, Tensor], metadata: Mapping[str, str | int]) -> Sweeps:
        """Sweeps of representations (I, V, D) by the names of ``poses``."""
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
            codes.get(JOINT, empty),
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


@dataclass(frozen=True)
class ProbeViews:
    """Views of further identities at two random poses each, for probes that want many images.

    Attributes:
        source: of which.
        poses: (N, 2, K).
        values: (N, 2, F) the factors' values at them.
    """

    source: Source
    poses: Float[Tensor, "N 2 K"]
    values: Float[Tensor, "N 2 F"]

    @staticmethod
    def of(views: Views, train: Images | Scene, test: Images | Scene, count: int) -> dict[str, ProbeViews]:
        """Of images to fit probes on ("train"), and to report on ("test").

        Args:
            views: that they are made like.
            train, test: where they are drawn from.
            count: so many of each at most.
        """
        found, factors = {}, views.design.factors
        for split, key, given in (("train", "fit", train), ("test", "report", test)):
            random = generator(views.seed, "probe", key)
            source = source_of(given, factors, views.border, views.circular_mask)
            chosen = source.chosen(torch.randperm(len(source), generator=random)[:count].sort().values)
            drawn = make_design(factors, len(chosen), steps=3, base_poses=1, joint=2, seed=views.seed, key=key)
            found[split] = ProbeViews(chosen, drawn.joint_poses(), drawn.joint_values)
        return found

    @property
    def taps(self) -> int:
        """Samples a side with which these views are made."""
        return self.source.taps(self.poses.flatten(0, 1))

    @staticmethod
    def joined(probes: Mapping[str, ProbeViews], codes: Mapping[str, Float[Tensor, "N 2 D"]]) -> ProbeSet | None:
        """The views with their representations; None where there are none."""
        if not probes:
            return None
        known = {f"{split}_values": of.values for split, of in probes.items()}
        known |= {f"{split}_labels": of.source.labels.cpu() for split, of in probes.items()}
        return ProbeSet(**codes, **known)
