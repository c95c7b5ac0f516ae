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
from seqjepa.diagnostics.measures.subspaces import dimensions_above, explained_shares, isotropic_null
from seqjepa.sweeps import Sweeps
from seqjepa.types import InputError
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
    return {name: factor_subspace(codes, FIT) for name, codes in sweeps.values.items()}


def isolated(name, f=None, base=1):
    """One factor alone: with no other factor in the design, the left action moves nothing else."""
    factor = next(x for x in FACTORS if x.name == name)
    return Sweeps.from_function(f or additive(I), [factor], I, steps=24, base_poses=base).values[name]


@pytest.mark.parametrize("name", DIMS)
def test_s1_each_factor_fills_its_own_dimensions(name):
    z = isolated(name)
    found = factor_subspace(z, FIT)
    assert found.dim == DIMS[name]
    assert explained_variance(found.directions(), within_orbit_covariance(z[~FIT])) == pytest.approx(1, abs=1e-9)
    assert found.held_out[: DIMS[name]].sum() == pytest.approx(1, abs=1e-9)


def test_s1_no_overlap_between_factors():
    found = {name: factor_subspace(isolated(name), FIT).directions() for name in DIMS}
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
    found = factor_subspace(z, FIT)
    assert explained_variance(found.directions(2), within_orbit_covariance(z[~FIT])) == pytest.approx(1 / 8, abs=0.1)
    assert common_orbit_covariance(z).trace() < 1e-9 * within_orbit_covariance(z).trace()


def test_s1_the_orbit_is_common_to_all():
    z = isolated("rotation")
    torch.testing.assert_close(common_orbit_covariance(z), within_orbit_covariance(z))


@pytest.mark.parametrize("seed", range(5))
def test_s4_noise_has_no_subspace(seed):
    z = isolated("rotation", noise(12, seed))
    found = factor_subspace(z, FIT)
    assert found.dim <= 1
    shares = explained_shares(orthogonal(12, 9)[:, :2], within_orbit_covariance(z))
    assert shares.sum() == pytest.approx(2 / 12, abs=0.03)


@pytest.mark.parametrize(("shape", "k"), [((10, 1, 5, 12), 1), ((6, 2, 7, 12), 3)])
def test_the_isotropic_null_is_exact(shape, k):
    """Directions fitted on noise, judged on other noise: the Beta quantile against draws."""
    random, shares = torch.Generator().manual_seed(0), []
    for _ in range(1500):
        noise = torch.randn(2, *shape, generator=random, dtype=torch.float64)
        basis = torch.linalg.eigh(within_orbit_covariance(noise[0])).eigenvectors[:, -k:]
        shares.append(explained_variance(basis, within_orbit_covariance(noise[1])))
    assert isotropic_null(shape, k) == pytest.approx(np.quantile(shares, 0.95), rel=0.03)
    assert isotropic_null(shape, shape[-1]) == 1


def test_one_direction_that_is_low_by_chance_hides_none_behind_it():
    assert dimensions_above(torch.tensor([0.3, 0.09, 0.31, 0.25, 0.03, 0.02]).double(), 0.1) == 4
    assert dimensions_above(torch.tensor([0.09, 0.101, 0.09, 0.08]).double(), 0.1) == 0


def test_a_covariance_in_batches_is_the_covariance():
    z = isolated("rotation")
    batches = OrbitCovariance(z.shape[-1])
    for part in z.split(7):
        batches.update(part)
    torch.testing.assert_close(batches.compute(), within_orbit_covariance(z))
    with pytest.raises(InputError, match="covariance of no representations"):
        OrbitCovariance(3).compute()


def test_held_out_shares_do_not_flatter_as_fitted_ones_do():
    """Mutation: in-sample for held-out. With few identities noise looks concentrated in its own directions."""
    random = torch.Generator().manual_seed(0)
    z = torch.randn(10, 1, 5, 60, generator=random, dtype=torch.float64)
    found = factor_subspace(z, torch.arange(10) < 5)
    assert found.fitted[:2].sum() > 0.2
    assert found.held_out[:2].sum() < 0.08


def test_centring_within_orbits_is_what_takes_identity_away():
    """Mutation: centring over everything instead of within each orbit lets the content in."""
    z = isolated("translate_x")
    everything = (z - z.mean((0, 1, 2))).flatten(0, 2)
    mutated = everything.T @ everything / len(everything)
    own = factor_subspace(z, FIT).directions(1)
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
    z = isolated("rotation", multiplicative(I, 4))[FIT]
    centred = (z - z.mean(2, keepdim=True)).flatten(0, 2).numpy()
    expected = PCA().fit(centred).explained_variance_ratio_
    both = isolated("rotation", multiplicative(I, 4))
    np.testing.assert_allclose(factor_subspace(both, FIT).fitted.numpy(), expected, atol=1e-6)


def test_q_an_orthogonal_map_changes_no_figure(sweeps):
    q = orthogonal(sweeps.dim, 11)
    for codes in sweeps.values.values():
        plain, turned = factor_subspace(codes, FIT), factor_subspace(codes @ q.T, FIT)
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
            lambda: factor_subspace(torch.zeros(4, 1, 3, 5), torch.arange(4) < 2),
            "does not move the representation at all",
        ),
        (lambda: factor_subspace(torch.randn(4, 1, 3, 5), torch.ones(4, dtype=torch.bool)), "others to test on"),
        (lambda: subspace_overlap(torch.zeros(5, 0), torch.eye(5)), "without dimension"),
    ],
)
def test_what_cannot_be_answered_is_said(call, says):
    with pytest.raises(InputError, match=says):
        call()
