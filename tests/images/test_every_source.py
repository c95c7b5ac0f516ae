"""What holds for each source: what it loads, that it is fetched and verified, trained on and diagnosed."""

import pytest
import requests
import torch

import seqjepa as sj
from seqjepa.cli import app as cli
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.images.sources import DOWNLOADS, OWN, SOURCES, fetch_images, verify_images
from seqjepa.types import InputError
from tests import servers, stand_ins
from tests.stand_ins import COUNTS, DOWNLOADED

SMALL = ["--epochs=1", "--batch-size=32", "--images.train=64", "--images.test=32", "--model.width=4"]
SMALL += ["--precision=float32", "--factors.translate-x", "-2", "2", "--factors.translate-y", "-2", "2"]
MIRRORS = {"mnist": "MIRRORS", "fashion_mnist": "FASHION_MIRRORS", "kmnist": "KUZUSHIJI_MIRRORS"}


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEQJEPA_DATA", raising=False)


def offline(*_, **__):
    raise requests.ConnectionError("no network in tests")


def mirrored(name, monkeypatch, *addresses):
    from seqjepa.images import cifar, mnist

    module = mnist if name in MIRRORS else cifar
    monkeypatch.setattr(module, MIRRORS.get(name, "MIRRORS"), addresses)


def test_each_source_has_a_stand_in():
    assert set(stand_ins.DOWNLOADED) == set(DOWNLOADS) == set(SOURCES) - {"digits"}
    assert set(stand_ins.OWN) == set(OWN)


@pytest.mark.parametrize("name", [*stand_ins.DOWNLOADED, *stand_ins.OWN])
def test_pixels_and_labels_are_those_of_the_file(name, tmp_path, monkeypatch):
    monkeypatch.setattr(requests, "get", offline)
    source = stand_ins.place(name, tmp_path, monkeypatch)
    for split, count in COUNTS.items():
        images = sj.load_images(source, split, tmp_path)
        if name in DOWNLOADED:
            pixels, labels = stand_ins.some(count, 28 * 28 if "mnist" in name else 3072)
        else:
            pixels, labels = stand_ins.some(count, 3, 12, 10, classes=4)
        if name == "folder":  # by class, then by name
            order = labels.argsort(stable=True)
            pixels, labels = pixels[order], labels[order]
        assert torch.equal(images.pixels.flatten(1), pixels.flatten(1))
        assert torch.equal(images.labels, labels)
        assert len(images.class_names) == {"cifar100": 100}.get(name, 10 if name in DOWNLOADED else 4)
        assert len(set(images.class_names)) == len(images.class_names)


@pytest.mark.parametrize("name", [*stand_ins.DOWNLOADED, *stand_ins.OWN])
def test_it_trains_and_is_diagnosed(name, tmp_path, monkeypatch, capsys):
    source = stand_ins.place(name, tmp_path, monkeypatch)
    told = [f"--images.source={source}", f"--images.root={tmp_path}"]
    assert cli.main(["train", "digits", *SMALL, *told, "--out", "run"]) == 0
    skipped = [block for block in BLOCKS if block != "effects"]  # the others take minutes
    how = ["--identities=20", "--steps=5", "--base-poses=2", "--probe-images=48", "--skip", *skipped]
    assert cli.main(["diagnose", "run", *how, "--baselines", "untrained"]) == 0
    direct = ["diagnose", "--encoder", "pca:8", "--images", source, "--root", str(tmp_path), "--out", "direct"]
    assert cli.main([*direct, *how, "--baselines"]) == 0
    assert "translate_x" in capsys.readouterr().out
    swept = sj.load_sweeps(tmp_path / "direct" / "sweeps.safetensors")
    assert swept.images.shape[1:] == sj.load_images(source, "test", tmp_path).pixels.shape[1:]


@pytest.mark.parametrize("name", DOWNLOADED)
def test_it_is_fetched_from_the_first_mirror_that_has_it(name, tmp_path, monkeypatch):
    folder, files = stand_ins.published(name, monkeypatch)
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    for place in (right, wrong):
        place.mkdir()
        for file, content in files.items():
            (place / file).write_bytes(content if place is right else content[:-1] + bytes([content[-1] ^ 1]))
    root = tmp_path / "root"
    with servers.served(wrong) as first, servers.served(right) as second:
        mirrored(name, monkeypatch, "http://127.0.0.1:1/", f"{first}nowhere/", first, second)
        paths = fetch_images(name, root)
    assert [p.parent.resolve() for p in paths] == [(root / folder).resolve()] * len(files)
    assert {p.name: p.read_bytes() for p in root.rglob("*") if p.is_file()} == files
    monkeypatch.setattr(requests, "get", offline)
    assert verify_images(name, root) == paths


@pytest.mark.parametrize("handler", [servers.BreaksOff, servers.NeverEnds, servers.LiesAboutItsLength])
@pytest.mark.parametrize("name", ["kmnist", "cifar100"])
def test_a_server_that_misbehaves_leaves_no_file(name, handler, tmp_path, monkeypatch):
    from seqjepa.images import cifar, mnist

    stand_ins.published(name, monkeypatch)
    monkeypatch.setattr(mnist if name == "kmnist" else cifar, "MAX_BYTES", 1 << 20)
    with servers.served(tmp_path, handler) as address:
        mirrored(name, monkeypatch, address)
        with pytest.raises(InputError, match="could not be fetched") as caught:
            sj.load_images(name, "test", tmp_path / "root")
    assert "\n" not in str(caught.value)
    assert not [p for p in (tmp_path / "root").rglob("*") if p.is_file()]


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write to the folder .*file/FashionMNIST/raw"):
        fetch_images("fashion_mnist", tmp_path / "file")


def test_mnist_in_the_same_folder_is_not_taken_for_another_source(tmp_path, monkeypatch):
    stand_ins.place("mnist", tmp_path, monkeypatch)
    monkeypatch.setattr(requests, "get", offline)
    with pytest.raises(InputError, match=r"Kuzushiji-MNIST's file .* is missing and could not be fetched"):
        sj.load_images("kmnist", "test", tmp_path)


@pytest.mark.parametrize("name", DOWNLOADED)
@pytest.mark.parametrize("keep", [0, 20, 0.5, 0.99])
def test_a_cut_file_is_named_and_kept(name, keep, tmp_path, monkeypatch):
    stand_ins.place(name, tmp_path, monkeypatch)
    for path in [p for p in tmp_path.rglob("*") if p.is_file()]:
        content = path.read_bytes()
        path.write_bytes(content[: int(keep * len(content) if keep < 1 else keep)])
    with pytest.raises(InputError, match="Delete it to have it fetched again") as caught:
        sj.load_images(name, "train", tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_only_the_published_archive_of_kuzushiji_counts(tmp_path, monkeypatch):
    """Its content's checksum is not known: an unpacked file, or one packed anew, cannot be told from a wrong one."""
    import gzip

    stand_ins.place("kmnist", tmp_path, monkeypatch)
    folder = tmp_path / "KMNIST/raw"
    for path in list(folder.iterdir()):
        content = gzip.decompress(path.read_bytes())
        path.with_suffix("").write_bytes(content)
        path.write_bytes(gzip.compress(content, compresslevel=1, mtime=1))
    with pytest.raises(InputError, match="it is damaged or another file"):
        sj.load_images("kmnist", "test", tmp_path)
