"""Sequences of views of a scene's identities, in place of warped images."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from jaxtyping import Float, Int64, UInt8
from safetensors.torch import save
from torch import Tensor

from seqjepa.factors.scenes import (
    Scene,
    at_rest,
    check_scene,
    class_names_of,
    drawn_values,
    labels_of,
    pixels_of,
    rendered,
)
from seqjepa.factors.steps import scene_actions, step_targets
from seqjepa.images import Split
from seqjepa.io.files import write_atomic
from seqjepa.io.memory import check_memory
from seqjepa.io.tensors import read_safetensors
from seqjepa.rng import generator
from seqjepa.training.config import FactorsConfig
from seqjepa.types import Factor, Images, InputError

VIEWS_FILE = "views.safetensors"
SAMPLED = 512  # views of a scene from which mean, deviation and hash are taken where none are kept


@dataclass(frozen=True)
class Kept:
    """Views of each identity that were rendered once.

    Attributes:
        pixels: (N, K, C, H, W), 0 to 255.
        values: (N, K, F) at which they were rendered.
    """

    pixels: UInt8[Tensor, "N K C H W"]
    values: Float[Tensor, "N K F"]


@dataclass(frozen=True)
class SceneViews:
    """Identities of a scene, each ``sequences`` times an epoch.

    Attributes:
        scene: that renders.
        sequences: of each identity, an epoch.
        labels: (N,) the class of each sequence's identity.
        sample: a few views at random values, of which the normalisation is taken.
        kept: views that are drawn from; None renders anew.
        device: where batches are made.
    """

    scene: Scene
    sequences: int
    labels: Int64[Tensor, " N"]
    sample: Images
    kept: Kept | None = None
    device: torch.device = field(default=torch.device("cpu"))

    @staticmethod
    def of(scene: Scene, sequences: int, key: str, kept: Kept | None = None) -> SceneViews:
        """Of a scene.

        Args:
            scene: that renders.
            sequences: of each identity, an epoch.
            key: of what is sampled: "train" or "test".
            kept: views that were rendered before.

        Raises:
            InputError: what is no scene.
        """
        check_scene(scene)
        labels, random = labels_of(scene), generator("sampled views", key)
        if kept is None:
            who = torch.arange(SAMPLED) % len(scene)
            pixels = pixels_of(scene, who, drawn_values(scene.factors, (SAMPLED,), random))
        else:
            who = torch.arange(len(scene)).repeat_interleave(kept.pixels.shape[1])
            pixels = kept.pixels.flatten(0, 1)
        sample = Images(pixels, labels[who], class_names_of(scene))
        return SceneViews(scene, sequences, labels.repeat_interleave(sequences), sample, kept)

    def __len__(self) -> int:
        return len(self.scene) * self.sequences

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name a class."""
        return self.sample.class_names

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(C, H, W)."""
        return tuple(self.sample.pixels.shape[1:])

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The scene's."""
        return tuple(self.scene.factors)

    def to(self, device: torch.device | str) -> SceneViews:
        """Batches are made on a device; what is kept stays in the main memory."""
        return replace(self, device=torch.device(device))


@dataclass(frozen=True)
class DrawnViews:
    """Which views make up an epoch's sequences.

    Attributes:
        values: (N, V, F) of the factors.
        places: (N, V) among the views that are kept; None where they are rendered anew.
    """

    values: Float[Tensor, "N V F"]
    places: Int64[Tensor, "N V"] | None = None


def draw_views(views: SceneViews, config: FactorsConfig, *keys: int | str) -> DrawnViews:
    """The views of all sequences, a pure function of the keys: independent of batches, workers and ranks.

    Of views that are kept those of a sequence are drawn without repetition.
    """
    random, count = generator(*keys, "scene views"), len(views)
    at_rest_first = config.first_view == "identity"
    if views.kept is None:
        values = drawn_values(views.factors, (count, config.views), random)
        if at_rest_first:
            values[:, 0] = at_rest(views.factors)
        return DrawnViews(values)
    there = views.kept.pixels.shape[1]
    order = torch.rand(count, there, generator=random)
    if at_rest_first:
        order[:, 0] = -1  # the first that is kept is at rest
    places = order.argsort(-1)[:, : config.views]
    who = torch.arange(len(views.scene)).repeat_interleave(views.sequences)
    return DrawnViews(views.kept.values[who[:, None], places], places)


def scene_batch(
    views: SceneViews, index: Int64[Tensor, " B"], drawn: DrawnViews
) -> tuple[Float[Tensor, "B V C H W"], Float[Tensor, "B S A"], Int64[Tensor, " B"], Float[Tensor, "B K"]]:
    """Views in [0, 1], the actions between them, labels, and what probes predict of the first step, on the device."""
    who, values, device = index // views.sequences, drawn.values[index], views.device
    if views.kept is not None and drawn.places is not None:
        seen = views.kept.pixels[who[:, None], drawn.places[index]].to(device).float() / 255
    else:
        made = rendered(views.scene, who.repeat_interleave(values.shape[1]), values.flatten(0, 1))
        seen = made.unflatten(0, values.shape[:2]).to(device)
    actions, targets = scene_actions(views.factors, values), step_targets(views.factors, values[:, :2])
    return seen, actions.to(device), views.labels[index].to(device), targets.to(device)


def keep_views(scene: Scene, count: int, config: FactorsConfig, *keys: int | str) -> Kept:
    """So many views of each identity, rendered once; the first at rest where sequences begin so.

    Raises:
        InputError: more than memory holds.
    """
    values = drawn_values(scene.factors, (len(scene), count), generator(*keys, "kept views"))
    if config.first_view == "identity":
        values[:, 0] = at_rest(scene.factors)
    one = pixels_of(scene, torch.arange(1), values[0, :1])
    size = one.numel() * len(scene) * count
    check_memory(f"{count} views of {len(scene)} identities", 2 * size, "make scene.kept_views or images.train fewer")
    who = torch.arange(len(scene)).repeat_interleave(count)
    return Kept(pixels_of(scene, who, values.flatten(0, 1)).unflatten(0, values.shape[:2]), values)


def views_hash(views: Mapping[str, SceneViews]) -> str:
    """SHA-256 of the views that are kept and their values, or of those sampled."""
    found = hashlib.sha256()
    for name, of in sorted(views.items()):
        parts = [of.sample.pixels, of.sample.labels] if of.kept is None else [of.kept.pixels, of.kept.values, of.labels]
        found.update(f"{name} {[tuple(part.shape) for part in parts]} {of.class_names} {of.factors}".encode())
        for part in parts:
            found.update(part.contiguous().numpy().tobytes())
    return found.hexdigest()


def write_kept(folder: Path, views: Mapping[str, SceneViews]) -> None:
    """What is kept, into a run's folder; nothing where nothing is."""
    kept = {name: of.kept for name, of in views.items() if of.kept is not None}
    if kept:
        tensors = {f"{name}.{part}": getattr(of, part) for name, of in kept.items() for part in ("pixels", "values")}
        write_atomic(folder / VIEWS_FILE, save(tensors))


def read_kept(folder: Path, scenes: Mapping[Split, Scene]) -> dict[str, Kept]:
    """What ``write_kept`` wrote, by name. The caller compares the hash.

    Raises:
        InputError: a file that is damaged, or of other scenes.
    """
    file = folder / VIEWS_FILE
    tensors, _ = read_safetensors(file)
    found = {}
    for name, scene in scenes.items():
        pixels, values = tensors.get(f"{name}.pixels"), tensors.get(f"{name}.values")
        width = sum(factor.width for factor in scene.factors)
        if (
            pixels is None
            or values is None
            or (pixels.ndim, pixels.dtype, values.dtype) != (5, torch.uint8, torch.float64)
            or values.shape != (*pixels.shape[:2], width)
            or len(pixels) != len(scene)
        ):
            raise InputError(f"{file}: not the views of this run's scene; remove it, and they are rendered again")
        found[name] = Kept(pixels, values)
    return found
