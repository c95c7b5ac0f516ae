"""Foreign code may raise anything; the user sees one line, with its own message whole."""

import builtins

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqjepa.types import InputError, OutOfMemory
from seqjepa.types.foreign import foreign_code

EXCEPTIONS = sorted(
    (
        kind
        for kind in vars(builtins).values()
        if isinstance(kind, type)
        and issubclass(kind, Exception)
        and not issubclass(kind, UnicodeError | MemoryError | ExceptionGroup)
    ),
    key=lambda kind: kind.__name__,
)


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")


@given(kind=st.sampled_from([*EXCEPTIONS, SystemExit]), said=st.text(max_size=2000))
def test_whatever_is_raised_is_one_line_with_the_message_whole(kind, said):
    with pytest.raises(InputError) as caught, foreign_code("the encoder"):
        raise kind(said)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    assert text.startswith(f"the encoder raised {kind.__name__}")
    assert "".join(str(caught.value.__cause__).split()) in "".join(text.split())


def test_what_cannot_say_anything_is_named():
    with pytest.raises(InputError, match=r"^the encoder raised Mute$"), foreign_code("the encoder"):
        raise Mute


def test_a_message_without_end_is_cut():
    with pytest.raises(InputError) as caught, foreign_code("the encoder"):
        raise ValueError("word " * 10**6)
    assert len(str(caught.value)) < 11_000


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"),
    ],
)
def test_memory_that_runs_out_is_no_mistake_of_the_code(error):
    with pytest.raises(OutOfMemory, match=r"^out of memory: the encoder"), foreign_code("the encoder"):
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), InputError("in words already")])
def test_an_interruption_and_words_for_users_pass(error):
    with pytest.raises(type(error)) as caught, foreign_code("the encoder"):
        raise error
    assert caught.value is error
