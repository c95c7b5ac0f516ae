"""The views of a design over its identities, warped and encoded in batches."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, UInt8
from rich.progress import track
from torch import Tensor

from seqjepa.encoders.calling import check_encoder
from seqjepa.extraction.intrinsic_pose import slant
from seqjepa.extraction.sequences import SequenceEncoder, aggregated, predicted_along
from seqjepa.factors import warp
from seqjepa.factors.warping import Border
from seqjepa.rng import generator
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.containers import ProbeSet
from seqjepa.sweeps.design import Design, make_design
from seqjepa.types import Factor, Images, InputError, Pose

VIEWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Views:
    """The views of a design over its identities, ready to be warped and encoded in batches."""

    identities: Images
    design: Design
    seed: int
    border: Border
    circular_mask: bool

    @staticmethod
    def of(
        images: Images,
        factors: Sequence[Factor],
        identities: int,
        steps: int,
        base_poses: int,
        joint: int,
        seed: int,
        border: Border,
        circular_mask: bool,
    ) -> Views:
        """Draw the identities and lay out the design."""
        if not 1 <= identities <= len(images):
            raise InputError(f"identities: {identities} asked for, but there are {len(images)} images")
        chosen = images[torch.randperm(len(images), generator=generator(seed, "anchors"))[:identities].sort().values]
        design = make_design(factors, identities, steps=steps, base_poses=base_poses, joint=joint, seed=seed)
        if not design.affine:
            raise InputError("factors: images can be moved by affine factors only; see affine_factors")
        return Views(chosen, design, seed, border, circular_mask)

    def encoded(
        self, codes_of: Callable[[Tensor], dict[str, Tensor]], metadata: Mapping[str, str], progress: bool
    ) -> dict[str, Sweeps]:
        """The sweeps of each named code."""
        design = self.design
        poses: dict[str, Tensor] = {f.name: design.sweep_poses(f.name).flatten(1, 2) for f in design.factors}
        poses["joint"] = design.joint_poses()
        taps = _taps(torch.cat([p.flatten(0, 1) for p in poses.values()]))

        first = poses[design.factors[0].name][:8, :2].float()
        check_encoder(codes_of, self._warped(self.identities.pixels[:8], first, taps).flatten(0, 1))
        work = [(n, part) for n, pose in poses.items() for part in _parts(len(self.identities), pose.shape[1])]
        gathered: dict[str, dict[str, list[Tensor]]] = {}
        for name, part in track(work, "encoding sweeps", disable=not progress, transient=True):
            views = self._warped(self.identities.pixels[part], poses[name][part], taps)
            for layer, codes in codes_of(views.flatten(0, 1)).items():
                codes = codes.float().cpu().unflatten(0, views.shape[:2])
                gathered.setdefault(layer, {}).setdefault(name, []).append(codes)
        return {
            layer: self._assembled(
                {n: torch.cat(parts) for n, parts in codes.items()}, dict(metadata) | {"layer": layer, "taps": taps}
            )
            for layer, codes in gathered.items()
        }

    def probe_codes(
        self,
        codes_of: Callable[[Tensor], dict[str, Tensor]],
        train: Images,
        test: Images,
        count: int,
        progress: bool,
    ) -> dict[str, ProbeSet]:
        """Of each named code those of ``count`` training and held-out images at most, at two random poses each."""
        gathered: dict[str, dict[str, list[Tensor]]] = {}
        known: dict[str, Tensor] = {}
        for split, source in {"fit": train, "report": test}.items():
            random = generator(self.seed, "probe", split)
            images = source[torch.randperm(len(source), generator=random)[:count].sort().values]
            drawn = make_design(
                self.design.factors, len(images), steps=3, base_poses=1, joint=2, seed=self.seed, key=split
            )
            poses = drawn.joint_poses()
            taps = _taps(poses.flatten(0, 1))
            known |= {f"{split}_values": drawn.joint_values, f"{split}_labels": images.labels.cpu()}
            work = _parts(len(images), 2)
            for part in track(work, f"encoding views for probes ({split})", disable=not progress, transient=True):
                views = self._warped(images.pixels[part], poses[part], taps)
                for layer, codes in codes_of(views.flatten(0, 1)).items():
                    codes = codes.float().cpu().unflatten(0, views.shape[:2])
                    gathered.setdefault(layer, {}).setdefault(split, []).append(codes)
        return {
            layer: ProbeSet(**{split: torch.cat(parts) for split, parts in codes.items()}, **known)
            for layer, codes in gathered.items()
        }

    def with_sequences(self, sweeps: Sweeps, encoder: SequenceEncoder) -> Sweeps:
        """What the encoder's aggregator and predictor make of the same views, and the parts of its code."""
        design, parts = self.design, {n: p.indices(sweeps.dim)[:2] for n, p in encoder.parts.items()}
        predictions = {
            f.name: predicted_along(encoder, sweeps.values[f.name], design.sweep_poses(f.name), f.name, self.seed)
            for f in design.factors
        }
        return replace(
            sweeps,
            extra=aggregated(encoder, sweeps.joint, design.joint_poses(), self.seed) if sweeps.joint.shape[1] else {},
            parts={} if len(parts) < 2 else parts,
            predictions={name: found for name, found in predictions.items() if found is not None},
        )

    def _warped(
        self, pixels: UInt8[Tensor, "B C H W"], poses: Float[Tensor, "B V 4"], taps: int
    ) -> Float[Tensor, "B V C H W"]:
        return warp(pixels, Pose(poses.float()), taps=taps, border=self.border, circular_mask=self.circular_mask)

    def _assembled(self, codes: Mapping[str, Tensor], metadata: Mapping[str, str | int]) -> Sweeps:
        design = self.design
        shape = design.base.shape[1]
        values = {f.name: codes[f.name].unflatten(1, (shape, len(design.grids[f.name]))) for f in design.factors}
        empty = codes[design.factors[0].name][:, :0]
        fingerprint = hashlib.sha256(self.identities.pixels.cpu().numpy().tobytes()).hexdigest()[:16]
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
            self.identities.pixels.cpu(),
            {f.name: slant(self.identities.pixels.cpu()) for f in design.factors if f.name == "rotation"},
            poses={f.name: design.sweep_poses(f.name) for f in design.factors},
            joint_poses=design.joint_poses(),
        )


def _taps(poses: Float[Tensor, "N 4"]) -> int:
    """Samples a side that the strongest shrinking among the poses asks for."""
    smallest = min(1.0, float(poses[:, 3].exp().min()))
    return max(1, math.ceil(1 / smallest - 1e-6))


def _parts(identities: int, views: int) -> list[slice]:
    """Runs of identities whose views fill a batch."""
    if not views:
        return []
    size = max(1, VIEWS_AT_ONCE // views)
    return [slice(start, min(start + size, identities)) for start in range(0, identities, size)]
