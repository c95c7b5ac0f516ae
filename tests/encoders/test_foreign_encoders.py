"""An encoder may raise anything wherever its code runs: always one line that holds its own message whole."""

import asyncio
import dataclasses
import sys
import types

import pytest
import torch
from torch import nn

import seqjepa as sj
from seqjepa.encoders import EncoderError
from seqjepa.extraction import represent, represent_layers, supervised

SMALL = dict(identities=5, steps=4, base_poses=2, joint=3, progress=False)
FACTORS = sj.affine_factors(rotation=(-180, 180))
SAID = "Input height (28) doesn't match model (224).\nGuard failed: 2 <= batch <= 8: see (14)"
RAISED = [AssertionError, IndexError, RuntimeError, KeyError, ZeroDivisionError, OSError, SystemExit, EOFError]
RAISED += [asyncio.CancelledError, GeneratorExit]  # no Exception either


class Own(Exception):
    """Of a library that nobody has heard of."""


class Raising(nn.Module):
    def __init__(self, error, call=0):
        super().__init__()
        self.inner, self.error, self.left = nn.Linear(784, 3), error, call

    def forward(self, x):
        if not self.left:
            raise self.error(SAID)
        self.left -= 1
        return self.inner(x.flatten(1))


class WontBeCopied(Raising):
    def __deepcopy__(self, memo):
        raise self.error(SAID)


class WontEvaluate(Raising):
    def eval(self):
        raise self.error(SAID)


class WontSay(Raising):
    @property
    def expects(self):
        raise self.error(SAID)


def wont_tell(name):
    """A module whose attribute is code that raises."""

    def raising(self):
        raise self.error(SAID)

    def told(self, *recurse):
        raise self.error(SAID)

    method = name in ("parameters", "modules")
    return type("WontTell", (Raising,), {name: told if method else property(raising)})


class WontReset(Raising):
    def reset_parameters(self):
        raise self.error(SAID)


@pytest.fixture(scope="module")
def images():
    return sj.load_images("digits", "test")


def raiser(error):
    def function(x):
        raise error(SAID)

    return function


CALLS = {
    "a function": lambda e, i: represent(raiser(e), i, FACTORS, **SMALL),
    "a module": lambda e, i: represent(Raising(e), i, FACTORS, **SMALL),
    "its third call": lambda e, i: represent(Raising(e, 2), i, FACTORS, **SMALL),
    "its later calls": lambda e, i: represent(Raising(e, 5), i, FACTORS, **SMALL),
    "layers": lambda e, i: represent_layers(Raising(e), i, FACTORS, ["inner"], **SMALL),
    "preprocess": lambda e, i: represent(sj.pixels, i, FACTORS, preprocess=raiser(e), **SMALL),
    "eval": lambda e, i: represent(WontEvaluate(e), i, FACTORS, **SMALL),
    "what it expects": lambda e, i: represent(WontSay(e), i, FACTORS, **SMALL),
    **{
        f"its {name}": lambda e, i, name=name: represent(wont_tell(name)(e, 99), i, FACTORS, **SMALL)
        for name in ("output_fmt", "usual_pick", "parameters", "modules")
    },
    "training on labels": lambda e, i: supervised(Raising(e, 1), i, FACTORS, 1, progress=False),
    "copying": lambda e, i: sj.untrained(WontBeCopied(e)),
    "drawing anew": lambda e, i: sj.untrained(WontReset(e)),
}


@pytest.mark.parametrize("error", [*RAISED, Own])
@pytest.mark.parametrize("where", CALLS)
def test_whatever_it_raises_is_one_line_with_its_message_whole(where, error, images):
    with pytest.raises(sj.InputError) as caught:
        CALLS[where](error, images)
    assert error.__name__ in str(caught.value)
    assert " ".join(str(error(SAID)).replace("\\n", "\n").split()) in str(caught.value).replace("\\n", " ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [*RAISED, Own])
def test_a_data_set_may_raise_anything(error):
    class Items:
        def __len__(self):
            return 3

        def __getitem__(self, row):
            raise error(SAID)

    with pytest.raises(sj.InputError, match=f"item 0 of this Items raised {error.__name__}"):
        sj.Images.from_dataset(Items())


@pytest.mark.parametrize("library", ["timm", "transformers"])
@pytest.mark.parametrize("error", [RuntimeError, AttributeError, OSError, ImportError])
def test_what_the_import_of_a_hub_raises(library, error, monkeypatch):
    """As a torchvision of another build does: operator torchvision::nms does not exist."""

    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] == library:
                raise error("operator torchvision::nms does not exist")

    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    kind = {"timm": "timm", "transformers": "hf"}[library]
    with pytest.raises(sj.InputError, match=f"{library} is needed.*{error.__name__}: operator torchvision::nms"):
        sj.open_encoder(f"{kind}:anything")


@pytest.mark.parametrize("error", [RuntimeError, AssertionError, Own, SystemExit])
def test_what_a_hub_raises_when_a_model_is_made(error, monkeypatch):
    def create_model(*args, **kwargs):
        raise error(SAID)

    module = types.SimpleNamespace(create_model=create_model, is_model=lambda name: True, list_models=list)
    monkeypatch.setitem(sys.modules, "timm", module)
    with pytest.raises(sj.InputError, match=f"^timm:net: .*{error.__name__}: Input height"):
        sj.open_encoder("timm:net")


def test_the_module_of_an_exported_program_has_no_eval_mode(images):
    """torch raises NotImplementedError when it is asked for one."""
    flat = nn.Sequential(nn.AvgPool2d(7), nn.Flatten())
    dynamic = {"input": {0: torch.export.Dim("batch", min=2, max=6)}}
    program = torch.export.export(flat, (torch.zeros(4, 1, 28, 28),), dynamic_shapes=dynamic).module()
    with pytest.raises(EncoderError, match="NotImplementedError"):
        represent(program, images, FACTORS, **SMALL)
    with pytest.raises(EncoderError, match=r"batch|shape|size|Guard"):  # its guards allow 6 at once
        represent(lambda x: program(x), images, FACTORS, **SMALL)


ODD = {
    "sparse": lambda x: x.flatten(1).to_sparse(),
    "complex": lambda x: x.flatten(1).to(torch.complex64),
    "of no dimension": lambda x: x.flatten(1)[:, :0],
    "an array": lambda x: x.flatten(1).numpy(),
    "nothing": lambda x: None,
    "no output": lambda x: (),
    "an empty dict": lambda x: {},
    "without data": lambda x: x.flatten(1).to("meta"),
    "beyond float32's squares": lambda x: x.flatten(1) * 3e38,
    "wider for more images": lambda x: x.flatten(1)[:, : 6 + (len(x) > 10)],
    "narrower for few images": lambda x: x.flatten(1)[:, : 6 + (len(x) > 5)],
    "a record": lambda x: types.SimpleNamespace(z=x.flatten(1)),
}


@pytest.mark.parametrize("output", ODD.values(), ids=ODD)
def test_an_output_that_is_no_representation(output, images):
    with pytest.raises(EncoderError, match=r"^the encoder returned"):
        represent(output, images, FACTORS, **SMALL)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.uint8, torch.bool, torch.float16])
def test_an_output_may_be_of_any_type_of_numbers(dtype, images):
    assert represent(lambda x: x.flatten(1)[:, :9].to(dtype), images, FACTORS, **SMALL).dim == 9


def test_an_output_may_lie_in_the_same_memory_each_time(images):
    memory = torch.zeros(2000, 9)

    def reused(x):
        memory[: len(x)] = x.flatten(1)[:, 300:309]
        return memory[: len(x)]

    expected = represent(lambda x: x.flatten(1)[:, 300:309], images, FACTORS, **SMALL)
    torch.testing.assert_close(represent(reused, images, FACTORS, **SMALL).joint, expected.joint)


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31m", "\udcff", "x" * 5000])
def test_a_name_is_shown_and_can_be_read_again(name, images, tmp_path):
    def net(x):
        return x.flatten(1)[:, :9]

    net.name = name
    sweeps = represent(net, images, FACTORS, **SMALL)
    sweeps.save(tmp_path / "sweeps.safetensors")
    told = sj.Sweeps.load(tmp_path / "sweeps.safetensors").metadata["encoder"]
    assert told.isprintable()
    assert len(told) <= 200


def test_what_is_no_text_can_be_read_again_from_any_file(images, tmp_path):
    """Bytes of a path that are not UTF-8, as Python has them."""
    sweeps = dataclasses.replace(represent(sj.pixels, images, FACTORS, **SMALL), metadata={"encoder": "n\udcff.onnx"})
    sweeps.save(tmp_path / "sweeps.safetensors")
    assert sj.Sweeps.load(tmp_path / "sweeps.safetensors").metadata["encoder"] == "n\\udcff.onnx"
    sj.Diagnosis({}, {"left_out": {"metric mine": "n\udcff"}}).save(tmp_path / "diagnosis.json")
    assert sj.Diagnosis.load(tmp_path / "diagnosis.json").metadata["left_out"] == {"metric mine": "n\\udcff"}


def test_another_default_device_changes_nothing(images):
    expected = represent(sj.pixels, images, FACTORS, **SMALL)
    torch.set_default_device("meta")
    try:
        found = represent(sj.pixels, images, FACTORS, **SMALL)
        assert torch.get_default_device().type == "meta"
    finally:
        torch.set_default_device("cpu")  # None breaks get_default_device of PyTorch 2.7
    torch.testing.assert_close(found.joint, expected.joint)


@pytest.mark.parametrize(
    ("output", "pick"),
    [
        (lambda x: (x.flatten(1),), None),
        (lambda x: [x.flatten(1)], None),
        (lambda x: {"z": x.flatten(1)}, None),
        (lambda x: {"0": x.flatten(1), "1": x}, 0),
        (lambda x: {0: x.flatten(1), 1: x}, "0"),
    ],
)
def test_a_single_output_needs_no_pick_and_a_key_may_be_a_number(output, pick, images):
    assert represent(output, images, FACTORS, pick=pick, **SMALL).dim == 784


def test_a_preprocessing_of_ones_own_is_recorded_without_an_address(images):
    class Halve:
        def __call__(self, x):
            return x / 2

    sweeps = represent(sj.pixels, images, FACTORS, preprocess=Halve(), **SMALL)
    assert sweeps.metadata["preprocess"].endswith("Halve")
    with pytest.raises(EncoderError, match="preprocess returned list"):
        represent(sj.pixels, images, FACTORS, preprocess=list, **SMALL)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_weights_may_be_of_another_type(dtype, images):
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 3))
    expected = represent(net, images, FACTORS, **SMALL).values["rotation"]
    found = represent(net.to(dtype), images, FACTORS, **SMALL).values["rotation"]
    torch.testing.assert_close(found.float(), expected, atol=3e-2, rtol=3e-2)
