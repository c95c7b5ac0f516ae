"""What an encoder says of itself. It is asked here and nowhere else: an attribute may be code, and hold anything."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Literal, get_args

from torch import Tensor

from seqjepa.types import InputError
from seqjepa.types.foreign import foreign_code

Encoder = Callable[[Tensor], Any]
Pool = Literal["none", "mean", "mean_nchw", "mean_nhwc", "patches", "first", "flatten"]
POOLS = get_args(Pool)
NAME = 200  # letters of an encoder's name that are kept


class EncoderError(InputError):
    """An encoder that cannot be diagnosed; the message says what it did."""


def said(encoder: Any, name: str, *kinds: Any) -> Any:
    """An attribute of an encoder, if it is of one of these kinds; else None, as where there is none.

    A wrapper may answer every name with something. A truth value is no number here.

    Raises:
        EncoderError: the attribute is code that raised.
    """
    with foreign_code(f"the encoder, asked for its {name},", EncoderError):
        found = getattr(encoder, name, None)
        return found if isinstance(found, kinds) and not isinstance(found, bool) else None


def prefix_tokens(encoder: Encoder) -> int | None:
    """How many tokens an encoder says that it puts before those of patches; None where it does not say."""
    for name in ("prefix_tokens", "num_prefix_tokens"):  # the second is timm's
        if (told := said(encoder, name, int)) is not None:
            return told
    return None


def said_pool(encoder: Encoder, pool: Pool) -> Pool:
    """``pool``, with where the channels of a map stand, if the encoder says it: ``output_fmt``, as timm's models do."""
    if pool not in POOLS:
        raise InputError(f"pool: {str(pool)[:80]!r} is not one of {', '.join(POOLS)}")
    told: dict[str, Pool] = {"NHWC": "mean_nhwc", "NCHW": "mean_nchw"}
    layout = said(encoder, "output_fmt", str, Enum)  # timm has a text or an Enum
    layout = layout.value if isinstance(layout, Enum) else layout
    return told.get(layout, pool) if pool == "mean" and isinstance(layout, str) else pool


def encoder_name(encoder: Encoder) -> str:
    """What to call an encoder: its own name, a function's, or its type's; printable, since it is saved and shown."""
    name = said(encoder, "name", str) or said(encoder, "__name__", str) or type(encoder).__name__
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in name[:NAME])


def chosen_output(encoder: Encoder, pick: str | int | None) -> str | int | None:
    """``pick``, or where it is None the output that is usual for the encoder, if it names one (``usual_pick``)."""
    if pick is not None:
        return pick
    return said(encoder, "usual_pick", str, int)
