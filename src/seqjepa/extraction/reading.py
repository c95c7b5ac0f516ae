"""An encoder's calls as named representations: of its output, or of several of its layers in one pass."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seqjepa.encoders.asking import (
    Encoder,
    EncoderError,
    Pool,
    chosen_output,
    encoder_name,
    prefix_tokens,
    said,
    said_pool,
)
from seqjepa.encoders.calling import AS_IT_IS, called, check_encoder, checked_representation, how_pooled, pick_of_layer
from seqjepa.encoders.layers import Recorder, check_layers, pool_of
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
        layers: recorded while this is entered, see ``Recorder``; of a map or tokens "layer2:flatten" is pooled another
            way than the others. None for the output.
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
        check_dtype(dtype)
        if layers:
            check_layers(encoder, layers)
        self._encoder, self._prepare = encoder, chosen_preprocess(encoder, preprocess)
        self._pool: Pool = said_pool(encoder, pool)
        self._prefix = prefix_tokens(encoder)
        self._pick = pick if layers else chosen_output(encoder, pick)
        self.layers, pools = tuple(layers), {layer: pool_of(layer, self._pool) for layer in layers}
        self._names = {layer: name for layer, (name, _) in pools.items()}
        self._pools: dict[str, Pool] = {layer: of for layer, (_, of) in pools.items()} or {OUTPUT: self._pool}
        self._recorder = Recorder(encoder, [*self._names.values()]) if layers else None
        self._dtype = DTYPES[dtype]
        self.metadata = {"encoder": encoder_name(encoder), "preprocess": str(self._prepare), "dtype": dtype}
        if (weights := self._weights()) is not None:
            self.metadata["weights"] = weights
        self.pooled: dict[str, str] = {}
        self._checked: tuple[Tensor, dict[str, Tensor]] | None = None

    def __enter__(self) -> Reading:
        if self._recorder is not None:
            self._recorder.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._recorder is not None:
            self._recorder.__exit__(*error)

    def __call__(self, views: Float[Tensor, "B C H W"]) -> dict[str, Float[Tensor, "B _"]]:
        """The representations. Raises EncoderError; InputError for a layer that is not reached."""
        ready = self._prepare(views)
        fewer_bits = torch.autocast(ready.device.type, self._dtype) if self._dtype != torch.float32 else nullcontext()
        with fewer_bits:
            output = called(self._encoder, ready) if self._recorder is None else self._recorder(ready)
        if self._recorder is None:
            return {OUTPUT: self._represented(OUTPUT, output, ready, self._pick)}
        seen = {layer: output[name] for layer, name in self._names.items()}
        picks = {layer: pick_of_layer(seen[layer], self._pick) for layer in self.layers}
        if self._pick is not None and all(of is None for of in picks.values()):
            raise EncoderError(f"pick={self._pick!r} was given, but every layer returned a single output")
        return {layer: self._represented(layer, seen[layer], ready, picks[layer]) for layer in self.layers}

    def checked(self, few: Float[Tensor, "B C H W"]) -> dict[str, Float[Tensor, "B _"]]:
        """Representations of a few views, see ``check_encoder``; of the same views the encoder is not asked twice."""
        if self._checked is None or not torch.equal(self._checked[0], few):
            self._checked = few, check_encoder(self, few)
        return self._checked[1]

    def digest(self) -> str:
        """A hash of what is known of the encoder without calling it."""
        return hashlib.sha256(f"{type(self._encoder).__qualname__} {self.metadata}".encode()).hexdigest()

    def _weights(self) -> str | None:
        """A hash of the weights of a module; of a file's content, where the encoder says it (``digest``)."""
        if told := said(self._encoder, "digest", str):
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
        pool = self._pools[name]
        z = checked_representation(output, ready, pick, pool, self._prefix)
        if name not in self.pooled:
            self.pooled[name] = how_pooled(output, pick, pool, ready.shape[2:], self._prefix)
            if self.pooled[name] != AS_IT_IS:  # nothing was guessed
                where = "" if name == OUTPUT else f" of {name}"
                LOG.info("the representation%s is: %s", where, self.pooled[name])
        return z


def check_dtype(dtype: str) -> None:
    """Raises InputError for what is none of ``DTYPES``."""
    if dtype not in DTYPES:
        raise InputError(f"dtype: {dtype!r} is not one of {', '.join(DTYPES)}")
