"""Sweeps of an encoder over real images: one factor at a time, and all at once."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from rich.progress import track
from torch import Tensor, nn

from seqjepa.factors import warp
from seqjepa.factors.warp import Border
from seqjepa.randomness import generator
from seqjepa.representations.encoder import Encoder, Pool, check_encoder, encode, frozen
from seqjepa.representations.preprocess import Preprocess, expected_input
from seqjepa.sweep_design import Design, make_design
from seqjepa.sweeps import Sweeps
from seqjepa.types import Factor, Images, InputError, Pose

VIEWS_AT_ONCE = 1024


def represent(
    encoder: Encoder,
    images: Images,
    factors: Sequence[Factor],
    anchors: int = 256,
    steps: int = 36,
    base_poses: int = 5,
    seed: int = 0,
    preprocess: Literal["auto"] | Callable[[Tensor], Tensor] | None = "auto",
    *,
    joint: int = 20,
    pick: str | int | None = None,
    pool: Pool = "none",
    border: Border = "zeros",
    circular_mask: bool = False,
    progress: bool = True,
) -> Sweeps:
    """The encoder's codes while each factor moves alone, around several base poses of each of ``anchors`` images.

    Every view is one warp of its source image. The encoder is called in eval mode without gradient, and left as it was.

    Args:
        encoder: images (B, C, H, W), float32 in [0, 1], to codes (B, D); a module or any callable.
        images: where the anchors are drawn from, a pure function of the seed.
        factors: what moves, see ``affine_factors``.
        anchors: images; figures are held out and resampled over them.
        steps: grid values of a sweep.
        base_poses: poses of each anchor around which a factor moves.
        preprocess: applied to the views before the encoder. "auto" does what the encoder says that it expects, see
            ``expected_input``; None does nothing.
        joint: views of each anchor in which all factors vary at once.
        pick, pool: which output is the code, and how a map or tokens become one; see ``encode``.
        border, circular_mask: see ``warp``.
        progress: show a bar.

    Raises:
        EncoderError: the encoder raises, returns what is no code or not finite, is not deterministic, or lets a code
            depend on the batch it sits in.
        InputError: more anchors than images, or an option out of range.
    """
    prepare = expected_input(encoder) if preprocess == "auto" else preprocess or Preprocess()

    def codes_of(views: Float[Tensor, "B C H W"]) -> dict[str, Float[Tensor, "B D"]]:
        return {"z": encode(encoder, prepare(views), pick, pool)}

    views = Views.of(images, factors, anchors, steps, base_poses, joint, seed, border, circular_mask)
    about = {"encoder": _name(encoder), "preprocess": str(prepare)}
    with frozen(encoder):
        return views.encoded(codes_of, about, progress)["z"]


def represent_layers(
    encoder: nn.Module,
    images: Images,
    factors: Sequence[Factor],
    layers: Sequence[str],
    anchors: int = 256,
    steps: int = 36,
    base_poses: int = 5,
    seed: int = 0,
    preprocess: Literal["auto"] | Callable[[Tensor], Tensor] | None = "auto",
    *,
    joint: int = 20,
    pool: Pool = "mean",
    border: Border = "zeros",
    circular_mask: bool = False,
    progress: bool = True,
) -> dict[str, Sweeps]:
    """Sweeps of several layers of one encoder, all recorded in one pass. Arguments and errors as in ``represent``.

    Args:
        layers: names as in ``encoder.named_modules()``; their outputs are pooled alike where they are maps or tokens.

    Raises:
        InputError: a layer that does not exist, with the names there are, or one that is not reached.
    """
    modules = dict(encoder.named_modules())
    for name in layers:
        if name not in modules:
            raise InputError(f"layers: {name!r} is not one of {', '.join(n for n in modules if n)}")
    prepare = expected_input(encoder) if preprocess == "auto" else preprocess or Preprocess()
    seen: dict[str, Any] = {}

    def record(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            # A layer after this one may work in place on what this one returned.
            seen[name] = output.clone() if isinstance(output, Tensor) else output

        return hook

    def codes_of(views: Float[Tensor, "B C H W"]) -> dict[str, Float[Tensor, "B D"]]:
        seen.clear()
        ready = prepare(views)
        with torch.no_grad():
            encoder(ready)
        if missing := [name for name in layers if name not in seen]:
            raise InputError(f"layers: the encoder did not pass through {', '.join(missing)}")
        return {name: encode(lambda _, n=name: seen[n], ready, None, pool) for name in layers}

    views = Views.of(images, factors, anchors, steps, base_poses, joint, seed, border, circular_mask)
    about = {"encoder": _name(encoder), "preprocess": str(prepare)}
    hooks = [modules[name].register_forward_hook(record(name)) for name in layers]
    try:
        with frozen(encoder):
            return views.encoded(codes_of, about, progress)
    finally:
        for hook in hooks:
            hook.remove()


@dataclass(frozen=True)
class Views:
    """The views of a design over its anchors, ready to be warped and encoded in batches."""

    anchors: Images
    design: Design
    seed: int
    border: Border
    circular_mask: bool

    @staticmethod
    def of(
        images: Images,
        factors: Sequence[Factor],
        anchors: int,
        steps: int,
        base_poses: int,
        joint: int,
        seed: int,
        border: Border,
        circular_mask: bool,
    ) -> Views:
        """Draw the anchors and lay out the design."""
        if not 1 <= anchors <= len(images):
            raise InputError(f"anchors: {anchors} asked for, but there are {len(images)} images")
        chosen = images[torch.randperm(len(images), generator=generator(seed, "anchors"))[:anchors].sort().values]
        design = make_design(factors, anchors, steps=steps, base_poses=base_poses, joint=joint, seed=seed)
        if not design.affine:
            raise InputError("factors: images can be moved by affine factors only; see affine_factors")
        return Views(chosen, design, seed, border, circular_mask)

    def encoded(
        self, codes_of: Callable[[Tensor], dict[str, Tensor]], about: Mapping[str, str], progress: bool
    ) -> dict[str, Sweeps]:
        """The sweeps of each named code."""
        design = self.design
        poses: dict[str, Tensor] = {f.name: design.sweep_poses(f.name).flatten(1, 2) for f in design.factors}
        poses["joint"] = design.joint_poses()
        smallest = min(1.0, *(float(p[..., 3].exp().min()) for p in poses.values() if p.numel()))
        taps = max(1, math.ceil(1 / smallest - 1e-9))

        def codes_at(part: slice, pose: Float[Tensor, "B V 4"]) -> dict[str, Float[Tensor, "B V D"]]:
            views = warp(
                self.anchors.pixels[part],
                Pose(pose.float()),
                taps=taps,
                border=self.border,
                circular_mask=self.circular_mask,
            )
            codes = codes_of(views.flatten(0, 1))
            return {name: code.float().cpu().unflatten(0, views.shape[:2]) for name, code in codes.items()}

        first = poses[design.factors[0].name][:8, :2].float()
        check_encoder(codes_of, warp(self.anchors.pixels[:8], Pose(first), taps=taps, border=self.border).flatten(0, 1))
        work = [(n, part) for n, pose in poses.items() for part in _parts(len(self.anchors), pose.shape[1])]
        gathered: dict[str, dict[str, list[Tensor]]] = {}
        for name, part in track(work, "encoding sweeps", disable=not progress, transient=True):
            for layer, codes in codes_at(part, poses[name][part]).items():
                gathered.setdefault(layer, {}).setdefault(name, []).append(codes)
        return {
            layer: self._assembled({n: torch.cat(parts) for n, parts in codes.items()}, dict(about) | {"layer": layer})
            for layer, codes in gathered.items()
        }

    def _assembled(self, codes: Mapping[str, Tensor], about: Mapping[str, str]) -> Sweeps:
        design = self.design
        shape = design.base.shape[1]
        values = {f.name: codes[f.name].unflatten(1, (shape, len(design.grids[f.name]))) for f in design.factors}
        empty = codes[design.factors[0].name][:, :0]
        fingerprint = hashlib.sha256(self.anchors.pixels.cpu().numpy().tobytes()).hexdigest()[:16]
        return Sweeps(
            design.factors,
            values,
            design.grids,
            self.anchors.labels.cpu(),
            codes.get("joint", empty),
            design.joint_values,
            dict(about) | {"seed": self.seed, "anchors": fingerprint},
        )


def _parts(anchors: int, views: int) -> list[slice]:
    """Runs of anchors whose views fill a batch."""
    if not views:
        return []
    size = max(1, VIEWS_AT_ONCE // views)
    return [slice(start, min(start + size, anchors)) for start in range(0, anchors, size)]


def _name(encoder: Encoder) -> str:
    """What to call an encoder: a function's name, or its type's."""
    return getattr(encoder, "__name__", type(encoder).__name__)
