"""The workflow of a diagnosis from Python, without a command line."""

import inspect
import subprocess
import sys

import pytest
import torch
from torch import nn

import seqjepa as sj
from seqjepa.diagnostics import Estimate
from seqjepa.diagnostics.metric import Metric
from seqjepa.encoders import devices
from seqjepa.encoders.devices import pick_device, placed
from seqjepa.extraction import represent, represent_layers
from seqjepa.recipes import change
from seqjepa.training import saved
from seqjepa.workflows.diagnosing import diagnose_encoder, diagnose_run
from seqjepa.workflows.diagnosing_sweeps import diagnose_sweeps
from tests.training.test_example_checkpoint import CHECKPOINT
from tests.workflows.small import TURNS, network

SMALL = dict(
    identities=24, steps=5, base_poses=2, probe_images=0, skip=["group", "actions", "literature"], progress=False
)


def test_a_module_and_images_in_a_diagnosis_out(images):
    model = network().train()
    found = diagnose_encoder(model, images, TURNS, **SMALL)
    assert set(found) == {"z"}
    assert set(found["z"].baselines) == {"pca", "untrained"}
    assert found["z"].metadata["device"] == str(pick_device(model))
    assert model.training
    sweeps = sj.represent(
        model, images[1], sj.affine_factors(rotation=(-180, 180)), 24, 5, 2, pool="mean", progress=False
    )
    alone = sj.diagnose(sweeps, probes=["linear"], skip=SMALL["skip"])
    assert found["z"]["explained_variance"] == alone["explained_variance"]


def test_a_source_by_name_is_these_images(images):
    by_name = diagnose_encoder("pca:8", "digits", TURNS, baselines=(), **SMALL)
    given = diagnose_encoder("pca:8", images, TURNS, baselines=(), **SMALL)
    assert by_name["z"].estimates == given["z"].estimates


def test_held_out_images_alone_do_without_what_is_fitted(images, caplog):
    found = diagnose_encoder(network(), images[1], TURNS, **SMALL | {"probe_images": 100})
    assert set(found["z"].baselines) == {"untrained"}
    assert "no baseline 'pca'" in caplog.text
    with pytest.raises(sj.InputError, match=r"'pca' is fitted on training images; give images=\(train, test\)"):
        diagnose_encoder(network(), images[1], TURNS, baselines=["pca"], **SMALL)
    with pytest.raises(sj.InputError, match="'pca:8' is fitted on images"):
        diagnose_encoder("pca:8", images[1], TURNS, **SMALL)


def test_baselines_of_ones_own_and_layers(images, tmp_path):
    found = diagnose_encoder(
        network(), images, TURNS, layers=["0", "3"], baselines={"mine": sj.pixels}, folder=tmp_path, **SMALL
    )
    assert {name: diagnosis.metadata["dim"] for name, diagnosis in found.items()} == {"0": 3, "3": 7}
    assert found["0"].baselines["mine"].metadata["dim"] == 784
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("diagnosis-0.json", "diagnosis-3.json", "environment.yaml"),
        *("sweeps-0.safetensors", "sweeps-3.safetensors"),
    ]


def test_factors_may_be_factors(images):
    factors = sj.affine_factors(translate_x=(-2, 2))
    found = diagnose_encoder(sj.pixels, images, factors, baselines=(), **SMALL)
    assert found["z"].metadata["swept"] == "translate_x -2 to 2 px"
    with pytest.raises(sj.InputError, match="factors: 'hue' is not one of rotation"):
        diagnose_encoder(sj.pixels, images, {"hue": (0, 1)}, **SMALL)


def test_a_run_is_read_once_and_diagnosed_as_it_was_trained(images, monkeypatch):
    reads = []
    read = saved.read_tensors
    monkeypatch.setattr(saved, "read_tensors", lambda path: reads.append(path) or read(path))
    found = diagnose_run(CHECKPOINT, "digits", baselines=(), **SMALL)
    assert len(reads) == 1
    assert found["z"].metadata["swept"].startswith("rotation -75 to 75 deg")


def test_a_runs_border_and_mask_are_its_own(images):
    encoder = sj.load_encoder(CHECKPOINT)
    factors = encoder.config.factors.model_copy(update={"border": "reflection", "circular_mask": True})
    encoder.config = encoder.config.model_copy(update={"factors": factors})
    found = diagnose_encoder(encoder, images, TURNS, baselines=(), **SMALL)["z"]
    assert (found.metadata["border"], found.metadata["circular_mask"]) == ("reflection", True)
    other = diagnose_encoder(encoder, images, TURNS, baselines=(), border="zeros", circular_mask=False, **SMALL)["z"]
    assert (other.metadata["border"], other.metadata["circular_mask"]) == ("zeros", False)


def test_saved_sweeps_of_one_name_are_told_apart(images, tmp_path):
    for name, dim in (("one", 3), ("two", 4), ("three", 5)):
        (tmp_path / name).mkdir()
        encoder = sj.PixelPCA.fit(images[0], dim)
        sj.represent(encoder, images[1], sj.affine_factors(rotation=(-9, 9)), 24, 5, progress=False).save(
            tmp_path / name / "sweeps.safetensors"
        )
    one, *others = (tmp_path / name / "sweeps.safetensors" for name in ("one", "two", "three"))
    found = diagnose_sweeps(one, others, skip=["group", "literature"], progress=False)["z"]
    assert [baseline.metadata["dim"] for baseline in found.baselines.values()] == [4, 5]
    assert set(diagnose_sweeps(one, others[:1], skip=["group", "literature"], progress=False)["z"].baselines) == {
        "sweeps"
    }


def test_python_has_one_set_of_defaults():
    def defaults(function):
        return {name: p.default for name, p in inspect.signature(function).parameters.items()}

    of_all = [defaults(f) for f in (diagnose_encoder, represent, represent_layers)]
    for name in ("identities", "steps", "base_poses", "pool", "pick", "seed", "preprocess", "device", "progress"):
        assert len({repr(known[name]) for known in of_all if name in known}) == 1, name
    assert of_all[0]["probe_images"] == of_all[1]["probe_count"]
    assert of_all[0]["probes"] == defaults(diagnose_sweeps)["probes"]


def test_a_module_is_moved_to_its_device_and_back(monkeypatch):
    model, moved = network(), []
    to = nn.Module.to
    monkeypatch.setattr(nn.Module, "to", lambda self, device: moved.append(str(device)) or to(self, device))
    monkeypatch.setattr(devices, "pick_device", lambda encoder, device: torch.device("meta"))
    with pytest.raises(NotImplementedError), placed(model, "auto"):
        assert next(model.parameters()).device.type == "meta"
    assert moved == ["meta", "cpu"]


def test_a_module_stays_where_its_user_put_it():
    assert pick_device(nn.Linear(2, 2, device="meta")) == torch.device("meta")
    assert pick_device(lambda x: x) == torch.device("cpu")
    assert pick_device(nn.Linear(2, 2), "cpu") == torch.device("cpu")
    split = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, device="meta"))
    with pytest.raises(sj.InputError, match="weights lie on cpu, meta; leave it at auto"), placed(split, "cpu"):
        pass
    with placed(split) as where:
        assert where == torch.device("meta")


def test_a_run_that_was_given_objects_is_diagnosed_with_them(tiny, tmp_path, images):
    few = tuple(each[:96] for each in images)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 12))
    sj.train(change(tiny, epochs=1), tmp_path / "run", images=few, encoder=net)
    with pytest.raises(sj.InputError, match="encoder: given as an object"):
        diagnose_run(tmp_path / "run")
    with pytest.raises(sj.InputError, match=r"images: the run was given them as objects; give images=\(train, test\)"):
        diagnose_run(tmp_path / "run", encoder=net)
    found = diagnose_run(tmp_path / "run", few, TURNS, encoder=net, baselines=(), **SMALL)
    assert found["z"].metadata["dim"] == 12
    assert (tmp_path / "run/diagnosis/diagnosis.json").exists()


def test_images_without_labels_have_everything_but_classes():
    random = torch.Generator().manual_seed(0)
    given = sj.Images.from_dataset(torch.rand(40, 1, 28, 28, generator=random), value_range=(0, 1))
    found = diagnose_encoder(sj.pixels, (given, given), TURNS, **SMALL | {"probe_images": 30})["z"]
    assert found["explained_variance"]["rotation"].value is not None
    assert found["class_probe"]["linear"].reason == "the images have no labels, or all the same"
    with pytest.raises(sj.InputError, match="supervised: 0 classes"):
        diagnose_encoder(network(), (given, given), TURNS, baselines=["supervised"], **SMALL)


def test_a_metric_of_ones_own_is_among_the_estimates(images):
    metric = Metric("mine", "what is it?", lambda context: {"rotation": Estimate(0.5)})
    found = diagnose_encoder(sj.pixels, images, TURNS, baselines=(), metrics=[metric], **SMALL)
    assert found["z"]["mine"]["rotation"].value == 0.5
    with pytest.raises(sj.InputError, match="has no function"):
        diagnose_encoder(sj.pixels, images, TURNS, metrics=[Metric("mine", "what is it?")], **SMALL)


MISTAKES = """
import torch, numpy as np, seqjepa as sj
from seqjepa.workflows.diagnosing import diagnose_encoder

called = []
images = sj.load_images("digits", "train"), sj.load_images("digits", "test")
given = dict(encoder=lambda x: called.append(x) or x.flatten(1), images=images, identities=20, baselines=())
for wrong in (
    dict(pool="avg"), dict(border="mirror"), dict(preprocess="imagenet"), dict(baselines={"mine": 5}),
    dict(images=("digits", "digits")), dict(images=torch.zeros(30, 1, 28, 28)), dict(factors=["rotation"]),
    dict(factors={"rotation": (1, 2, 3)}), dict(metrics=[len]), dict(encoder=5),
):
    try:
        diagnose_encoder(**{**given, **wrong})
    except sj.InputError as error:
        print(len(called), error)
for value_range in (255, (0, 1, 2)):
    try:
        sj.Images.from_dataset(np.zeros((3, 8, 8)), value_range=value_range)
    except sj.InputError as error:
        print(len(called), error)
"""


def test_what_is_of_a_wrong_kind_is_refused_before_anything_is_encoded():
    """In a process of its own, without the type checks that tests run under and users do not."""
    done = subprocess.run([sys.executable, "-c", MISTAKES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    starts = [
        "pool: 'avg' is not one of none",
        "border: 'mirror' is not one of zeros",
        "preprocess: 'auto', None, a callable, or changes",
        "baselines: 'mine' is a int",
        "scene: a str has no factors, len() or render(identities, values)",
        "images: a source's name",
        "factors: each is a Factor",
        "factors: rotation: a range is two numbers",
        "metrics: each is a Metric",
        "encoder: a module, a callable or a name",
        "value_range: two numbers are needed",
        "value_range: two numbers are needed",
    ]
    lines = done.stdout.splitlines()
    assert len(lines) == len(starts)
    for line, start in zip(lines, starts, strict=True):
        assert line.startswith(f"0 {start}")


def test_training_images_of_another_shape_are_refused_at_once(images):
    _, test = images
    small = sj.Images(test.pixels[:, :, 4:, 4:], test.labels, test.class_names)
    with pytest.raises(sj.InputError, match="training images have shape"):
        diagnose_encoder(lambda x: 1 / 0, (small, test), identities=20)
