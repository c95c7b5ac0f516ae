"""The ceiling for a class probe: the same architecture, trained on the labels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from rich.progress import Progress
from torch import Tensor, nn

from seqjepa.encoders.asking import Pool, chosen_output, said_pool
from seqjepa.encoders.baselines import untrained
from seqjepa.encoders.calling import as_representation, called, encode, frozen
from seqjepa.encoders.devices import Device, placed
from seqjepa.encoders.preprocess import Prepare, chosen_preprocess
from seqjepa.extraction.sequences import has_sequences
from seqjepa.factors import sample_poses, warp
from seqjepa.factors.warping import Border
from seqjepa.io.bars import bar_console
from seqjepa.rng import generator
from seqjepa.types import Factor, Images, InputError, Pose


def supervised(
    encoder: nn.Module,
    images: Images,
    factors: Sequence[Factor],
    epochs: int = 10,
    *,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.01,
    seed: int = 0,
    preprocess: Prepare = "auto",
    pick: str | int | None = None,
    pool: Pool = "mean",
    border: Border = "zeros",
    circular_mask: bool = False,
    device: Device = "auto",
    progress: bool = True,
) -> nn.Module:
    """A copy of an encoder, its weights drawn anew, trained to tell the classes of images at random poses.

    A linear head on its representation is trained along and left behind. AdamW, a learning rate that falls to 0 along
    a half cosine, cross entropy; every image is seen at another pose in every epoch, a pure function of the seed.

    Args:
        encoder: not changed; see ``untrained`` for which can be drawn anew.
        images: to train on; leave out those that are reported on.
        factors: that the poses vary.
        epochs: passes over the images.
        batch_size: images a step, about; batches are as even as they can be.
        learning_rate, weight_decay: of AdamW.
        seed: of the weights, the order and the poses.
        preprocess, pick, pool, border, circular_mask, device: as in ``represent``.
        progress: show a bar.

    Returns:
        The copy, in eval mode and where the encoder lies. It only makes representations: an aggregator or predictor
        behind the encoder was not trained.

    Raises:
        InputError: fewer than two classes, or fewer than one epoch; an encoder whose weights cannot be drawn anew.
        FloatingPointError: the loss became infinite or not a number.
    """
    check_supervised(images, epochs)
    prepare, pick = chosen_preprocess(encoder, preprocess), chosen_output(encoder, pick)
    pool = said_pool(encoder, pool)
    smallest = min([1.0, *(f.low for f in factors if f.name == "scale")])
    taps = max(1, math.ceil(1 / smallest - 1e-9))
    fresh = untrained(encoder, seed).requires_grad_(True)
    with placed(fresh, device) as where, torch.random.fork_rng(devices=[where] if where.type == "cuda" else []):
        with frozen(fresh):
            dim = encode(fresh, prepare(images.pixels[:2].to(where).float() / 255), pick, pool).shape[1]
        torch.manual_seed(seed)
        head = nn.Linear(dim, len(images.class_names)).to(where)
        parameters = [*fresh.parameters(), *head.parameters()]
        optimiser = torch.optim.AdamW(parameters, learning_rate, weight_decay=weight_decay)
        batches = math.ceil(len(images) / batch_size)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * batches)
        fresh.train()
        with Progress(disable=not progress, transient=True, console=bar_console()) as bar:
            task = bar.add_task("training on labels", total=epochs * batches)
            for epoch in range(epochs):
                random = generator(seed, "supervised", epoch)
                poses = sample_poses(factors, (len(images), 1), random)
                # Batch norm cannot take a batch of one, so the batches are as even as they can be.
                for chosen in torch.randperm(len(images), generator=random).tensor_split(batches):
                    pixels, labels = (part.to(where) for part in images.rows(chosen.to(images.pixels.device)))
                    pose = Pose(poses.values[chosen])
                    views = warp(pixels, pose, taps=taps, border=border, circular_mask=circular_mask)
                    ready = prepare(views[:, 0])
                    logits = head(as_representation(called(fresh, ready), pick, pool, ready.shape[2:]))
                    loss = F.cross_entropy(logits, labels)
                    if not loss.isfinite():
                        raise FloatingPointError(f"supervised: the loss is {loss.item()} in epoch {epoch + 1}")
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()
                    schedule.step()
                    bar.advance(task)
    alone = _Alone(fresh)
    return (alone if has_sequences(fresh) else fresh).eval().requires_grad_(False)


def check_supervised(images: Images, epochs: int) -> None:
    """Raises InputError when there is nothing to train on: fewer than two classes, or than one epoch."""
    classes = len(images.labels.unique()) if images.labelled else 0
    if classes < 2 or epochs < 1:
        raise InputError(f"supervised: {classes} classes and {epochs} epochs; two classes and one epoch are the least")


class _Alone(nn.Module):
    """An encoder without what stands behind it; its layers keep their names."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        for name, child in encoder.named_children():
            self.add_module(name, child)
        self._whole = (encoder,)  # in a tuple, so that it is no child of its own

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        return self._whole[0](images)
