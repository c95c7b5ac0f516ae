"""Sweeps of an encoder over real images: one factor at a time, and all at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqjepa.encoders.asking import Encoder, Pool
from seqjepa.encoders.devices import Device
from seqjepa.encoders.preprocess import Prepare
from seqjepa.extraction.batching import BatchSize
from seqjepa.extraction.planned import Extraction
from seqjepa.extraction.progress import Progress
from seqjepa.extraction.reading import OUTPUT, Dtype, Reading
from seqjepa.extraction.views import ProbeViews, Views
from seqjepa.factors import Scene
from seqjepa.factors.warping import Border
from seqjepa.sweeps import Sweeps
from seqjepa.types import Factor, Images
from seqjepa.types.precision import single_precision


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
    taps: int | None = None,
    dtype: Dtype = "float32",
    batch_size: BatchSize = "auto",
    cache: str | Path | None = None,
    device: Device = "auto",
    progress: Progress = True,
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
            ``expected_input``; a mapping changes that, see ``with_changes``; None does nothing.
        joint: views of each identity in which all factors vary at once.
        group_sweeps: also move the whole view, from the left, around two base poses: rows of the group law and of the
            predictor are of these. Nothing more is encoded where a single factor varies.
        probe_images: training images, or a scene, for probes of the class and of actions. Without them there is no
            class probe, and actions are read from the joint design.
        probe_count: of these, and of ``images``, so many at most are encoded for it, at two random poses each.
        pick: which of several outputs is the representation, see ``encode``; None takes an encoder's usual one.
        pool: how a map or tokens become one vector, see ``encode``.
        border, circular_mask: see ``warp``.
        taps: samples a side under one pixel, see ``warp``; None for what the strongest shrinking of all views asks for.
        dtype: in which the encoder computes: "bfloat16" and "float16" by autocast.
        batch_size: views that the encoder is given at once. "auto" finds it on a few batches, see ``measured``; a
            number is kept. Where memory runs out it is halved. Representations are the same but for rounding.
        cache: a folder where representations are kept as they come, by a key of encoder, images and poses: what was
            encoded once is not encoded again, and a process that was killed goes on. None keeps nothing. Of a scene
            nothing is kept.
        device: where views are made and encoded: "auto" takes a GPU where there is one, see ``pick_device``; a module
            is moved there and back. ``metadata["device"]`` says which it was.
        progress: True for a bar, "lines" for a line on standard error every half a minute.

    Raises:
        EncoderError: the encoder raises, returns what is no representation or not finite, is not deterministic, or lets
            a representation depend on the batch it sits in.
        InputError: more identities than images, an option out of range, or a device that is not there.
        OutOfMemory: the device has too little.
    """
    views = Views.of(images, factors, identities, steps, base_poses, joint, seed, border, circular_mask)
    probes = {} if probe_images is None else ProbeViews.of(views, probe_images, images, probe_count)
    how: dict[str, Any] = dict(group_sweeps=group_sweeps, taps=taps, batch_size=batch_size, cache=cache)
    how |= dict(device=device, progress=progress)
    with Extraction(encoder, Reading(encoder, preprocess, pick, pool, (), dtype), views, probes, **how) as extraction:
        return extraction.sweeps()[OUTPUT]


@single_precision()
def represent_layers(
    encoder: Encoder,
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
    taps: int | None = None,
    dtype: Dtype = "float32",
    batch_size: BatchSize = "auto",
    cache: str | Path | None = None,
    device: Device = "auto",
    progress: Progress = True,
) -> dict[str, Sweeps]:
    """Sweeps of several layers of one encoder, all recorded in one pass.

    Args:
        encoder: a module, or an ONNX file's graph.
        layers: names as in ``encoder.named_modules()``, or of a graph's nodes. Maps and tokens are pooled as ``pool``
            says, unless a layer is given as ``"layer2:flatten"``; both ways of one layer can be asked for.
        images, factors, identities, steps, base_poses, seed, preprocess, joint, group_sweeps: as in ``represent``.
        probe_images, probe_count, pool, border, circular_mask, taps, dtype, batch_size: as in ``represent``.
        cache, device, progress: as in ``represent``.
        pick: which output is the representation, of layers that return several.

    Returns:
        For each layer its sweeps.

    Raises:
        InputError: a layer that does not exist, with the names there are, or one that is not reached; else as
            ``represent``.
    """
    views = Views.of(images, factors, identities, steps, base_poses, joint, seed, border, circular_mask)
    probes = {} if probe_images is None else ProbeViews.of(views, probe_images, images, probe_count)
    how: dict[str, Any] = dict(group_sweeps=group_sweeps, taps=taps, batch_size=batch_size, cache=cache)
    how |= dict(device=device, progress=progress)
    with Extraction(
        encoder, Reading(encoder, preprocess, pick, pool, layers, dtype), views, probes, **how
    ) as extraction:
        return extraction.sweeps()
