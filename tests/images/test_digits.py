import torch

import seqjepa as sj


def test_digits_are_shaped_like_mnist_and_split_without_overlap():
    train, test = sj.load_images("digits", "train"), sj.load_images("digits", "test")
    assert (len(train), len(test)) == (1442, 355)
    assert train.pixels.shape[1:] == (1, 28, 28)
    assert (train.pixels[..., :4, :] == 0).all()  # the margin of MNIST
    assert train.pixels.max() > 200
    shares = torch.bincount(test.labels, minlength=10) / len(test)
    assert (shares - 0.1).abs().max() < 0.005
    seen = {image.numpy().tobytes() for image in train.pixels}
    assert not seen & {image.numpy().tobytes() for image in test.pixels}


def test_digits_look_like_their_source():
    from sklearn.datasets import load_digits

    source = load_digits()
    source = torch.from_numpy(source.images[source.target == 7][4]).float() / 16  # the first 7 that is held out
    test = sj.load_images("digits", "test")
    digit = test.pixels[test.labels == 7][0, 0, 4:24, 4:24].float() / 255
    small = torch.nn.functional.interpolate(digit[None, None], size=(8, 8), mode="area")[0, 0]
    assert torch.corrcoef(torch.stack([small.flatten(), source.flatten()]))[0, 1] > 0.97
