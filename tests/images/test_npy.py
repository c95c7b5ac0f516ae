"""Arrays mapped into memory: what they hold, that they stay out of memory, and what is refused."""

import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

import seqjepa as sj
from seqjepa.images.npy import MappedImages, load_npy
from seqjepa.training.views import Normalisation
from seqjepa.types import Images, InputError


def array(count=20, *shape):
    return np.random.default_rng(0).integers(0, 256, (count, *(shape or (6, 5))), dtype=np.uint8)


def saved(folder, images, labels=None, name="a"):
    np.save(folder / f"{name}.npy", images)
    if labels is not None:
        np.save(folder / f"{name}_labels.npy", labels)
    return folder / f"{name}.npy"


@pytest.mark.parametrize("shape", [(6, 5), (1, 6, 5), (6, 5, 1), (3, 6, 5), (6, 5, 3)])
def test_rows_are_those_of_the_file_channels_first(tmp_path, shape):
    images = array(20, *shape)
    labels = np.arange(20, dtype=np.uint8) % 4
    path = saved(tmp_path, images, labels)
    train, test = (sj.load_images(f"npy:{path}", split) for split in ("train", "test"))
    assert (len(train), len(test)) == (18, 2)
    wanted = images[:, None] if images.ndim == 3 else images if shape[0] in (1, 3) else np.moveaxis(images, -1, 1)
    index = torch.tensor([17, 3, 3])
    assert torch.equal(train[index].pixels, torch.from_numpy(wanted[index.numpy()].copy()))
    assert torch.equal(test[:].pixels, torch.from_numpy(wanted[18:].copy()))
    assert train[index].pixels.is_contiguous()
    assert train[index].labels.tolist() == [1, 3, 3]
    assert train.class_names == ("0", "1", "2", "3")
    assert type(train.to("cpu")) is MappedImages
    assert type(train[index]) is Images


def test_a_neighbour_holds_the_held_out_images(tmp_path):
    path = saved(tmp_path, array(5), np.array([0, 1, 1, 0, 1]))
    saved(tmp_path, array(3), np.array([2, 0, 0]), "a_test")
    assert len(load_npy(path, "train")) == 5
    test = load_npy(path, "test")
    assert test.labels.tolist() == [2, 0, 0]
    assert load_npy(path, "train").class_names == test.class_names == ("0", "1", "2")


def test_without_labels_no_class_is_made_up(tmp_path):
    images = load_npy(saved(tmp_path, array()), "train")
    assert not images.labelled
    assert images.class_names == ()
    assert set(images.labels.tolist()) == {-1}


def test_a_pass_over_it_gives_the_same_metrics_as_in_memory(tmp_path):
    images = load_npy(saved(tmp_path, array(3000, 3, 6, 5)), "train")
    inside = Images(images.pixels.clone(), images.labels, images.class_names)
    assert Normalisation.of(images) == Normalisation.of(inside)
    assert torch.equal(sj.PixelPCA.fit(images, 4).directions, sj.PixelPCA.fit(inside, 4).directions)


def test_the_file_is_never_changed(tmp_path):
    path = saved(tmp_path, array())
    path.chmod(0o444)
    before = path.read_bytes()
    train = load_npy(path, "train")
    train[:3].pixels.zero_()
    train[torch.tensor([0])].pixels.zero_()
    assert path.read_bytes() == before
    assert train[:3].pixels.any()


def resident(path):
    """Bytes of the file that this process holds in memory."""
    mappings = Path("/proc/self/smaps").read_text().split(str(path))[1:]
    return sum(int(part.split("Rss:")[1].split()[0]) * 1024 for part in mappings)


def test_what_was_read_does_not_stay(tmp_path):
    path = tmp_path / "a.npy"
    np.lib.format.open_memmap(path, "w+", np.uint8, (40_000, 28, 28))[:] = 7
    images = load_npy(path, "train")
    images.pixels.sum(dtype=torch.int64)  # read past the indexing, it does stay: the figure can be large
    assert resident(path) > 20e6
    for part in images.parts():
        assert int(part.pixels[0, 0, 0, 0]) == 7
    for index in torch.randperm(len(images)).split(500):
        assert len(images[index]) == 500
    assert resident(path) == 0


def header(shape, descr="'|u1'", order="False", version=(1, 0)):
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a readable .npy file"),
        (b"PK\x03\x04 an archive", "not a readable .npy file"),
        (b"\x80\x04 a pickle", "not a readable .npy file"),
        (header("(20, 6, 5)")[:20], "not a readable .npy file"),
        (header("(20, 6, 5)") + bytes(599), r"shape \(20, 6, 5\) needs .* bytes, but the file has"),
        (header("(20, 6, 5)") + bytes(601), r"shape \(20, 6, 5\) needs .* bytes, but the file has"),
        (header(f"({2**40}, 28, 28)") + bytes(100), r"needs 8\.62e\+14 bytes"),
        (header(f"({2**40}, {2**40}, {2**40})") + bytes(100), "bytes, but the file has"),
        (header("(20, -6, -5)") + bytes(600), r"a shape \(20, -6, -5\)"),
        (header("(True, 6, 5)") + bytes(30), r"a shape \(True, 6, 5\)"),
        (header("()") + bytes(1), r"a shape \(\)"),
        (header("(0, 6, 5)"), "images have shape"),
        (header("(600,)") + bytes(600), "images have shape"),
        (header("(20, 2, 3, 4)") + bytes(480), "images have shape"),
        (header("(20, 6, 5)", "'|O'") + bytes(600), "holds object, not uint8"),
        (header("(20, 6, 5)", "'<f4'") + bytes(2400), "holds float32, not uint8"),
        (header("(20, 6, 5)", order="True") + bytes(600), "Fortran"),
        (header("(20, 6, 5)", version=(3, 0)) + bytes(600), r"version \(3, 0\)"),
        (header("(20, 6, 5)", version=(9, 9)) + bytes(600), "not a readable .npy file"),
        (header("(" * 500 + ")" * 500), "not a readable .npy file"),
        (header("-" * 5000 + "1"), "not a readable .npy file"),
        (header("{[]: 1}"), "not a readable .npy file"),
        (b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b"x", "not a readable .npy file"),
    ],
)
def test_a_file_that_lies_is_refused_in_one_line(tmp_path, content, says):
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    with pytest.raises(InputError, match=says) as caught:
        load_npy(path, "test")
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (np.zeros(19, int), r"labels of shape \(19,\) for 20 images"),
        (np.zeros((20, 1), int), r"labels of shape \(20, 1\)"),
        (np.zeros(20), "holds float64, not integers"),
        (np.array([{}] * 20, dtype=object), "holds object, not integers"),
        (np.full(20, -1), "labels run from -1 to -1"),
        (np.full(20, 2**62), "labels run from"),
        (np.full(20, 2**64 - 1, np.uint64), "labels run from"),
        (np.arange(20) // 18, "holds classes that the rest lacks"),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path, labels, says):
    with pytest.raises(InputError, match=says):
        load_npy(saved(tmp_path, array(), labels), "test")


def test_other_mistakes_are_named(tmp_path):
    with pytest.raises(InputError, match="no file"):
        load_npy(tmp_path / "none.npy", "test")
    with pytest.raises(InputError, match=r"needs a \.npy file"):
        load_npy(tmp_path / "a.npz", "test")
    with pytest.raises(InputError, match="9 images; 10 are the least"):
        load_npy(saved(tmp_path, array(9)), "test")
    path = saved(tmp_path, array())
    saved(tmp_path, array(4, 7, 7), name="a_test")
    with pytest.raises(InputError, match=r"images of shape \(1, 7, 7\), but those of .* have \(1, 6, 5\)"):
        load_npy(path, "train")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.npy")
    with pytest.raises(InputError, match="no file"):
        load_npy(tmp_path / "a.npy", "test")


def test_damaged_at_random_it_loads_or_is_refused_in_one_line(tmp_path):
    stream = io.BytesIO()
    np.save(stream, array())
    random = np.random.default_rng(0)
    path = tmp_path / "a.npy"
    messages = []
    for _ in range(500):
        content = np.frombuffer(stream.getvalue(), np.uint8).copy()
        where = random.integers(0, 128, random.integers(1, 4))
        content[where] = random.integers(0, 256, len(where))
        path.write_bytes(content[: random.integers(60, len(content) + 1)] if random.random() < 0.2 else content)
        try:
            load_npy(path, "test")
        except InputError as error:
            messages.append(str(error))
    assert all(len(message.splitlines()) == 1 for message in messages)
    assert 100 < len(messages) < 500
