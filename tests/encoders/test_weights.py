"""Weights out of files of any wrapping into a module that is named, and nothing else out of them."""

import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import seqjepa as sj
from seqjepa.encoders.weights import load_weights


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 2, 5, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(128, 4))


def wrapped(prefix, **more):
    return {f"{prefix}{name}": value for name, value in network(1).state_dict().items()} | more


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "model.", "backbone.", "encoder.", "model._orig_mod."])
@pytest.mark.parametrize("inside", [None, "state_dict", "model"])
def test_weights_are_found_under_any_prefix(tmp_path, prefix, inside, caplog):
    head = {"head.weight": torch.zeros(3)}
    saved = wrapped(prefix, **head)
    # As Lightning writes it: beside numbers, texts and the state of an optimiser.
    whole = saved if inside is None else {inside: saved, "epoch": 3, "hyper_parameters": {"lr": 0.1}, "name": "run"}
    torch.save(whole, tmp_path / "w.ckpt")
    with caplog.at_level("INFO", "seqjepa"):
        loaded = load_weights(network(), tmp_path / "w.ckpt")
    images = torch.rand(3, 1, 28, 28)
    assert torch.equal(loaded(images), network(1).eval()(images))
    assert not loaded.training
    assert (repr(prefix) in caplog.text) == bool(prefix)
    assert ("head.weight" in caplog.text) == (not prefix)


def test_safetensors(tmp_path):
    save_file(wrapped("module."), tmp_path / "w.safetensors")
    assert torch.equal(load_weights(network(), tmp_path / "w.safetensors")[3].weight, network(1)[3].weight)


def test_what_is_missing_or_of_another_shape_is_named(tmp_path):
    saved = wrapped("")
    torch.save({name: value for name, value in saved.items() if not name.startswith("0.")}, tmp_path / "few.pt")
    with pytest.raises(sj.InputError, match=r"few\.pt: 2 weights \(0\.weight, 0\.bias\) missing; it has 7 keys"):
        load_weights(network(), tmp_path / "few.pt")
    torch.save(saved | {"3.weight": torch.zeros(5, 128)}, tmp_path / "other.pt")
    with pytest.raises(sj.InputError, match=r"3\.weight is of shape \(5, 128\), and the module's of \(4, 128\)"):
        load_weights(network(), tmp_path / "other.pt")


class Planted:
    def __reduce__(self):
        return (exec, ("raise SystemExit('it ran')",))


@pytest.mark.parametrize("content", [b"", b"nonsense", pickle.dumps({"a": 1})])
def test_a_file_that_is_none(tmp_path, content):
    (tmp_path / "w.pt").write_bytes(content)
    with pytest.raises(sj.InputError, match=r"w\.pt"):
        load_weights(network(), tmp_path / "w.pt")


def test_nothing_is_unpickled_but_tensors(tmp_path):
    torch.save({"state_dict": wrapped(""), "planted": Planted()}, tmp_path / "w.pt")
    with pytest.raises(sj.InputError, match="nothing is unpickled"):
        load_weights(network(), tmp_path / "w.pt")


def test_a_class_and_a_file_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        "from torch import nn\nclass Net(nn.Linear):\n    def __init__(self):\n        super().__init__(784, 3)\n"
    )
    torch.save(nn.Linear(784, 3).state_dict(), tmp_path / "w.pth")
    loaded = sj.open_encoder("./mine.py:Net", weights="w.pth")
    assert torch.equal(loaded.weight, torch.load("w.pth", weights_only=True)["weight"])
    with pytest.raises(sj.InputError, match="weights: encoder 'pixels' is a function, which has none"):
        sj.open_encoder("pixels", weights="w.pth")


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_torchscript_only_when_it_is_trusted(tmp_path):
    file = tmp_path / "net.pt"
    torch.jit.save(torch.jit.script(network().eval()), file)
    with pytest.raises(sj.InputError, match=r"--trust .*--model pkg\.mod:Class --weights FILE"):
        sj.open_encoder(file)
    images = torch.rand(3, 1, 28, 28)
    assert torch.equal(sj.open_encoder(file, trust=True)(images), network().eval()(images))
    torch.save(network().state_dict(), file)
    with pytest.raises(sj.InputError, match="not a TorchScript file"):
        sj.open_encoder(file, trust=True)
