"""Sweeps of an encoder over real images: one factor at a time, and all at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float
from rich.progress import track
from torch import Tensor

from seqjepa.factors import warp
from seqjepa.factors.warp import Border
from seqjepa.randomness import generator
from seqjepa.representations.encoder import Encoder, Pool, check_encoder, encode, frozen
from seqjepa.sweep_design import make_design
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
    preprocess: Callable[[Tensor], Tensor] | None = None,
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
        preprocess: applied to the views before the encoder (size, channels, normalisation).
        joint: views of each anchor in which all factors vary at once.
        pick, pool: which output is the code, and how a map or tokens become one; see ``encode``.
        border, circular_mask: see ``warp``.
        progress: show a bar.

    Raises:
        EncoderError: the encoder raises, returns what is no code or not finite, is not deterministic, or lets a code
            depend on the batch it sits in.
        InputError: more anchors than images, or an option out of range.
    """
    if not 1 <= anchors <= len(images):
        raise InputError(f"anchors: {anchors} asked for, but there are {len(images)} images")
    chosen = images[torch.randperm(len(images), generator=generator(seed, "anchors"))[:anchors].sort().values]
    design = make_design(factors, anchors, steps=steps, base_poses=base_poses, joint=joint, seed=seed)
    if not design.affine:
        raise InputError("factors: images can be moved by affine factors only; see affine_factors")
    poses: dict[str, Tensor] = {f.name: design.sweep_poses(f.name).flatten(1, 2) for f in factors}
    poses["joint"] = design.joint_poses()
    taps = max(1, math.ceil(1 / min(1.0, *(float(p[..., 3].exp().min()) for p in poses.values() if p.numel())) - 1e-9))

    def codes_of(views: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        return encode(encoder, preprocess(views) if preprocess is not None else views, pick, pool)

    def codes_at(part: slice, pose: Float[Tensor, "B V 4"]) -> Float[Tensor, "B V D"]:
        views = warp(chosen.pixels[part], Pose(pose.float()), taps=taps, border=border, circular_mask=circular_mask)
        return codes_of(views.flatten(0, 1)).float().cpu().unflatten(0, views.shape[:2])

    with frozen(encoder):
        first = warp(chosen.pixels[:8], Pose(poses[factors[0].name][:8, :2].float()), taps=taps, border=border)
        check_encoder(codes_of, first.flatten(0, 1))
        gathered: dict[str, list[Tensor]] = {name: [] for name in poses}
        work = [(name, part) for name, pose in poses.items() for part in _parts(anchors, pose.shape[1])]
        for name, part in track(work, "encoding sweeps", disable=not progress, transient=True):
            gathered[name].append(codes_at(part, poses[name][part]))
    codes = {name: torch.cat(parts) if parts else None for name, parts in gathered.items()}
    return _assembled(codes, factors, design.grids, design.base.shape[1], chosen, design.joint_values, seed)


def _parts(anchors: int, views: int) -> list[slice]:
    """Runs of anchors whose views fill a batch."""
    if not views:
        return []
    size = max(1, VIEWS_AT_ONCE // views)
    return [slice(start, min(start + size, anchors)) for start in range(0, anchors, size)]


def _assembled(
    codes: Mapping[str, Tensor | None],
    factors: Sequence[Factor],
    grids: Mapping[str, Tensor],
    base_poses: int,
    chosen: Images,
    joint_values: Tensor,
    seed: int,
) -> Sweeps:
    values = {}
    for f in factors:
        swept = codes[f.name]
        assert swept is not None
        values[f.name] = swept.unflatten(1, (base_poses, len(grids[f.name])))
    any_codes = next(iter(values.values()))
    joint = codes["joint"]
    return Sweeps(
        tuple(factors),
        values,
        grids,
        chosen.labels.cpu(),
        any_codes.new_zeros(len(chosen), 0, any_codes.shape[-1]) if joint is None else joint,
        joint_values,
        {"seed": seed},
    )
