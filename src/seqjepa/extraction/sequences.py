"""What an encoder's aggregator and predictor make of sequences of views, where it has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeGuard, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.encoders.asking import EncoderError, said
from seqjepa.rng import generator
from seqjepa.sweeps.containers import ACTION, BOTH, FORMS, VISION, Predictions, SequenceCodes
from seqjepa.sweeps.design import AFFINE
from seqjepa.types import Factor
from seqjepa.types.foreign import foreign_code

SEQUENCES_AT_ONCE = 2048
QUESTIONS = 4  # to the predictor, at each base pose
LENGTHS, WINDOWS = (1, 2, 3, 4, 5, 8), 4  # views of a sequence; sequences of an identity


@runtime_checkable
class SequenceEncoder(Protocol):
    """An encoder that also aggregates its representations of several views, and predicts that of a further one.

    Attributes:
        observed: S, the views of a sequence that it was trained to aggregate.
        parts: named blocks of its representation.
        moves: the factors of the scene that it was trained on, whose values its actions are made from; none, or no
            such attribute: affine ones.

    It may say besides which factors it was trained on, with their ranges there: ``varying``.
    """

    observed: int
    parts: Mapping[str, slice]

    def actions(self, poses: Float[Tensor, "B V 4"]) -> Float[Tensor, "B V-1 A"]:
        """The actions between views of these poses."""
        ...

    def aggregate(self, z: Float[Tensor, "B S D"], actions: Float[Tensor, "B S-1 A"] | None) -> Float[Tensor, "B E"]:
        """z_agg of S representations and the actions between them; None withholds the actions."""
        ...

    def predict(self, z: Float[Tensor, "B S D"], actions: Float[Tensor, "B S A"]) -> Float[Tensor, "B D"]:
        """The representation of the view to which the last action leads."""
        ...


def has_sequences(encoder: Any) -> TypeGuard[SequenceEncoder]:
    """Whether an encoder has an aggregator and a predictor.

    Raises:
        EncoderError: it has the functions, and its attributes are not what they need.
    """
    if not all(said(encoder, name, Callable) for name in ("actions", "aggregate", "predict")):
        return False
    observed, parts = said(encoder, "observed", int), said(encoder, "parts", Mapping)
    if observed is None or observed < 1 or parts is None or not all(isinstance(p, slice) for p in parts.values()):
        raise EncoderError(
            "the encoder aggregates and predicts, but does not say of how many views (observed, a number from 1 on) "
            "and in which parts (parts, slices by name)"
        )
    return True


def scene_factors(encoder: Any) -> Sequence[Factor]:
    """The factors of the scene that an encoder was trained on, which it calls ``moves``; none of affine views."""
    moves = said(encoder, "moves", tuple, list) or ()
    return moves if all(isinstance(factor, Factor) for factor in moves) else ()


def seen_ranges(encoder: Any, factors: Sequence[Factor]) -> dict[str, tuple[float, float]]:
    """Low and high of each factor in training, of those that are one number and that the encoder's ``varying`` names.

    Args:
        encoder: any; what it does not say is left out.
        factors: that are swept.
    """
    swept = {(f.name, f.unit, f.period) for f in factors if f.space == "number"}
    trained = [of for of in said(encoder, "varying", tuple, list) or () if isinstance(of, Factor)]
    return {of.name: (of.low, of.high) for of in trained if (of.name, of.unit, of.period) in swept}


def knows_actions(encoder: SequenceEncoder, factors: Sequence[Factor]) -> bool:
    """Whether the encoder's actions are of these factors: affine ones, or of the scene that it was trained on."""
    names, moves = {factor.name for factor in factors}, scene_factors(encoder)
    return names <= ({factor.name for factor in moves} if moves else set(AFFINE))


def aggregated(
    encoder: SequenceEncoder, z: Float[Tensor, "I J D"], poses: Float[Tensor, "I J C"], seed: int, device: torch.device
) -> dict[str, Float[Tensor, "I J _"]]:
    """z_agg for each view of the joint design, as the last of S consecutive ones of its image.

    The last view's action leads out of the sequence, so no sequence holds its own last action. Since a sequence's
    actions are an input, a transformation read from "z_agg" need not have been kept from the views: "z_agg permuted"
    has the actions of another sequence, drawn at random, and "z_agg withheld" none.

    Args:
        encoder: in eval mode, on the device.
        z: representations of the joint design's views.
        poses: at which these were taken.
        seed: of the permutation.
        device: where the encoder computes; what comes of it is on the CPU.
    """
    identities, views, _ = z.shape
    last = torch.arange(views)[:, None]
    index = (last + torch.arange(1 - encoder.observed, 1)) % views
    codes = z[:, index].flatten(0, 1)
    with foreign_code("the encoder's method actions", EncoderError):
        actions = encoder.actions(poses[:, index].flatten(0, 1).float())
    order = torch.randperm(len(actions), generator=generator(seed, "permuted actions", len(actions)))
    forms = {"z_agg": actions, "z_agg permuted": actions[order], "z_agg withheld": None}
    parts, found = torch.arange(len(codes)).split(SEQUENCES_AT_ONCE), {}
    for name, given in forms.items():
        with foreign_code("the encoder's method aggregate", EncoderError):
            made = [
                encoder.aggregate(codes[part].to(device), None if given is None else given[part].to(device))
                for part in parts
            ]
        found[name] = torch.cat([z_agg.float().cpu() for z_agg in made]).unflatten(0, (identities, views))
    return found


def predicted_along(
    encoder: SequenceEncoder,
    z: Float[Tensor, "I P G D"],
    poses: Float[Tensor, "I P G C"],
    name: str,
    seed: int,
    device: torch.device,
) -> Predictions | None:
    """What the predictor makes of unseen views along a sweep, None where the grid is shorter than a sequence.

    Each question shows S views of the sweep, drawn at random and in random order, with the actions between them, and
    the action from the last one to a further view.

    Args:
        encoder: in eval mode, on the device.
        z: representations along the sweep.
        poses: at which these were taken.
        name: the factor's.
        seed: of the questions.
        device: where the encoder computes; what comes of it is on the CPU.
    """
    identities, base_poses, steps, dim = z.shape
    if steps <= encoder.observed:
        return None
    random = generator(seed, "questions", name)
    drawn = torch.rand(identities, base_poses, QUESTIONS, steps, generator=random).argsort(-1)
    drawn = drawn[..., : encoder.observed + 1]
    where = drawn.flatten(2)[..., None]
    codes = z.gather(2, where.expand(-1, -1, -1, dim)).reshape(-1, encoder.observed + 1, dim)[:, :-1]
    width = poses.shape[-1]
    at = poses.gather(2, where.expand(-1, -1, -1, width)).reshape(-1, encoder.observed + 1, width)
    with foreign_code("the encoder's methods actions and predict", EncoderError):
        actions = encoder.actions(at.float())
        made = [
            encoder.predict(codes[part].to(device), actions[part].to(device))
            for part in torch.arange(len(codes)).split(SEQUENCES_AT_ONCE)
        ]
    predicted = torch.cat([z.float().cpu() for z in made])
    shape = (identities, base_poses, QUESTIONS)
    return Predictions(predicted.reshape(*shape, -1), drawn[..., -2].contiguous(), drawn[..., -1].contiguous())


def sequences_of(
    encoder: SequenceEncoder,
    z: Float[Tensor, "I J D"],
    poses: Float[Tensor, "I J C"],
    factors: Sequence[Factor],
    device: torch.device,
) -> SequenceCodes:
    """z_agg of sequences of several lengths, and the prediction of the view that follows.

    A sequence is of consecutive views of the joint design, around its end; the sequences of an identity end evenly
    spaced, and those of several lengths end at the same views.

    Args:
        encoder: in eval mode, on the device.
        z: representations of the joint design's views.
        poses: as the encoder's actions are made from.
        factors: that are swept.
        device: where the encoder computes; what comes of it is on the CPU.
    """
    identities, views, _ = z.shape
    windows = min(WINDOWS, views)
    last = torch.arange(windows) * views // windows + views // windows - 1
    mean = z.mean((0, 1), keepdim=True)
    found: dict[str, Tensor] = {}
    for length in sorted({*LENGTHS, encoder.observed}):
        if length > views:
            break
        index = (last[:, None] + torch.arange(1 - length, 1)) % views
        seen, actions = z[:, index].flatten(0, 1), _told(encoder, poses[:, index].flatten(0, 1))
        given = {BOTH: (seen, actions), VISION: (seen, None), ACTION: (mean.expand_as(seen), actions)}
        for form in FORMS:
            made = _in_parts(encoder.aggregate, *given[form], device=device)
            found[f"{form} {length}"] = made.unflatten(0, (identities, windows))
    ranges = seen_ranges(encoder, factors)
    if encoder.observed + 1 > views:
        return SequenceCodes(encoder.observed, last, found, seen=ranges)
    index = (last[:, None] + torch.arange(1 - encoder.observed, 2)) % views
    actions = _told(encoder, poses[:, index].flatten(0, 1))
    upcoming = _in_parts(encoder.predict, z[:, index[:, :-1]].flatten(0, 1), actions, device=device)
    return SequenceCodes(encoder.observed, last, found, upcoming.unflatten(0, (identities, windows)), ranges)


def _told(encoder: SequenceEncoder, poses: Float[Tensor, "B V C"]) -> Float[Tensor, "B S A"]:
    with foreign_code("the encoder's method actions", EncoderError):
        return encoder.actions(poses.float())


def _in_parts(
    ask: Callable[..., Tensor], z: Tensor, actions: Tensor | None, *, device: torch.device
) -> Float[Tensor, "B E"]:
    """What an aggregator or a predictor makes of sequences, so many at once."""
    made = []
    with foreign_code("the encoder's methods aggregate and predict", EncoderError):
        for part in torch.arange(len(z)).split(SEQUENCES_AT_ONCE):
            made.append(ask(z[part].to(device), None if actions is None else actions[part].to(device)).float().cpu())
    return torch.cat(made)
