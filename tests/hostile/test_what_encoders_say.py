"""Encoders that answer whatever they are asked: what they say is used where it makes sense, or refused in a line."""

import pytest

import seqjepa as sj
from seqjepa.encoders.asking import EncoderError, said


class Deep:
    """Answers everything with itself."""

    def __getattr__(self, name):
        return self

    def __call__(self, *args, **kwargs):
        return self


def lost(name):
    raise KeyError(name)


ANSWERS = {
    "nothing": lambda name: None,
    "a function": lambda name: lambda *args, **kwargs: None,
    "itself": lambda name: Deep(),
    "a number": lambda name: 3,
    "a truth": lambda name: True,
    "a text": lambda name: "x",
    "a dict": lambda name: {"a": 1},
    "a list": lambda name: [1],
    "an exception": lost,
}
USED = {"a number": "pick=3 was given", "a text": "pick='x' was given", "an exception": "KeyError: 'expects'"}
USED |= dict.fromkeys(("a function", "itself"), "does not say of how many views")


class Answering:
    """An encoder with every attribute that is not Python's own."""

    def __init__(self, answer):
        self.__dict__["answer"] = answer

    def __call__(self, images):
        return images.flatten(1)[:, 300:316]

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self.answer(name)


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_encoder_that_answers_everything_is_read_or_refused_in_a_line(answer):
    encoder, factors = Answering(ANSWERS[answer]), sj.affine_factors(rotation=(-180, 180))
    asked = dict(identities=20, steps=5, base_poses=2, progress=False)
    if answer in USED:
        with pytest.raises(EncoderError, match=USED[answer]) as refused:
            sj.represent(encoder, sj.load_images("digits", "test"), factors, **asked)
        assert "\n" not in str(refused.value)
    else:
        assert sj.represent(encoder, sj.load_images("digits", "test"), factors, **asked).dim == 16


@pytest.mark.parametrize("answer", ANSWERS)
def test_layers_of_such_an_encoder_too(answer):
    encoder = Answering(ANSWERS[answer])
    with pytest.raises(sj.InputError, match=r"layer|the encoder"):
        sj.represent_layers(encoder, sj.load_images("digits", "test"), sj.affine_factors(rotation=(-9, 9)), ["1"])


def test_what_is_said_is_of_the_kind_that_is_known_or_nothing():
    assert said(Answering(lambda name: 3), "observed", int) == 3
    assert said(Answering(lambda name: 3), "observed", str) is None
    assert said(Answering(lambda name: True), "observed", int) is None
    with pytest.raises(EncoderError, match="asked for its observed, raised KeyError"):
        said(Answering(lost), "observed", int)
