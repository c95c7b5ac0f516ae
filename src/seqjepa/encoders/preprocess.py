"""What a foreign encoder expects of its images: size, channels, mean and standard deviation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from seqjepa.encoders.asking import Encoder, EncoderError, said
from seqjepa.types import InputError
from seqjepa.types.checking import check_whole
from seqjepa.types.foreign import foreign_code

COLOURS = (1, 3)  # channels that images have
Prepare = Literal["auto"] | Callable[[Tensor], Tensor] | Mapping[str, Any] | None
MOST_PIXELS = 8192  # a side
CHANNELS = {"grey": 1, "rgb": 3, "bgr": 3}  # by name, beside a number


@dataclass(frozen=True)
class Preprocess:
    """What is done to views in [0, 1] before an encoder, in this order; what is None is left as it is.

    Grey to as many channels as wanted (colour to grey by luminance, where it is asked for by name); the size; the order
    of the channels; the range of the values; (x - mean) / std, of values in that range and channels in that order.

    Attributes:
        channels: how many there are in the end.
        size: height and width.
        mean, std: of each channel.
        bgr: whether blue stands first.
        value_range: what 0 and 1 become.
        told_by: where it was read.
    """

    channels: int | None = None
    size: tuple[int, int] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    bgr: bool = False
    value_range: tuple[float, float] | None = None
    told_by: str = field(default="", compare=False)

    def __call__(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D E F"]:
        """Raises EncoderError when colour images meet an encoder of another number of channels."""
        if self.channels is not None and images.shape[1] != self.channels:
            if images.shape[1] != 1:
                raise EncoderError(
                    f"images of {images.shape[1]} channels, and the encoder expects {self.channels}"
                    + "; --channels grey makes them grey" * (self.channels == 1)
                )
            images = images.expand(-1, self.channels, -1, -1)
        if self.size is not None and images.shape[2:] != torch.Size(self.size):
            images = F.interpolate(images, self.size, mode="bilinear", antialias=True)
        if self.bgr:
            images = images.flip(1)
        if self.value_range is not None:
            low, high = self.value_range
            images = images * (high - low) + low
        if self.mean is not None and self.std is not None:
            mean, std = (torch.tensor(v, device=images.device)[:, None, None] for v in (self.mean, self.std))
            images = (images - mean) / std
        return images

    def __str__(self) -> str:
        """What is done, what was assumed for want of knowledge, and who told."""
        said = {"channels": self.channels, "size": self.size, "mean": self.mean, "std": self.std}
        said |= {"channels in the order": "BGR" if self.bgr else None, "values in": self.value_range}
        done = ", ".join(f"{k} {v}" for k, v in said.items() if v is not None) or "none"
        told = self.value_range is not None or (self.mean is not None and self.std is not None)
        assumed = "" if told else "; assumed: values in [0, 1]"
        return done + assumed + (f" (from {self.told_by})" if self.told_by else "")


@dataclass(frozen=True)
class Grey:
    """Colour to grey by luminance (ITU-R BT.601), then what else is done."""

    then: Preprocess

    def __call__(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D E F"]:
        """Raises EncoderError for images of neither one nor three channels."""
        if images.shape[1] == 3:
            weights = torch.tensor([0.299, 0.587, 0.114], device=images.device, dtype=images.dtype)
            images = (images * weights[:, None, None]).sum(1, keepdim=True)
        return self.then(images)

    def __str__(self) -> str:
        """What is done."""
        return f"colour made grey, {self.then}"


def with_changes(told: Preprocess, changes: Mapping[str, Any]) -> Preprocess | Grey:
    """What an encoder says of its images, changed by what a user says.

    Args:
        told: see ``expected_input``.
        changes: "size" (a number, or height and width), "mean" and "std" (a number, or one a channel), "channels"
            ("grey", "rgb", "bgr" or how many), "value_range" (low, high).

    Raises:
        InputError: another name or a value that cannot be.
    """
    known = ("size", "mean", "std", "channels", "value_range")
    if unknown := [name for name in changes if name not in known]:
        raise InputError(f"preprocess: {unknown[0]!r} is not one of {', '.join(known)}")
    made: dict[str, Any] = {"told_by": f"{told.told_by} and the user" if told.told_by else "the user"}
    channels = changes.get("channels")
    if channels is not None:
        if isinstance(channels, str) and channels in CHANNELS:
            made |= {"channels": CHANNELS[channels], "bgr": channels == "bgr"}
        else:
            check_whole("channels", channels, 1, 10_000)
            made |= {"channels": int(channels)}
    count = made.get("channels", told.channels)
    for name in ("mean", "std"):
        if changes.get(name) is not None:
            made[name] = _numbers(name, changes[name])
            if len(made[name]) == 1 and count:
                made[name] *= count
            if count and len(made[name]) != count:
                raise InputError(f"{name}: {len(made[name])} numbers for {count} channels")
    if changes.get("size") is not None:
        size = changes["size"] if isinstance(changes["size"], Sequence) else [changes["size"]]
        for length in size:
            check_whole("size", length, 1, MOST_PIXELS)
        if len(size) not in (1, 2):
            raise InputError(f"size: a number, or height and width, not {len(size)} numbers")
        made["size"] = (int(size[0]), int(size[-1]))
    if changes.get("value_range") is not None:
        made["value_range"] = _numbers("value_range", changes["value_range"])
        if len(made["value_range"]) != 2 or made["value_range"][0] == made["value_range"][1]:
            raise InputError("value_range: two numbers are needed, what 0 and 1 become, as in 0 255")
    whole = replace(told, **made)
    if (whole.mean is None) != (whole.std is None):
        raise InputError("mean and std go together: give both")
    if whole.std is not None and min(abs(value) for value in whole.std) == 0:
        raise InputError("std: 0 cannot be divided by")
    return Grey(whole) if channels == "grey" else whole


def _numbers(name: str, given: Any) -> tuple[float, ...]:
    values = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e30:
            raise InputError(f"{name}: numbers are needed, not {str(value)[:80]!r}")
    return tuple(float(value) for value in values)


def chosen_preprocess(encoder: Encoder, preprocess: Prepare) -> Callable[[Tensor], Tensor]:
    """What is done to views before the encoder.

    "auto" is ``expected_input``, a mapping the same with these changes (``with_changes``), None nothing, else what was
    given. Raises InputError for anything else.
    """
    if preprocess not in ("auto", None) and not callable(preprocess) and not isinstance(preprocess, Mapping):
        raise InputError(
            f"preprocess: 'auto', None, a callable, or changes as in {{'size': 224}} are needed, not {preprocess!r}"
        )
    if preprocess == "auto" or isinstance(preprocess, Mapping):
        with foreign_code("the encoder, asked what images it expects,", EncoderError):
            told = expected_input(encoder)
        return with_changes(told, preprocess) if isinstance(preprocess, Mapping) else told
    if preprocess is None or isinstance(preprocess, Preprocess | Grey):
        return preprocess or Preprocess()
    return OwnPreprocess(preprocess)


@dataclass(frozen=True)
class OwnPreprocess:
    """A function of the user's own, called safely."""

    function: Callable[[Tensor], Tensor]

    def __call__(self, images: Float[Tensor, "B C H W"]) -> Tensor:
        """What the function returns. Raises EncoderError when it raises, or returns no tensor with a row an image."""
        with foreign_code(f"preprocess, given images of shape {tuple(images.shape)},", EncoderError):
            found = self.function(images)
        if not isinstance(found, Tensor) or found.ndim < 1 or len(found) != len(images):
            what = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
            raise EncoderError(f"preprocess returned {what} for {len(images)} images, not a tensor with a row for each")
        return found

    def __str__(self) -> str:
        """Its name, without its address in memory, so that equal calls leave equal files."""
        return getattr(self.function, "__qualname__", None) or type(self.function).__qualname__


def expected_input(encoder: Encoder) -> Preprocess:
    """What an encoder says that it expects.

    In this order: its own ``expects`` (a ``Preprocess``, as the encoders have that ``open_encoder`` makes), timm's
    ``pretrained_cfg`` as far as the model was made so, the channels of its first convolution of images. Anything else
    is taken as it is, in [0, 1]; what was assumed stands in ``Sweeps.metadata["preprocess"]``.
    """
    if told := said(encoder, "expects", Preprocess):
        return told
    cfg = said(encoder, "pretrained_cfg", Mapping) or said(encoder, "default_cfg", Mapping)
    if cfg and "input_size" in cfg:
        return _of_cfg(encoder, cfg)
    convolutions = [m for m in encoder.modules() if isinstance(m, nn.Conv2d)] if isinstance(encoder, nn.Module) else []
    if not convolutions:
        return Preprocess()
    # Modules stand in the order in which they were made, which need not be that in which they are called.
    first = next((m for m in convolutions if m.in_channels in COLOURS), convolutions[0])
    return Preprocess(channels=first.in_channels, told_by="its first convolution")


def _of_cfg(encoder: Encoder, cfg: Mapping[str, Any]) -> Preprocess:
    """timm's ``pretrained_cfg``, which says what the weights were published with; what the model itself has overrules.

    A model made with other channels or another size (``in_chans``, ``img_size``) keeps the published record. Its mean
    and std are then those of all published channels together.
    """
    channels, *size = cfg["input_size"]
    mean, std = (tuple(cfg[name]) if cfg.get(name) else None for name in ("mean", "std"))
    made: list[str] = []
    modules = dict(encoder.named_modules()) if isinstance(encoder, nn.Module) else {}
    first = modules.get(str(cfg.get("first_conv")))
    if isinstance(first, nn.Conv2d) and first.groups == 1 and first.in_channels != channels:
        channels = first.in_channels
        mean, std = (None if v is None else (sum(v) / len(v),) * channels for v in (mean, std))
        made.append("channels")
    own = getattr(modules.get("patch_embed"), "img_size", None)
    if isinstance(own, tuple | list) and len(own) == 2 and list(own) != size:
        size = [int(n) for n in own]
        made.append("size")
    told_by = "its pretrained_cfg" + f", {' and '.join(made)} as it was made" * bool(made)
    return Preprocess(channels, (size[0], size[1]), mean, std, told_by=told_by)
