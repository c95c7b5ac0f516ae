"""Inputs as an encoder wants them, said by the user where it does not say so itself."""

import pytest
import torch
from torch import nn

import seqjepa as sj
from seqjepa.encoders import Preprocess
from seqjepa.encoders.calling import encode
from seqjepa.encoders.preprocess import chosen_preprocess

GREY, COLOUR = torch.rand(4, 1, 8, 10), torch.rand(4, 3, 8, 10)


class Told:
    """An encoder that says what it expects."""

    expects = Preprocess(3, (6, 6), (0.5, 0.5, 0.5), (0.2, 0.2, 0.2), told_by="itself")

    def __call__(self, images):
        return images.flatten(1)


def prepared(images, encoder=sj.pixels, **changes):
    return chosen_preprocess(encoder, changes)(images)


def test_each_change_does_what_it_says():
    assert torch.equal(prepared(GREY, channels="rgb"), GREY.expand(-1, 3, -1, -1))
    assert torch.equal(prepared(COLOUR, channels="bgr"), COLOUR.flip(1))
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    assert torch.equal(prepared(COLOUR, channels="grey"), (COLOUR * weights).sum(1, keepdim=True))
    assert torch.equal(prepared(GREY, channels="grey"), GREY)
    assert prepared(GREY, size=5).shape == (4, 1, 5, 5)
    assert prepared(GREY, size=(5, 7)).shape == (4, 1, 5, 7)
    torch.testing.assert_close(prepared(GREY, value_range=(-1, 1)), 2 * GREY - 1)
    torch.testing.assert_close(prepared(GREY, value_range=(0, 255), mean=127.5, std=[51]), (255 * GREY - 127.5) / 51)


def test_means_are_of_the_channels_in_the_encoders_order():
    """As of networks of Caffe: BGR, 0 to 255, a mean of each."""
    found = prepared(COLOUR, channels="bgr", value_range=(0, 255), mean=(104.0, 117.0, 123.0), std=1)
    torch.testing.assert_close(found[:, 0], 255 * COLOUR[:, 2] - 104)
    torch.testing.assert_close(found[:, 2], 255 * COLOUR[:, 0] - 123)


def test_what_is_not_changed_is_as_the_encoder_says():
    found = chosen_preprocess(Told(), {"size": 12})
    assert found == Preprocess(3, (12, 12), (0.5,) * 3, (0.2,) * 3)
    assert "from itself and the user" in str(found)
    assert "assumed" not in str(found)
    assert "assumed: values in [0, 1]" in str(chosen_preprocess(sj.pixels, {"size": 12}))
    assert "values in (0.0, 255.0)" in str(chosen_preprocess(sj.pixels, {"value_range": (0, 255)}))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"zoom": 2}, "'zoom' is not one of size, mean"),
        ({"size": (1, 2, 3)}, "size: a number, or height and width"),
        ({"size": 0}, "size: 0 is fewer than 1"),
        ({"size": 10**6}, "size: 1000000 is more than"),
        ({"mean": 0.5}, "mean and std go together"),
        ({"mean": (0.5, 0.5), "std": (1, 1), "channels": "rgb"}, "mean: 2 numbers for 3 channels"),
        ({"mean": "0.5", "std": 1}, "mean: numbers are needed"),
        ({"mean": float("nan"), "std": 1}, "mean: numbers are needed"),
        ({"mean": 0.5, "std": 0}, "std: 0 cannot be divided by"),
        ({"value_range": (1, 1)}, "value_range: two numbers"),
        ({"channels": "cmyk"}, "channels"),
    ],
)
def test_changes_that_cannot_be_are_refused(changes, says):
    with pytest.raises(sj.InputError, match=says):
        chosen_preprocess(sj.pixels, changes)


class Tokens(nn.Module):
    num_prefix_tokens = 5

    def forward(self, x):
        return torch.arange(3 * 9 * 2.0).reshape(3, 9, 2)[: len(x)]


def test_tokens_of_class_and_registers_are_left_out_where_asked():
    images, tokens = torch.rand(3, 1, 4, 4), Tokens()
    assert torch.equal(encode(tokens, images, None, "patches"), tokens(images)[:, 5:].mean(1))
    assert torch.equal(encode(tokens, images, None, "first"), tokens(images)[:, 0])
    with pytest.raises(sj.InputError, match="does not say how many of them are no patches"):
        encode(lambda x: tokens(x), images, None, "patches")


def test_what_was_pooled_is_said(caplog):
    digits = sj.load_images("digits", "test")

    class Vit(nn.Module):
        prefix_tokens = 1

        def forward(self, x):
            return x.flatten(2).transpose(1, 2)[:, :10].expand(-1, -1, 3)

    found = sj.represent(
        Vit(), digits, sj.affine_factors(rotation=(-9, 9)), 4, 3, joint=2, pool="patches", progress=False
    )
    assert found.metadata["representation"] == "the output: mean over 9 of 10 tokens, the first 1 left out"
