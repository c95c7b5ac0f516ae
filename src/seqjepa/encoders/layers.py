"""Layers of an encoder by name, recorded in one pass: modules by hooks, others as they offer it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Protocol, TypeGuard, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn

from seqjepa.encoders.asking import POOLS, Encoder, EncoderError, Pool, said
from seqjepa.encoders.calling import called
from seqjepa.types import InputError
from seqjepa.types.foreign import foreign_code

LISTED = 100  # layers that a refusal names


@runtime_checkable
class Layered(Protocol):
    """An encoder that is no module and has layers: a graph by its nodes."""

    def layer_names(self) -> Sequence[str]:
        """The layers that there are."""
        ...

    def layer_outputs(self, images: Float[Tensor, "B C H W"], layers: Sequence[str]) -> dict[str, Tensor]:
        """What some of them return, by name."""
        ...


def is_graph(encoder: Any) -> TypeGuard[Layered]:
    """Whether an encoder that is no module says what its layers are. Raises EncoderError as ``said`` does."""
    return all(said(encoder, name, Callable) for name in ("layer_names", "layer_outputs"))


def pool_of(layer: str, pool: Pool) -> tuple[str, Pool]:
    """A layer's name, and how its maps are pooled: ``pool``, unless it is given as ``"layer2:flatten"``."""
    name, colon, said = layer.rpartition(":")
    return (name, said) if colon and said in POOLS else (layer, pool)  # pyright: ignore[reportReturnType] (one of POOLS)


def check_layers(encoder: Encoder, layers: Sequence[str]) -> None:
    """Raises InputError for a layer that the encoder does not have or that is given twice; see ``pool_of``."""
    check_names(encoder, [pool_of(layer, "mean")[0] for layer in layers])
    if len(set(layers)) < len(layers):
        raise InputError(f"layers: one is given twice in {', '.join(layers)}")


def check_names(encoder: Encoder, names: Sequence[str]) -> None:
    """Raises InputError for a layer that the encoder does not have, with the names that it has."""
    if isinstance(encoder, nn.Module):
        with foreign_code("the encoder, asked for its modules,", EncoderError):
            there = [name for name, _ in encoder.named_modules() if name]
    elif is_graph(encoder):
        with foreign_code("the encoder, asked for its layers,", EncoderError):
            there = [str(name) for name in encoder.layer_names()]
    else:
        raise InputError(f"layers: a {type(encoder).__name__} has none")
    for name in names:
        if name not in there:
            more = f" … ({len(there)} in all)" if len(there) > LISTED else ""
            raise InputError(f"layers: {name!r} is not one of {', '.join(there[:LISTED])}{more}")


class Recorder:
    """What layers return in a pass; entered, the hooks of a module are in place.

    Args:
        encoder: a module, or what is ``Layered``.
        layers: their names.

    Raises:
        InputError: a layer that does not exist.
    """

    def __init__(self, encoder: Encoder, layers: Sequence[str]) -> None:
        check_names(encoder, layers)
        self._encoder, self._layers = encoder, list(dict.fromkeys(layers))
        self._seen, self._hooks = dict[str, Any](), ExitStack()

    def __enter__(self) -> Recorder:
        if isinstance(self._encoder, nn.Module):
            modules = dict(self._encoder.named_modules())
            for name in self._layers:
                self._hooks.callback(modules[name].register_forward_hook(self._record(name)).remove)
        return self

    def __exit__(self, *error: object) -> None:
        self._hooks.close()

    def __call__(self, images: Float[Tensor, "B C H W"]) -> dict[str, Any]:
        """Each layer's output. Raises EncoderError; InputError for a layer that is not reached."""
        self._seen.clear()
        if isinstance(self._encoder, nn.Module):
            called(self._encoder, images)
        elif is_graph(encoder := self._encoder):
            outputs = called(lambda x: encoder.layer_outputs(x, self._layers), images)
            if not isinstance(outputs, dict):
                raise EncoderError(f"the encoder's layer_outputs returned {type(outputs).__name__}, not a dict")
            self._seen |= outputs
        if missing := [name for name in self._layers if name not in self._seen]:
            raise InputError(f"layers: the encoder did not pass through {', '.join(missing)}")
        return dict(self._seen)

    def _record(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            # A layer after this one may work in place on what this one returned.
            self._seen[name] = output.clone() if isinstance(output, Tensor) else output

        return hook
