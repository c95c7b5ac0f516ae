"""ONNX graphs cut at an inner node, and their untrained twins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def cut(model: onnx.ModelProto, node: str, size: int | None) -> onnx.ModelProto:
    """The graph up to the output of a node; with a size its input takes any batch of pictures of that size."""
    graph = model.graph
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(node, TensorProto.FLOAT, None))
    if size is not None:
        dims = graph.input[0].type.tensor_type.shape.dim
        dims[0].dim_param = "batch"
        dims[2].dim_value = dims[3].dim_value = size
    return model


def scrambled(model: onnx.ModelProto, seed: int = 0) -> onnx.ModelProto:
    """The entries of each tensor of weights with two axes or more in another order: all that was learnt but their size.

    Biases, norms and constants stay, so that activations keep about their size.
    """
    random = np.random.default_rng(seed)
    constants = [
        a.t for node in model.graph.node if node.op_type == "Constant" for a in node.attribute if a.name == "value"
    ]
    for tensor in [*model.graph.initializer, *constants]:
        if tensor.data_type == TensorProto.FLOAT and len(tensor.dims) >= 2:
            weights = numpy_helper.to_array(tensor)
            mixed = random.permutation(weights.ravel()).reshape(weights.shape)
            tensor.CopyFrom(numpy_helper.from_array(mixed, tensor.name))
    return model


def written(model: onnx.ModelProto, file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(model.SerializeToString())
    return file
