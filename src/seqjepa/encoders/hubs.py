"""Encoders by the name under which timm or Hugging Face publish them, with the preprocessing that they publish."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seqjepa.encoders.preprocess import Preprocess
from seqjepa.types import InputError
from seqjepa.types.checking import user_path
from seqjepa.types.foreign import foreign_code


def load_timm(name: str, *, pretrained: bool = True) -> nn.Module:
    """A model of timm without its classifier: ``load_timm("resnet18")``. Needs timm and torchvision.

    ``preprocess="auto"`` takes size, mean and std from its ``pretrained_cfg``.

    Args:
        name: as timm has it.
        pretrained: with the published weights, fetched once; without, drawn at random.

    Raises:
        InputError: timm is not installed; it knows no model of that name; its weights cannot be fetched.
    """
    with foreign_code(f"timm:{name}: timm is needed: pip install 'seqjepa[timm]': importing it"):
        import timm  # pyright: ignore[reportMissingImports]
    if not timm.is_model(name.partition(".")[0]):
        close = ", ".join(difflib.get_close_matches(name, timm.list_models(), 5))
        raise InputError(f"timm:{name}: timm knows no such model" + f"; it knows {close}" * bool(close))
    with foreign_code(f"timm:{name}: it cannot be made, or its weights not fetched: timm"):
        model = timm.create_model(name, pretrained=pretrained, num_classes=0)
    model.__name__ = f"timm:{name}"
    model.fresh = partial(load_timm, name, pretrained=False)
    return model.eval()


class HuggingFaceEncoder(nn.Module):
    """A vision model of transformers: images (B, C, H, W) to a dict of its outputs, of which ``pick`` takes one.

    Attributes:
        expects: size, mean and std as in its image processor's configuration.
        usual_pick: the output that is usually taken for the representation: the last hidden state, of a backbone its
            last map.
        prefix_tokens: how many tokens stand before those of patches: that of the class, and registers; 0 of a network
            of maps.
    """

    def __init__(self, name: str, model: nn.Module, expects: Preprocess, backbone: bool = False) -> None:
        super().__init__()
        self.__name__, self.model, self.expects = name, model, expects
        config: Any = model.config
        self._backbone = backbone
        self.usual_pick = f"feature_maps.{len(config.out_features) - 1}" if backbone else "last_hidden_state"
        has_class = any(name.endswith(("cls_token", "class_embedding")) for name, _ in model.named_parameters())
        self.prefix_tokens = int(has_class) + int(getattr(config, "num_register_tokens", None) or 0)

    def forward(self, images: Float[Tensor, "B C H W"]) -> dict[str, Tensor]:
        """The model's outputs by name; several of one kind are numbered, as in "feature_maps.0"."""
        found = self.model(pixel_values=images)
        outputs = {key: value for key, value in found.items() if isinstance(value, Tensor)}
        for key, values in found.items():
            if isinstance(values, tuple | list):
                outputs |= {f"{key}.{i}": value for i, value in enumerate(values) if isinstance(value, Tensor)}
        return outputs

    def fresh(self) -> HuggingFaceEncoder:
        """The same architecture with weights drawn anew from torch's global generator."""
        config: Any = self.model.config
        return HuggingFaceEncoder(self.__name__, type(self.model)(config), self.expects, self._backbone).eval()


def load_hf(name: str, *, backbone: bool = False) -> HuggingFaceEncoder:
    """A vision model of Hugging Face's hub, or out of a folder: ``load_hf("facebook/dinov2-small")``.

    Only weights in safetensors are read, and no code that a model brings along is run. Needs transformers.

    Args:
        name: of the hub, or a folder.
        backbone: by ``AutoBackbone``, whose outputs are maps, and not by ``AutoModel``.

    Raises:
        InputError: transformers is not installed; there is no such model, it cannot be fetched, or it is none that
            transformers itself knows.
    """
    with foreign_code(f"hf:{name}: transformers is needed: pip install 'seqjepa[hf]': importing it"):
        import transformers
        from transformers.image_processing_base import ImageProcessingMixin
        from transformers.models.auto.modeling_auto import MODEL_FOR_BACKBONE_MAPPING
    where = str(user_path(name, "hf:"))
    with foreign_code(f"hf:{name}: it cannot be loaded: transformers"):
        kind: Any = transformers.AutoModel
        if backbone:  # by its class: AutoBackbone asks the hub about folders too
            config = transformers.AutoConfig.from_pretrained(where, trust_remote_code=False)
            kind = MODEL_FOR_BACKBONE_MAPPING[type(config)]
        how = dict(dtype=torch.float32, use_safetensors=True, trust_remote_code=False)
        model = kind.from_pretrained(where, **how)
    model = getattr(model, "vision_model", model)  # of a model of images and texts, the part that sees
    with foreign_code(f"hf:{name}: what it says of its images cannot be read: transformers"):
        try:
            told, _ = ImageProcessingMixin.get_image_processor_dict(where)
        except OSError:  # it publishes none: what its configuration says has to do
            told = None
        expects = _of_config(model.config) if told is None else of_image_processor(told, model.config)
    return HuggingFaceEncoder(f"hf:{name}", model, expects, backbone).eval()


def of_image_processor(told: Mapping[str, Any], config: Any = None) -> Preprocess:
    """A ``preprocessor_config.json`` as ``Preprocess``, for values in [0, 1].

    Where it resizes and then crops, views are resized to the crop's size whole, so that no border is lost.
    """
    size = told.get("crop_size") if told.get("do_center_crop") else told.get("size")
    mean, std = told.get("image_mean"), told.get("image_std")
    if not told.get("do_normalize", mean is not None) or mean is None or std is None:
        mean, std = (0.0,) * _channels(config), (1.0,) * _channels(config)
    # It multiplies values of 0 to 255 by a factor, 1/255 nearly always, before it normalises.
    factor = 255 * told.get("rescale_factor", 1 / 255) if told.get("do_rescale", True) else 255.0
    return Preprocess(
        _channels(config),
        _height_and_width(size) if told.get("do_resize", True) else None,
        tuple(value / factor for value in mean),
        tuple(value / factor for value in std),
        told_by="its image processor",
    )


def _of_config(config: Any) -> Preprocess:
    size = getattr(config, "image_size", None)
    return Preprocess(_channels(config), _height_and_width(size), told_by="its configuration")


def _height_and_width(size: Any) -> tuple[int, int] | None:
    if isinstance(size, Mapping):
        edge = size.get("shortest_edge")
        height, width = size.get("height", edge), size.get("width", edge)
        return None if height is None or width is None else (int(height), int(width))
    if isinstance(size, list | tuple):
        return int(size[0]), int(size[1])
    return None if size is None else (int(size), int(size))


def _channels(config: Any) -> int:
    return int(getattr(config, "num_channels", 3))
