"""Readers of recorded data sets, on small files made in the same format."""

import itertools
import math
import struct

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.spatial.transform import Rotation

import seqjepa as sj
from seqjepa.images.recorded import load_records, norb_matrix, read_dsprites
from seqjepa.types import InputError
from seqjepa.types.rotations import matrix


def dsprites(path, orientations=8, places=4):
    """Every combination, in the order and with the arrays of the published file; a picture tells its latents."""
    angles = np.linspace(0, 2 * math.pi, orientations)  # both ends, as published
    sizes = [1, 3, 6, orientations, places, places]
    classes = np.array(list(itertools.product(*[range(n) for n in sizes])), dtype=np.int64)
    values = np.stack(
        [
            np.ones(len(classes)),
            classes[:, 1] + 1.0,
            0.5 + 0.1 * classes[:, 2],
            angles[classes[:, 3]],
            classes[:, 4] / (places - 1),
            classes[:, 5] / (places - 1),
        ],
        1,
    )
    imgs = np.zeros((len(classes), 8, 8), np.uint8)
    imgs[np.arange(len(classes)), classes[:, 5], classes[:, 3] % 8] = 1
    told = np.array({"title": "dSprites"}, dtype=object)  # pickled, as published: never read
    np.savez(path, imgs=imgs, latents_values=values, latents_classes=classes, metadata=told)


def norb(path, array, magic):
    dims = [*array.shape, 1, 1][: max(3, array.ndim)]  # three are always written
    head = struct.pack(f"<{2 + len(dims)}i", magic, array.ndim, *dims)
    path.write_bytes(head + array.tobytes())


def smallnorb(folder, part, instances):
    rows = np.array(list(itertools.product(range(5), instances, range(9), range(0, 36, 2), range(6))), np.int32)
    images = np.zeros((len(rows), 2, 6, 6), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1], images[:, 1] = 9 * rows[:, 2], 6 * rows[:, 3], 255
    stem = f"smallnorb-5x46789x9x18x6x2x96x96-{part}"
    norb(folder / f"{stem}-dat.mat", images, 0x1E3D4C55)
    norb(folder / f"{stem}-cat.mat", np.ascontiguousarray(rows[:, 0]), 0x1E3D4C54)
    norb(folder / f"{stem}-info.mat", np.ascontiguousarray(rows[:, 1:]), 0x1E3D4C54)


def threediebench(folder, objects=3, views=4):
    random = np.random.default_rng(0)
    told = {}
    for name in (f"{c}/{o}" for c in ("02691156", "04256520") for o in range(objects)):
        (folder / name).mkdir(parents=True)
        for i in range(views):
            latents = random.uniform(-math.pi / 2, math.pi / 2, 7)
            latents[[3, 6]] = random.uniform(0, 1, 2)
            np.save(folder / name / f"latent_{i}.npy", latents)
            Image.new("RGB", (32, 32), (int(255 * latents[3]), 0, 0)).save(folder / name / f"image_{i}.jpg")
            told[name, i] = latents
    return told


def test_dsprites(tmp_path):
    dsprites(tmp_path / "d.npz")
    records = load_records(f"dsprites:{tmp_path / 'd.npz'}")
    assert [f.name for f in records.factors] == ["angle", "y"]
    assert len(records) == 3 * 6 * 7 * 4 * 4  # the last orientation is the first again
    assert len(records.identities.unique()) == 3 * 6 * 4
    assert records.values[:, 0].unique().tolist() == pytest.approx([i * 360 / 7 for i in range(7)])
    assert set(records.pixels.unique().tolist()) == {0, 255}
    sums = records.pixels[:, 0].float().sum(2).argmax(1)
    torch.testing.assert_close(sums.double() / 3, records.values[:, 1])  # rows of pictures go with rows of latents
    sweeps = sj.represent_records(lambda x: x.flatten(1), records, 24, preprocess=None, progress=False)
    assert sweeps.values["angle"].shape == (24, 4, 7, 64)
    assert sweeps.factor("angle").full_circle
    assert set(sweeps.values) == {"angle", "y"}
    other = read_dsprites(tmp_path / "d.npz", ("x", "y", "scale"))
    assert [f.name for f in other.factors] == ["x", "y", "sprite_scale"]
    with pytest.raises(InputError, match="'hue' is not one of scale, orientation, x, y"):
        read_dsprites(tmp_path / "d.npz", ("hue",))


@pytest.mark.parametrize(("bits", "says"), [(0x20, "patched"), (0x01, "encrypted")])
def test_an_archive_of_pictures_that_cannot_be_unpacked_is_told_in_a_line(tmp_path, bits, says):
    """Flags of a member, in its own header and in the archive's list: of patched data, of encryption."""
    path = tmp_path / "d.npz"
    dsprites(path)
    content, name = bytearray(path.read_bytes()), b"imgs.npy"
    first, last = content.index(name), content.rindex(name)
    content[first - 24] |= bits  # 30 bytes of header, the flags 6 from their start
    content[last - 38] |= bits  # 46, and 8
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"no readable array imgs .*{says}"):
        load_records(f"dsprites:{path}")


def test_smallnorb(tmp_path):
    smallnorb(tmp_path, "training", (4, 6))
    smallnorb(tmp_path, "testing", (0, 1))
    records = load_records(f"smallnorb:{tmp_path}")
    assert len(records) == 5 * 4 * 9 * 18 * 6
    assert len(records.identities.unique()) == 20
    assert records.pixels.shape[1:] == (1, 6, 6)
    assert not (records.pixels == 255).any()  # the left camera
    torch.testing.assert_close(records.pixels[:, 0, 0, 0].double() / 9 * 5 + 30, records.values[:, 0])
    torch.testing.assert_close(records.pixels[:, 0, 0, 1].double() / 6 * 10, records.values[:, 1])
    sweeps = sj.represent_records(lambda x: x.flatten(1), records, preprocess=None, progress=False)
    assert sweeps.values["elevation"].shape == (20, 5, 9, 36)
    assert sweeps.values["azimuth"].shape == (20, 5, 18, 36)
    assert sweeps.values["lighting"].shape == (20, 5, 6, 36)
    assert sweeps.labels.bincount().tolist() == [4] * 5


def test_3diebench(tmp_path):
    told = threediebench(tmp_path)
    records = load_records(f"3diebench:{tmp_path}")
    assert records.pixels.shape == (24, 3, 64, 64)
    assert records.class_names == ("02691156", "04256520")
    assert records.labels.bincount().tolist() == [12, 12]
    latents = np.stack([told[name, i] for name, i in told])
    known = Rotation.from_euler("xyz", latents[:, :3]).as_matrix()
    torch.testing.assert_close(matrix(records.values[:, :4]), torch.from_numpy(known))
    torch.testing.assert_close(records.values[:, 4], torch.from_numpy(latents[:, 3]))
    torch.testing.assert_close(records.values[:, 5:8].norm(dim=1), torch.ones(24, dtype=torch.float64))
    hue = records.pixels[:, 0].double().mean((1, 2)) / 255
    torch.testing.assert_close(hue, records.values[:, 4], atol=0.02, rtol=0)


def test_what_is_no_such_data_set_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    (tmp_path / "smallnorb-x-dat.mat").write_bytes(b"12345678")
    norb(tmp_path / "cut.mat", np.zeros((4, 5), np.uint8), 0x1E3D4C55)
    (tmp_path / "cut.mat").write_bytes((tmp_path / "cut.mat").read_bytes()[:-1])
    for length in (7, 13):  # within the magic number, within the dimensions
        (tmp_path / f"cut{length}.mat").write_bytes((tmp_path / "cut.mat").read_bytes()[:length])
        with pytest.raises(InputError, match=r"not a matrix|not what it holds"):
            norb_matrix(tmp_path / f"cut{length}.mat")
    for name, says in (
        ("dsprites:other.npz", "not dSprites"),
        ("dsprites:missing.npz", "missing.npz"),
        ("smallnorb:.", "not a matrix of smallNORB"),
        ("3diebench:.", "no CLASS/OBJECT/latent_0.npy"),
        ("celeba:.", "give one of dsprites:PATH"),
    ):
        kind, _, path = name.partition(":")
        with pytest.raises(InputError, match=says):
            load_records(f"{kind}:{tmp_path / path}")
    with pytest.raises(InputError, match="not what it holds"):
        norb_matrix(tmp_path / "cut.mat")
