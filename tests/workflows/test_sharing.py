"""Out of a run into the hub's layout, and back."""

import json
import re

import pytest
import torch
import yaml
from safetensors import safe_open

import seqjepa as sj
from seqjepa.recipes import change
from seqjepa.report import read_record
from seqjepa.types import InputError
from tests.hurried import hurried


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    from seqjepa.recipes import digits

    folder = tmp_path_factory.mktemp("runs") / "one"
    small = dict(encoder="convnet", width=4, layers=1, hidden=32, action_embedding=16)
    images = dict(train=96, test=64, root="/home/somebody/data")
    config = change(digits(), name="shared", epochs=1, batch_size=32, precision="float32", images=images, model=small)
    sj.train(config, folder)
    options = dict(identities=24, steps=5, base_poses=2, probe_images=100, skip=["group", "literature"], baselines=[])
    with hurried():
        sj.diagnose_run(folder, **options, progress=False)
    return folder


@pytest.fixture(scope="module")
def shared(run, tmp_path_factory):
    return sj.save_pretrained(run, tmp_path_factory.mktemp("shared") / "one")


def test_the_encoder_comes_back_as_it_was(run, shared):
    images = torch.rand(3, 1, 28, 28)
    before, after = sj.load_encoder(run), sj.from_pretrained(shared)
    assert torch.equal(before(images), after(images))
    assert not after.training
    assert {path.name for path in shared.iterdir()} == {"model.safetensors", "config.json", "README.md"}


def test_no_path_of_this_machine_is_shared(shared):
    assert b"somebody" not in b"".join(path.read_bytes() for path in shared.iterdir())


def test_others_read_the_weights_and_the_configuration(shared):
    with safe_open(shared / "model.safetensors", "pt") as file:
        assert any(name.startswith("encoder.") for name in file.keys())  # noqa: SIM118 (no mapping)
    told = json.loads((shared / "config.json").read_text())
    assert told["model_type"] == "seqjepa"
    assert told["config"]["factors"]["rotation"] == [-75, 75]


def test_the_card_says_what_the_run_says(run, shared):
    card = (shared / "README.md").read_text()
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["library_name"] == "seqjepa"
    diagnosis = read_record(run).diagnosis
    of = diagnosis["explained_variance"]["rotation"]
    assert f"| explained variance | rotation | {of.value:.3f} [{of.interval[0]:.3f}, {of.interval[1]:.3f}] |" in card
    assert "digits, 96 for training" in card
    assert "rotation -75 to 75" in card
    assert re.search(r"## Limits\n\n\* ", card)
    assert sj.__version__ in card


def test_a_run_that_was_not_diagnosed_has_a_card_that_says_so(run, tmp_path):
    sj.save_pretrained(run / "model.safetensors", tmp_path)
    assert "Not diagnosed." in (tmp_path / "README.md").read_text()


def test_what_is_not_whole_is_refused(shared, tmp_path):
    with pytest.raises(InputError, match=r"no such folder, and nothing is downloaded"):
        sj.from_pretrained("you/mine")
    with pytest.raises(InputError, match=r"no model.safetensors in it; save_pretrained writes one"):
        sj.from_pretrained(tmp_path)
    for path in shared.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    told = json.loads((tmp_path / "config.json").read_text())
    told["config"]["seed"] = 7
    (tmp_path / "config.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match=r"config.json is not of the weights in model.safetensors"):
        sj.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(InputError, match=r"config.json"):
        sj.from_pretrained(tmp_path)
