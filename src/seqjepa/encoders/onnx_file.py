"""An ONNX file as an encoder, through onnxruntime on the CPU. A graph is data: loading it runs no code."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from seqjepa.encoders.asking import EncoderError
from seqjepa.encoders.batches import in_batches
from seqjepa.encoders.preprocess import Preprocess
from seqjepa.types import InputError
from seqjepa.types.checking import user_path
from seqjepa.types.foreign import foreign_code

DTYPES = {"tensor(float)": torch.float32, "tensor(float16)": torch.float16, "tensor(double)": torch.float64}
COLOURS = (1, 3)


class OnnxEncoder:
    """Images (B, C, H, W), float32, to the graph's output, or to a dict of its outputs where it has several.

    Attributes:
        expects: channels and size as in the graph's input; mean and std where the file's metadata tell them.
        batch: images that the graph takes at once; None takes any number.
        channels_last: whether the graph takes (B, H, W, C).
        digest: a hash of the file, weights and all.
    """

    def __init__(self, path: Path, session: Any) -> None:
        self.__name__, self._session = path.name, session
        self._path, self._inside = path, dict[tuple[str, ...], Any]()
        with path.open("rb") as file:
            self.digest = hashlib.file_digest(file, "sha256").hexdigest()[:32]
        inputs = session.get_inputs()
        if len(inputs) != 1:
            names = ", ".join(i.name for i in inputs)
            raise InputError(f"{path}: it takes {len(inputs)} inputs ({names}); an encoder takes one, the images")
        self._input = inputs[0].name
        if inputs[0].type not in DTYPES:
            raise InputError(f"{path}: its input {self._input!r} is {inputs[0].type}, not of floating point")
        self._dtype = DTYPES[inputs[0].type]
        self._outputs = [output.name for output in session.get_outputs()]
        shape = [n if isinstance(n, int) and n > 0 else None for n in inputs[0].shape]
        if len(shape) != 4:
            raise InputError(f"{path}: its input {self._input!r} has shape {inputs[0].shape}, not (B, C, H, W)")
        self.batch = shape[0]
        self.channels_last = shape[1] not in COLOURS and shape[3] in COLOURS
        channels, height, width = (shape[3], *shape[1:3]) if self.channels_last else shape[1:]
        size = None if height is None or width is None else (height, width)
        metadata = _metadata(path, session.get_modelmeta().custom_metadata_map, channels)
        told_by = "the graph's input" + (" and metadata" if any(metadata) else "")
        self.expects = Preprocess(channels, size, *metadata, told_by=told_by)

    def __call__(self, images: Float[Tensor, "B C H W"]) -> Any:
        found = in_batches(lambda x: self._run(self._session, self._outputs, x), images, self.batch)
        return found[self._outputs[0]] if len(self._outputs) == 1 else found

    def layer_names(self) -> list[str]:
        """The graph's nodes by name; those without one by what they return."""
        return [*self._nodes]

    def layer_outputs(self, images: Float[Tensor, "B C H W"], layers: Sequence[str]) -> dict[str, Tensor]:
        """What these nodes return, the first of several outputs. Raises EncoderError."""
        wanted = tuple(layers)
        if wanted not in self._inside:
            self._inside[wanted] = _session(self._path, self._with_outputs([self._nodes[name] for name in wanted]))
        session = self._inside[wanted]
        return in_batches(lambda x: self._run(session, wanted, x), images, self.batch)

    def _run(self, session: Any, names: Sequence[str], images: Tensor) -> dict[str, Tensor]:
        ready = images.movedim(1, -1) if self.channels_last else images
        with foreign_code(f"{self.__name__}, given images of shape {tuple(ready.shape)},", EncoderError):
            outputs = session.run(None, {self._input: ready.to("cpu", self._dtype).contiguous().numpy()})
        return {name: torch.as_tensor(out).float() for name, out in zip(names, outputs, strict=True)}

    @cached_property
    def _nodes(self) -> dict[str, str]:
        """The name of what each node returns, by the node's own name."""
        return {node.name or node.output[0]: node.output[0] for node in self._graph.graph.node if node.output[0]}

    @cached_property
    def _graph(self) -> Any:
        with foreign_code(f"{self._path}: layers need the package onnx: pip install 'seqjepa[onnx]': importing it"):
            import onnx
        with foreign_code(f"{self._path}: onnx"):
            return onnx.load(self._path)

    def _with_outputs(self, names: Sequence[str]) -> bytes:
        """The graph, returning these tensors in place of its own outputs."""
        graph = copy.deepcopy(self._graph)
        own = {output.name: output for output in graph.graph.output}
        del graph.graph.output[:]
        for name in names:
            output = graph.graph.output.add()
            if name in own:
                output.CopyFrom(own[name])
            output.name = name
        with foreign_code(f"{self._path}: onnx"):
            return graph.SerializeToString()


def load_onnx(path: str | Path) -> OnnxEncoder:
    """An encoder out of an ONNX file. Needs onnxruntime: ``pip install 'seqjepa[onnx]'``.

    Raises:
        InputError: onnxruntime is not installed; no such file, or none that can be read; a graph of several inputs, or
            whose input is not of floating point and of shape (B, C, H, W) or (B, H, W, C).
    """
    file = user_path(path)
    if not file.is_file():
        raise InputError(f"no file {file}")
    return OnnxEncoder(file, _session(file, file))


def _session(file: Path, graph: Path | bytes) -> Any:
    with foreign_code(f"{file}: onnxruntime is needed: pip install 'seqjepa[onnx]': importing it"):
        import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors; what is told of a graph's optimisation is not for users
    with foreign_code(f"{file}: not a readable ONNX file: onnxruntime"):
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _metadata(
    path: Path, told: Mapping[str, str], channels: int | None
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """``mean`` and ``std`` of the file's metadata, where it has both: lists of a number a channel, as JSON."""
    if "mean" not in told or "std" not in told:
        return None, None
    try:
        mean, std = (tuple(float(value) for value in json.loads(told[key])) for key in ("mean", "std"))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: mean and std in its metadata are no lists of numbers ({error})") from error
    if len(mean) != len(std) or (channels is not None and len(mean) != channels):
        raise InputError(f"{path}: its metadata give {len(mean)} means and {len(std)} stds for {channels} channels")
    return mean, std
