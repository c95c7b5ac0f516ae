"""Subspaces against representations whose answer is known, and against SciPy."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from sklearn.decomposition import PCA

from seqjepa.diagnostics import (
    OrbitCovariance,
    common_orbit_covariance,
    explained_variance,
    factor_subspace,
    principal_angles,
    subspace_alignment,
    subspace_overlap,
    within_orbit_covariance,
)
from seqjepa.diagnostics.measures.signal import signal_kernel
from seqjepa.diagnostics.measures.subspaces import explained_shares
from seqjepa.diagnostics.swept import grid_kernel
from seqjepa.sweeps import Sweeps
from seqjepa.types import InputError, NotIdentifiable
from tests.ground_truths import FACTORS, additive, multiplicative, noise, orthogonal

I = 40  # noqa: E741 (identities, as in the formulas)
FIT = torch.arange(I) % 2 == 0
DIMS = {"rotation": 2, "translate_x": 1, "translate_y": 1, "scale": 1}


@pytest.fixture(scope="module")
def sweeps():
    """S1 as sweeps that move one coordinate alone: base poses at the identity, so that the code is truly additive."""
    return Sweeps.from_function(additive(I), FACTORS, I, steps=24, base_poses=3)


@pytest.fixture(scope="module")
def subspaces(sweeps):
    return {name: factor_subspace(codes, FIT, grid_kernel(sweeps, name)) for name, codes in sweeps.values.items()}


def isolated(name, f=None, base=1):
    """One factor alone: with no other factor in the design, the left action moves nothing else."""
    factor = next(x for x in FACTORS if x.name == name)
    return Sweeps.from_function(f or additive(I), [factor], I, steps=24, base_poses=base).values[name]


LINE = signal_kernel(torch.linspace(-1, 1, 24, dtype=torch.float64))
CIRCLE = signal_kernel(torch.arange(24, dtype=torch.float64) * 15, 360.0)
ODD = signal_kernel(torch.linspace(-1, 1, 25, dtype=torch.float64))  # a line's grid contains the neutral pose
KERNELS = {"rotation": CIRCLE, "translate_x": ODD, "translate_y": ODD, "scale": ODD}


@pytest.mark.parametrize("name", DIMS)
def test_s1_each_factor_fills_its_own_dimensions(name):
    z = isolated(name)
    found = factor_subspace(z, FIT, KERNELS[name])
    assert found.dim == DIMS[name]
    assert explained_variance(found.directions(), within_orbit_covariance(z[~FIT])) == pytest.approx(1, abs=1e-9)
    assert found.held_out[: DIMS[name]].sum() == pytest.approx(1, abs=1e-9)


def test_s1_no_overlap_between_factors():
    found = {name: factor_subspace(isolated(name), FIT, KERNELS[name]).directions() for name in DIMS}
    for one in DIMS:
        for other in DIMS:
            expected = 1.0 if one == other else 0.0
            assert subspace_overlap(found[one], found[other]) == pytest.approx(expected, abs=1e-9)
            aligned = subspace_alignment(found[other], within_orbit_covariance(isolated(one)))
            assert aligned == pytest.approx(expected, abs=1e-9)


def test_a_rotation_about_the_centre_moves_a_shifted_image_and_one_about_its_own_does_not(sweeps, subspaces):
    """Rotation and translation do not commute: around shifted base poses a group's rotation also moves x and y."""
    for swept, least, most in ((sweeps.group_values, 0.05, 1), (sweeps.values, -1e-9, 1e-9)):
        covariance = within_orbit_covariance(swept["rotation"])
        assert least < explained_variance(subspaces["translate_x"].directions(1), covariance) < most


def test_s2_a_content_dependent_rotation_is_spread():
    z = isolated("rotation", multiplicative(I, blocks=8))
    found = factor_subspace(z, FIT, CIRCLE)
    assert explained_variance(found.directions(2), within_orbit_covariance(z[~FIT])) == pytest.approx(1 / 8, abs=0.1)
    assert common_orbit_covariance(z).trace() < 1e-9 * within_orbit_covariance(z).trace()


def test_s1_the_orbit_is_common_to_all():
    z = isolated("rotation")
    torch.testing.assert_close(common_orbit_covariance(z), within_orbit_covariance(z))


def gaussian(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def noise_of(kind, seed, identities=40, dim=12):
    """No factor: independent noise along a grid, of every shape that was once taken for one."""
    z = gaussian(identities, 1, 24, dim, seed=seed)
    if kind == "unequal":
        z[..., :6] *= 5
    if kind == "heavy tails":
        z = z / gaussian(identities, 1, 24, 3, seed=seed + 1000).square().mean(3, keepdim=True).sqrt()
    if kind == "each image its own amount":
        z = z * gaussian(identities, 1, 1, 1, seed=seed + 1000).exp()
    return z


@pytest.mark.parametrize("kind", ["equal", "unequal", "heavy tails", "each image its own amount"])
def test_s4_noise_has_no_subspace(kind):
    """Of 40 draws 5 % may have one; more than 6 have one in under 1 % of such tests."""
    dims = [factor_subspace(noise_of(kind, seed), FIT, LINE).dim for seed in range(40)]
    assert sum(dim > 0 for dim in dims) <= 5
    assert max(dims) <= 2


def test_a_circle_has_two_dimensions_however_unequal_the_noise_of_the_images():
    """Unweighted, what the loudest leave of the circle in further filters stands far above the noise of the quiet."""
    dims = []
    for seed in range(20):
        z = noise_of("each image its own amount", seed, identities=48, dim=10)
        z[..., 0] += 6 * torch.linspace(0, 2 * math.pi, 25, dtype=torch.float64)[:-1].cos()
        z[..., 1] += 6 * torch.linspace(0, 2 * math.pi, 25, dtype=torch.float64)[:-1].sin()
        dims.append(factor_subspace(z, torch.arange(48) % 2 == 0, CIRCLE).dim)
    assert min(dims) == 2
    assert sum(dim > 2 for dim in dims) <= 4


def test_s4_a_plane_holds_its_share_of_noise():
    z = isolated("rotation", noise(12, 0))
    shares = explained_shares(orthogonal(12, 9)[:, :2], within_orbit_covariance(z))
    assert shares.sum() == pytest.approx(2 / 12, abs=0.03)


def circle_beside_noise(loud, dim, seed, identities=64, poses=5):
    """A circle of radius 1 in two quiet dimensions, and independent noise in the six last ones."""
    angle = torch.arange(24, dtype=torch.float64) * 2 * math.pi / 24
    z = 0.05 * gaussian(identities, poses, 24, dim, seed=seed)
    z[..., 0] += angle.cos()
    z[..., 1] += angle.sin()
    z[..., -6:] += loud * gaussian(identities, poses, 24, 6, seed=seed + 1)
    return z


@pytest.mark.parametrize("loud", [0, 1, 3, 20])
@pytest.mark.parametrize("dim", [12, 60])
def test_s14_loud_noise_elsewhere_leaves_a_quiet_circle_found(loud, dim):
    """The plain covariance's leading plane is the noise's from 1 on: 0.00 of the true plane."""
    z = circle_beside_noise(loud, dim, seed=dim)
    found = factor_subspace(z, torch.arange(64) % 2 == 0, CIRCLE)
    assert found.dim == 2
    # Half of twelve dimensions being loud there are few quiet ones to learn the signal's size from.
    assert float(found.directions()[:2].square().sum() / 2) > (0.7 if (loud, dim) == (20, 12) else 0.9)
    if loud > 1:
        plain = torch.linalg.eigh(within_orbit_covariance(z)).eigenvectors[:, -2:]
        assert float(plain[:2].square().sum() / 2) < 0.01


@pytest.mark.parametrize("loud", [0.0, 1.0], ids=["quiet", "with loud noise too"])
def test_of_many_dimensions_that_hardly_move_none_hides_the_one_that_does(loud):
    """A line of size 1, and 511 dimensions in which each image has a zigzag of its own, a thousandth in size."""
    random = torch.Generator().manual_seed(0)
    identities, poses, steps, dim = 64, 3, 25, 512
    values = torch.linspace(-1, 1, steps, dtype=torch.float64)
    sweep = torch.zeros(identities, poses, steps, dim, dtype=torch.float64)
    sweep[..., 0] = values
    own = torch.randn(identities, 1, 1, dim - 1, generator=random, dtype=torch.float64)
    zigzag = own * (-1.0) ** torch.arange(steps)[:, None]
    sweep[..., 1:] = 1e-3 * (zigzag + 0.3 * torch.randn(sweep[..., 1:].shape, generator=random, dtype=torch.float64))
    shaken = torch.randn(identities, poses, steps, 6, generator=random, dtype=torch.float64)
    sweep[..., 1:7] += loud * shaken
    found = factor_subspace(sweep, torch.arange(identities) % 2 == 0, signal_kernel(values))
    assert found.dim == 1
    assert abs(float(found.basis[0, 0])) > 0.99
    assert loud or float(found.held_out[0]) == pytest.approx(1, abs=0.05)


def test_without_noise_the_dimension_is_exact():
    angle = torch.arange(24, dtype=torch.float64) * 2 * math.pi / 24
    circle = torch.stack([angle.cos(), angle.sin()], 1).expand(I, 2, 24, 2)
    still = gaussian(I, 1, 1, 30).expand(I, 2, 24, 30)
    blocks = torch.view_as_complex(gaussian(I, 6, 2))[:, None] * torch.exp(1j * angle[:, None])
    blocks = torch.view_as_real(blocks).flatten(2)[:, None].expand(I, 2, 24, 12)
    line = torch.linspace(-7, 7, 24, dtype=torch.float64)[:, None] + gaussian(I, 1, 1, 1).expand(I, 2, 24, 1)
    ellipse = circle * torch.tensor([10.0, 1.0])
    for expected, z, kernel in (
        (2, circle, CIRCLE),
        (2, torch.cat([circle, 0 * circle[..., :1]], 3), CIRCLE),
        (1, line, LINE),
        (12, blocks, CIRCLE),
        (2, ellipse, CIRCLE),
        (2, torch.cat([still, ellipse], 3), CIRCLE),
        (2, torch.cat([still, ellipse], 3) + 1e8, CIRCLE),
        (2, torch.cat([still, ellipse], 3) * 1e-9, CIRCLE),
    ):
        found = factor_subspace(z, FIT, kernel)
        assert found.dim == expected
        assert float(found.held_out[:expected].sum()) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("poses", [1, 2])
@pytest.mark.parametrize(("frequency", "coarse"), [(1, False), (4, False), (7, True), (10, True)])
def test_a_grid_too_coarse_for_the_frequencies_is_said(frequency, coarse, poses):
    angle = frequency * torch.arange(24, dtype=torch.float64) * 2 * math.pi / 24
    z = torch.stack([angle.cos(), angle.sin()], 1) + 0.1 * gaussian(I, poses, 24, 2)
    if not coarse:
        assert factor_subspace(z, FIT, CIRCLE).dim == 2
        return
    with pytest.raises(NotIdentifiable, match="the grid is too coarse"):
        factor_subspace(z, FIT, CIRCLE)


def test_shares_are_of_the_signal_and_not_of_the_noise():
    """Six loud directions hold nearly all of the within-orbit variance, and none of the signal's."""
    z = circle_beside_noise(0.5, 12, seed=3, identities=400)
    found = factor_subspace(z, torch.arange(400) % 2 == 0, CIRCLE)
    plain = explained_variance(found.directions(), within_orbit_covariance(z))
    assert plain < 0.5
    assert float(found.held_out[:2].sum()) == pytest.approx(1, abs=0.06)


def test_a_covariance_in_batches_is_the_covariance():
    z = isolated("rotation")
    batches = OrbitCovariance(z.shape[-1])
    for part in z.split(7):
        batches.update(part)
    torch.testing.assert_close(batches.compute(), within_orbit_covariance(z))
    with pytest.raises(InputError, match="covariance of no representations"):
        OrbitCovariance(3).compute()


def test_held_out_shares_do_not_flatter_as_fitted_ones_do():
    """Mutation: in-sample for held-out. With few identities noise looks in order in its own directions."""
    found = factor_subspace(gaussian(10, 1, 24, 60), torch.arange(10) < 5, LINE)
    assert found.fitted[:2].sum() > 0.1
    assert float((found.along[:, :2].sum(1)).mean()) < 0.2 * float(
        (found.halves[0].basis[:, :2] * (found.signals[0] @ found.halves[0].basis[:, :2])).sum()
    )


def test_centring_within_orbits_is_what_takes_identity_away():
    """Mutation: centring over everything instead of within each orbit lets the content in."""
    z = isolated("translate_x")
    everything = (z - z.mean((0, 1, 2))).flatten(0, 2)
    mutated = everything.T @ everything / len(everything)
    own = factor_subspace(z, FIT, ODD).directions(1)
    assert explained_variance(own, within_orbit_covariance(z)) == pytest.approx(1, abs=1e-9)
    assert explained_variance(own, mutated) < 0.9


@pytest.mark.parametrize("degrees", [0, 30, 60, 90])
def test_s5_overlap_is_the_squared_cosine(degrees):
    phi = math.radians(degrees)
    q = orthogonal(10, 3)
    u = q[:, :2]
    v = math.cos(phi) * q[:, :2] + math.sin(phi) * q[:, 2:4]
    assert subspace_overlap(u, v) == pytest.approx(math.cos(phi) ** 2, abs=1e-12)
    torch.testing.assert_close(principal_angles(u, v), torch.full((2,), phi, dtype=torch.float64), atol=1e-9, rtol=0)


def test_overlap_of_unequal_subspaces_is_normed_by_the_smaller():
    """Mutation: √(k_f k_g) or k_f · k_g for min(k_f, k_g) would not give 1 for a line within a plane."""
    q = orthogonal(10, 4)
    assert subspace_overlap(q[:, :1], q[:, :3]) == pytest.approx(1)
    assert subspace_overlap(q[:, :3], q[:, :1]) == pytest.approx(1)


def test_overlap_by_chance():
    values = [subspace_overlap(orthogonal(30, s)[:, :2], orthogonal(30, 100 + s)[:, :5]) for s in range(300)]
    assert np.mean(values) == pytest.approx(5 / 30, abs=0.01)


@pytest.mark.parametrize(("k", "m"), [(1, 1), (2, 5), (5, 2), (4, 4)])
@pytest.mark.parametrize("tilt", [1.0, 1e-4, 1e-9])
def test_principal_angles_equal_scipys(k, m, tilt):
    u = orthogonal(12, 5)[:, :k]
    near = torch.cat([u, orthogonal(12, 6)], 1)[:, :m] + tilt * orthogonal(12, 7)[:, :m]
    v = torch.linalg.qr(near).Q
    expected = scipy.linalg.subspace_angles(u.numpy(), v.numpy())[::-1]
    np.testing.assert_allclose(principal_angles(u, v).numpy(), expected, atol=1e-12, rtol=1e-6)


def test_shares_equal_scikit_learns_pca():
    """Blocks of one frequency: what neighbours predict is a multiple of what moves, so shares are PCA's."""
    angle = torch.arange(24, dtype=torch.float64) * 2 * math.pi / 24
    blocks = torch.view_as_complex(gaussian(I, 4, 2))[:, None] * torch.exp(1j * angle[:, None])
    z = torch.view_as_real(blocks).flatten(2)[:, None] * torch.arange(1.0, 9, dtype=torch.float64)
    centred = (z - z.mean(2, keepdim=True))[FIT].flatten(0, 2).numpy()
    expected = PCA().fit(centred).explained_variance_ratio_
    np.testing.assert_allclose(factor_subspace(z, FIT, CIRCLE).fitted.numpy(), expected, atol=1e-6)


def test_q_an_orthogonal_map_changes_no_figure(sweeps):
    q = orthogonal(sweeps.dim, 11)
    for name, codes in sweeps.values.items():
        kernel = grid_kernel(sweeps, name)
        plain, turned = factor_subspace(codes, FIT, kernel), factor_subspace(codes @ q.T, FIT, kernel)
        assert plain.dim == turned.dim
        torch.testing.assert_close(plain.held_out, turned.held_out, atol=1e-9, rtol=0)
        k = max(plain.dim, 1)
        torch.testing.assert_close(
            principal_angles(q @ plain.directions(k), turned.directions(k)),
            torch.zeros(k, dtype=torch.float64),
            atol=1e-6,
            rtol=0,
        )


def test_alignment_is_directed():
    q = orthogonal(6, 0)
    line = 2 * torch.outer(q[:, 0], q[:, 0])
    plane = torch.outer(q[:, 0], q[:, 0]) + 3 * torch.outer(q[:, 1], q[:, 1])
    assert subspace_alignment(q[:, :2], line) == pytest.approx(1)
    assert subspace_alignment(q[:, :1], plane) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda: factor_subspace(torch.zeros(4, 1, 24, 5), torch.arange(4) < 2, LINE),
            "does not move the representation at all",
        ),
        (lambda: factor_subspace(torch.randn(4, 1, 24, 5), torch.ones(4, dtype=torch.bool), LINE), "others to test on"),
        (lambda: subspace_overlap(torch.zeros(5, 0), torch.eye(5)), "without dimension"),
    ],
)
def test_what_cannot_be_answered_is_said(call, says):
    with pytest.raises(InputError, match=says):
        call()
