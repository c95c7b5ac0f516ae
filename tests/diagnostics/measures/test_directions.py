"""Directions of what a factor predicts: filters, patterns, and what noise adds to them."""

import math

import pytest
import torch

from seqjepa.diagnostics.measures.directions import (
    leading_directions,
    moments,
    precisions,
    signal_along,
    signal_directions,
    signal_filters,
)
from seqjepa.diagnostics.measures.signal import signal_covariances, signal_kernel
from seqjepa.diagnostics.measures.subspaces import within_orbit_covariance

KERNEL = signal_kernel(torch.arange(20, dtype=torch.float64) * 18, 360.0)


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def circle(identities=48, dim=16, loud=5.0, seed=0):
    """A circle of each image's own size in the two first dimensions, noise that is loud in the four last ones."""
    angle = torch.arange(20, dtype=torch.float64) * 2 * math.pi / 20
    z = 0.1 * normal(identities, 2, 20, dim, seed=seed)
    z[..., :2] += torch.stack([angle.cos(), angle.sin()], 1) * (1 + normal(identities, 1, 1, 1, seed=seed + 1) / 4)
    z[..., -4:] += loud * normal(identities, 2, 20, 4, seed=seed + 2)
    return z


def fitted(z, k=2, columns=8):
    found = moments(z, KERNEL)[0]
    return signal_directions(z, found, signal_filters(found)[0][:, :k], KERNEL, columns, 32)


def test_moments_are_the_covariances():
    z = circle()
    found, each = moments(z, KERNEL)[0], signal_covariances(z, KERNEL)
    torch.testing.assert_close(found.within, within_orbit_covariance(z))
    torch.testing.assert_close(found.signal, each.mean(0))
    torch.testing.assert_close(found.total, each.diagonal(dim1=1, dim2=2).sum(1))
    assert found.degrees == 48 * 2 * 19


@pytest.mark.parametrize("poses", [1, 3])
def test_what_repeats_is_the_orbits_common_part(poses):
    """Noise does not repeat, a common circle does, whatever the grid's order."""
    angle = torch.arange(20, dtype=torch.float64)[torch.randperm(20, generator=torch.Generator().manual_seed(0))] / 20
    orbit = torch.stack([(2 * math.pi * angle).cos(), (2 * math.pi * angle).sin()], 1)
    z = orbit + normal(300, poses, 20, 2)
    assert float(moments(z, KERNEL)[0].repeated.mean()) == pytest.approx(1, abs=0.1)


def test_filters_read_what_is_in_order_however_loud_the_rest():
    filters, complete = signal_filters(moments(circle(loud=20.0), KERNEL)[0])
    assert complete
    assert filters.shape == (16, 16)
    assert float(filters[-4:, :2].norm() / filters[:, :2].norm()) < 0.02


def test_few_samples_are_read_in_few_components():
    """With fewer samples than dimensions every filter would be in order on the samples that fitted it."""
    filters, complete = signal_filters(moments(normal(4, 1, 20, 200), KERNEL)[0])
    assert not complete
    assert filters.shape == (200, 4 * 19 // 4)


def test_what_noise_adds_to_a_pattern_is_taken_back():
    """Unshrunk the pattern's share in the true plane is 0.6."""
    z = circle(loud=20.0)
    found = moments(z, KERNEL)[0]
    filters = signal_filters(found)[0][:, :2]
    plain = torch.linalg.qr(found.signal @ filters).Q
    shrunk = fitted(z).basis[:, :2]
    assert float(plain[:2].square().sum() / 2) < 0.7
    assert float(shrunk[:2].square().sum() / 2) > 0.9


def test_a_direction_that_is_loud_by_itself_is_not_taken_back():
    """The factor moves along a direction of the noise as well, by much more than the pattern's error."""
    z = circle(loud=1.0, identities=200)
    angle = torch.arange(20, dtype=torch.float64) * 2 * math.pi / 20
    z[..., -1] += 2 * angle.cos()
    first = torch.zeros(16, dtype=torch.float64)
    first[0], first[-1] = 1 / 5**0.5, 2 / 5**0.5
    basis = fitted(z).basis[:, :2]
    assert float((basis.T @ first).square().sum()) > 0.98


def test_a_basis_is_orthonormal_and_falls():
    found = fitted(circle(), 2, 9)
    torch.testing.assert_close(found.basis.T @ found.basis, torch.eye(9, dtype=torch.float64))
    assert (found.fitted[:2].diff() <= 0).all()
    assert (found.fitted[2:].diff() <= 1e-12).all()
    none = fitted(circle(), 0, 9)
    assert none.basis.shape == (16, 9)
    assert none.left_out.shape == (20, 16, 0)


def test_groups_left_out_are_those_of_refits():
    z = circle(identities=40, loud=1.0)
    left_out = fitted(z).left_out
    group = torch.arange(40) % 20
    for g in (0, 7):
        refit = fitted(z[group != g]).basis[:, :2]
        agree = (left_out[g].T @ refit).square().sum() / 2
        moved = (fitted(z).basis[:, :2].T @ refit).square().sum() / 2
        assert float(agree) > 1 - 0.3 * float(1 - moved)  # much nearer to the refit than to what was not left out


def line_of_falling_sizes(noise, seed):
    """Its filters, of all dimensions, and a function from identities to directions, of which the first leads."""
    random = torch.Generator().manual_seed(seed)
    line = torch.linspace(-1, 1, 13, dtype=torch.float64)
    sizes = torch.tensor([1, 0.5, 0.25, 0.12], dtype=torch.float64)
    moved = torch.randn(40, 4, generator=random, dtype=torch.float64) * sizes
    z = torch.nn.functional.pad(line[None, None, :, None] * moved[:, None, None], (0, 8))
    z = z + noise * torch.randn(40, 2, 13, 12, generator=random, dtype=torch.float64)
    filters, kernel = torch.linalg.qr(torch.randn(12, 12, generator=random, dtype=torch.float64)).Q, signal_kernel(line)
    return z, lambda part: signal_directions(part, moments(part, kernel)[0], filters, kernel, 12, 4)


@pytest.mark.parametrize("seed", [86, 88])
def test_leading_directions_without_a_group_are_those_of_refits_where_filters_fill_the_space(seed):
    """In loud noise patterns of all dimensions nearly depend on each other: what is made of them must not be held."""
    z, directions = line_of_falling_sizes(0.6, seed)
    left_out, group = directions(z).left_out[:, :, 0], torch.arange(40) % 20
    for g in (0, 7):
        assert float((left_out[g] @ directions(z[group != g]).basis[:, 0]).square()) > 0.99


def test_leading_directions_turn_within_their_span_as_those_of_refits():
    z, directions = line_of_falling_sizes(0.02, 1)
    found, group = directions(z), torch.arange(40) % 20
    for g in (0, 7):
        refit = directions(z[group != g]).basis[:, 0]
        apart = 1 - (found.left_out[g, :, 0] @ refit).square()
        assert float(apart) < 0.1 * float(1 - (found.basis[:, 0] @ refit).square())


def test_signal_along_a_basis_is_the_diagonal_of_the_signal_covariance():
    z, basis = circle(), torch.linalg.qr(normal(16, 3)).Q
    expected = torch.einsum("dk,ide,ek->ik", basis, signal_covariances(z, KERNEL), basis)
    torch.testing.assert_close(signal_along(z, basis, KERNEL), expected)


def test_leading_directions_are_eigenvectors():
    c = torch.diag(torch.tensor([1.0, 5, 3, -9], dtype=torch.float64))
    torch.testing.assert_close(leading_directions(c, 2).abs(), torch.eye(4, dtype=torch.float64)[:, [1, 2]])


def test_an_identity_counts_by_its_noise_and_not_by_its_movement():
    angle = torch.arange(20, dtype=torch.float64) * 2 * math.pi / 20
    moved = torch.zeros(90, 2, 20, 16, dtype=torch.float64)
    moved[..., :2] = torch.stack([angle.cos(), angle.sin()], 1) * torch.linspace(0.1, 10, 90)[:, None, None, None]
    sizes = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64).repeat(30)
    weights = precisions(moved + sizes[:, None, None, None] * normal(90, 2, 20, 16), KERNEL)
    assert float(weights.mean()) == pytest.approx(1)
    means = torch.stack([weights[of::3].mean() for of in range(3)])
    expected = 1 / (sizes[:3].square() + 0.05 * sizes.square().mean())
    torch.testing.assert_close(means / means[0], expected / expected[0], rtol=0.1, atol=0)


def test_identities_without_noise_and_that_stand_still_count_the_same():
    still = torch.zeros(4, 1, 20, 3, dtype=torch.float64)
    assert precisions(still, KERNEL).tolist() == [1.0] * 4
    one_noisy = torch.cat([still, normal(4, 1, 20, 3)])
    weights = precisions(one_noisy, KERNEL)
    assert float(weights.max() / weights.min()) < 100  # one without any does not count for all
