import pytest
import torch

from seqjepa.cli.app import main
from seqjepa.images.recorded import load_records
from seqjepa.types import InputError
from seqjepa.workflows.making import content_hash, make_records


def test_a_folder_is_made_or_refused_before_anything_is_rendered(tmp_path, monkeypatch):
    made = make_records("sprites", tmp_path / "new" / "s.npz", identities=2, views=2, side=8, progress=False)
    assert len(load_records(f"made:{tmp_path / 'new' / 's.npz'}").pixels) == len(made.pixels)
    (tmp_path / "file").touch()
    monkeypatch.setattr("seqjepa.workflows.making.rendered_parts", None)
    with pytest.raises(InputError, match="cannot write to the folder"):
        make_records("sprites", tmp_path / "file" / "s.npz", identities=2, views=2, side=8, progress=False)


def test_a_set_is_made_once_and_is_the_same_again(tmp_path, capsys):
    root = ["--root", str(tmp_path), "--identities", "6", "--views", "3"]
    assert main(["images", "make", "sprites", *root]) == 0
    said = capsys.readouterr().out
    file = tmp_path / "sprites-6x3-seed-0.npz"
    records = load_records(f"made:{file}")
    assert content_hash(records) in said
    assert records.pixels.shape == (18, 1, 64, 64)
    assert records.identities.bincount().tolist() == [3] * 6
    assert [f.name for f in records.factors] == ["angle", "x", "y", "size"]
    before = file.stat().st_mtime_ns
    again = make_records("sprites", file, identities=6, views=3, progress=False)
    assert file.stat().st_mtime_ns == before
    assert torch.equal(again.pixels, records.pixels)
    elsewhere = make_records("sprites", tmp_path / "other.npz", identities=6, views=3, progress=False)
    assert content_hash(elsewhere) == content_hash(records)
    with pytest.raises(InputError, match="holds another set"):
        make_records("sprites", file, identities=6, views=3, seed=1, progress=False)
    (tmp_path / "cut.npz").write_bytes(file.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"cut\.npz"):
        load_records(f"made:{tmp_path / 'cut.npz'}")
    assert main(["images", "make", "cubes"]) == 2
    assert "'cubes' is not one of objects3d, sprites" in capsys.readouterr().err


def test_objects_in_space_are_made(tmp_path):
    pytest.importorskip("pybullet")
    made = make_records("objects3d", tmp_path / "o.npz", identities=11, views=2, side=16, progress=False)
    assert made.pixels.shape == (22, 3, 16, 16)
    assert made.values.shape == (22, 4 + 2 + 3 + 1)
    assert len(made.class_names) == 11
    assert torch.equal(load_records(f"made:{tmp_path / 'o.npz'}").pixels, made.pixels)
