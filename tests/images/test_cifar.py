"""CIFAR-10's binary archive: read without unpacking, verified, never unpickled."""

import hashlib
import io
import tarfile

import pytest
import requests
import torch

import seqjepa as sj
from seqjepa.images import cifar
from seqjepa.types import InputError


def archive(path, batches, folder=cifar.FOLDER):
    with tarfile.open(path, "w:gz") as file:
        for name, content in batches.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))


def batch(seed, count=3, most=10):
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(most, (count, 1), generator=random, dtype=torch.uint8)
    pixels = torch.randint(256, (count, cifar.RECORD - 1), generator=random, dtype=torch.uint8)
    return torch.cat([labels, pixels], 1)


@pytest.fixture
def root(tmp_path, monkeypatch):
    def offline(*_, **__):
        raise requests.ConnectionError("no network in tests")

    monkeypatch.setattr(requests, "get", offline)
    return tmp_path


def place(root, monkeypatch, batches, **more):
    archive(root / cifar.ARCHIVE, batches, **more)
    content = (root / cifar.ARCHIVE).read_bytes()
    monkeypatch.setattr(cifar, "MD5", hashlib.md5(content).hexdigest())


def whole():
    return {name: batch(i).numpy().tobytes() for i, name in enumerate(cifar.BATCHES["train"] + cifar.BATCHES["test"])}


def test_batches_become_images_in_order(root, monkeypatch):
    place(root, monkeypatch, whole())
    train, test = (sj.load_images("cifar10", split, root) for split in ("train", "test"))
    assert train.pixels.shape == (15, 3, 32, 32)
    assert torch.equal(train.pixels[3:6].flatten(1), batch(1)[:, 1:])
    assert torch.equal(test.labels, batch(5)[:, 0].long())
    assert test.class_names[3] == "cat"


def test_another_archive_is_refused(root):
    archive(root / cifar.ARCHIVE, whole())
    with pytest.raises(InputError, match="not c32a1d4ab5d03f1284b67883e8d87530; it is damaged or another file"):
        sj.load_images("cifar10", "test", root)


@pytest.mark.parametrize(
    ("batches", "more", "says"),
    [
        ({"test_batch.bin": b"x" * 5000}, {}, "a batch of 5000 bytes"),
        ({"test_batch.bin": b""}, {}, "a batch of 0 bytes"),
        ({"test_batch.bin": batch(0, most=200).numpy().tobytes()}, {}, "a label"),
        (whole(), {"folder": "../elsewhere"}, "a damaged archive, or not CIFAR-10's"),
        ({"other.bin": b"x"}, {}, "a damaged archive, or not CIFAR-10's"),
    ],
)
def test_what_is_wrong_is_named(root, monkeypatch, batches, more, says):
    place(root, monkeypatch, batches, **more)
    with pytest.raises(InputError, match=says):
        sj.load_images("cifar10", "test", root)


def test_a_cut_archive(root, monkeypatch):
    place(root, monkeypatch, whole())
    cut = (root / cifar.ARCHIVE).read_bytes()[:2000]
    (root / cifar.ARCHIVE).write_bytes(cut)
    monkeypatch.setattr(cifar, "MD5", hashlib.md5(cut).hexdigest())
    with pytest.raises(InputError, match="a damaged archive"):
        sj.load_images("cifar10", "train", root)


def test_offline_and_missing_says_where_from_and_where_to(root):
    with pytest.raises(InputError, match=rf"Download it by hand from .*{cifar.ARCHIVE} and put it into {root}"):
        sj.load_images("cifar10", "test", root)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_a_link_or_special_file_in_the_archive_is_refused(root, monkeypatch, kind):
    with tarfile.open(root / cifar.ARCHIVE, "w:gz") as file:
        info = tarfile.TarInfo(f"{cifar.FOLDER}/test_batch.bin")
        info.type, info.linkname = kind, "/etc/hostname"
        file.addfile(info)
    monkeypatch.setattr(cifar, "MD5", hashlib.md5((root / cifar.ARCHIVE).read_bytes()).hexdigest())
    with pytest.raises(InputError, match="is a link or a special file"):
        sj.load_images("cifar10", "test", root)


def test_no_more_than_a_batch_is_read_of_a_member_that_is_larger(root, monkeypatch):
    monkeypatch.setattr(cifar, "RECORDS", 2)
    place(root, monkeypatch, {"test_batch.bin": bytes(cifar.RECORD * 1000)})
    with pytest.raises(InputError, match=f"a batch of {2 * cifar.RECORD + 1} bytes"):
        sj.load_images("cifar10", "test", root)


def test_the_hundred_take_their_fine_label(root, monkeypatch):
    records = torch.cat([torch.full((3, 1), 7, dtype=torch.uint8), torch.tensor([[0], [31], [99]]).byte()], 1)
    content = torch.cat([records, torch.zeros(3, cifar.PIXELS, dtype=torch.uint8)], 1).numpy().tobytes()
    archive(root / cifar.ARCHIVE_100, {"test.bin": content}, cifar.FOLDER_100)
    monkeypatch.setattr(cifar, "MD5_100", hashlib.md5((root / cifar.ARCHIVE_100).read_bytes()).hexdigest())
    images = sj.load_images("cifar100", "test", root)
    assert [images.class_names[label] for label in images.labels] == ["apple", "elephant", "worm"]
    assert len(images.class_names) == 100
    assert list(images.class_names) == sorted(images.class_names)
