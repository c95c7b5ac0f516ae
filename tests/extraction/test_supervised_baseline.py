"""The ceiling for a class probe, and drawing attention's weights anew."""

import pytest
import torch
from torch import nn

import seqjepa as sj
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.encoders import untrained
from seqjepa.extraction import supervised
from seqjepa.model import build_encoder

FACTORS = sj.affine_factors(rotation=(-30, 30), translate_x=(-2, 2))
QUICK = dict(progress=False, learning_rate=3e-3)


@pytest.fixture(scope="module")
def images():
    return sj.load_images("digits", "train")


def accuracy(encoder, images):
    """Of a class read linearly from its codes of held-out images at random poses."""
    sweeps = sj.represent(encoder, images, FACTORS, identities=200, steps=3, base_poses=1, joint=4, progress=False)
    diagnosis = sj.diagnose(sweeps, skip=[block for block in BLOCKS if block != "leakage"], ideals=False)
    return diagnosis["leakage"]["class", "z", "linear"].value


def test_it_reads_the_class_better_than_untrained_and_leaves_the_encoder_alone(images):
    encoder = build_encoder("convnet", 1, 8)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    trained = supervised(encoder, images, FACTORS, epochs=6, **QUICK)
    test = sj.load_images("digits", "test")
    assert accuracy(trained, test) > max(0.85, accuracy(untrained(encoder), test) + 0.1)
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
    assert not trained.training
    assert type(trained) is type(encoder)


def test_it_is_a_function_of_the_seed(images):
    encoder, few = build_encoder("convnet", 1, 2), images[:90]
    one, again, other = (supervised(encoder, few, FACTORS, epochs=1, seed=seed, **QUICK) for seed in (0, 0, 1))
    weights = [torch.cat([p.flatten() for p in model.parameters()]) for model in (one, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_frozen_encoder_is_trained_all_the_same(images):
    encoder = build_encoder("convnet", 1, 2).requires_grad_(False)
    trained = supervised(encoder, images[:90], FACTORS, epochs=1, **QUICK)
    drawn = untrained(encoder).state_dict()
    assert all(not torch.equal(p, drawn[name]) for name, p in trained.named_parameters())


def test_a_model_with_an_aggregator_comes_back_without_it(images):
    encoder = sj.load_encoder("examples/mnist_affine_fast.safetensors")
    trained = supervised(encoder, images[:90], FACTORS, epochs=1, **QUICK)
    assert [name for name, _ in trained.named_modules()] == [name for name, _ in encoder.named_modules()]
    sweeps = sj.represent(trained, images, FACTORS, identities=3, steps=3, joint=2, progress=False)
    assert not sweeps.extra
    assert sweeps.dim == 48


@pytest.mark.parametrize("preprocess", ["auto", None])
def test_what_the_encoder_expects_is_done_in_training_too(images, preprocess):
    encoder = nn.Sequential(nn.Conv2d(3, 4, 7, 7), nn.Flatten())
    if preprocess is None:
        with pytest.raises(sj.InputError, match="raised RuntimeError"):
            supervised(encoder, images[:64], FACTORS, epochs=1, preprocess=None, **QUICK)
    else:
        supervised(encoder, images[:64], FACTORS, epochs=1, **QUICK)


def test_what_cannot_be_trained_is_said(images):
    with pytest.raises(sj.InputError, match="1 classes and 3 epochs; two classes"):
        supervised(build_encoder("convnet", 1, 2), images[images.labels == 3], FACTORS, epochs=3, **QUICK)
    with pytest.raises(sj.InputError, match="10 classes and 0 epochs"):
        supervised(build_encoder("convnet", 1, 2), images, FACTORS, epochs=0, **QUICK)
    with pytest.raises(FloatingPointError, match="supervised: the loss is nan in epoch 1"):
        supervised(build_encoder("convnet", 1, 2), images, FACTORS, epochs=1, progress=False, learning_rate=1e30)


def test_attention_is_drawn_anew_as_it_is_made():
    attention = nn.MultiheadAttention(8, 2)
    nn.init.constant_(attention.in_proj_weight, 9)
    nn.init.constant_(attention.out_proj.bias, 9)
    fresh = untrained(nn.Sequential(attention), seed=3)[0]
    again = untrained(nn.Sequential(attention), seed=3)[0]
    assert torch.equal(fresh.in_proj_weight, again.in_proj_weight)
    assert fresh.in_proj_weight.abs().max() < 1
    assert (fresh.out_proj.bias == 0).all()  # as the constructor leaves it, though the layer itself draws one
    assert (fresh.in_proj_bias == 0).all()


def test_a_transformer_can_be_trained(images):
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(1, 16, 7, 7)
            layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
            self.layers = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

        def forward(self, x):
            return self.layers(self.patches(x).flatten(2).mT)

    supervised(Tokens(), images[:64], FACTORS, epochs=1, pool="mean", **QUICK)
