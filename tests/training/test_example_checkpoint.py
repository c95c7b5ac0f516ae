"""The trained encoder that comes with the package."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

import seqjepa as sj
from seqjepa.diagnostics import effective_rank

CHECKPOINT = Path(__file__).parents[2] / "examples" / "mnist_affine_fast.safetensors"


def test_it_is_small_loads_and_knows_what_it_is():
    assert CHECKPOINT.stat().st_size <= 2_000_000
    model, config, _ = sj.load_model(CHECKPOINT)
    assert (config.name, config.seed, config.images.root) == ("mnist_affine_fast", 0, None)
    assert not model.training


def test_it_is_sealed(tmp_path):
    with safe_open(CHECKPOINT, "pt") as file:
        assert "checksum" in json.loads(file.metadata()["seqjepa"])
    content = bytearray(CHECKPOINT.read_bytes())
    content[-1] ^= 1
    (tmp_path / "damaged.safetensors").write_bytes(content)
    with pytest.raises(sj.InputError, match="checksum"):
        sj.load_encoder(tmp_path / "damaged.safetensors")


def test_its_representations_vary():
    encoder = sj.load_encoder(CHECKPOINT)
    images = sj.load_images("digits", "test")
    with torch.no_grad():
        z = encoder(images.pixels.float() / 255)
    assert z.shape == (len(images), 48)
    assert effective_rank(z) > 10
