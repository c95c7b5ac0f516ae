"""Images out of data sets as people have them."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset, Subset, TensorDataset

import seqjepa as sj
from tests.hurried import hurried

PIXELS = torch.randint(0, 256, (6, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
LABELS = [0, 2, 1, 1, 0, 2]


class Pictures(Dataset):
    """As torchvision's: PIL images with labels, and names of classes."""

    classes = ("ant", "bee", "cow")

    def __init__(self, items=None):
        self.items = items or [Image.fromarray(each.permute(1, 2, 0).numpy()) for each in PIXELS]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index], LABELS[index]


class Rows:
    """As Hugging Face's ``datasets``, as far as it is looked at."""

    class Names:
        names = ("x", "y", "z")

    def __init__(self, image="img", label="label", values=LABELS):
        self.column_names = [image] + ([label] if label else [])
        self.features = {image: None} | ({label: self.Names()} if label else {})
        self.values, self.image, self.label = values, image, label

    def __len__(self):
        return len(PIXELS)

    def __getitem__(self, index):
        picture = Image.fromarray(PIXELS[index].permute(1, 2, 0).numpy())
        return {self.image: picture} | ({self.label: self.values[index]} if self.label else {})


@pytest.mark.parametrize(
    ("dataset", "options", "names"),
    [
        (Pictures(), {}, ("ant", "bee", "cow")),
        (Subset(Pictures(), range(6)), {}, ("0", "1", "2")),
        (Rows(), {}, ("x", "y", "z")),
        (Rows("image", "labels"), {}, ("x", "y", "z")),
        (TensorDataset(PIXELS, torch.tensor(LABELS)), {}, ("0", "1", "2")),
        (TensorDataset(PIXELS.float() / 255, torch.tensor(LABELS)), dict(value_range=(0, 1)), ("0", "1", "2")),
        (PIXELS, dict(labels=LABELS), ("0", "1", "2")),
        (PIXELS.movedim(1, -1).numpy(), dict(labels=np.array(LABELS), class_names="abc"), ("a", "b", "c")),
        (PIXELS.double().numpy() / 127.5 - 1, dict(labels=LABELS, value_range=(-1, 1)), ("0", "1", "2")),
    ],
)
def test_what_people_have(dataset, options, names):
    images = sj.Images.from_dataset(dataset, **options)
    assert torch.equal(images.pixels, PIXELS)
    assert images.labels.tolist() == LABELS
    assert images.class_names == names
    assert images.labelled


@pytest.mark.parametrize("dataset", [PIXELS, TensorDataset(PIXELS), Rows(label=None), Rows(values=[-1] * 6)])
def test_without_labels_none_are_made_up(dataset):
    images = sj.Images.from_dataset(dataset)
    assert not images.labelled
    assert images.labels.tolist() == [-1] * 6
    assert images.class_names == ()


@pytest.mark.parametrize("picture", [Image.new("L", (5, 4), 7), Image.new("1", (5, 4)), np.zeros((4, 5), np.uint8)])
def test_grey(picture):
    assert sj.Images.from_dataset(Pictures([picture])).pixels.shape == (1, 1, 4, 5)


class Endless(IterableDataset):
    def __iter__(self):
        yield from PIXELS


FLOATS = PIXELS.float() / 255


@pytest.mark.parametrize(
    ("dataset", "options", "says"),
    [
        ([PIXELS[0], PIXELS[1, :, :4]], {}, "image 1 is 3 × 4 × 8 .* image 0 is 3 × 8 × 8"),
        ([PIXELS[0], PIXELS[1, :1]], {}, "image 1 is 1 × 8 × 8 .* image 0 is 3 × 8 × 8"),
        ([PIXELS[0, :2]], {}, r"image 0 has shape \(2, 8, 8\)"),
        (FLOATS, {}, r"say its range, as in value_range=\(0, 1\)"),
        (FLOATS, dict(value_range=(-1, 0.5)), "outside of value_range"),
        (FLOATS * torch.nan, dict(value_range=(0, 1)), "image 0 holds values from nan to nan"),
        (FLOATS, dict(value_range=(1, 0)), "low 1 is not below high 0"),
        (PIXELS, dict(value_range=(0, 255)), "value_range is for images of floating point"),
        (PIXELS.long(), {}, "image 0 is int64, not uint8"),
        (["picture.png"], {}, "image 0 is a str, not a PIL image"),
        ([Image.new("CMYK", (4, 4))], {}, "of mode CMYK"),
        (PIXELS, dict(labels=[0.5] * 6), r"label of image 0 is '0.5' \(float\), not an integer"),
        (PIXELS, dict(labels=[0, 1]), "6 images but 2 labels"),
        (PIXELS, dict(labels=[0, -1, 0, 0, 0, 0]), "labels run from -1 to 0"),
        (PIXELS, dict(labels=LABELS, class_names=["a"]), "1 class names"),
        (Rows("picture"), {}, "no column of images: one of image, img is needed, not picture, label"),
        (Endless(), {}, "needs a length and items by index; the length of this Endless raised TypeError"),
        ([], {}, "the data set is empty"),
    ],
)
def test_each_mistake_is_one_line(dataset, options, says):
    with pytest.raises(sj.InputError, match=says) as caught:
        sj.Images.from_dataset(dataset, **options)
    assert "\n" not in str(caught.value)


def test_a_diagnosis_of_images_without_labels():
    images = sj.Images.from_dataset(PIXELS.repeat(10, 1, 1, 1))
    factors = sj.affine_factors(rotation=(-90, 90))
    sweeps = sj.represent(sj.pixels, images, factors, identities=24, steps=5, base_poses=2, progress=False)
    assert set(sweeps.labels.tolist()) == {-1}
    with hurried():
        assert sj.diagnose(sweeps)["dimension"]


@pytest.mark.parametrize(
    ("dataset", "options", "says"),
    [
        (np.zeros((3, 8, 8)), {"value_range": (0, float("inf"))}, "two finite numbers"),  # all would be black
        (np.zeros((3, 8, 8), np.uint8), {"labels": 3}, "labels: one an image"),
        ({"image": np.zeros((8, 8), np.uint8)}, {}, "item 0 of this dict raised KeyError"),
        ([()], {}, "item 0 of the data set is empty"),
    ],
)
def test_odd_arguments_and_data_sets(dataset, options, says):
    with pytest.raises(sj.InputError, match=says):
        sj.Images.from_dataset(dataset, **options)
