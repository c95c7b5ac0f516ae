import pytest
import torch

from seqjepa.factors import actions
from seqjepa.images import load_images
from seqjepa.recipes import change, mnist_affine
from seqjepa.training.views import Normalisation, epoch_poses, make_batch


@pytest.fixture(scope="module")
def images():
    return load_images("digits", "train")


def test_normalised_training_images_have_mean_0_and_std_1(images):
    normalise = Normalisation.of(images)
    values = normalise(images.pixels.double() / 255)
    torch.testing.assert_close(values.mean(), torch.tensor(0.0, dtype=torch.float64), atol=1e-9, rtol=0)
    torch.testing.assert_close(values.std(correction=0), torch.tensor(1.0, dtype=torch.float64))


def test_poses_are_a_pure_function_of_seed_and_epoch():
    config = mnist_affine().factors
    one = epoch_poses(config, 50, 0, 3).values
    assert torch.equal(one, epoch_poses(config, 50, 0, 3).values)
    assert not torch.equal(one, epoch_poses(config, 50, 0, 4).values)
    assert not torch.equal(one, epoch_poses(config, 50, 1, 3).values)


def test_the_first_view_is_the_identity_or_random():
    config = mnist_affine()
    assert (epoch_poses(config.factors, 20, 0, 1).values[:, 0] == 0).all()
    random = change(config, factors=dict(first_view="random")).factors
    assert (epoch_poses(random, 20, 0, 1).values[:, 0] != 0).all()
    assert torch.equal(epoch_poses(random, 20, 0, 1).values[:, 1:], epoch_poses(config.factors, 20, 0, 1).values[:, 1:])


def test_a_batch_does_not_depend_on_what_else_is_in_it(images):
    config = mnist_affine().factors
    poses, normalise = epoch_poses(config, len(images), 0, 1), Normalisation.of(images)
    together = make_batch(images, torch.tensor([5, 17, 900]), poses, config, normalise)
    alone = make_batch(images, torch.tensor([900]), poses, config, normalise)
    torch.testing.assert_close(together.views[2:], alone.views)
    torch.testing.assert_close(together.actions[2:], alone.actions)
    assert torch.equal(together.labels, images.labels[[5, 17, 900]])


def test_views_and_actions_of_a_batch(images):
    config = mnist_affine().factors
    poses, normalise = epoch_poses(config, len(images), 0, 1), Normalisation.of(images)
    batch = make_batch(images, torch.tensor([3, 4]), poses, config, normalise)
    assert batch.views.shape == (2, 4, 1, 28, 28)
    torch.testing.assert_close(batch.views[:, 0], normalise(images.pixels[3:5].float() / 255), atol=1e-4, rtol=0)
    torch.testing.assert_close(batch.actions, actions(poses, "difference", 7.0)[3:5])
