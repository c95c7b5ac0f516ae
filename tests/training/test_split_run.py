"""Runs whose code is split into pose and content."""

import pytest
import torch

import seqjepa as sj
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.recipes import RECIPES, change
from seqjepa.training.checkpoint import list_checkpoints, read_tensors


@pytest.fixture
def small():
    """mnist_affine_split on the embedded digits, of 8 × 8 pixels."""
    return change(
        RECIPES["mnist_affine_split"](),
        name="small",
        epochs=2,
        batch_size=32,
        precision="float32",
        evaluate_every=1,
        images=dict(source="digits", train=96, test=64),
        factors=dict(translate_x=(-1, 1), translate_y=(-1, 1)),
        model=dict(width=4, split=dict(content_dim=8, pose_width=2)),
        probes=dict(hidden=32),
    )


@pytest.mark.parametrize("teacher", ["ema", "stop_gradient"])
def test_every_term_is_logged_and_a_resumed_run_is_the_same(small, tmp_path, teacher):
    config = change(small, model=dict(teacher=teacher))
    whole = sj.train(config, tmp_path / "whole")
    last = whole.rows[-1]
    weights = dict(prediction=1.0, pose_anchor=1.0, equivariance=1.0, contrastive=1.0)
    assert last["loss"] == pytest.approx(sum(weight * last[name] for name, weight in weights.items()), rel=1e-5)

    def stopped(state):
        raise KeyboardInterrupt

    part = sj.train(config, tmp_path / "part", [lambda state: {} if state.epoch == 1 else stopped(state)])
    assert not part.complete
    assert sj.resume(tmp_path / "part").rows == whole.rows
    first, second = (list_checkpoints(tmp_path / name / "checkpoints")[-1] for name in ("whole", "part"))
    for name, tensor in read_tensors(first)[0].items():
        assert torch.equal(tensor, read_tensors(second)[0][name]), name


def test_the_saved_encoder_has_its_parts_and_a_diagnosis_of_them(small, tmp_path):
    sj.train(small, tmp_path / "run")
    encoder = sj.load_encoder(tmp_path / "run")
    assert list(encoder.parts) == ["rotation", "translate_x", "translate_y", "scale", "content"]
    images = sj.load_images("digits", "test")
    z = encoder(images.pixels[:5].float() / 255)
    assert z.shape == (5, 5 + 8)
    sweeps = sj.represent(
        encoder, images, small.factors.factors(), identities=24, steps=5, base_poses=2, progress=False
    )
    found = sj.diagnose(sweeps, skip=[block for block in BLOCKS if block not in ("leakage", "retrieval")], ideals=False)
    assert {source for _, source, _ in found["leakage"]} >= {"part rotation", "part content", "z_agg withheld"}
    assert found["retrieval"][("rotation", "mrr")].value is not None


def test_the_pose_is_learnt(small, tmp_path):
    """In seconds, far above chance: the relative rotation of unseen images, by the group law alone."""
    config = change(
        small,
        epochs=12,
        images=dict(train=None, test=None),
        factors=dict(rotation=(-180, 180), translate_x=None, translate_y=None, scale=None),
        model=dict(split=dict(pose_net="c4_equivariant")),
        objective=dict(contrastive=dict(weight=0.0)),
    )
    sj.train(config, tmp_path / "run")
    encoder, images = sj.load_encoder(tmp_path / "run"), sj.load_images("digits", "test")
    angles = torch.stack([torch.zeros(len(images)), torch.linspace(-3, 3, len(images))], 1)
    poses = sj.Pose(torch.stack([angles, *[torch.zeros_like(angles)] * 3], -1))
    with torch.no_grad():
        first, second = (encoder(view)[:, :2] for view in sj.warp(images.pixels, poses).unbind(1))
    said = torch.atan2(second[:, 1], second[:, 0]) - torch.atan2(first[:, 1], first[:, 0])
    assert float((said - angles[:, 1]).cos().mean()) > 0.8
