"""An encoder's calls as named representations: of its output, or of several of its layers in one pass."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from typing import Any, Literal

import torch
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
    how_pooled,
    pick_of_layer,
    prefix_tokens,
    said_pool,
)
from seqjepa.encoders.preprocess import Prepare, chosen_preprocess
from seqjepa.types import InputError
from seqjepa.types.foreign import foreign_code

Dtype = Literal["float32", "bfloat16", "float16"]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
LOG = logging.getLogger(__name__)
OUTPUT = "z"


class Reading:
    """Views (B, C, H, W) to a representation (B, D) by name: "z" of the output, else one for each layer.

    Args:
        encoder: any callable.
        preprocess: see ``represent``.
        pick, pool: see ``encode``.
        layers: of a module, recorded by hooks while this is entered; none for the output.
        dtype: in which the encoder computes, by autocast but for float32.

    Attributes:
        layers: that are recorded; none where the output is read.
        metadata: the encoder's name and its preprocessing.
        pooled: for each representation, in words, what was made of the output, once it was seen.

    Raises:
        InputError: a layer that does not exist, with the names there are; another dtype.
    """

    def __init__(
        self,
        encoder: Encoder,
        preprocess: Prepare = "auto",
        pick: str | int | None = None,
        pool: Pool = "mean",
        layers: Sequence[str] = (),
        dtype: Dtype = "float32",
    ) -> None:
        if layers and isinstance(encoder, nn.Module):
            check_layers(encoder, layers)
        check_dtype(dtype)
        self._encoder, self._prepare = encoder, chosen_preprocess(encoder, preprocess)
        self._pool: Pool = said_pool(encoder, pool)
        self._prefix = prefix_tokens(encoder)
        self._pick = pick if layers else chosen_output(encoder, pick)
        self.layers, self._seen, self._hooks = tuple(layers), dict[str, Any](), ExitStack()
        self._dtype = DTYPES[dtype]
        self.metadata = {"encoder": encoder_name(encoder), "preprocess": str(self._prepare), "dtype": dtype}
        if (weights := self._weights()) is not None:
            self.metadata["weights"] = weights
        self.pooled: dict[str, str] = {}

    def __enter__(self) -> Reading:
        if self.layers and isinstance(self._encoder, nn.Module):
            modules = dict(self._encoder.named_modules())
            for name in self.layers:
                self._hooks.callback(modules[name].register_forward_hook(self._record(name)).remove)
        return self

    def __exit__(self, *error: object) -> None:
        self._hooks.close()

    def __call__(self, views: Float[Tensor, "B C H W"]) -> dict[str, Float[Tensor, "B _"]]:
        """The representations. Raises EncoderError; InputError for a layer that is not reached."""
        self._seen.clear()
        ready = self._prepare(views)
        fewer_bits = torch.autocast(ready.device.type, self._dtype) if self._dtype != torch.float32 else nullcontext()
        with fewer_bits:
            output = called(self._encoder, ready)
        if not self.layers:
            return {OUTPUT: self._represented(OUTPUT, output, ready, self._pick)}
        if missing := [name for name in self.layers if name not in self._seen]:
            raise InputError(f"layers: the encoder did not pass through {', '.join(missing)}")
        picks = {name: pick_of_layer(self._seen[name], self._pick) for name in self.layers}
        if self._pick is not None and all(of is None for of in picks.values()):
            raise EncoderError(f"pick={self._pick!r} was given, but every layer returned a single output")
        return {name: self._represented(name, self._seen[name], ready, picks[name]) for name in self.layers}

    def digest(self) -> str:
        """A hash of what is known of the encoder without calling it."""
        return hashlib.sha256(f"{type(self._encoder).__qualname__} {self.metadata}".encode()).hexdigest()

    def _weights(self) -> str | None:
        """A hash of the weights of a module; of a file's content, where the encoder says it (``digest``)."""
        if isinstance(told := getattr(self._encoder, "digest", None), str):
            return told
        if not isinstance(self._encoder, nn.Module):
            return None
        found = hashlib.sha256()
        with foreign_code("the encoder, asked for its weights,", EncoderError):
            weights = self._encoder.state_dict()
        for name, tensor in weights.items():
            if isinstance(tensor, Tensor):  # a module may keep other things there
                found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
                found.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        return found.hexdigest()[:32]

    def _represented(self, name: str, output: Any, ready: Tensor, pick: str | int | None) -> Tensor:
        z = checked_representation(output, ready, pick, self._pool, self._prefix)
        if name not in self.pooled:
            self.pooled[name] = how_pooled(output, pick, self._pool, ready.shape[2:], self._prefix)
            if self.pooled[name] != AS_IT_IS:  # nothing was guessed
                where = "" if name == OUTPUT else f" of {name}"
                LOG.info("the representation%s is: %s", where, self.pooled[name])
        return z

    def _record(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            # A layer after this one may work in place on what this one returned.
            self._seen[name] = output.clone() if isinstance(output, Tensor) else output

        return hook


def check_dtype(dtype: str) -> None:
    """Raises InputError for what is none of ``DTYPES``."""
    if dtype not in DTYPES:
        raise InputError(f"dtype: {dtype!r} is not one of {', '.join(DTYPES)}")


def check_layers(encoder: nn.Module, layers: Sequence[str]) -> None:
    """Raises InputError for a layer that the encoder does not have, with the names that it has."""
    modules = dict(encoder.named_modules())
    for name in layers:
        if name not in modules:
            raise InputError(f"layers: {name!r} is not one of {', '.join(n for n in modules if n)}")
