"""Scenes: what is not an affine view of a picture."""

from typing import ClassVar

import pytest
import torch

import seqjepa as sj
from seqjepa.factors.scenes import check_scene
from seqjepa.types import InputError
from seqjepa.types.rotations import matrix

FEW = dict(identities=12, steps=5, base_poses=2, joint=4, progress=False, preprocess=None)


class Ball:
    """A spot on a dark ground whose colour is a direction and whose place turns: every kind of factor at once."""

    factors = (
        sj.Factor.rotation("orientation"),
        sj.Factor("glow", 0.5, 2.0, "ratio", None, True),
        sj.Factor.levels("ground", 3),
        sj.Factor.direction("light"),
        sj.Factor.vector("place", -1, 1, 2),
    )
    labels = torch.arange(30) % 3

    def __len__(self):
        return 30

    def render(self, identities, values):
        assert values.shape[1] == 4 + 1 + 1 + 3 + 2
        seen = torch.cat([matrix(values[:, :4]).flatten(1), values[:, 4:], identities[:, None] / 30.0], 1)
        return torch.nn.functional.pad(seen.sigmoid(), (0, 18 - seen.shape[1])).reshape(-1, 1, 3, 6)


def flat(images):
    return images.flatten(1)


def brightness(pictures, values):
    return (pictures * values[:, :1, None, None]).clamp(0, 1)


def test_every_axis_of_every_factor_is_swept_at_the_values_that_the_grid_says():
    sweeps = sj.represent(flat, Ball(), **FEW)
    turns = ["orientation_x", "orientation_y", "orientation_z"]
    lights = ["light_x", "light_y", "light_z"]
    assert list(sweeps.values) == [*turns, "glow", "ground", *lights, "place_x", "place_y"]
    assert sweeps.values["orientation_x"].shape == (12, 2, 5, 18)
    assert sweeps.grids["ground"].tolist() == [0, 1, 2]
    glow = sweeps.values["glow"][..., 9].logit()  # the column that the encoder sees of it
    torch.testing.assert_close(glow, sweeps.grids["glow"].float().expand(12, 2, 5), atol=1e-4, rtol=1e-4)
    # A rotation's other columns stay, and its matrix turns from the left.
    angle = sweeps.grids["orientation_z"].deg2rad()
    start, turned = (sweeps.values["orientation_z"][:, :, g, :9].double().logit().unflatten(-1, (3, 3)) for g in (2, 4))
    about = torch.eye(3, dtype=torch.float64)
    step = angle[4] - angle[2]
    about[:2, :2] = torch.tensor([[step.cos(), -step.sin()], [step.sin(), step.cos()]])
    torch.testing.assert_close(turned, about @ start, atol=1e-3, rtol=0)
    assert sweeps.joint_values.shape == (12, 4, 11)
    assert sweeps.images is not None


def test_some_of_a_scenes_factors_move_and_the_others_rest():
    one = sj.represent(flat, Ball(), [sj.Factor("glow", 1.0, 2.0, "ratio", None, True)], **FEW)
    assert list(one.values) == ["glow"]
    torch.testing.assert_close(
        one.values["glow"][..., 10].logit(), torch.zeros(12, 1, 5), atol=1e-5, rtol=0
    )  # ground 0
    with pytest.raises(InputError, match="'hue' is not one of the scene's, orientation, glow"):
        sj.represent(flat, Ball(), [sj.Factor("hue", 0, 1)], **FEW)
    with pytest.raises(InputError, match="'glow' is of another kind or range"):
        sj.represent(flat, Ball(), [sj.Factor("glow", 0.1, 2.0, "ratio", None, True)], **FEW)


def test_affine_views_of_pictures_are_a_scene_like_any_other():
    images, factors = sj.load_images("digits", "test"), sj.affine_factors((-90, 90), scale=(0.5, 1.0))
    views = sj.AffineViews(images, factors, border="reflection")
    direct = sj.represent(flat, images, factors, border="reflection", **FEW)
    through = sj.represent(flat, views, **FEW)
    for name in direct.values:
        assert torch.equal(direct.values[name], through.values[name])
        assert torch.equal(direct.group_values[name], through.group_values[name])
    assert direct.same_design(through)
    assert direct.metadata["border"] == through.metadata["border"] == "reflection"
    values = direct.joint_values[:, 0]
    chosen = torch.tensor([int((images.pixels == one).flatten(1).all(1).nonzero()[0]) for one in direct.images])
    rendered = flat(views.render(chosen, values))
    torch.testing.assert_close(rendered, direct.joint[:, 0], atol=1e-5, rtol=1e-5)


def test_a_brightness_factor_of_ones_own():
    images = sj.load_images("digits", "test")
    scene = sj.picture_scene(images, [sj.Factor("brightness", 0.5, 1.0, "ratio", logarithmic=True)], brightness)
    sweeps = sj.represent(flat, scene, identities=30, steps=9, base_poses=2, joint=6, progress=False, preprocess=None)
    found = sj.diagnose(sweeps, skip=["irreps", "literature", "contents", "group", "shared", "actions"], ideals=False)
    assert found["dimension"]["brightness"].value >= 1  # each picture grows along itself
    assert found["sensitivity"]["brightness"].value > 0.01
    assert found["leakage"]["brightness", "z", "linear"].value is not None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (dict(render=lambda self, who, values: torch.zeros(1, 1, 4, 4)), r"returned \(1, 1, 4, 4\) for 16"),
        (dict(render=lambda self, who, values: torch.full((len(who), 1, 4, 4), 2.0)), "values from 2 to 2"),
        (dict(render=lambda self, who, values: torch.full((len(who), 1, 4, 4), float("nan"))), "values from nan"),
        (dict(render=lambda self, who, values: who.no_such), "the scene's render raised AttributeError"),
        (dict(factors=[]), "not one or more Factors"),
        (dict(factors=[sj.Factor("scale", 0, 1)]), "names of affine views"),
        (dict(factors=[sj.Factor("a", 0, 1), sj.Factor("a", 0, 1)]), "two factors of one name"),
        (dict(labels=torch.zeros(3)), "30 identities and 3 labels"),
    ],
)
def test_what_is_no_scene_is_refused(change, says):
    scene = type("Own", (Ball,), change)()
    with pytest.raises(InputError, match=says):
        sj.represent(flat, scene, **FEW)


def test_an_aggregator_that_knows_affine_actions_is_not_asked_of_a_scene():
    class Sequences:
        observed = 3
        parts: ClassVar = {"z": slice(None)}

        def __call__(self, images):
            return images.flatten(1)

        def actions(self, poses):
            raise AssertionError("of which poses?")

        def aggregate(self, z, actions):
            raise AssertionError("of which actions?")

        predict = aggregate

    sweeps = sj.represent(Sequences(), Ball(), **FEW)
    assert not sweeps.extra
    assert not sweeps.predictions


def test_pictures_need_factors_and_nothing_else_is_a_scene():
    images = sj.load_images("digits", "test")
    with pytest.raises(InputError, match="say what moves"):
        sj.represent(flat, images, **FEW)
    with pytest.raises(InputError, match="a int has no factors"):
        check_scene(3)
    with pytest.raises(InputError, match="affine factors only"):
        sj.represent(flat, images, [sj.Factor("hue", 0, 1)], **FEW)


def test_from_the_command_line(tmp_path, monkeypatch, capsys):
    from seqjepa.cli.app import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        "import seqjepa as sj\n\n"
        "def brightness(pictures, values):\n"
        "    return (pictures * values[:, :1, None, None]).clamp(0, 1)\n\n"
        "def scene():\n"
        "    factors = [sj.Factor('brightness', 0.5, 1.5)]\n"
        "    return [sj.picture_scene(sj.load_images('digits', s), factors, brightness) for s in ('train', 'test')]\n"
    )
    skip = ["group", "irreps", "literature", "contents", "classes", "actions", "leakage", "effects"]
    small = ["--identities", "20", "--steps", "5", "--base-poses", "2", "--probe-images", "0", "--out", "out"]
    asked = ["diagnose", "--encoder", "pixels", "--scene", "./mine.py:scene", *small, "--skip", *skip]
    assert main([*asked, "--baselines", "pca"]) == 0
    assert "brightness" in capsys.readouterr().out
    assert (tmp_path / "out" / "diagnosis.json").is_file()
    assert main([*asked, "--images", "digits"]) == 2
    assert "--scene: a scene has images" in capsys.readouterr().err
    assert main(["diagnose", "--encoder", "pixels", "--scene", "./mine.py:brightness", *small]) == 2
    assert "scene './mine.py:brightness'" in capsys.readouterr().err
