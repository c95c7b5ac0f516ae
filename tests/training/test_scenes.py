"""Training on scenes: by name and as objects, with views rendered anew or kept, resumed and diagnosed."""

import shutil
import sys

import pytest
import torch

import seqjepa as sj
from seqjepa.factors.scenes import rendered
from seqjepa.recipes import RECIPES, change
from seqjepa.training import loop, preparing
from seqjepa.training.checkpoint import read_tensors
from seqjepa.training.config import config_from_yaml
from seqjepa.training.scene_views import VIEWS_FILE
from seqjepa.types.errors import InputError

STILL = dict(rotation=None, translate_x=None, translate_y=None, scale=None)


class Glow:
    """Squares of grey on one of three backgrounds: what there is of a scene."""

    factors = (sj.Factor("glow", 0.2, 1.0), sj.Factor.levels("background", 3))

    def __init__(self, count=60, brighter=0.0):
        self.count, self.brighter = count, brighter
        self.labels = torch.arange(count) % 4

    def __len__(self):
        return self.count

    def render(self, identities, values):
        images = (values[:, 1] / 10 + self.brighter)[:, None, None, None].float().expand(-1, 1, 10, 10).clone()
        for i, (who, glow) in enumerate(zip(self.labels[identities], values[:, 0], strict=True)):
            images[i, :, 2 * who : 2 * who + 4, 3:7] = glow.float()
        return images


@pytest.fixture
def sprites(tiny):
    """A run on sprites, of seconds."""
    scene = dict(name="sprites", vary=["angle", "size"], side=16)
    return change(tiny, factors=STILL, images=dict(source="scene", train=64, test=48), scene=scene)


def same(a, b):
    """Whether two runs ended alike, to the last bit."""
    (one, first), (two, second) = (read_tensors(run / "checkpoints/epoch-0002.safetensors") for run in (a, b))
    assert first["rows"] == second["rows"]
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def back_to_the_first_epoch(run, to):
    shutil.copytree(run, to)
    (to / "checkpoints/epoch-0002.safetensors").unlink()
    (to / "model.safetensors").unlink()
    return to


def test_a_run_on_sprites(sprites, tmp_path):
    row = sj.train(sprites, tmp_path / "run", [sj.SubspaceMonitor(24, 5, 2)]).rows[-1]
    for name in ("angle", "size"):
        assert row[f"error_test_{name}"] < 1.5 * row[f"error_constant_{name}"]
        assert f"r2_test_{name}" in row
    # Differences of uniform angles: the best constant is 90° off. The ratio of two sizes within an octave.
    assert row["error_constant_angle"] == pytest.approx(90, abs=15)
    assert 1.1 < row["error_constant_size"] < 1.5
    assert {"subspace_ev_angle", "sensitivity_angle", "dimension_size"} <= row.keys()
    saved = config_from_yaml(tmp_path / "run/config.yaml")
    assert [f.name for f in saved.scene.moves] == ["angle", "size"]
    assert len(saved.scene.views_sha256) == 64
    assert saved.varying == saved.scene.moves


@pytest.mark.parametrize("kept", [None, 6])
def test_resume_is_exact(sprites, tmp_path, kept):
    config = change(sprites, scene=dict(kept_views=kept, sequences=2), factors=dict(first_view="random"))
    sj.train(config, tmp_path / "whole")
    stopped = back_to_the_first_epoch(tmp_path / "whole", tmp_path / "stopped")
    assert sj.resume(stopped).complete
    same(tmp_path / "whole", stopped)
    assert (stopped / VIEWS_FILE).exists() == bool(kept)
    if kept:  # what is lost is rendered again, and what was changed is told
        again = back_to_the_first_epoch(tmp_path / "whole", tmp_path / "again")
        (again / VIEWS_FILE).unlink()
        sj.resume(again)
        same(tmp_path / "whole", again)
        other = back_to_the_first_epoch(tmp_path / "whole", tmp_path / "other")
        content = bytearray((other / VIEWS_FILE).read_bytes())
        content[-1] ^= 1
        (other / VIEWS_FILE).write_bytes(content)
        with pytest.raises(InputError, match="not those that the run began with"):
            sj.resume(other)


def test_kept_views_are_the_scenes_own(sprites, tmp_path):
    """To rounding to 8 bits, and those of a sequence are of one identity, without repetition."""
    config = change(sprites, scene=dict(kept_views=5, sequences=2))
    run = preparing.prepare(config, tmp_path / "run")
    views, drawn = run.images, loop.epoch_views(run.images, config.factors, 0, 1)
    assert len(views) == 128
    index = torch.tensor([0, 1, 17, 127])
    batch = loop.make_batch(views, index, drawn, config.factors, preparing.Normalisation((0.0,), (1.0,)))
    own = rendered(views.scene, (index // 2).repeat_interleave(4), drawn.values[index].flatten(0, 1)).unflatten(
        0, (4, 4)
    )
    torch.testing.assert_close(batch.views, own, atol=0.5 / 255 + 1e-6, rtol=0)
    assert all(len(set(row)) == len(row) for row in drawn.places.tolist())
    assert (drawn.values[:, 0] == torch.tensor([0.0, 1.0])).all()  # at rest first
    alone = loop.make_batch(views, index[2:3], drawn, config.factors, preparing.Normalisation((0.0,), (1.0,)))
    assert torch.equal(alone.views[0], batch.views[2])
    assert torch.equal(alone.actions[0], batch.actions[2])


def test_views_of_an_epoch_depend_on_seed_and_epoch(sprites, tmp_path):
    run = preparing.prepare(sprites, tmp_path / "run")
    one, again, other = (loop.epoch_views(run.images, sprites.factors, 0, epoch).values for epoch in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one[:, 1:], other[:, 1:])


def test_a_scene_as_an_object(tiny, tmp_path):
    config = change(tiny, batch_size=24)
    row = sj.train(config, tmp_path / "run", scene=Glow()).rows[-1]
    assert row["accuracy_constant_background"] == pytest.approx(100 * (1 - row["error_constant_background"]))
    assert 30 < row["accuracy_constant_background"] < 70
    saved = config_from_yaml(tmp_path / "run/config.yaml")
    assert saved.scene.name.startswith("object:")
    assert saved.scene.name.endswith("Glow")
    assert (saved.images.source, saved.images.train, saved.images.test) == ("scene", 48, 12)
    assert saved.factors.factors() == ()
    stopped = back_to_the_first_epoch(tmp_path / "run", tmp_path / "stopped")
    with pytest.raises(InputError, match=r"scene: given as an object .*Glow.* seqjepa.resume\(…, scene=…\)"):
        sj.resume(stopped)
    with pytest.raises(InputError, match="not those that the run began with"):
        sj.resume(stopped, scene=Glow(brighter=0.3))
    sj.resume(stopped, scene=Glow())
    same(tmp_path / "run", stopped)
    with pytest.raises(InputError, match="the run's was "):
        sj.resume(stopped, scene=sj.Sprites(60, side=16))
    with pytest.raises(InputError, match=r"give images=\(train, test\)"):
        sj.diagnose_run(tmp_path / "run", identities=20)
    with pytest.raises(InputError, match=r"seqjepa.train\(…, scene=…\)"):
        sj.train(saved, tmp_path / "new")


def test_affine_views_as_a_scene_are_what_they_are_by_name(tiny, tmp_path):
    train, test = (sj.load_images("digits", split)[:64] for split in ("train", "test"))
    factors = sj.affine_factors(rotation=(-40, 40), scale=(0.6, 1))
    views = [sj.AffineViews(images, factors, "reflection", True) for images in (train, test)]
    by_name = change(
        tiny,
        factors=STILL | dict(rotation=(-40, 40), scale=(0.6, 1), border="reflection", circular_mask=True),
    )
    one = sj.train(tiny, tmp_path / "one", scene=views).rows
    assert one == sj.train(by_name, tmp_path / "two", images=(train, test)).rows


OWN = """
import torch
import seqjepa as sj

class Bar:
    factors = (sj.Factor("height", 0, 1), sj.Factor.rotation("turn"))
    labels = torch.arange(110) % 3
    def __len__(self):
        return 110
    def render(self, identities, values):
        rows = torch.linspace(0, 1, 12)[None, None, :, None] < values[:, :1, None, None].float()
        images = rows.float().repeat(1, 1, 1, 12) * (0.4 + 0.2 * self.labels[identities])[:, None, None, None]
        images[..., :4] = (0.5 + values[:, 1:].float() / 2)[:, None, None, :]
        return images
"""


def test_a_scene_of_ones_own_by_name(tiny, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    images = dict(source="scene", train=None, test=None)
    config = change(tiny, images=images, factors=STILL, scene=dict(name="./mine.py:Bar"))
    row = sj.train(config, tmp_path / "run").rows[-1]
    # Turns without preference are 126.5° from any one on average, and a little less from the best of 22.
    assert 95 < row["error_constant_turn"] < 130
    monkeypatch.chdir(sys.prefix)
    sj.load_encoder(tmp_path / "run")  # weights need no scene, and so no trust
    stopped = back_to_the_first_epoch(tmp_path / "run", tmp_path / "stopped")
    for call in (sj.resume, sj.diagnose_run):
        with pytest.raises(InputError, match=r"scene.name is .*mine.py:Bar', code"):
            call(stopped)
    sj.resume(stopped, trust=True)
    same(tmp_path / "run", stopped)
    skip = ["group", "irreps", "literature", "leakage", "contents", "actions", "classes"]
    how = dict(identities=20, steps=5, base_poses=2, baselines=(), probe_images=0, skip=skip, progress=False)
    found = sj.diagnose_run(tmp_path / "run", trust=True, **how)["z"]
    assert found["explained_variance"]["height"].value > 0.5


def test_photometric_views_of_images(tiny, tmp_path):
    pytest.importorskip("kornia")
    ranges = dict(brightness=(-0.2, 0.2), blur=(0, 1), crop_x=(-2, 2))
    config = change(tiny, factors=STILL, scene=dict(name="photometric", ranges=ranges))
    row = sj.train(config, tmp_path / "run").rows[-1]
    assert {f"error_test_{name}" for name in ranges} <= row.keys()
    assert sj.load_encoder(tmp_path / "run").config.images.train == 96


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (dict(factors=STILL | dict(rotation=(-9, 9))), "factors.rotation: the scene 'sprites' has factors of its own"),
        (dict(factors=STILL | dict(border="reflection")), "factors.border: of affine views only"),
        (dict(factors=STILL | dict(circular_mask=True)), "factors.circular_mask: of affine views only"),
        (dict(factors=STILL | dict(actions="group")), "factors.actions: of affine views only"),
        (dict(model=dict(encoder="split")), "model.encoder: 'split' knows affine factors only"),
        (dict(images=dict(source="digits")), "images.source: the scene 'sprites' brings its own"),
        (dict(images=dict(train=None)), "images.train, images.test: the scene 'sprites' makes as many"),
        (dict(scene=dict(ranges=dict(hue=(0, 1)))), "scene.ranges: of the scene 'photometric' only"),
        (dict(scene=dict(name="photometric", vary=None, side=64)), "scene.ranges: give at least one factor a range"),
        (dict(scene=dict(name="./a.py:b")), "scene.vary: of objects3d and sprites only"),
        (dict(scene=dict(name="sprits")), "scene.name: choose one of objects3d, sprites, photometric"),
        (dict(scene=dict(kept_views=3)), "scene.kept_views: 3 are fewer than the 4 of a sequence"),
        (dict(scene=dict(name=None)), "factors: every factor is off"),
    ],
)
def test_what_does_not_fit_a_scene_is_refused(sprites, changes, told):
    with pytest.raises(InputError, match=told):
        change(sprites, **changes)


def test_settings_of_a_scene_without_one_are_refused(tiny):
    with pytest.raises(InputError, match=r"scene\.name: settings of a scene were given"):
        change(tiny, scene=dict(sequences=3))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (dict(scene=Glow(1)), "of a single identity none can be held out"),
        (dict(scene=[Glow(), Glow(), Glow()]), "3 scenes; give one, or a pair"),
        (dict(scene=[Glow(), sj.Sprites(9)]), "those of training and of test have other factors"),
        (dict(scene=[]), "0 scenes; give one, or a pair"),
        (dict(scene=Glow(), images=()), "images: two are needed"),
        (dict(scene=Glow(brighter=1.0)), "render returned values from"),
    ],
)
def test_what_is_no_scene_is_refused(tiny, tmp_path, given, told):
    with pytest.raises(InputError, match=told):
        sj.train(tiny, tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()


def test_an_unknown_factor_of_a_scene_by_name(sprites, tmp_path):
    with pytest.raises(InputError, match=r"scene.vary: 'colour' is not one of angle, x, y, size"):
        sj.train(change(sprites, scene=dict(vary=["colour"])), tmp_path / "run")


def test_a_lost_loss_keeps_the_views(sprites, tmp_path, monkeypatch):
    def failing(*_):
        raise FloatingPointError("the term 'prediction' is nan")

    monkeypatch.setattr(loop, "compute_loss", failing)
    with pytest.raises(FloatingPointError, match="batch and weights are in"):
        sj.train(sprites, tmp_path / "run")
    tensors, _ = read_tensors(tmp_path / "run/failure.safetensors")
    assert (tensors["views"].shape, tensors["values"].shape) == ((32, 4, 1, 16, 16), (32, 4, 2))


SMALL = dict(epochs=1, batch_size=8, precision="float32", model=dict(width=2, layers=1, hidden=8, action_embedding=8))


@pytest.mark.parametrize("name", [name for name in RECIPES if name.endswith("_fast") and "teacherless" not in name])
def test_a_step_of_every_recipe_on_a_scene(name, tmp_path):
    """Tiny: what holds the recipe's parts together, not what comes of it."""
    config = RECIPES[name]()
    if config.scene.name is None:
        pytest.skip("affine views")
    pytest.importorskip({"objects3d": "pybullet", "photometric": "kornia"}.get(config.scene.name, "torch"))
    config = change(config, **SMALL, images=dict(train=8, test=8), probes=dict(hidden=8))
    scene = dict(sequences=1) | ({} if config.scene.kept_views is None else dict(kept_views=4))
    config = change(config, model=dict(action_embedding=8, heads=2), scene=scene)
    if config.scene.name == "photometric":
        pictures = torch.randint(0, 256, (16, 3, 32, 32), dtype=torch.uint8)
        images = [sj.Images.from_dataset(pictures[part], labels=torch.arange(8)) for part in (slice(8), slice(8, 16))]
        row = sj.train(config, tmp_path / "run", images=images).rows[-1]
    else:
        row = sj.train(change(config, scene=dict(side=8)), tmp_path / "run").rows[-1]
    factors = config_from_yaml(tmp_path / "run/config.yaml").varying
    assert {f"error_test_{factor.name}" for factor in factors} <= row.keys()
    assert (
        len(factors) == {"sprites": 4, "objects3d": len(config.scene.vary or ()), "photometric": 8}[config.scene.name]
    )
