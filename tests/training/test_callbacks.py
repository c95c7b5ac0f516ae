"""A callback is others' code: whatever it raises or returns, the epoch is saved, and the run can go on."""

import pytest
from safetensors import safe_open

import seqjepa as sj
from seqjepa.recipes import change
from seqjepa.training.checkpoint import list_checkpoints, read_tensors
from seqjepa.types import InputError, OutOfMemory, WriteFailed


class Odd(Exception):
    def __str__(self):
        raise RuntimeError("no message")


def raising(error):
    def mine(state):
        if state.epoch == 2:
            raise error
        return {"mine": float(state.epoch)}

    return mine


@pytest.fixture
def config(tiny):
    return change(tiny, epochs=3, evaluate_every=1)


def weights(folder):
    with safe_open(folder / "model.safetensors", "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)


def test_a_callback_that_raises_costs_nothing_that_was_trained(config, tmp_path):
    with pytest.raises(InputError, match=r"^callback mine raised ZeroDivisionError: two lines;") as caught:
        sj.train(config, tmp_path / "run", [raising(ZeroDivisionError("two\nlines"))])
    assert "\n" not in str(caught.value)
    assert f"epoch 2 is saved without its metrics, go on: seqjepa resume {tmp_path / 'run'}" in str(caught.value)
    newest = list_checkpoints(tmp_path / "run/checkpoints")[-1]
    assert [row.get("mine") for row in read_tensors(newest)[1]["rows"]] == [1.0, None]
    again = sj.resume(tmp_path / "run", [lambda state: {"mine": 7.0}])
    assert again.complete
    assert [row.get("mine") for row in again.rows] == [1.0, None, 7.0]
    undisturbed = sj.train(config, tmp_path / "other")
    mine, theirs = weights(again.folder), weights(undisturbed.folder)
    assert all((mine[name] == theirs[name]).all() for name in theirs)


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (SystemExit(3), InputError, "callback mine raised SystemExit: 3; epoch 2"),
        (Odd(), InputError, "callback mine raised Odd; epoch 2"),
        (InputError("a reason"), InputError, "callback mine: a reason; epoch 2"),
        (
            MemoryError("all of it"),
            OutOfMemory,
            "callback mine needs more than there is (MemoryError: all of it); epoch 2",
        ),
        (
            WriteFailed("cannot write a file"),
            WriteFailed,
            "callback mine: cannot write a file; when the cause is mended",
        ),
    ],
)
def test_whatever_it_raises(config, tmp_path, error, kind, said):
    with pytest.raises(kind) as caught:
        sj.train(config, tmp_path / "run", [raising(error), lambda state: {"other": 1.0}])
    assert said in str(caught.value)
    rows = read_tensors(list_checkpoints(tmp_path / "run/checkpoints")[-1])[1]["rows"]
    assert [row["other"] for row in rows] == [1.0, 1.0]  # one that fails does not silence the others


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (0.5, "callback mine returned 0.5, not metrics by name"),
        ({"epoch": 7}, "callback mine returned 'epoch', a metric that the epoch has already"),
        ({3: 0.1}, "callback mine returned 3, which is no name of a metric"),
        ({"a" * 101: 0.1}, "which is no name of a metric"),
        ({"two\nlines": 0.1}, "which is no name of a metric"),
    ],
)
def test_what_it_returns_does_not_spoil_the_checkpoint(config, tmp_path, returned, said):
    def mine(state):
        return returned

    with pytest.raises(InputError) as caught:
        sj.train(config, tmp_path / "run", [mine])
    assert said in str(caught.value)
    assert sj.resume(tmp_path / "run").complete


def test_it_may_return_nothing(config, tmp_path):
    seen = []
    result = sj.train(change(config, epochs=1), tmp_path / "run", [lambda state: seen.append(state.epoch)])
    assert result.complete
    assert seen == [1]
