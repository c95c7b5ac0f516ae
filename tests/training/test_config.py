import re

import pytest
import yaml

from seqjepa.recipes import RECIPES, mnist_affine, mnist_rotation_split
from seqjepa.training.config import checked_config, config_from_yaml
from seqjepa.training.overrides import apply_overrides
from seqjepa.types import InputError


@pytest.mark.parametrize("name", RECIPES)
def test_a_saved_configuration_is_the_same_again(name, tmp_path):
    config = RECIPES[name]()
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    assert config_from_yaml(tmp_path / "config.yaml") == config


def test_overrides_change_the_field_and_nothing_else():
    given = (
        "--epochs 3 --factors.rotation -30 30 --factors.scale none --model.ema-decay=0.9 --factors.circular_mask true"
    )
    config = apply_overrides(mnist_affine(), given.split())
    config = apply_overrides(config, ["--optimiser.learning-rate", "1e-4", "--model.teacher", "stop_gradient"])
    before, after = mnist_affine().model_dump(), config.model_dump()
    assert after["epochs"] == 3
    assert after["factors"] == before["factors"] | {"rotation": (-30, 30), "scale": None, "circular_mask": True}
    assert after["model"] == before["model"] | {"ema_decay": 0.9, "teacher": "stop_gradient"}
    assert after["optimiser"] == before["optimiser"] | {"learning_rate": 1e-4}
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {"epochs", "factors", "model", "optimiser"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--epoch", "3"], "unknown field 'epoch'; did you mean 'epochs'?"),
        (["--model.widht", "3"], "unknown field 'model.widht'; did you mean 'model.width'?"),
        (["--modle.width", "3"], "unknown field 'modle'; did you mean 'model'?"),
        (["--epochs", "three"], "epochs: Input should be a valid integer"),
        (["--epochs", "0"], "epochs: Input should be greater than 0"),
        (["--epochs"], "--epochs needs a value"),
        (["--factors.rotation", "30", "-30"], "factors.rotation: low 30 is above high -30"),
        (["--factors.rotation", "-200", "200"], "factors.rotation: the range spans 400 degrees"),
        (["--factors.scale", "0", "1"], "factors.scale: low 0 must be above 0"),
        (["--factors.scale", "-1", "1"], "factors.scale: low -1 must be above 0"),
        (["--factors.views", "1"], "factors.views: Input should be greater than or equal to 2"),
        (
            ["--model.teacher", "mean"],
            "model.teacher: choose one of ema, stop_gradient, pkg.mod:factory, ./file.py:factory, not 'mean'",
        ),
        (["--objective.rate.alpha", "0"], "objective.rate.alpha: Input should be greater than 0"),
        (
            ["--model.aggregator", "group_action"],
            "model.encoder: model.aggregator needs the parts of a split representation; set it to",
        ),
        (
            ["--model.encoder", "resnet81"],
            "model.encoder: choose one of resnet18, resnet_small, convnet, split, pkg.mod:f",
        ),
        (
            ["--objective.contrastive.weight", "1"],
            "model.encoder: objective.contrastive needs the parts of a split representation",
        ),
        (
            ["--model.split.jitter", "0.5"],
            "model.split: settings of the encoder 'split' only, and the encoder is 'resnet18'",
        ),
        (["--objective.rate.weight", "nan"], "objective.rate.weight: Input should be a finite number"),
    ],
)
def test_each_mistake_is_one_line_that_names_the_field(arguments, says):
    with pytest.raises(InputError) as caught:
        apply_overrides(mnist_affine(), arguments)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["--factors.actions", "group"],
            "factors.actions: objective.equivariance moves split representations by actions of the kind 'difference'",
        ),
        (["--factors.first-view", "random"], "factors.first_view: objective.pose_anchor needs it to be 'identity'"),
        (["--factors.views", "2"], "factors.views: objective.equivariance compares observed views"),
        (["--model.encoder", "convnet"], "settings of the encoder 'split' only, and the encoder is 'convnet'"),
    ],
)
def test_a_split_recipe_says_what_does_not_fit(arguments, says):
    with pytest.raises(InputError, match=re.escape(says)):
        apply_overrides(mnist_rotation_split(), arguments)


def test_several_mistakes_are_several_lines():
    with pytest.raises(InputError) as caught:
        apply_overrides(mnist_affine(), ["--epochs", "0", "--model.teacher", "x"])
    assert len(str(caught.value).splitlines()) == 2


def test_a_run_in_which_nothing_moves_is_refused():
    off = dict.fromkeys(("rotation", "translate_x", "translate_y", "scale"))
    with pytest.raises(InputError, match="every factor is off"):
        checked_config({"factors": off})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("epochs: [", "not a readable YAML file"),
        ("- 1", "a mapping of fields, not list"),
        ("seed: !!python/object/apply:os.getcwd []", "not a readable YAML file"),
        ("sed: 1", "unknown field 'sed'; did you mean 'seed'"),
    ],
)
def test_a_broken_configuration_file(tmp_path, text, says):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        config_from_yaml(tmp_path / "c.yaml")
    assert "\n" not in str(caught.value)


def test_a_missing_configuration_file(tmp_path):
    with pytest.raises(InputError, match="no configuration file"):
        config_from_yaml(tmp_path / "none.yaml")


def test_the_seed_run_exactly():
    config = yaml.safe_load(mnist_affine().to_yaml())
    assert config["images"] == dict(source="mnist", root=None, train=10_000, test=2_000)
    assert (config["epochs"], config["batch_size"]) == (20, 64)
    assert config["factors"] == dict(
        rotation=[-75, 75],
        translate_x=[-7, 7],
        translate_y=[-7, 7],
        scale=[0.5, 1.0],
        views=4,
        first_view="identity",
        actions="difference",
        border="zeros",
        circular_mask=False,
    )
    assert config["optimiser"] | {} == dict(
        name="adam", learning_rate=1e-3, weight_decay=0, schedule="constant", warmup_epochs=0
    )
    assert config["objective"]["rate"] == dict(kind="coding_rate", weight=0.01, target="z_agg", alpha=1.0, eps=0.5)


def test_a_fast_recipe_differs_only_in_encoder_optimiser_schedule_and_rate_weight():
    for name in [name for name in RECIPES if name.endswith("_fast") and RECIPES[name]().scene.name is None]:
        slow, fast = RECIPES[name.removesuffix("_fast")]().model_dump(), RECIPES[name]().model_dump()
        for config in (slow, fast):
            for path in (("name",), ("epochs",), ("optimiser",), ("model", "encoder"), ("model", "width")):
                section = config
                for part in path[:-1]:
                    section = section[part]
                section.pop(path[-1])
            config["objective"]["rate"].pop("weight")
        assert slow == fast


def test_a_fast_recipe_of_a_scene_has_its_factors_and_objective():
    for name in [name for name in RECIPES if name.endswith("_fast") and RECIPES[name]().scene.name is not None]:
        slow, fast = RECIPES[name.removesuffix("_fast")](), RECIPES[name]()
        assert (fast.name, fast.scene.name, fast.scene.ranges) == (name, slow.scene.name, slow.scene.ranges)
        assert (fast.scene.vary, fast.factors, fast.model.teacher) == (
            slow.scene.vary,
            slow.factors,
            slow.model.teacher,
        )


def test_a_teacherless_recipe_differs_in_its_teacher_alone():
    for name in [name for name in RECIPES if "_teacherless" in name and "tuned" not in name]:
        with_one, without = RECIPES[name.replace("_teacherless", "")](), RECIPES[name]()
        assert without.model.teacher == "stop_gradient"
        model = without.model.model_copy(update={"teacher": "ema"})
        assert without.model_copy(update={"name": with_one.name, "model": model}) == with_one


def test_cifar_is_taken_where_it_lies(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEQJEPA_DATA", str(tmp_path))
    monkeypatch.setattr("pooch.os_cache", lambda _: tmp_path / "cache")
    assert RECIPES["cifar100_augment"]().images.source == "cifar100"
    (tmp_path / "cifar10_sample.npz").touch()
    assert RECIPES["cifar100_augment"]().images.source == f"npz:{tmp_path / 'cifar10_sample.npz'}"
    (tmp_path / "cifar-100-binary.tar.gz").touch()
    assert RECIPES["cifar100_augment"]().images.source == "cifar100"
