"""Folders of images: order, channels, splits, and what is refused."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

import seqjepa as sj
from seqjepa.images import folder
from seqjepa.types import InputError


def picture(value, mode="L", size=(5, 6)):
    return Image.new(mode, size, value)


@pytest.fixture
def root(tmp_path):
    """Two classes of five grey images, each of one brightness."""
    for label, name in enumerate(("ant", "bee")):
        (tmp_path / name).mkdir()
        for i in range(5):
            picture(100 * label + i).save(tmp_path / name / f"{i}.png")
    return tmp_path


def brightness(images):
    return images.pixels[:, 0, 0, 0].tolist()


def test_classes_and_images_are_in_the_order_of_their_names(root):
    train, test = (sj.load_images(f"folder:{root}", split) for split in ("train", "test"))
    assert train.class_names == test.class_names == ("ant", "bee")
    assert train.pixels.shape == (8, 1, 6, 5)
    assert brightness(train) == [0, 1, 2, 3, 100, 101, 102, 103]
    assert brightness(test) == [4, 104]
    assert train.labels.tolist() == [0] * 4 + [1] * 4


def test_train_and_test_have_folders_of_their_own(root):
    for split in ("train", "test"):
        (root / split).mkdir()
    for name in ("ant", "bee"):
        (root / "test" / name).mkdir()
        (root / name / "0.png").rename(root / "test" / name / "0.png")
        (root / name).rename(root / "train" / name)
    assert brightness(folder.load_folder(root, "test")) == [0, 100]
    assert len(folder.load_folder(root, "train")) == 8
    (root / "train" / "bee").rename(root / "train" / "cat")
    with pytest.raises(InputError, match="class 'bee' is in only one of"):
        folder.load_folder(root, "train")


def test_one_half_alone_is_no_class(root):
    (root / "ant").rename(root / "train")
    with pytest.raises(InputError, match="a folder 'train'; then there must be 'train' and 'test'"):
        folder.load_folder(root, "train")


def test_one_coloured_image_makes_all_of_them_rgb(root):
    picture((1, 2, 3), "RGB").save(root / "bee" / "4.png")
    train, test = (folder.load_folder(root, split) for split in ("train", "test"))
    assert train.pixels.shape[1] == test.pixels.shape[1] == 3
    assert test.pixels[1, :, 0, 0].tolist() == [1, 2, 3]
    assert test.pixels[0, :, 0, 0].tolist() == [4, 4, 4]


@pytest.mark.parametrize(
    ("kind", "exact"), [("bmp", True), ("png", True), ("tiff", True), ("pgm", True), ("jpg", False)]
)
def test_kinds_of_images(root, kind, exact):
    for path in sorted(root.rglob("*.png")):
        with Image.open(path) as image:
            image.load()
        path.unlink()
        image.save(path.with_suffix(f".{kind}"))
    found = torch.tensor(brightness(folder.load_folder(root, "test")))
    assert (found - torch.tensor([4, 104])).abs().max() <= (0 if exact else 2)


def test_hidden_files_and_files_beside_the_classes_are_passed_over(root):
    (root / "ant" / ".DS_Store").write_bytes(b"x")
    (root / "README.txt").write_text("about these pictures")
    assert len(folder.load_folder(root, "train")) == 8


def png_of(width, height):
    """A PNG whose header promises this size."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def encoded(image, kind="PNG", **how):
    stream = io.BytesIO()
    image.save(stream, kind, **how)
    return stream.getvalue()


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 5), dtype=np.uint8))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not an image of a kind that is read"),
        (b"not a picture", "not an image of a kind that is read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 5 6\n", "not an image of a kind that is read"),
        (encoded(NOISE)[:50], "a damaged image"),
        (encoded(NOISE)[:-30], "a damaged image"),
        (encoded(NOISE, "JPEG")[:-60], "a damaged image"),
        (encoded(picture(0, size=(7, 6))), "7 × 6 pixels, but .*0.png has 5 × 6"),
        (encoded(picture((0, 0, 0, 0), "RGBA")), "of mode RGBA; save it as 8-bit grey or RGB"),
        (encoded(picture(0, "I;16")), "of mode I.*; save it as 8-bit grey or RGB"),
        (encoded(picture(0), transparency=0), "transparent; save it as"),
        (encoded(picture(0), "TIFF", save_all=True, append_images=[picture(1)]), "holds several images"),
        (png_of(3000, 3000), "3000 × 3000 pixels; 4194304 in all are the most"),
        (png_of(10_000, 10_000), "too large an image"),
        (png_of(2**31 - 1, 2**31 - 1), "too large an image"),
    ],
)
def test_the_first_bad_file_is_named_in_one_line(root, content, says):
    path = root / "bee" / "2.png"
    path.write_bytes(content)
    if "damaged" not in says:  # which shows only when it is read whole, after a look at all headers
        (root / "bee" / "3.png").write_bytes(b"also bad")
    with pytest.raises(InputError, match=says) as caught:
        folder.load_folder(root, "train")
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_links_special_files_and_folders_within_a_class_are_refused(root, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "secret.png"
    picture(0).save(outside)
    odd = root / "bee" / "9.png"
    for make, says in (
        (odd.symlink_to, "a link"),
        (lambda _: os.mkfifo(odd), "not a file"),
        (lambda _: odd.mkdir(), "not a"),
    ):
        make(outside)
        with pytest.raises(InputError, match=rf"9\.png: {says}"):
            folder.load_folder(root, "train")
        odd.rmdir() if odd.is_dir() else odd.unlink()
    (root / "cat").symlink_to(outside.parent, target_is_directory=True)
    with pytest.raises(InputError, match="cat: a link"):
        folder.load_folder(root, "train")


def test_odd_names_stay_in_one_line(root):
    (root / "bee" / "line\nbreak.png").write_bytes(b"bad")
    with pytest.raises(InputError, match=r"line\\nbreak\.png': not an image") as caught:
        folder.load_folder(root, "train")
    assert "\n" not in str(caught.value)
    (root / "class\n").mkdir()
    with pytest.raises(InputError, match="a class needs a name that can be printed"):
        folder.load_folder(root, "train")


def test_folders_without_images_are_named(root, tmp_path):
    with pytest.raises(InputError, match="no folder"):
        folder.load_folder(tmp_path / "none", "train")
    (root / "cat").mkdir()
    with pytest.raises(InputError, match="cat: a class without images"):
        folder.load_folder(root, "train")
    with pytest.raises(InputError, match="no folder of images in it"):
        folder.load_folder(root / "ant", "train")


def test_too_few_to_hold_one_out(root):
    for name in ("ant", "bee"):
        (root / name / "4.png").unlink()
    with pytest.raises(InputError, match="no image for the split 'test'"):
        folder.load_folder(root, "test")


def test_more_than_the_memory_is_refused_before_it_is_taken(root, monkeypatch):
    monkeypatch.setattr(os, "sysconf", lambda name: 1)
    with pytest.raises(InputError, match=r"8 images need .* write them into an array for npy:PATH"):
        folder.load_folder(root, "train")


def test_damaged_at_random_images_load_or_are_refused_in_one_line(root):
    random = np.random.default_rng(0)
    path = root / "bee" / "2.xxx"
    wholes = [encoded(NOISE, kind) for kind in ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "PPM")]
    messages = []
    for i in range(600):
        content = np.frombuffer(wholes[i % len(wholes)], np.uint8).copy()
        where = random.integers(0, len(content), random.integers(1, 6))
        content[where] = random.integers(0, 256, len(where))
        path.write_bytes(content[: random.integers(1, len(content) + 1)] if random.random() < 0.3 else content)
        try:
            folder.load_folder(root, "train")
        except InputError as error:
            messages.append(str(error))
    assert all(len(message.splitlines()) == 1 for message in messages)
    assert 100 < len(messages) < 600


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "png", "tiff", "webp"])
def test_images_stand_as_their_exif_orientation_says(tmp_path, caplog, orientation, kind):
    """Against Pillow's own."""
    stored = np.zeros((16, 24), np.uint8)
    stored[:8, :8], stored[8:, 16:] = 250, 120
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        for i in range(5):
            options = dict(quality=95) if kind in ("jpg", "webp") else {}
            Image.fromarray(stored).save(tmp_path / name / f"{i}.{kind}", exif=exif, **options)
    with Image.open(tmp_path / "ant" / f"0.{kind}") as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture).convert("L"))
        from_objects = sj.Images.from_dataset([(picture.copy(), 0)])
    found = folder.load_folder(tmp_path, "test")
    np.testing.assert_array_equal(found.pixels[0].float().mean(0).round(), expected)
    np.testing.assert_array_equal(from_objects.pixels[0, 0], expected)
    assert ("10 of 10 images are turned upright" in caplog.text) == (orientation != 1)


def test_damaged_metadata_cost_nothing(root):
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + b"\xff" * 40
    picture(7).save(root / "ant" / "0.jpg", exif=exif)
    (root / "ant" / "0.png").unlink()
    assert len(folder.load_folder(root, "train")) == 8
