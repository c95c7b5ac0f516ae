"""Runs of the user's own objects: images, encoder, aggregator, teacher and terms."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import seqjepa as sj
from seqjepa.recipes import change
from seqjepa.training.checkpoint import list_checkpoints, read_tensors


class Net(nn.Module):
    """An encoder."""

    def __init__(self, dim=12):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, dim), nn.BatchNorm1d(dim))

    def forward(self, images):
        return self.layers(images)


class Tied(Net):
    """An encoder of which two layers share a weight."""

    def __init__(self):
        super().__init__()
        first, second = nn.Linear(12, 12), nn.Linear(12, 12)
        second.weight = first.weight
        self.layers.extend([first, nn.ReLU(), second])


class Mean(nn.Module):
    """An aggregator: the mean of the tokens, through a layer."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(12 + 16, 10)

    def forward(self, tokens):
        return self.layer(tokens.mean(1))


class Still(nn.Module):
    """A teacher that never follows."""

    def __init__(self):
        super().__init__()
        self.net = Net()

    @torch.no_grad()
    def forward(self, encoder, images):
        return self.net(images)

    def update(self, encoder, decay):
        pass


@sj.term(weight=0.1)
def spread(outputs: sj.Outputs, power: float = 2.0) -> torch.Tensor:
    """Mean norm of z to a power."""
    return outputs.z.norm(dim=-1).pow(power).mean()


def own_images(labelled=True):
    pixels = torch.randint(0, 256, (160, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(160) % 4 if labelled else None
    images = sj.Images.from_dataset(pixels, labels=labels)
    return images[:96], images[96:]


def objects(of=Net, **changes):
    torch.manual_seed(3)
    return dict(images=own_images(), encoder=of(), aggregator=Mean(), teacher=Still(), terms=[spread]) | changes


@pytest.fixture
def config(tiny):
    return change(tiny, epochs=3, evaluate_every=1)


def test_a_run_of_objects(config, tmp_path):
    given = objects()
    before = {name: value.clone() for name, value in given["encoder"].state_dict().items()}
    result = sj.train(config, tmp_path / "run", **given)
    assert result.complete
    assert result.rows[-1]["spread"] > 0
    assert "linacc_test" in result.rows[-1]
    assert all(torch.equal(value, before[name]) for name, value in given["encoder"].state_dict().items())
    saved = sj.load_encoder(tmp_path / "run", encoder=Net(), aggregator=Mean())
    assert saved(torch.rand(5, 1, 8, 8)).shape == (5, 12)
    assert not torch.equal(saved.encoder.layers[1].weight, given["encoder"].layers[1].weight)
    sweeps = sj.represent(
        saved, own_images()[1], config.factors.factors(), identities=16, steps=3, base_poses=1, progress=False
    )
    assert sweeps.identities == 16


def test_a_run_of_objects_is_diagnosed(config, tmp_path):
    given = objects(images=own_images(labelled=False))
    sj.train(change(config, epochs=1), tmp_path / "run", **given)
    again = dict(encoder=Net(), aggregator=Mean())
    with pytest.raises(sj.InputError, match=r"encoder: given as an object"):
        sj.diagnose_run(tmp_path / "run")
    with pytest.raises(sj.InputError, match=r"images: the run was given them as objects; give images=\(train, test\)"):
        sj.diagnose_run(tmp_path / "run", **again)
    with pytest.raises(
        sj.InputError, match=r"images 'object:0123' were given to the run as an object; give them again"
    ):
        sj.load_images("object:0123")
    quick = dict(
        identities=24, steps=3, base_poses=1, progress=False, skip=["group", "irreps", "literature", "subspaces"]
    )
    found = sj.diagnose_run(tmp_path / "run", given["images"], **again, **quick)["z"]
    assert found["sensitivity"]
    assert all(estimate.value is None for estimate in found["class_probe"].values())
    assert all(estimate.value is None for key, estimate in found["leakage"].items() if key[0] == "class")


def test_an_object_in_the_place_of_a_name_trains_the_same(config, tmp_path):
    """The seed draws an encoder before all else; so with the same images and weights the run is the same."""
    named = sj.train(config, tmp_path / "named")
    from seqjepa.training.preparing import prepare

    run = prepare(config, tmp_path / "none")
    own = sj.train(config, tmp_path / "own", images=(run.images, run.held_out))
    assert own.rows == named.rows


@pytest.mark.parametrize("net", [Net, Tied])
def test_it_resumes_to_the_same_bits(config, tmp_path, net):
    whole = sj.train(config, tmp_path / "whole", **objects(net))

    def stop(state):
        if state.epoch == 2:
            signal.raise_signal(signal.SIGINT)
        return {}

    half = sj.train(config, tmp_path / "half", [stop], **objects(net))
    assert not half.complete
    rest = sj.resume(tmp_path / "half", **objects(net))
    assert rest.rows == whole.rows
    tensors = [read_tensors(list_checkpoints(tmp_path / name / "checkpoints")[-1])[0] for name in ("whole", "half")]
    assert all(torch.equal(tensors[0][name], tensors[1][name]) for name in tensors[0])
    if net is Tied:  # written for each, since the library that writes them takes none that share memory
        first, _, second = sj.load_encoder(tmp_path / "half", encoder=Tied(), aggregator=Mean()).encoder.layers[-3:]
        assert torch.equal(first.weight, second.weight)


class Notes(Net):
    """It keeps what is no tensor beside its weights."""

    def get_extra_state(self):
        return {"note": 1}


class Repeated(Net):
    """It keeps one number as if it were many."""

    def __init__(self):
        super().__init__()
        self.register_buffer("many", torch.ones(1).expand(5))


class Unshaped(Net):
    """It has a layer that images never reach."""

    def __init__(self):
        super().__init__()
        self.idle = nn.LazyLinear(3)


@pytest.mark.parametrize(
    ("net", "says"),
    [
        (Notes, "_extra_state: a dict and not a tensor"),
        (Repeated, "many: repeats one place in memory"),
        (Unshaped, "idle.weight: has no shape yet"),
    ],
)
def test_what_no_checkpoint_could_hold_is_refused_before_the_first_epoch(config, tmp_path, net, says):
    with pytest.raises(sj.InputError, match=f"model.encoder: {says}"):
        sj.train(config, tmp_path / "run", **objects(net))
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_resume_without_them_says_which_one_is_missing(config, tmp_path):
    sj.train(config, tmp_path / "run", **objects())
    for name in ("encoder", "aggregator", "teacher", "images", "terms"):
        given = {key: value for key, value in objects().items() if key != name}
        with pytest.raises(sj.InputError, match=rf"run: {name}: given as an object .* seqjepa.resume\(…, {name}=…\)"):
            sj.resume(tmp_path / "run", **given)
    for changes, says in (
        (dict(encoder=Mean()), "encoder: the run's was object:.*Net, and object:.*Mean was given"),
        (dict(images=own_images()[::-1]), "images: the run's was object:"),
        (dict(terms=[spread.with_settings(weight=0.2)]), "terms: given as an object .*0.1.*; given: .*0.2"),
    ):
        with pytest.raises(sj.InputError, match=says):
            sj.resume(tmp_path / "run", **objects(**changes))
    assert sj.resume(tmp_path / "run", **objects()).complete


def test_loading_says_what_it_needs(config, tmp_path):
    sj.train(change(config, epochs=1), tmp_path / "run", encoder=nn.Sequential(nn.Flatten(), nn.Linear(784, 12)))
    with pytest.raises(sj.InputError, match=r"encoder: given as an object \(torch.*Sequential\).*load_encoder\(…, enc"):
        sj.load_encoder(tmp_path / "run", trust=True)
    with pytest.raises(sj.InputError, match="the weights are of another model"):
        sj.load_encoder(tmp_path / "run", encoder=nn.Sequential(nn.Flatten(), nn.Linear(784, 12), nn.Linear(12, 12)))


def test_a_saved_configuration_of_such_a_run_cannot_be_trained_without_them(config, tmp_path):
    sj.train(change(config, epochs=1), tmp_path / "run", **objects())
    saved = sj.Config.model_validate(read_tensors(tmp_path / "run/model.safetensors")[1]["config"])
    with pytest.raises(sj.InputError, match=r"encoder: given as an object .*train\(…, encoder=…\)"):
        sj.train(saved, tmp_path / "again")
    assert sj.train(saved, tmp_path / "again", **objects()).rows == sj.train(saved, tmp_path / "b", **objects()).rows


def test_without_labels_no_class_is_read(config, tmp_path):
    rows = sj.train(config, tmp_path / "run", images=own_images(labelled=False)).rows
    assert not {"linacc_test", "leakage_linacc_test"} & set(rows[-1])
    assert rows[-1]["r2_test"] <= 1
    assert "linacc" not in (tmp_path / "run/metrics.csv").read_text()
    assert sj.resume(tmp_path / "run", images=own_images(labelled=False)).rows == rows


def test_a_bare_function_is_a_term_of_weight_1(config, tmp_path):
    def small(outputs):
        return outputs.z.square().mean()

    row = sj.train(change(config, epochs=1), tmp_path / "run", terms=[small]).rows[0]
    assert row["loss"] == pytest.approx(row["prediction"] - 0.001 * row["rate_z_agg"] + row["small"], abs=1e-5)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (dict(teacher=Net()), "teacher Net: a teacher needs a method update"),
        (dict(aggregator=nn.Flatten(0)), "model.aggregator: returns"),
        (dict(encoder=nn.Identity()), r"model.encoder: object:torch.* returns \(2, 1, 28, 28\)"),
        (dict(terms=[spread, spread]), "there is a term 'spread' already"),
        (dict(terms=[sj.term(weight=1.0)(lambda outputs: outputs.z.sum())]), "'<lambda>': .* a name of letters"),
        (dict(images=own_images()[:1]), "two are needed, .train, test., each an Images"),
        (dict(images=(own_images()[0], own_images(labelled=False)[1])), "other class names"),
        (dict(images=(own_images()[0][:10], own_images()[1])), "batch_size: 32 is more than the 10"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(config, tmp_path, given, says):
    with pytest.raises(sj.InputError, match=says):
        sj.train(config, tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()


def test_a_term_that_lacks_what_it_needs(config, tmp_path):
    from seqjepa.model.needs import SPLIT_CODE

    @sj.term(weight=1.0, needs=[SPLIT_CODE])
    def mine(outputs: sj.Outputs) -> torch.Tensor:
        """Of a content."""
        return outputs.z[..., outputs.parts["content"]].mean()

    with pytest.raises(
        sj.InputError, match=r"model\.encoder: the term 'mine' needs the parts of a split representation"
    ):
        sj.train(config, tmp_path / "run", terms=[mine])


@pytest.mark.parametrize("kind", ["module", "file"])
def test_names_beside_the_user(config, tmp_path, monkeypatch, kind):
    (tmp_path / "beside_the_user.py").write_text(
        "from torch import nn\n"
        "def encoder(channels, width): return nn.Sequential(nn.Flatten(), nn.Linear(784, width))\n"
        "class Mean(nn.Module):\n"
        "    def __init__(self, spec):\n"
        "        super().__init__()\n"
        "        self.layer = nn.Linear(spec.code_dim + spec.action_embedding, 6)\n"
        "    def forward(self, tokens): return self.layer(tokens.mean(1))\n"
        "class Same(nn.Module):\n"
        "    def __init__(self, encoder): super().__init__()\n"
        "    def forward(self, encoder, images): return encoder(images).detach()\n"
        "    def update(self, encoder, decay): pass\n"
    )
    monkeypatch.chdir(tmp_path)
    where = "beside_the_user" if kind == "module" else "./beside_the_user.py"
    named = dict(encoder=f"{where}:encoder", aggregator=f"{where}:Mean", teacher=f"{where}:Same")
    assert sj.train(change(config, epochs=1, model=named), "run").complete
    with pytest.raises(sj.InputError, match="--trust"):
        sj.load_encoder("run")
    assert sj.load_encoder("run", trust=True)(torch.rand(2, 1, 28, 28)).shape == (2, 4)


def test_a_run_whose_aggregator_is_code_needs_trust_too(config, tmp_path):
    saved = change(config, epochs=1, model=dict(aggregator="tests.model.own:mean"))
    sj.train(saved, tmp_path / "run")
    said = r"model\.aggregator is 'tests\.model\.own:mean', code: .* would be imported"
    with pytest.raises(sj.InputError, match=said):
        sj.load_encoder(tmp_path / "run")


def test_a_new_term_is_one_new_file(tmp_path):
    """Configuration, help and metrics know it without another edit."""
    package = tmp_path / "seqjepa"
    shutil.copytree(Path(sj.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "objective" / "spread_of_z.py").write_text(
        "from typing import Annotated\n"
        "from pydantic import Field\n"
        "from torch import Tensor\n"
        "from seqjepa.objective.terms import term\n"
        "from seqjepa.types import Outputs\n"
        "Power = Annotated[float, Field(gt=0, description='Its power.')]\n"
        "@term(weight=0.0)\n"
        "def spread_of_z(outputs: Outputs, power: Power = 2.0) -> Tensor:\n"
        "    '''Mean norm of z to a power.'''\n"
        "    return outputs.z.norm(dim=-1).pow(power).mean()\n"
    )

    def seqjepa(*arguments):
        command = [sys.executable, "-m", "seqjepa", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    said = seqjepa("train", "digits", "--help")
    assert "--objective.spread_of_z.weight NUMBER" in said
    assert "Mean norm of z to a power." in " ".join(said.split())
    assert "Its power. Above 0. [default: 2]" in " ".join(said.split())
    assert "spread_of_z Mean norm of z to a power." in " ".join(seqjepa("list", "terms").split())
    small = "--epochs 1 --images.train 64 --images.test 32 --model.width 4 --objective.spread-of-z.weight 0.1 --out run"
    seqjepa("train", "digits", *small.split())
    assert "rate_z_agg_over_unit,spread_of_z," in (tmp_path / "run/metrics.csv").read_text()
    assert "spread_of_z:\n    weight: 0.1\n    power: 2.0" in (tmp_path / "run/config.yaml").read_text()
