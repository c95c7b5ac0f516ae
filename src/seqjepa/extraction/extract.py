"""Sweeps of an encoder over real images: one factor at a time, and all at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seqjepa.encoders.calling import Encoder, Pool, encode, frozen
from seqjepa.encoders.preprocess import Preprocess, expected_input
from seqjepa.extraction.sequences import SequenceEncoder
from seqjepa.extraction.views import Views
from seqjepa.factors.warping import Border
from seqjepa.sweeps import Sweeps
from seqjepa.types import Factor, Images, InputError


def represent(
    encoder: Encoder,
    images: Images,
    factors: Sequence[Factor],
    identities: int = 256,
    steps: int = 36,
    base_poses: int = 5,
    seed: int = 0,
    preprocess: Literal["auto"] | Callable[[Tensor], Tensor] | None = "auto",
    *,
    joint: int = 20,
    probe_images: Images | None = None,
    probe_count: int = 10_000,
    pick: str | int | None = None,
    pool: Pool = "none",
    border: Border = "zeros",
    circular_mask: bool = False,
    progress: bool = True,
) -> Sweeps:
    """The encoder's codes while each factor moves alone, around several base poses of each of ``identities`` images.

    Every view is one warp of its source image. The encoder is called in eval mode without gradient, and left as it was.

    Args:
        encoder: images (B, C, H, W), float32 in [0, 1], to codes (B, D); a module or any callable.
        images: where the identities are drawn from, a pure function of the seed.
        factors: what moves, see ``affine_factors``.
        identities: images; figures are held out and resampled over them.
        steps: grid values of a sweep.
        base_poses: poses of each identity around which a factor moves.
        preprocess: applied to the views before the encoder. "auto" does what the encoder says that it expects, see
            ``expected_input``; None does nothing.
        joint: views of each identity in which all factors vary at once.
        probe_images: training images for probes of the class and of actions. Without them there is no class probe, and
            actions are read from the joint design.
        probe_count: of these, and of ``images``, so many at most are encoded for it, at two random poses each.
        pick, pool: which output is the code, and how a map or tokens become one; see ``encode``.
        border, circular_mask: see ``warp``.
        progress: show a bar.

    Raises:
        EncoderError: the encoder raises, returns what is no code or not finite, is not deterministic, or lets a code
            depend on the batch it sits in.
        InputError: more identities than images, or an option out of range.
    """
    prepare = expected_input(encoder) if preprocess == "auto" else preprocess or Preprocess()

    def codes_of(views: Float[Tensor, "B C H W"]) -> dict[str, Float[Tensor, "B D"]]:
        return {"z": encode(encoder, prepare(views), pick, pool)}

    views = Views.of(images, factors, identities, steps, base_poses, joint, seed, border, circular_mask)
    metadata = {"encoder": _name(encoder), "preprocess": str(prepare)}
    with frozen(encoder):
        sweeps = views.encoded(codes_of, metadata, progress)["z"]
        if probe_images is not None:
            codes = views.probe_codes(codes_of, probe_images, images, probe_count, progress)["z"]
            sweeps = replace(sweeps, probe=codes)
        return views.with_sequences(sweeps, encoder) if isinstance(encoder, SequenceEncoder) else sweeps


def represent_layers(
    encoder: nn.Module,
    images: Images,
    factors: Sequence[Factor],
    layers: Sequence[str],
    identities: int = 256,
    steps: int = 36,
    base_poses: int = 5,
    seed: int = 0,
    preprocess: Literal["auto"] | Callable[[Tensor], Tensor] | None = "auto",
    *,
    joint: int = 20,
    probe_images: Images | None = None,
    probe_count: int = 10_000,
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

    views = Views.of(images, factors, identities, steps, base_poses, joint, seed, border, circular_mask)
    metadata = {"encoder": _name(encoder), "preprocess": str(prepare)}
    hooks = [modules[name].register_forward_hook(record(name)) for name in layers]
    try:
        with frozen(encoder):
            sweeps = views.encoded(codes_of, metadata, progress)
            if probe_images is None:
                return sweeps
            codes = views.probe_codes(codes_of, probe_images, images, probe_count, progress)
            return {name: replace(found, probe=codes[name]) for name, found in sweeps.items()}
    finally:
        for hook in hooks:
            hook.remove()


def _name(encoder: Encoder) -> str:
    """What to call an encoder: its own name, a function's, or its type's."""
    name = getattr(encoder, "name", None)
    return name if isinstance(name, str) else getattr(encoder, "__name__", type(encoder).__name__)
