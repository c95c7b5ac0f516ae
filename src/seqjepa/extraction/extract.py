"""Sweeps of an encoder over real images: one factor at a time, and all at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from seqjepa.encoders.calling import (
    AS_IT_IS,
    Encoder,
    EncoderError,
    Pool,
    called,
    checked_representation,
    chosen_output,
    encoder_name,
    frozen,
    how_pooled,
    pick_of_layer,
    said_pool,
)
from seqjepa.encoders.devices import Device, placed
from seqjepa.encoders.preprocess import Prepare, chosen_preprocess
from seqjepa.extraction.sequences import SequenceEncoder
from seqjepa.extraction.views import Views
from seqjepa.factors import Scene
from seqjepa.factors.warping import Border
from seqjepa.sweeps import Sweeps
from seqjepa.types import Factor, Images, InputError
from seqjepa.types.precision import single_precision

LOG = logging.getLogger(__name__)


@single_precision()
def represent(
    encoder: Encoder,
    images: Images | Scene,
    factors: Sequence[Factor] | None = None,
    identities: int = 256,
    steps: int = 25,
    base_poses: int = 5,
    seed: int = 0,
    preprocess: Prepare = "auto",
    *,
    joint: int = 20,
    group_sweeps: bool = True,
    probe_images: Images | Scene | None = None,
    probe_count: int = 10_000,
    pick: str | int | None = None,
    pool: Pool = "mean",
    border: Border = "zeros",
    circular_mask: bool = False,
    device: Device = "auto",
    progress: bool = True,
) -> Sweeps:
    """An encoder's representations while each factor moves alone, around several base poses of each identity.

    Every view of a picture is one warp of it; a scene renders its own. The encoder is called in eval mode without
    gradient, and left as it was.

    Args:
        encoder: images (B, C, H, W), float32 in [0, 1], to representations (B, D), maps or tokens; any callable.
        images: where the identities are drawn from, a pure function of the seed: pictures, or a ``Scene``.
        factors: what moves: of pictures see ``affine_factors``; of a scene some of its own, by default all.
        identities: images; estimates are held out and resampled over them.
        steps: grid values of a sweep.
        base_poses: poses of each identity around which a factor moves.
        seed: of identities, poses and probe images.
        preprocess: applied to the views before the encoder. "auto" does what the encoder says that it expects, see
            ``expected_input``; None does nothing.
        joint: views of each identity in which all factors vary at once.
        group_sweeps: also move the whole view, from the left, around two base poses: rows of the group law and of the
            predictor are of these. Nothing more is encoded where a single factor varies.
        probe_images: training images, or a scene, for probes of the class and of actions. Without them there is no
            class probe, and actions are read from the joint design.
        probe_count: of these, and of ``images``, so many at most are encoded for it, at two random poses each.
        pick: which of several outputs is the representation, see ``encode``; None takes an encoder's usual one.
        pool: how a map or tokens become one vector, see ``encode``.
        border, circular_mask: see ``warp``.
        device: where views are made and encoded: "auto" takes a GPU where there is one, see ``pick_device``; a module
            is moved there and back. ``metadata["device"]`` says which it was.
        progress: show a bar.

    Raises:
        EncoderError: the encoder raises, returns what is no representation or not finite, is not deterministic, or lets
            a representation depend on the batch it sits in.
        InputError: more identities than images, an option out of range, or a device that is not there.
        OutOfMemory: the device has too little.
    """
    prepare, pick = chosen_preprocess(encoder, preprocess), chosen_output(encoder, pick)
    pool = said_pool(encoder, pool)

    def codes_of(views: Float[Tensor, "B C H W"]) -> dict[str, Float[Tensor, "B D"]]:
        ready = prepare(views)
        output = called(encoder, ready)
        z = checked_representation(output, ready, pick, pool)
        if "representation" not in metadata:
            metadata["representation"] = how_pooled(output, pick, pool, ready.shape[2:])
            if metadata["representation"] != AS_IT_IS:  # nothing was guessed
                LOG.info("the representation is: %s", metadata["representation"])
        return {"z": z}

    design = (identities, steps, base_poses, joint, seed)
    metadata = {"encoder": encoder_name(encoder), "preprocess": str(prepare)}
    with placed(encoder, device) as where, frozen(encoder):
        views = Views.of(images, factors, *design, border, circular_mask, where)
        sweeps = views.sweeps(codes_of, metadata, progress, group_sweeps)["z"]
        if probe_images is not None:
            codes = views.probe_codes(codes_of, probe_images, images, probe_count, progress)["z"]
            sweeps = replace(sweeps, probe=codes)
        # An aggregator and a predictor know the actions of affine poses, and of no scene's factors.
        if isinstance(encoder, SequenceEncoder) and views.design.affine:
            return views.with_sequences(sweeps, encoder)
        return sweeps


@single_precision()
def represent_layers(
    encoder: nn.Module,
    images: Images | Scene,
    factors: Sequence[Factor] | None,
    layers: Sequence[str],
    identities: int = 256,
    steps: int = 25,
    base_poses: int = 5,
    seed: int = 0,
    preprocess: Prepare = "auto",
    *,
    joint: int = 20,
    group_sweeps: bool = True,
    probe_images: Images | Scene | None = None,
    probe_count: int = 10_000,
    pick: str | int | None = None,
    pool: Pool = "mean",
    border: Border = "zeros",
    circular_mask: bool = False,
    device: Device = "auto",
    progress: bool = True,
) -> dict[str, Sweeps]:
    """Sweeps of several layers of one encoder, all recorded in one pass.

    Args:
        encoder: a module.
        layers: names as in ``encoder.named_modules()``; their outputs are pooled alike where they are maps or tokens.
        images, factors, identities, steps, base_poses, seed, preprocess, joint, group_sweeps: as in
            ``represent``.
        probe_images, probe_count, pool, border, circular_mask, device, progress: as in ``represent``.
        pick: which output is the representation, of layers that return several.

    Returns:
        For each layer its sweeps.

    Raises:
        InputError: a layer that does not exist, with the names there are, or one that is not reached; else as
            ``represent``.
    """
    check_layers(encoder, layers)
    prepare, pool = chosen_preprocess(encoder, preprocess), said_pool(encoder, pool)
    seen: dict[str, Any] = {}
    pooled: dict[str, str] = {}

    def record(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            # A layer after this one may work in place on what this one returned.
            seen[name] = output.clone() if isinstance(output, Tensor) else output

        return hook

    def codes_of(views: Float[Tensor, "B C H W"]) -> dict[str, Float[Tensor, "B D"]]:
        seen.clear()
        ready = prepare(views)
        called(encoder, ready)
        if missing := [name for name in layers if name not in seen]:
            raise InputError(f"layers: the encoder did not pass through {', '.join(missing)}")
        picks = {name: pick_of_layer(seen[name], pick) for name in layers}
        if pick is not None and all(of is None for of in picks.values()):
            raise EncoderError(f"pick={pick!r} was given, but every layer returned a single output")
        found = {name: checked_representation(seen[name], ready, picks[name], pool) for name in layers}
        for name in layers if not pooled else ():
            pooled[name] = how_pooled(seen[name], picks[name], pool, ready.shape[2:])
            if pooled[name] != AS_IT_IS:  # nothing was guessed
                LOG.info("the representation of %s is: %s", name, pooled[name])
        return found

    design = (identities, steps, base_poses, joint, seed)
    metadata = {"encoder": encoder_name(encoder), "preprocess": str(prepare)}
    modules = dict(encoder.named_modules())
    with placed(encoder, device) as where, frozen(encoder), ExitStack() as hooks:
        for name in layers:
            hooks.callback(modules[name].register_forward_hook(record(name)).remove)
        views = Views.of(images, factors, *design, border, circular_mask, where)
        sweeps = views.sweeps(codes_of, metadata, progress, group_sweeps)
        for name, of in sweeps.items():
            sweeps[name] = replace(of, metadata={**of.metadata, "representation": pooled[name]})
        if probe_images is None:
            return sweeps
        codes = views.probe_codes(codes_of, probe_images, images, probe_count, progress)
        return {name: replace(found, probe=codes[name]) for name, found in sweeps.items()}


def check_layers(encoder: nn.Module, layers: Sequence[str]) -> None:
    """Raises InputError for a layer that the encoder does not have, with the names that it has."""
    modules = dict(encoder.named_modules())
    for name in layers:
        if name not in modules:
            raise InputError(f"layers: {name!r} is not one of {', '.join(n for n in modules if n)}")
