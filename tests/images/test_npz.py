import numpy as np
import pytest
import torch

import seqjepa as sj


def arrays(**changes):
    random = np.random.default_rng(0)
    return {
        "train_images": random.integers(0, 256, (5, 8, 6, 3), dtype=np.uint8),
        "train_labels": np.array([0, 1, 2, 1, 0]),
        "test_images": random.integers(0, 256, (2, 8, 6, 3), dtype=np.uint8),
        "test_labels": np.array([2, 0]),
    } | changes


def saved(path, **changes):
    np.savez(path, **arrays(**changes))
    return f"npz:{path}"


def test_arrays_become_images_channels_first(tmp_path):
    name = saved(tmp_path / "a.npz", class_names=np.array(["cat", "dog", "eel"]))
    images = sj.load_images(name, "train")
    assert images.pixels.shape == (5, 3, 8, 6)
    assert torch.equal(images.pixels[0, 2], torch.from_numpy(arrays()["train_images"][0, :, :, 2]))
    assert images.class_names == ("cat", "dog", "eel")
    assert sj.load_images(name, "test").labels.tolist() == [2, 0]


def test_grey_images_and_missing_names(tmp_path):
    images = sj.load_images(saved(tmp_path / "a.npz", train_images=np.zeros((5, 8, 6), np.uint8)), "train")
    assert images.pixels.shape == (5, 1, 8, 6)
    assert images.class_names == ("0", "1", "2")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (dict(train_labels=np.array([0, 1])), "5 images but labels of shape"),
        (dict(train_images=np.zeros((5, 8, 6, 3), np.float32)), "float32, not uint8"),
        (dict(train_images=np.zeros((5, 8), np.uint8)), "images have shape"),
        (dict(train_labels=np.array(["a"] * 5)), "not integers"),
        (dict(train_labels=np.array([0, 1, 2, 1, -1])), "labels run from -1"),
        (dict(train_labels=np.array([{}] * 5, dtype=object)), "array of objects, which are not unpickled"),
        (dict(class_names=np.array(["cat"])), "1 class names"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, changes, says):
    with pytest.raises(sj.InputError, match=says):
        sj.load_images(saved(tmp_path / "a.npz", **changes), "train")


def test_a_missing_array_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", train_images=np.zeros((5, 8, 6), np.uint8))
    with pytest.raises(sj.InputError, match="no array train_labels"):
        sj.load_images(f"npz:{tmp_path / 'a.npz'}", "train")


@pytest.mark.parametrize("keep", [0, 10, 400])
def test_a_truncated_archive_is_refused(tmp_path, keep):
    path = tmp_path / "a.npz"
    saved(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(sj.InputError, match=r"not a readable \.npz archive"):
        sj.load_images(f"npz:{path}", "train")


def test_a_missing_archive_and_unknown_names(tmp_path):
    with pytest.raises(sj.InputError, match="no file"):
        sj.load_images(f"npz:{tmp_path / 'none.npz'}")
    with pytest.raises(
        sj.InputError, match="'mnits' is not one of digits, mnist, fashion_mnist, kmnist, cifar10, cifar100, npz:PATH"
    ):
        sj.load_images("mnits")
