"""What a foreign encoder expects of its images: size, channels, mean and standard deviation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from seqjepa.encoders.calling import Encoder, EncoderError
from seqjepa.types import InputError
from seqjepa.types.foreign import foreign_code

COLOURS = (1, 3)  # channels that images have
Prepare = Literal["auto"] | Callable[[Tensor], Tensor] | None


@dataclass(frozen=True)
class Preprocess:
    """Grey to as many channels as wanted, then the size, then (x - mean) / std; what is None is left as it is.

    ``told_by`` says where it was read.
    """

    channels: int | None = None
    size: tuple[int, int] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    told_by: str = field(default="", compare=False)

    def __call__(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D E F"]:
        """Raises EncoderError when colour images meet an encoder of another number of channels."""
        if self.channels is not None and images.shape[1] != self.channels:
            if images.shape[1] != 1:
                raise EncoderError(f"images of {images.shape[1]} channels, and the encoder expects {self.channels}")
            images = images.expand(-1, self.channels, -1, -1)
        if self.size is not None and images.shape[2:] != torch.Size(self.size):
            images = F.interpolate(images, self.size, mode="bilinear", antialias=True)
        if self.mean is not None and self.std is not None:
            mean, std = (torch.tensor(v, device=images.device)[:, None, None] for v in (self.mean, self.std))
            images = (images - mean) / std
        return images

    def __str__(self) -> str:
        """What is done, what was assumed for want of knowledge, and who told."""
        said = {"channels": self.channels, "size": self.size, "mean": self.mean, "std": self.std}
        done = ", ".join(f"{k} {v}" for k, v in said.items() if v is not None) or "none"
        assumed = "" if self.mean is not None and self.std is not None else "; assumed: values in [0, 1]"
        return done + assumed + (f" (from {self.told_by})" if self.told_by else "")


def chosen_preprocess(encoder: Encoder, preprocess: Prepare) -> Callable[[Tensor], Tensor]:
    """What is done to views before the encoder: "auto" is ``expected_input``, None nothing, else what was given.

    Raises InputError for anything else.
    """
    if preprocess not in ("auto", None) and not callable(preprocess):
        raise InputError(f"preprocess: 'auto', None or a callable is needed, not {preprocess!r}")
    if preprocess == "auto":
        with foreign_code("the encoder, asked what images it expects,", EncoderError):
            return expected_input(encoder)
    if preprocess is None or isinstance(preprocess, Preprocess):
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
    told = getattr(encoder, "expects", None)
    if isinstance(told, Preprocess):
        return told
    cfg = getattr(encoder, "pretrained_cfg", None) or getattr(encoder, "default_cfg", None)
    if isinstance(cfg, Mapping) and "input_size" in cfg:
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
