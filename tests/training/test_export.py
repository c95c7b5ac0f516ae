"""Trained encoders as ONNX files."""

import copy
import math
import sys
from pathlib import Path

import onnx
import pytest
import torch

import seqjepa as sj
from seqjepa.cli import app as cli
from seqjepa.recipes import RECIPES, change
from tests.hurried import hurried

TORCH = tuple(int(part) for part in torch.__version__.split(".")[:2])
CHECKPOINT = Path(__file__).parents[2] / "examples" / "mnist_affine_fast.safetensors"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return sj.export_onnx(CHECKPOINT, tmp_path_factory.mktemp("export") / "new" / "model.onnx")


@pytest.mark.parametrize("batch", [1, 2, 33])
def test_the_graph_is_the_encoder_with_its_normalisation(file, batch):
    images = torch.rand(batch, 1, 28, 28)
    with torch.no_grad():
        expected = sj.load_encoder(CHECKPOINT)(images)
    found = sj.load_onnx(file)
    assert (found.batch, found.expects.channels, found.expects.size) == (None, 1, (28, 28))
    torch.testing.assert_close(found(images), expected, atol=1e-5, rtol=1e-5)


def test_it_gives_the_same_diagnosis(file):
    """Every estimate, against that of the checkpoint's encoder; its predictor is not asked, since the file has none.

    A share of right answers moves by whole answers: rounding in the last digit may flip a view that lies between two
    classes, so six of 600 are allowed. All else is continuous.
    """
    checkpoint = sj.load_encoder(CHECKPOINT)
    images = sj.load_images("digits", "test")
    factors = sj.affine_factors(rotation=(-180, 180), translate_x=(-7, 7), scale=(0.5, 1.0))
    options = dict(identities=60, steps=8, base_poses=2, progress=False)
    with hurried():
        ours, theirs = (
            sj.diagnose(sj.represent(encoder, images, factors, **options), ideals=False)
            for encoder in (lambda views: checkpoint(views), sj.open_encoder(file))
        )
    assert {m: set(of) for m, of in ours.estimates.items()} == {m: set(of) for m, of in theirs.estimates.items()}
    compared = 0
    for metric, found in theirs.estimates.items():
        for key, estimate in found.items():
            expected = ours[metric][key]
            assert (estimate.value is None) == (expected.value is None), (metric, key)
            if estimate.value is not None:
                counted = metric == "class_probe" or "class" in key
                within = 6 / 600 if counted else 1e-4
                assert math.isclose(estimate.value, expected.value, rel_tol=1e-4, abs_tol=within), (metric, key)
                compared += 1
    assert compared > 50


def test_the_file_tells_nothing_of_the_machine_that_wrote_it(file):
    assert str(Path(sj.__file__).parent).encode() not in file.read_bytes()
    onnx.checker.check_model(onnx.load(file), full_check=True)


def test_the_command(tmp_path, capsys):
    assert cli.main(["export", str(CHECKPOINT), str(tmp_path / "model.onnx")]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"saved: {tmp_path / 'model.onnx'}")
    assert said.err == ""
    assert sj.load_onnx(tmp_path / "model.onnx").batch is None


@pytest.mark.parametrize(
    ("run", "name", "says"),
    [("nowhere", "model.onnx", "no checkpoint nowhere"), (CHECKPOINT, "model.pt", "an ONNX file's name ends in .onnx")],
)
def test_mistakes_are_one_line(tmp_path, capsys, run, name, says):
    assert cli.main(["export", str(run), str(tmp_path / name)]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_missing_library_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(sj.InputError, match=r"onnxscript is needed: pip install 'seqjepa\[onnx\]'"):
        sj.export_onnx(CHECKPOINT, tmp_path / "model.onnx")


@pytest.mark.skipif(TORCH < (2, 9), reason="needs the exporter of PyTorch 2.9")
@pytest.mark.parametrize(("recipe", "views"), [("mnist_rotation_split", 2), ("mnist_affine_split", 1)])
def test_a_split_encoder_with_its_canonicalization_can_be_exported(tmp_path, recipe, views):
    """As near to exact arithmetic as PyTorch's float32 is.

    Each step of canonicalization warps the view by a pose estimated from the one before, so rounding grows with the
    steps, by how much depends on the image, and on white noise, which no warp leaves alike, by far the most. So the
    graph is held against float64, beside what float32 itself makes of the same pictures; and one step fewer, which a
    broken graph might compute, is far outside.
    """
    small = change(
        RECIPES[recipe](),
        epochs=1,
        batch_size=32,
        precision="float32",
        images=dict(source="digits", train=64, test=32),
        model=dict(width=4, split=dict(content_dim=8, pose_width=2, test_time_views=views)),  # each is unrolled
    )
    sj.train(small, tmp_path / "run")
    found = sj.load_onnx(sj.export_onnx(tmp_path / "run", tmp_path / "model.onnx"))
    images = sj.load_images("digits", "test").pixels[:32].float() / 255
    encoder = sj.load_encoder(tmp_path / "run")
    exactly = copy.deepcopy(encoder).double()
    fewer = copy.deepcopy(encoder)
    fewer.encoder.canonicalization_steps -= 1
    with torch.no_grad():
        exact = exactly(images.double())
        ours, other = encoder(images), fewer(images)
    graph = torch.cat([found(images[:1]), found(images[1:4]), found(images[4:])])
    rounding, error, broken = ((codes - exact).abs().amax(1) for codes in (ours, graph, other))
    within = 10 * rounding.median() + 1e-5
    assert error.median() < within
    assert error.max() < 10 * rounding.max() + 1e-5
    assert broken.median() > 10 * within
