"""z_agg, predictions, natural poses and class codes along sweeps."""

import pytest
import torch

import seqjepa as sj
from seqjepa.encoders import devices
from seqjepa.extraction.intrinsic_pose import slant
from seqjepa.extraction.sequences import aggregated, predicted_along
from seqjepa.factors import warp
from seqjepa.sweeps.containers import Predictions
from seqjepa.training import load_encoder
from seqjepa.types import InputError, Pose
from tests.training.test_example_checkpoint import CHECKPOINT

CPU = torch.device("cpu")
FACTORS = sj.affine_factors(rotation=(-75, 75), translate_x=(-7, 7))


class Adds:
    """Sums what it is given, so that every figure can be worked out by hand."""

    observed = 3
    parts = {"pose": slice(0, 2), "content": slice(2, None)}  # noqa: RUF012

    def __call__(self, images):
        return images.mean((1, 2, 3))[:, None] * torch.ones(4)

    def actions(self, poses):
        return poses[:, 1:] - poses[:, :-1]

    def aggregate(self, z, actions):
        moved = z.new_zeros(len(z), 4) if actions is None else actions.sum(1)
        return torch.cat([z.sum(1), moved], 1)

    def predict(self, z, actions):
        return z[:, -1] + actions[:, -1]


def test_z_agg_is_of_consecutive_views_of_one_image_and_ends_at_the_cells_own():
    z, poses = torch.randn(5, 6, 4), torch.randn(5, 6, 4).double()
    found = aggregated(Adds(), z, poses, 0, CPU)
    torch.testing.assert_close(found["z_agg"][2, 4, :4], z[2, 2:5].sum(0))
    torch.testing.assert_close(found["z_agg"][2, 0, :4], z[2, [4, 5, 0]].sum(0))
    torch.testing.assert_close(found["z_agg"][2, 4, 4:], (poses[2, 4] - poses[2, 2]).float())
    assert (found["z_agg withheld"][..., 4:] == 0).all()
    permuted, own = found["z_agg permuted"][..., 4:].flatten(0, 1), found["z_agg"][..., 4:].flatten(0, 1)
    torch.testing.assert_close(permuted.sort(0).values, own.sort(0).values)
    assert (permuted != own).any(1).sum() > 20


def test_a_question_shows_other_views_and_the_action_from_the_last():
    """A predictor that adds the action to the last code is right about a code that is the pose itself."""
    poses = torch.randn(4, 2, 9, 4)
    found = predicted_along(Adds(), poses, poses, "rotation", 0, CPU)
    at = found.target[..., None].expand(-1, -1, -1, 4)
    torch.testing.assert_close(found.predicted, poses.gather(2, at))
    assert found.predicted.shape == (4, 2, 4, 4)
    assert (found.source != found.target).all()
    assert found.target.unique().tolist() == list(range(9))


def test_a_grid_shorter_than_a_sequence_asks_nothing():
    poses = torch.randn(4, 2, 3, 4)
    assert predicted_along(Adds(), poses, poses, "rotation", 0, CPU) is None


def test_predictions_do_not_ask_for_what_was_shown_last():
    with pytest.raises(InputError, match="where it is the source"):
        Predictions(torch.zeros(1, 1, 1, 2), torch.ones(1, 1, 1).long(), torch.ones(1, 1, 1).long())


def test_represent_fills_what_the_encoder_has(tmp_path):
    images = sj.load_images("digits", "test")
    train = sj.load_images("digits", "train")
    sweeps = sj.represent(Adds(), images, FACTORS, 6, 5, 2, joint=4, probe_images=train, probe_count=30, progress=False)
    assert set(sweeps.extra) == {"z_agg", "z_agg permuted", "z_agg withheld"}
    assert sweeps.extra["z_agg"].shape == (6, 4, 8)
    assert sweeps.parts == {"pose": (0, 2), "content": (2, 4)}
    assert set(sweeps.predictions) == {"rotation", "translate_x"}
    assert sweeps.images.shape == (6, *images.pixels.shape[1:])
    assert sweeps.probe.train.shape == (30, 2, 4)
    assert not torch.equal(sweeps.probe.train_values, sweeps.probe.test_values)
    sweeps.save(tmp_path / "sweeps.safetensors")
    again = sj.Sweeps.load(tmp_path / "sweeps.safetensors")
    assert again.parts == sweeps.parts
    for group in ("extra", "intrinsic_pose", "values"):
        for name, codes in getattr(sweeps, group).items():
            assert torch.equal(getattr(again, group)[name], codes)
    assert torch.equal(again.predictions["rotation"].predicted, sweeps.predictions["rotation"].predicted)
    assert torch.equal(again.probe.test, sweeps.probe.test)


def test_a_plain_encoder_has_no_sequences():
    sweeps = sj.represent(sj.pixels, sj.load_images("digits", "test"), FACTORS, 3, 5, 1, progress=False)
    assert not sweeps.extra
    assert not sweeps.predictions
    assert sweeps.probe is None


class Elsewhere(Adds):
    """Is given everything on another device, and answers from the CPU."""

    def __call__(self, images):
        assert images.device.type == "meta"
        return torch.zeros(len(images), 4)

    def aggregate(self, z, actions):
        assert z.device.type == "meta"
        assert actions is None or actions.device.type == "meta"
        return torch.zeros(len(z), 8)

    def predict(self, z, actions):
        assert (z.device.type, actions.device.type) == ("meta", "meta")
        return torch.zeros(len(z), 4)


def test_all_that_an_encoder_is_given_lies_on_its_device(monkeypatch):
    monkeypatch.setattr(devices, "pick_device", lambda encoder, device: torch.device("meta"))
    train, test = (sj.load_images("digits", split) for split in ("train", "test"))
    how = dict(joint=4, probe_images=train, probe_count=8, progress=False)
    sweeps = sj.represent(Elsewhere(), test, FACTORS, 6, 5, 2, **how)
    assert sweeps.metadata["device"] == "meta"
    assert sweeps.predictions["rotation"].predicted.device.type == "cpu"


def test_our_encoder_aggregates_and_predicts_as_its_model():
    encoder = load_encoder(CHECKPOINT)
    views, poses = torch.rand(3, 4, 1, 28, 28), torch.randn(3, 4, 4)
    with torch.no_grad():
        outputs = encoder.model(encoder.normalise(views), encoder.actions(poses))
        z = torch.stack([encoder(view) for view in views[:, :3].unbind(1)], 1)
        actions = encoder.actions(poses)
        torch.testing.assert_close(encoder.aggregate(z, actions[:, :-1]), outputs.z_agg, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(encoder.predict(z, actions), outputs.prediction, rtol=1e-4, atol=1e-4)
        assert not torch.allclose(encoder.aggregate(z, None), outputs.z_agg, atol=1e-3)


def test_an_untrained_copy_aggregates_too():
    fresh = sj.untrained(load_encoder(CHECKPOINT))
    assert fresh.aggregate(torch.randn(2, 3, 48), None).shape == (2, 112)


def test_the_slant_of_a_turned_stroke_is_its_angle():
    stroke = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    stroke[:, :, 6:22, 13:15] = 255
    angles = torch.tensor([-40.0, -10.0, 0.0, 25.0])
    poses = torch.zeros(1, 4, 4)
    poses[0, :, 0] = angles.deg2rad()
    turned = (warp(stroke, Pose(poses))[0] * 255).to(torch.uint8)
    torch.testing.assert_close(slant(turned).rad2deg().float(), angles, atol=1.0, rtol=0)


def test_a_blank_image_has_no_slant():
    assert slant(torch.zeros(2, 1, 8, 8, dtype=torch.uint8)).tolist() == [0, 0]
