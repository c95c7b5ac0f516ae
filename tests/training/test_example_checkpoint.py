"""The trained encoder that comes with the package."""

from pathlib import Path

import torch

import seqjepa as sj
from seqjepa.diagnostics import effective_rank

CHECKPOINT = Path(__file__).parents[2] / "examples" / "mnist_affine_fast.safetensors"


def test_it_is_small_loads_and_knows_what_it_is():
    assert CHECKPOINT.stat().st_size <= 2_000_000
    model, config, _ = sj.load_model(CHECKPOINT)
    assert (config.name, config.seed, config.images.root) == ("mnist_affine_fast", 0, None)
    assert not model.training


def test_its_codes_are_codes():
    encoder = sj.load_encoder(CHECKPOINT)
    images = sj.load_images("digits", "test")
    with torch.no_grad():
        codes = encoder(images.pixels.float() / 255)
    assert codes.shape == (len(images), 48)
    assert effective_rank(codes) > 10
