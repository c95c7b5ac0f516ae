import gzip
import hashlib
import struct
from typing import ClassVar

import pytest
import requests
import torch

import seqjepa as sj
from seqjepa.images import mnist


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.numpy().tobytes()


@pytest.fixture
def miniature(tmp_path, monkeypatch):
    """A training split of six images whose checksums count as MNIST's; yields its two files' contents."""
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (6, 28, 28), dtype=torch.uint8, generator=random)
    labels = torch.tensor([3, 1, 4, 1, 5, 9], dtype=torch.uint8)
    contents = {"train-images-idx3-ubyte": idx(images), "train-labels-idx1-ubyte": idx(labels)}
    monkeypatch.setattr(mnist, "CONTENT_MD5", {name: hashlib.md5(c).hexdigest() for name, c in contents.items()})
    return tmp_path, contents, images, labels


def offline(*_, **__):
    raise requests.ConnectionError("no network in tests")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    monkeypatch.setattr(requests, "get", offline)


@pytest.mark.parametrize("sub", ["MNIST/raw", "raw", "MNIST", "mnist", "."])
@pytest.mark.parametrize("packed", [True, False])
def test_files_are_found_where_they_usually_lie(miniature, sub, packed):
    root, contents, images, labels = miniature
    (root / sub).mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        path = root / sub / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(content) if packed else content)
    loaded = sj.load_images("mnist", "train", root)
    assert torch.equal(loaded.pixels[:, 0], images)
    assert torch.equal(loaded.labels, labels.long())


def test_the_environment_variable_names_the_root(miniature, monkeypatch):
    root, contents, images, _ = miniature
    for name, content in contents.items():
        (root / name).write_bytes(content)
    monkeypatch.setenv("SEQJEPA_DATA", str(root))
    assert torch.equal(sj.load_images("mnist", "train").pixels[:, 0], images)


def test_offline_and_missing_says_which_file_from_where_and_where_to_put_it(miniature):
    root = miniature[0]
    with pytest.raises(sj.InputError) as caught:
        sj.load_images("mnist", "train", root)
    message = str(caught.value)
    assert "train-images-idx3-ubyte.gz" in message
    assert mnist.MIRRORS[0] in message
    assert str(root / "MNIST" / "raw") in message
    assert "\n" not in message
    assert [p for p in root.rglob("*") if p.is_file()] == []


def test_a_download_is_verified_and_a_mirror_with_other_content_is_passed_over(miniature, monkeypatch):
    root, contents, images, _ = miniature
    asked = []

    class Answer:
        status_code = 200
        headers: ClassVar[dict] = {}

        def __init__(self, body):
            self.body = body

        def raise_for_status(self):
            pass

        def iter_content(self, chunk_size):
            yield self.body

        def close(self):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    def serve(url, **_):
        asked.append(url)
        name = url.rsplit("/", 1)[1].removesuffix(".gz")
        right = url.startswith(mnist.MIRRORS[1])
        return Answer(gzip.compress(contents[name] if right else b"<html>moved</html>"))

    monkeypatch.setattr(requests, "get", serve)
    assert torch.equal(sj.load_images("mnist", "train", root).pixels[:, 0], images)
    assert [url.rsplit("/", 1)[0] + "/" for url in asked] == list(mnist.MIRRORS) * 2
    monkeypatch.setattr(requests, "get", offline)
    assert len(sj.load_images("mnist", "train", root)) == 6  # the second time from disk


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda packed: packed[: len(packed) // 2], "truncated or damaged gzip"),
        (lambda packed: b"not a gzip file", "truncated or damaged gzip"),
        (lambda packed: gzip.compress(b"another file"), "damaged or another file"),
    ],
)
def test_a_damaged_file_is_named_and_kept(miniature, damage, says):
    root, contents, _, _ = miniature
    path = root / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(gzip.compress(contents["train-images-idx3-ubyte"])))
    with pytest.raises(sj.InputError, match=says) as caught:
        sj.load_images("mnist", "train", root)
    assert str(path) in str(caught.value)
    assert path.exists()


def test_an_archive_that_unpacks_without_end_is_refused(miniature, monkeypatch):
    root = miniature[0]
    monkeypatch.setattr(mnist, "MAX_BYTES", 1000)
    (root / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(1 << 20)))
    with pytest.raises(sj.InputError, match="more than 1000 bytes"):
        sj.load_images("mnist", "train", root)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "starts with nothing"),
        (b"\x00\x00\x0d\x01" + bytes(8), "starts with 00000d01"),
        (bytes([0, 0, 8, 1]) + struct.pack(">I", 5) + bytes(4), "needs 13 bytes, but has 12"),
        (bytes([0, 0, 8, 1]) + struct.pack(">I", 2**32 - 1), "needs 4294967303 bytes"),
    ],
)
def test_an_idx_file_whose_header_lies_is_refused(content, says):
    with pytest.raises(sj.InputError, match=says):
        mnist.read_idx(content, 1)


def test_the_real_mnist(mnist_root):
    train, test = (sj.load_images("mnist", split, mnist_root) for split in ("train", "test"))
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert abs(train.pixels.double().mean().item() / 255 - 0.1307) < 1e-4
