"""ONNX files as encoders: what is read from the graph, and what is refused."""

import json
import sys

import onnx
import pytest
import torch
from onnx import TensorProto, helper

import seqjepa as sj
from seqjepa.encoders.asking import EncoderError
from seqjepa.encoders.preprocess import expected_input

FACTORS = sj.affine_factors(rotation=(-180, 180))
SMALL = dict(identities=5, steps=4, joint=3, progress=False)


def write(path, shape, *, kind=TensorProto.FLOAT, inputs=("images",), outputs=("z",), metadata=None):
    """A graph whose every output is its first input in a row, times 2, 3, …"""
    rows = shape[0] if isinstance(shape[0], int) else None
    nodes = [helper.make_node("Flatten", [inputs[0]], ["flat"], axis=1)]
    constants = []
    for factor, name in enumerate(outputs, 2):
        constants.append(helper.make_tensor(f"by {name}", kind, [], [factor]))
        nodes.append(helper.make_node("Mul", ["flat", f"by {name}"], [name]))
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(name, kind, shape) for name in inputs],
        [helper.make_tensor_value_info(name, kind, [rows or "B", None]) for name in outputs],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if metadata:
        helper.set_model_props(model, metadata)
    onnx.save(model, path)
    return path


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.onnx"


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_a_graph_is_an_encoder(file, kind):
    encoder = sj.open_encoder(write(file, ["B", 1, 6, 5], kind=kind))
    images = torch.rand(3, 1, 6, 5)
    torch.testing.assert_close(encoder(images), 2 * images.flatten(1), atol=2e-3, rtol=0)
    told = expected_input(encoder)
    assert (told.channels, told.size, told.mean, encoder.batch) == (1, (6, 5), None, None)
    assert str(told) == "channels 1, size (6, 5); assumed: values in [0, 1] (from the graph's input)"


def test_sweeps_take_size_and_channels_from_the_graph(file):
    metadata = {"mean": json.dumps([0.5, 0.5, 0.5]), "std": json.dumps([0.25, 0.25, 0.25])}
    sweeps = sj.represent(sj.load_onnx(write(file, ["B", 3, 8, 8], metadata=metadata)), digits(), FACTORS, **SMALL)
    assert sweeps.dim == 3 * 8 * 8
    assert sweeps.metadata["encoder"] == "model.onnx"
    assert sweeps.metadata["preprocess"] == (
        "channels 3, size (8, 8), mean (0.5, 0.5, 0.5), std (0.25, 0.25, 0.25) (from the graph's input and metadata)"
    )
    assert sweeps.values["rotation"].min() == pytest.approx(-4)  # 2 · (0 - 0.5) / 0.25: the black border


@pytest.mark.parametrize("size", [1, 4])
def test_a_fixed_batch_is_filled_up(file, size):
    encoder = sj.load_onnx(write(file, [size, 1, 6, 5]))
    assert encoder.batch == size
    images = torch.rand(2 * size + 1, 1, 6, 5)
    torch.testing.assert_close(encoder(images), 2 * images.flatten(1))


def test_channels_last_and_sizes_left_open(file):
    encoder = sj.load_onnx(write(file, ["B", None, "W", 3]))
    assert encoder.channels_last
    assert (encoder.expects.channels, encoder.expects.size) == (3, None)
    images = torch.rand(2, 3, 4, 5)
    torch.testing.assert_close(encoder(images), 2 * images.movedim(1, -1).flatten(1))


@pytest.mark.parametrize("batch", ["B", 2])
def test_of_several_outputs_one_is_picked_by_its_name(file, batch):
    encoder = sj.load_onnx(write(file, [batch, 1, 8, 8], outputs=("twice", "thrice")))
    with pytest.raises(EncoderError, match="pick=…, one of 'twice', 'thrice'"):
        sj.represent(encoder, digits(), FACTORS, **SMALL)
    views = sj.represent(sj.pixels, digits(), FACTORS, preprocess=encoder.expects, **SMALL)
    thrice = sj.represent(encoder, digits(), FACTORS, pick="thrice", **SMALL)
    torch.testing.assert_close(thrice.joint, 3 * views.joint)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        (
            dict(shape=["B", 1, 6, 5], inputs=("images", "mask")),
            r"takes 2 inputs \(images, mask\); an encoder takes one",
        ),
        (dict(shape=["B", 1, 6, 5], kind=TensorProto.INT64), r"'images' is tensor\(int64\), not of floating point"),
        (dict(shape=["B", 30]), r"has shape \['B', 30\], not \(B, C, H, W\)"),
        (dict(shape=["B", 1, 6, 5], metadata={"mean": "grey", "std": "[1]"}), "no lists of numbers"),
        (dict(shape=["B", 1, 6, 5], metadata={"mean": "[1, 2]", "std": "[1, 2]"}), "2 means and 2 stds for 1 channels"),
    ],
)
def test_a_graph_that_is_no_encoder_is_refused_in_one_line(file, how, says):
    write(file, **how)
    with pytest.raises(sj.InputError, match=says) as caught:
        sj.load_onnx(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no graph"])
def test_a_file_that_is_no_graph(file, content):
    file.write_bytes(content)
    with pytest.raises(sj.InputError, match=r"model\.onnx: not a readable ONNX file: onnxruntime raised .*"):
        sj.load_onnx(file)


def test_a_missing_file_and_a_missing_library(file, monkeypatch):
    with pytest.raises(sj.InputError, match=r"no file .*model\.onnx"):
        sj.load_onnx(file)
    write(file, ["B", 1, 6, 5])
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(sj.InputError, match=r"onnxruntime is needed: pip install 'seqjepa\[onnx\]'"):
        sj.load_onnx(file)


def test_what_the_graph_refuses_is_said_in_one_line(file):
    with pytest.raises(
        EncoderError,
        match=r"^model\.onnx, given images of shape \(2, 1, 7, 7\), raised InvalidArgument: \[.*index: 3 Got: 7",
    ) as caught:
        sj.represent(
            sj.load_onnx(write(file, [2, 1, 6, 5])),
            digits(),
            FACTORS,
            preprocess=lambda x: x[:, :, :7, :7],
            **SMALL,
        )
    assert "\n" not in str(caught.value)


def digits():
    return sj.load_images("digits", "test")


def test_the_endings_of_files_may_be_in_capitals(file, tmp_path):
    write(file, ["B", 1, 6, 5]).rename(tmp_path / "MODEL.ONNX")
    assert sj.open_encoder(tmp_path / "MODEL.ONNX").batch is None
    with pytest.raises(sj.InputError, match="pickled files are not opened"):
        sj.open_encoder("WEIGHTS.PTH")


def test_layers_are_nodes_by_name(file):
    """The graph in Python is the reference: a convolution, its ReLU, and a product without a name."""
    torch.manual_seed(0)
    weight = torch.randn(4, 1, 3, 3)
    nodes = [
        helper.make_node("Conv", ["images", "w"], ["conv out"], name="/block/conv"),
        helper.make_node("Relu", ["conv out"], ["relu out"], name="/block/relu"),
        helper.make_node("Flatten", ["relu out"], ["z"], axis=1),
    ]
    kind = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("images", kind, [2, 1, 8, 8])],
        [helper.make_tensor_value_info("z", kind, [2, None])],
        [helper.make_tensor("w", kind, [4, 1, 3, 3], weight.flatten().tolist())],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), file)
    encoder = sj.load_onnx(file)
    assert encoder.layer_names() == ["/block/conv", "/block/relu", "z"]
    images = torch.rand(3, 1, 8, 8)
    conv = torch.nn.functional.conv2d(images, weight)
    found = encoder.layer_outputs(images, ["/block/relu", "/block/conv"])
    torch.testing.assert_close(found["/block/conv"], conv)
    torch.testing.assert_close(found["/block/relu"], conv.relu())
    torch.testing.assert_close(encoder(images), conv.relu().flatten(1))

    layers = ["/block/conv", "/block/conv:flatten", "z"]
    swept = sj.represent_layers(encoder, digits(), FACTORS, layers, **SMALL)
    alone = sj.represent(encoder, digits(), FACTORS, **SMALL)
    assert {name: sweeps.dim for name, sweeps in swept.items()} == {
        "/block/conv": 4,
        "/block/conv:flatten": 144,
        "z": 144,
    }
    torch.testing.assert_close(swept["z"].joint, alone.joint)
    torch.testing.assert_close(swept["/block/conv:flatten"].joint.relu(), alone.joint)
    torch.testing.assert_close(
        swept["/block/conv:flatten"].joint.unflatten(-1, (4, 36)).mean(-1), swept["/block/conv"].joint
    )
    with pytest.raises(sj.InputError, match="layers: 'conv' is not one of /block/conv, /block/relu, z"):
        sj.represent_layers(encoder, digits(), FACTORS, ["conv"], **SMALL)


def test_a_file_says_its_weights(file):
    first = sj.load_onnx(write(file, ["B", 1, 6, 5])).digest
    assert sj.load_onnx(file).digest == first
    assert sj.load_onnx(write(file, ["B", 1, 6, 6])).digest != first
