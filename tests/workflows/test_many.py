"""Many encoders in one call: a folder each, done ones skipped, failing ones passed over, compared at the end."""

import pytest
import torch
from torch import nn

import seqjepa as sj
from seqjepa.cli.app import main
from seqjepa.types import InputError
from seqjepa.workflows.many import diagnose_encoders, names_of, read_list
from tests.workflows.small import TURNS
from tests.workflows.test_saved_as_it_comes import SKIPPED

SMALL = dict(identities=24, steps=5, base_poses=1, probe_images=0, skip=SKIPPED, progress=False, baselines=())


class Counted(nn.Module):
    def __init__(self, dim, broken=False):
        super().__init__()
        torch.manual_seed(dim)
        self.inside, self.calls, self.broken = nn.Linear(784, dim), 0, broken

    def forward(self, x):
        self.calls += 1
        if self.broken:
            raise ValueError("no such thing")
        return self.inside(x.flatten(1))


def test_each_has_its_folder_and_a_failing_one_is_passed_over(images, tmp_path, caplog):
    encoders = {"small": Counted(3), "broken": Counted(4, broken=True), "timm:large one": Counted(5)}
    done = diagnose_encoders(encoders, images, TURNS, folder=tmp_path, **SMALL)
    assert {name: found["z"].metadata["dim"] for name, found in done.found.items()} == {"small": 3, "timm:large one": 5}
    assert list(done.failed) == ["broken"]
    assert "raised ValueError: no such thing" in done.failed["broken"]
    assert "passed over: broken" in caplog.text
    assert [c.name for c in done.comparison.columns] == ["small", "timm:large one"]
    assert sorted(path.name for path in tmp_path.glob("*/diagnosis.json") for path in [path.parent]) == [
        "small",
        "timm-large-one",
    ]
    assert "timm:large one" in (tmp_path / "comparison.html").read_text()


def test_what_is_done_is_not_done_again_unless_something_is_another(images, tmp_path):
    def encoded(encoders, **options):
        """Calls of each encoder that are beside those of its check."""
        done = diagnose_encoders(encoders, images, TURNS, folder=tmp_path, **SMALL | options)
        return done, [encoder.calls > 4 for encoder in encoders.values()]

    first, calls = encoded({"one": Counted(3), "two": Counted(4)})
    assert calls == [True, True]
    again, calls = encoded({"one": Counted(3), "two": Counted(4)})
    assert calls == [False, False]
    assert again.found["two"]["z"].estimates == first.found["two"]["z"].estimates
    assert encoded({"one": Counted(3), "two": Counted(5)})[1] == [False, True]
    assert encoded({"one": Counted(3)}, seed=1)[1] == [True]
    assert encoded({"one": Counted(3)}, seed=1, skip=[*SKIPPED, "subspaces"])[1] == [True]
    (tmp_path / "one" / "done.json").unlink()  # as a kill leaves it
    assert encoded({"one": Counted(3)}, seed=1, skip=[*SKIPPED, "subspaces"])[1] == [True]


def test_layers_are_compared_by_name(images, tmp_path):
    encoders = {name: nn.Sequential(Counted(dim), nn.ReLU()) for name, dim in (("a", 3), ("b", 4))}
    for _ in range(2):
        done = diagnose_encoders(encoders, images, TURNS, layers=["1", "0"], folder=tmp_path, **SMALL)
        assert list(done.found["a"]) == ["1", "0"]
        assert [c.name for c in done.comparison.columns] == ["a, 1", "a, 0", "b, 1", "b, 0"]


def test_names_and_lists(tmp_path):
    file = tmp_path / "zoo.txt"
    file.write_text("# mine\nours=model.onnx\n\n  timm:resnet18\n")
    assert names_of(read_list(file)) == {"ours": "model.onnx", "timm:resnet18": "timm:resnet18"}
    file.write_text("# nothing\n")
    with pytest.raises(InputError, match="names no encoder"):
        read_list(file)
    with pytest.raises(InputError, match="'a' is given twice"):
        names_of(["a=pixels", "a=pca:3"])
    with pytest.raises(InputError, match="'pca-8' and 'pca:8' would share a folder"):
        diagnose_encoders({"pca-8": sj.pixels, "pca:8": sj.pixels}, folder=tmp_path)
    with pytest.raises(InputError, match="none is given"):
        diagnose_encoders([])


def test_from_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small = ["--images", "digits", "--identities", "24", "--steps", "5", "--base-poses", "1", "--probe-images", "0"]
    small += ["--translate-x", "0", "0", "--translate-y", "0", "0", "--scale", "1", "1", "--skip", *SKIPPED]
    small += ["--baselines", "--out", "zoo"]
    assert main(["diagnose", "--encoder", "ours=pca:4", "--encoder", "pca:5", *small]) == 0
    assert "2 of 2 encoders" in capsys.readouterr().out
    (tmp_path / "list.txt").write_text("ours=pca:4\nno_such_module:net\n")
    assert main(["diagnose", "--encoder-list", "list.txt", *small]) == 1
    told = capsys.readouterr()
    assert "done before" in told.err + told.out
    assert "failed: no_such_module:net: " in told.out
    assert main(["diagnose", "--encoder-list", "none.txt", *small]) == 2
