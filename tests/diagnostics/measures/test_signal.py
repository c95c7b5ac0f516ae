import math

import pytest
import torch

from seqjepa.diagnostics.measures.signal import (
    shared_variance,
    signal_covariances,
    signal_kernel,
    turned_within_spectrum,
)
from seqjepa.types import NotIdentifiable

LINE = torch.linspace(-1, 1, 13, dtype=torch.float64)
CIRCLE = torch.arange(24, dtype=torch.float64) * 15
UNEVEN = torch.tensor([-1.0, -0.7, -0.5, 0.0, 0.1, 0.6, 1.0], dtype=torch.float64)


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def turned(directions, angle, dim=40):
    """The first directions of a space, each turned by an angle towards a direction of its own."""
    eye = torch.eye(dim, dtype=torch.float64)
    return math.cos(angle) * eye[:directions] + math.sin(angle) * eye[directions : 2 * directions]


def moved(directions, identities=200, noise=0.3, seed=0):
    """Each identity moves by its own amount along each direction, beside independent noise in every dimension."""
    amounts = normal(identities, 1, len(directions), seed=seed)
    path = torch.stack([LINE * (1 + i) for i in range(len(directions))])
    z = torch.einsum("ipk,kg,kd->ipgd", amounts, path, directions)
    return z + noise * normal(*z.shape, seed=seed + 1)


@pytest.mark.parametrize(("grid", "period"), [(LINE, None), (UNEVEN, None), (CIRCLE, 360.0)])
def test_a_kernel_takes_the_mean_away_and_lets_no_point_meet_itself(grid, period):
    kernel = signal_kernel(grid, period)
    torch.testing.assert_close(kernel, kernel.T)
    assert kernel.diagonal().abs().max() == 0
    assert kernel.sum(1).abs().max() < 1e-12


def test_what_is_smooth_keeps_its_covariance_and_noise_has_none():
    wave = (CIRCLE.deg2rad()).cos()
    assert float(wave @ signal_kernel(CIRCLE, 360.0) @ wave / (wave @ wave)) == pytest.approx(1, abs=0.05)
    line = LINE - LINE.mean()
    assert float(line @ signal_kernel(LINE) @ line / (line @ line)) == pytest.approx(1, abs=0.1)
    noise = signal_covariances(normal(4000, 1, 13, 3), signal_kernel(LINE)).mean(0)
    assert noise.abs().max() < 0.02  # a plain within-orbit covariance has 12/13 on its diagonal


def test_an_offset_changes_nothing():
    z, kernel = moved(turned(2, 0)), signal_kernel(LINE)
    expected = signal_covariances(z, kernel)
    assert (signal_covariances(z + 1e8, kernel) - expected).abs().max() < 1e-5 * expected.abs().max()


@pytest.mark.parametrize("degrees", [0, 30, 60, 90])
def test_the_similarity_of_two_planes_is_known(degrees):
    """C_g is C_f turned by φ out of its plane, so ⟨C_f, C_g⟩ / ‖C_f‖‖C_g‖ = cos²φ."""
    kernel, angle = signal_kernel(LINE), math.radians(degrees)
    f = signal_covariances(moved(turned(2, 0)), kernel)
    g = signal_covariances(moved(turned(2, angle), seed=5), kernel)
    found = shared_variance(f, g)
    assert found.value == pytest.approx(math.cos(angle) ** 2, abs=0.05)
    low, high = found.draws.quantile(0.025), found.draws.quantile(0.975)
    assert low - 0.02 <= math.cos(angle) ** 2 <= high + 0.02
    assert 0 <= low <= high <= 1


def test_how_loud_either_factor_is_does_not_matter():
    kernel = signal_kernel(LINE)
    f, g = (signal_covariances(moved(turned(2, angle), seed=s), kernel) for angle, s in ((0, 0), (0.5, 5)))
    assert shared_variance(f, 100 * g).raw == pytest.approx(shared_variance(f, g).raw)
    assert shared_variance(100 * f, g).raw == pytest.approx(shared_variance(f, g).raw)


def test_loud_noise_that_both_see_is_not_shared():
    """Plain within-orbit covariances of these are alike to 0.99: both are the noise's."""
    kernel = signal_kernel(LINE)
    loud = torch.zeros(40, dtype=torch.float64)
    loud[20:26] = 3.0
    f, g = (
        moved(directions, seed=s) + normal(200, 1, 13, 40, seed=s + 9) * loud
        for directions, s in ((turned(2, 0), 0), (turned(2, math.pi / 2), 50))
    )
    assert shared_variance(signal_covariances(f, kernel), signal_covariances(g, kernel)).value < 0.15


def test_noise_alone_is_not_identifiable():
    kernel = signal_kernel(LINE)
    f, g = (signal_covariances(normal(64, 2, 13, 12, seed=s), kernel) for s in (1, 2))
    with pytest.raises(NotIdentifiable, match="more images"):
        shared_variance(f, g)


def test_of_noise_next_to_nothing_is_told():
    """A product of noise with itself is over 0 in half of the draws: that alone identifies nothing."""
    kernel, told = signal_kernel(LINE), 0
    for seed in range(40):
        f, g = (signal_covariances(normal(40, 1, 13, 6, seed=2 * seed + s), kernel) for s in (0, 1))
        try:
            shared_variance(f, g)
            told += 1
        except NotIdentifiable:
            pass
    assert told <= 2


def test_turning_the_space_changes_nothing():
    kernel = signal_kernel(LINE)
    f, g = moved(turned(2, 0)), moved(turned(2, 0.5), seed=5)
    q = torch.linalg.qr(normal(40, 40, seed=3)).Q
    one, two = (
        shared_variance(*(signal_covariances(z @ by, kernel) for z in (f, g)))
        for by in (torch.eye(40, dtype=torch.float64), q)
    )
    assert one.raw == pytest.approx(two.raw, abs=1e-9)
    torch.testing.assert_close(one.draws, two.draws)


def test_the_null_turns_one_of_two_within_the_codes_spectrum():
    c = torch.zeros(30, 30, dtype=torch.float64)
    c[:2, :2] = torch.eye(2)
    isotropic = turned_within_spectrum(c, c, torch.eye(30, dtype=torch.float64))
    assert float(isotropic.mean()) == pytest.approx(2 / 30, abs=0.01)  # of random planes, k / D
    one_loud = torch.diag(torch.tensor([100.0, *[1e-4] * 29], dtype=torch.float64))
    assert float(turned_within_spectrum(c, c, one_loud).median()) > 0.5  # who moves at all moves along it


def test_too_short_a_grid_is_not_identifiable():
    with pytest.raises(NotIdentifiable, match="5 are the least"):
        signal_kernel(torch.arange(4.0))


def test_the_null_does_not_depend_on_which_factor_is_named_first():
    f, g = torch.diag(torch.tensor([1.0, 0, 0, 0, 0.0])), torch.diag(torch.tensor([0, 1.0, 1.0, 0, 0]))
    spread = torch.diag(torch.tensor([0.05, 1.0, 1.0, 4.0, 4.0], dtype=torch.float64))
    one, two = (turned_within_spectrum(a.double(), b.double(), spread).median() for a, b in ((f, g), (g, f)))
    assert float(one / two) == pytest.approx(1, abs=0.4)  # turned always on the same side they differ five times
