"""An encoder as a plain callable: called safely, its output made a representation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from seqjepa.encoders.asking import Encoder, EncoderError, Pool, prefix_tokens
from seqjepa.types.foreign import foreign_code
from seqjepa.types.limits import CODE

AS_IT_IS = "the output"  # a representation that needed no pooling and no picking


@contextmanager
def frozen(encoder: Encoder) -> Iterator[None]:
    """Eval mode and no gradient inside; every submodule's mode is restored after, its statistics were never touched."""
    with foreign_code("the encoder, asked for its modules,", EncoderError):
        modules = list(encoder.modules()) if isinstance(encoder, nn.Module) else []
        modes = [module.training for module in modules]
    try:
        if isinstance(encoder, nn.Module):
            with foreign_code("the encoder, put into eval mode,", EncoderError):
                encoder.eval()
        with torch.no_grad():
            yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode


def encode(encoder: Encoder, images: Float[Tensor, "B C H W"], pick: str | int | None, pool: Pool) -> Tensor:
    """The representations (B, D) of a batch, or EncoderError in one line.

    Args:
        encoder: any callable, in eval mode.
        images: what it is called with.
        pick: the key of a dict or the index of a tuple that holds the representation.
        pool: what to do with a feature map or tokens (B, T, C): "mean" over places or tokens, over "patches" (tokens
            but those of the class and registers), the "first" token, "flatten"; "none" takes (B, D) only. Which axis
            of a map holds the channels an encoder may say (``output_fmt``); else "mean" tells it by its shape, and
            asks where that does not; "mean_nchw" and "mean_nhwc" say it.
    """
    return checked_representation(called(encoder, images), images, pick, pool, prefix_tokens(encoder))


def called(encoder: Encoder, images: Float[Tensor, "B C H W"]) -> Any:
    """What the encoder returns: the one place that calls an encoder. Whatever it raises is an EncoderError.

    A module whose weights are all of another floating type is given images of that type.
    """
    with foreign_code(f"the encoder, given images of shape {tuple(images.shape)},", EncoderError):
        weights = encoder.parameters() if isinstance(encoder, nn.Module) else ()
        kinds = {weight.dtype for weight in weights if weight.is_floating_point()}
        return encoder(images.to(dtype=kinds.pop()) if len(kinds) == 1 else images)


def checked_representation(
    output: Any, images: Float[Tensor, "B C H W"], pick: str | int | None, pool: Pool, prefix: int | None = None
) -> Float[Tensor, "B D"]:
    """An encoder's output for these images as representations, without gradient.

    Args:
        output: what the encoder returned.
        images: that it was given.
        pick, pool: as in ``encode``.
        prefix: see ``prefix_tokens``.

    Raises:
        EncoderError: it is none, of another number of images, or not finite.
    """
    with foreign_code(f"the encoder returned a {type(output).__name__} which, when it was read,", EncoderError):
        found, count = as_representation(output, pick, pool, images.shape[2:], prefix).detach(), len(images)
        found = found if found.dtype in (torch.float32, torch.float64) else found.float()
        if len(found) != count:
            raise EncoderError(f"the encoder returned {len(found)} representations for {count} images")
        if not found.shape[1]:
            raise EncoderError("the encoder returned a representation of 0 dimensions")
        if not found.isfinite().all():
            raise EncoderError("the encoder returned a representation that is not finite (NaN or infinity)")
        if float(found.abs().max()) > CODE:
            raise EncoderError(f"the encoder returned a representation beyond ±{CODE:.0e}")
    return found


def pick_of_layer(output: Any, pick: str | int | None) -> str | int | None:
    """``pick`` for a layer that returns several outputs; None for one with a single output, where it means nothing."""
    return pick if isinstance(output, Mapping | tuple | list) and len(output) > 1 else None


def as_representation(
    output: Any, pick: str | int | None, pool: Pool, size: Sequence[int] = (1, 1), prefix: int | None = None
) -> Shaped[Tensor, "B D"]:
    """An encoder's output as representations, with its gradient.

    Args:
        output: what the encoder returned.
        pick, pool: as in ``encode``.
        size: height and width of the images that it was given.
        prefix: see ``prefix_tokens``.

    Raises:
        EncoderError: it is none.
    """
    return _pooled(_picked(output, pick), pool, size, prefix)


def how_pooled(output: Any, pick: str | int | None, pool: Pool, size: Sequence[int], prefix: int | None = None) -> str:
    """In words, what of the output is the representation: what was guessed has to be seen.

    Args:
        output, pick, pool, size, prefix: as in ``as_representation``, which refuses the same.
    """
    found = _picked(output, pick)
    said = f"output {pick!r}" if isinstance(output, Mapping | tuple | list) and len(output) > 1 else AS_IT_IS
    if found.ndim == 3 and pool == "patches":
        tokens = found.shape[1]
        return f"{said}: mean over {tokens - (prefix or 0)} of {tokens} tokens, the first {prefix} left out"
    if found.ndim == 3 and pool.startswith("mean"):
        return f"{said}: mean over {found.shape[1]} tokens"
    if found.ndim == 4 and pool.startswith("mean"):
        last = _channels_last(found, pool, size)
        high, wide = found.shape[1:3] if last else found.shape[2:]
        channels = found.shape[3 if last else 1]
        stand = f"{'last' if last else 'first'} ({'by its shape' if pool == 'mean' else 'as told'})"
        return f"{said}: mean over {high} × {wide} places of {channels} channels, which stand {stand}"
    return said if found.ndim == 2 else f"{said}: {pool}"


def _picked(output: Any, pick: str | int | None) -> Tensor:
    if isinstance(output, Mapping | tuple | list) and not len(output):
        raise EncoderError(f"the encoder returned nothing: an empty {type(output).__name__}")
    if pick is None and isinstance(output, Mapping | tuple | list) and len(output) == 1:
        (output,) = output.values() if isinstance(output, Mapping) else output  # there is nothing to choose
    elif isinstance(output, Mapping):
        key = next((key for key in output if key == pick or str(key) == str(pick)), None)  # --pick 0 may be "0"
        if key is None:
            choices = ", ".join(repr(key) for key in output)
            raise EncoderError(
                f"the encoder returned a dict; say which entry is the representation with pick=…, one of {choices}"
            )
        output = output[key]
    elif isinstance(output, tuple | list):
        if not isinstance(pick, int) or not 0 <= pick < len(output):
            raise EncoderError(
                f"the encoder returned {len(output)} outputs; say which is the representation with "
                f"pick=0 … {len(output) - 1}"
            )
        output = output[pick]
    elif pick is not None:
        raise EncoderError(f"pick={pick!r} was given, but the encoder returned a single output")
    if not isinstance(output, Tensor):
        raise EncoderError(f"the encoder returned {type(output).__name__}, not a tensor")
    if output.layout != torch.strided or output.is_complex():
        kind = str(output.dtype if output.is_complex() else output.layout).removeprefix("torch.")
        raise EncoderError(f"the encoder returned a tensor that is {kind}, not dense and real")
    return output


def _channels_last(output: Tensor, pool: Pool, size: Sequence[int]) -> bool:
    """Whether the channels of a map (B, …) stand last: its places are laid out like the image's, its channels are not.

    Raises:
        EncoderError: by its shape they could stand first or last.
    """
    if pool != "mean":
        return pool == "mean_nhwc"
    one, two, three = output.shape[1:]
    height, width = size

    def like_the_image(high: int, wide: int) -> bool:
        return abs(high * width - wide * height) <= max(height, width) * (height != width)

    first, last = like_the_image(two, three), like_the_image(one, two)
    if first == last:  # some encoders make a square of any image
        first, last = two == three, one == two
    if first == last:
        raise EncoderError(
            f"the encoder returned a map of shape {tuple(output.shape)}, whose channels may stand first or last; "
            "say which with pool='mean_nchw' or pool='mean_nhwc'"
        )
    return last


def _pooled(output: Tensor, pool: Pool, size: Sequence[int], prefix: int | None) -> Tensor:
    if output.ndim == 2:
        return output
    shape = tuple(output.shape)
    if pool == "flatten" and output.ndim > 2:
        return output.flatten(1)
    if pool.startswith("mean") and output.ndim == 4:
        return output.mean((1, 2) if _channels_last(output, pool, size) else (2, 3))
    if pool == "patches" and output.ndim == 3:
        if prefix is None:
            raise EncoderError(
                f"the encoder returned tokens {shape} and does not say how many of them are no patches; give it an "
                "attribute prefix_tokens, or another pool"
            )
        return output[:, prefix:].mean(1)
    if pool.startswith("mean") and output.ndim == 3:
        return output.mean(1)
    if pool == "first" and output.ndim == 3:
        return output[:, 0]
    raise EncoderError(
        f"the encoder returned shape {shape}, not (B, D); say how to make a vector of each with pool='mean' (over "
        f"places or tokens), 'first' (token) or 'flatten'; pool={pool!r} does not fit"
    )


def check_encoder(
    encode_batch: Callable[[Tensor], dict[str, Tensor]], images: Float[Tensor, "B C H W"]
) -> dict[str, Tensor]:
    """The representations of a handful of views.

    Compared on a handful of views: twice the same batch; then halves of it. Rounding may differ with the batch's size,
    so a thousandth of the representations' spread is let pass. An encoder may also make much of rounding on a view now
    and then (one that first turns the view upright, where two ways up are equally near), and batch statistics move
    every view: so the median view decides.

    Raises:
        EncoderError: the encoder is not deterministic, or its output for an image depends on its batch.
    """

    def encoded(part: Tensor) -> dict[str, Tensor]:  # an encoder may write into the same memory each time
        return {name: z.clone() for name, z in encode_batch(part).items()}

    once, again = encoded(images), encoded(images)
    half = len(images) // 2
    firsts, seconds = encoded(images[:half]), encoded(images[half:])
    for name, z in once.items():
        if (fewer := firsts[name].shape[1]) != z.shape[1]:
            raise EncoderError(
                f"the encoder returned {z.shape[1]} dimensions for {len(images)} images and {fewer} for {half}"
            )
    apart = {name: torch.cat([first, seconds[name]]) for name, first in firsts.items()}
    for name, z in once.items():
        spread = float((z.double() - z.double().mean(0)).square().mean().sqrt())
        allowed = 1e-3 * spread + 1e-12
        if float((z - again[name]).abs().max()) > allowed:
            raise EncoderError(
                "the encoder is not deterministic: the same images gave another output the second time (dropout?)"
            )
        if float((z - apart[name]).abs().amax(1).median()) > allowed:
            raise EncoderError(
                "the encoder's output for an image depends on the batch it sits in (batch statistics? use eval mode)"
            )
    return once
