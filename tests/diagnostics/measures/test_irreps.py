"""Irreps, read from codes whose irreps are known."""

import cmath
import math

import pytest
import scipy.special
import torch

import seqjepa as sj
from seqjepa.diagnostics.measures.fourier import orbit_fourier
from seqjepa.diagnostics.measures.irreps import fit_irreps, still_multiplicity
from seqjepa.diagnostics.measures.irreps_error import prediction_errors
from seqjepa.types import NotIdentifiable
from tests.ground_truths import FACTORS, additive, contents, multiplicative, noise, orthogonal

I = 64  # noqa: E741
FIRST = torch.arange(I) < I // 2
S2 = multiplicative(I)


def fourier(f, factors=FACTORS[:1], steps=25):
    sweeps = sj.Sweeps.from_function(f, factors, I, steps=steps, base_poses=3, joint=1)
    found = orbit_fourier(sweeps.values["rotation"], FIRST)
    return found.part(FIRST), found.part(~FIRST)


def answer(f, **more):
    """Multiplicities from 0 on, those of frequency 1 on where they are not 0; and the errors."""
    first, second = fourier(f, **more)
    fitted = fit_irreps(first, second)
    told = {k: fitted.multiplicity(k) for k in first.candidates if fitted.multiplicity(k)}
    return {0: still_multiplicity(fitted, first, second)[0]} | told, prediction_errors(fitted, second)


def mapped(f, matrix):
    return lambda who, pose: f(who, pose) @ matrix.T


def noisy(f, size, dim, seed=0):
    random = torch.Generator().manual_seed(seed)
    return lambda who, pose: f(who, pose) + size * torch.randn(len(who), dim, generator=random, dtype=torch.float64)


@pytest.mark.parametrize(("factors", "still"), [(FACTORS[:1], 8), (FACTORS, 11)])
def test_an_additive_circle_is_one_irrep_of_frequency_1_and_all_else_is_still(factors, still):
    told, errors = answer(additive(I), factors=factors)  # 8 contents; x, y and log s do not turn either
    assert told == {0: still, 1: 1}
    assert abs(errors.total.value) < 1e-9


@pytest.mark.parametrize("kind", ["as it is", "orthogonal", "general", "into 300 dimensions"])
def test_any_linear_map_leaves_the_irreps(kind):
    random = torch.Generator().manual_seed(1)
    maps = {
        "as it is": torch.eye(20, dtype=torch.float64),
        "orthogonal": orthogonal(20, 2),
        "general": torch.randn(20, 20, generator=random, dtype=torch.float64),
        "into 300 dimensions": torch.randn(300, 20, generator=random, dtype=torch.float64),
    }
    told, errors = answer(mapped(S2, maps[kind]))
    assert told == {0: 4, 1: 4, 2: 4}
    assert abs(errors.total.value) < 1e-6
    assert abs(errors.pixel_grid.value) < 1e-6


@pytest.mark.parametrize("size", [0.1, 0.5, 1.0])
def test_noise_neither_adds_irreps_nor_hides_them(size):
    told, errors = answer(noisy(S2, size, 20))
    assert told == {0: 4, 1: 4, 2: 4}
    assert abs(errors.total.value) < 0.05
    assert errors.noise.value == pytest.approx(1.2 * size**2, rel=0.3)


def test_loud_noise_elsewhere_does_not_hide_a_quiet_circle():
    random = torch.Generator().manual_seed(4)

    def f(who, pose):
        loud = 20 * torch.randn(len(who), 6, generator=random, dtype=torch.float64)
        return torch.cat([loud, pose[:, :1].cos(), pose[:, :1].sin()], 1)

    first, second = fourier(mapped(f, orthogonal(8, 0)))
    fitted = fit_irreps(first, second)
    assert fitted.frequency.tolist() == [1]
    with pytest.raises(NotIdentifiable, match="no more than noise"):  # the share of a sum that noise drowns
        prediction_errors(fitted, second)


def test_noise_alone_carries_none():
    with_irreps, told = 0, 0
    for seed in range(40):
        first, second = fourier(noise(16, seed), steps=17)
        fitted = fit_irreps(first, second)
        with_irreps += bool(len(fitted.frequency))
        try:
            prediction_errors(fitted, second)
            told += 1
        except NotIdentifiable:
            pass
    assert with_irreps <= 2
    assert told <= 4


def test_a_warped_angle_is_no_representation_and_by_how_much():
    def f(who, pose):
        angle = pose[:, :1] + 0.8 * pose[:, :1].sin()
        return torch.cat([angle.cos(), angle.sin(), contents(I, 3, 0)[who]], 1)

    told, errors = answer(f)
    assert told == {0: 3, 1: 1}  # frequencies 2, 3 and 4 are there, but in the plane that turns once
    # e^{i(θ + w sin θ)} = Σ_n J_{n−1}(w) e^{inθ}: of what moves (n ≠ 0) the share at n = 1 is a representation. An
    # ellipse is one too, which takes in a little of n = −1.
    energy = {n: float(scipy.special.jv(n - 1, 0.8)) ** 2 for n in range(-12, 13) if n}
    most = 1 - energy[1] / sum(energy.values())
    assert most - 2 * energy[-1] - 1e-6 <= errors.total.value <= most
    assert errors.elsewhere.value > errors.pixel_grid.value


def test_a_frequency_that_is_not_taken_is_in_no_resample():
    def f(who, pose):
        angle = pose[:, :1] + 0.8 * pose[:, :1].sin()
        return torch.cat([angle.cos(), angle.sin(), contents(I, 3, 0)[who]], 1)

    fitted = fit_irreps(*fourier(f))
    assert (fitted.rank[2], fitted.multiplicity(2)) == (1, 0)
    assert float(fitted.passed[2].max()) == 0
    assert float(fitted.passed[1].min()) == 1


def test_what_the_components_hold_is_the_lesser_of_movement_and_content():
    still, count = contents(300, 200, 0), 300
    sweeps = sj.Sweeps.from_function(
        lambda who, pose: torch.cat([pose[:, :1].cos(), pose[:, :1].sin(), still[who]], 1), FACTORS[:1], count, steps=9
    )
    found = orbit_fourier(sweeps.values["rotation"], torch.ones(count, dtype=torch.bool))
    values = torch.linalg.eigvalsh(torch.cov(still.T))
    assert found.held == pytest.approx(float(values[-126:].sum() / values.sum()), abs=1e-3)  # two hold the circle


def test_a_leak_into_all_frequencies_alike_is_no_more_on_the_pixel_grid_than_elsewhere():
    phase = 2 * math.pi * torch.rand(I, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def f(who, pose):
        leak = sum(torch.exp(1j * (m * pose[:, :1] + phase[who, m : m + 1])) for m in range(2, 10))
        return torch.view_as_real(torch.exp(1j * pose[:, :1]) + 0.05 * leak).flatten(1)

    told, errors = answer(f)
    assert told == {0: 0, 1: 1}
    assert errors.elsewhere.value == pytest.approx(errors.pixel_grid.value, rel=0.25)


def test_content_in_the_plane_that_turns_is_no_representation():
    still = contents(I, 2, 0)

    def f(who, pose):
        return torch.cat([pose[:, :1].cos(), pose[:, :1].sin()], 1) + 0.3 * still[who]

    told, errors = answer(f)
    assert told == {0: 0, 1: 1}  # what turns holds all of it: no dimension is left that stays
    # z(g x) cannot be told from z(x): the plane's content, which does not turn, is taken for the angle.
    held_out = still[~FIRST] - still[FIRST].mean(0)
    assert errors.total.value == pytest.approx(0.09 * float(held_out.square().sum(1).mean()), rel=1e-6)
    assert errors.content.value == pytest.approx(errors.total.value, rel=1e-6)


def test_content_in_the_plane_that_turns_does_not_stay_where_dimensions_are_left():
    still, random = contents(I, 2, 0), torch.Generator().manual_seed(5)

    def f(who, pose):
        turning = torch.cat([pose[:, :1].cos(), pose[:, :1].sin()], 1) + 0.3 * still[who]
        noise = torch.randn(len(who), 8, generator=random, dtype=torch.float64)
        return torch.cat([turning, torch.zeros(len(who), 6)], 1) + 0.05 * noise

    assert answer(f)[0] == {0: 0, 1: 1}


def test_the_error_is_that_of_predicting_every_view_from_every_other():
    random = torch.Generator().manual_seed(3)
    sweeps = sj.Sweeps.from_function(noisy(multiplicative(I, 2), 0.3, 8), FACTORS[:1], I, steps=9, joint=1)
    mixed = sweeps.values["rotation"] @ torch.randn(8, 5, generator=random, dtype=torch.float64)  # too few for all
    found = orbit_fourier(mixed, FIRST)
    first, second = found.part(FIRST), found.part(~FIRST)
    fitted = fit_irreps(first, second)
    assert len(fitted.frequency)
    errors = prediction_errors(fitted, second)
    z = mixed[~FIRST] - mixed[FIRST].mean((0, 1, 2))
    apart = 0.0
    for step in range(9):
        turned = fitted.still()
        for k in {int(k) for k in fitted.frequency}:
            turned = turned + 2 * (fitted.projector(k) * cmath.exp(2j * math.pi * k * step / 9)).real
        apart += float((z.roll(-step, 2) - z @ turned.T).square().sum(-1).mean()) / 9
    projectors = [fitted.still().to(torch.complex128)]
    for k in {int(k) for k in fitted.frequency}:
        projectors += [fitted.projector(k), fitted.projector(k).conj()]
    # The noise's part, by the same expectation over its coefficients.
    top = second.values[:, :, second.noise_from :].reshape(-1, 5)
    let_in = [float((top @ p.T).abs().square().sum(-1).mean()) for p in projectors]
    missed = [float((top - top @ p.T).abs().square().sum(-1).mean()) for p in projectors]
    size = float(top.abs().square().sum(-1).mean())
    noise_part = 8 * sum(let_in) + sum(missed) + (9 - len(projectors)) * size
    moving = float((z - z.mean(2, keepdim=True)).square().sum(-1).mean()) - 8 * size
    assert errors.total.value == pytest.approx((apart - noise_part) / 2 / moving, rel=1e-9)


@pytest.mark.parametrize("frequency", [1, 2])
def test_what_turns_at_k_plus_4_in_the_same_plane_is_the_pixel_grid(frequency):
    def f(who, pose):
        angle = contents(I, 1, 5)[who] + frequency * pose[:, :1]
        wobble = 0.1 * torch.exp(1j * 4 * pose[:, :1])
        return torch.view_as_real(torch.exp(1j * angle) * (1 + wobble)).flatten(1)

    told, errors = answer(f)
    assert told == {0: 0, frequency: 1}
    assert errors.pixel_grid.value == pytest.approx(0.01 / 1.01, rel=1e-3)
    assert errors.total.value == pytest.approx(0.01 / 1.01, rel=1e-3)
    assert abs(errors.elsewhere.value) < 1e-9


def test_points_and_coarse_grids_abstain():
    with pytest.raises(NotIdentifiable, match="does not move"):
        fourier(lambda who, pose: 1e8 + contents(I, 4, 0)[who])
    with pytest.raises(NotIdentifiable, match="8 values on the circle"):
        fourier(S2, steps=8)


def test_what_an_invariant_code_moves_on_a_square_grid_is_not_taken_for_noise():
    """Energy at 4, 8 and 12 alone, the last of which is among the frequencies that noise is read from."""
    still = contents(I, 3, 0)

    def f(who, pose):
        wobble = sum((k * pose[:, :1] + k * still[who]).cos() / k for k in (4, 8, 12))
        return still[who] + 0.01 * wobble

    first, second = fourier(f)
    errors = prediction_errors(fit_irreps(first, second), second)
    assert errors.noise.value == 0
    assert errors.pixel_grid.value == pytest.approx(1, abs=0.05)
    assert errors.elsewhere.value < 0.01


def test_zernike_moments_have_their_own_frequencies():
    """Complex Zernike moments A_nm to order 5 of pictures turned by one resampling: m is the frequency."""
    side = 33
    random, x = torch.Generator().manual_seed(0), torch.linspace(-1, 1, side, dtype=torch.float64)
    place = 0.7 * (torch.rand(I, 4, 2, generator=random, dtype=torch.float64) - 0.5)
    size, height = (0.15 + 0.1 * torch.rand(I, 4, generator=random), torch.randn(I, 4, generator=random))
    far = (x - place[..., :1])[:, :, None, :].square() + (x - place[..., 1:])[:, :, :, None].square()
    pictures = (height[..., None, None] * (-far / (2 * size[..., None, None].square())).exp()).sum(1, keepdim=True)
    poses = torch.zeros(I, 25, 4, dtype=torch.float64)
    poses[..., 0] = torch.arange(25) * (2 * math.pi / 25) - math.pi
    views = sj.warp(pictures, sj.Pose(poses), taps=1)[:, :, 0]
    radius, angle = (x[:, None].square() + x.square()).sqrt(), torch.atan2(-x[:, None], x[None])
    columns, orders = [], [(n, m) for n in range(6) for m in range(n % 2, n + 1, 2)]
    for n, m in orders:
        terms = range((n - m) // 2 + 1)
        over = [math.factorial(s) * math.factorial((n + m) // 2 - s) * math.factorial((n - m) // 2 - s) for s in terms]
        radial = sum((-1) ** s * math.factorial(n - s) / over[s] * radius ** (n - 2 * s) for s in terms)
        moment = (views * torch.polar(radial * (radius <= 1), -m * angle)).sum((2, 3))
        columns += [moment.real] + [moment.imag] * bool(m)
    found = orbit_fourier(torch.stack(columns, -1)[:, None], FIRST)
    first, second = found.part(FIRST), found.part(~FIRST)
    fitted = fit_irreps(first, second)
    assert still_multiplicity(fitted, first, second)[0] == 3
    assert [fitted.multiplicity(k) for k in range(1, 7)] == [3, 2, 2, 1, 1, 0]
    assert abs(prediction_errors(fitted, second).total.value) < 0.01


def few(code, identities, dim, seed):
    """Of so many identities, in noise of so many dimensions: half fits, half tests."""
    random = torch.Generator().manual_seed(seed + 10**4)
    turn = orthogonal(dim, seed)

    def f(who, pose):
        clean = code(who, pose)
        noise = torch.randn(len(who), dim, generator=random, dtype=torch.float64)
        return (torch.nn.functional.pad(clean, (0, dim - clean.shape[1])) + 0.5 * noise) @ turn

    sweeps = sj.Sweeps.from_function(f, FACTORS[:1], identities, steps=25, base_poses=1, joint=1, seed=seed)
    train = torch.arange(identities) < identities // 2
    found = orbit_fourier(sweeps.values["rotation"], train)
    first, second = found.part(train), found.part(~train)
    fitted = fit_irreps(first, second)
    told = {k: fitted.multiplicity(k) for k in first.candidates if fitted.multiplicity(k)}
    return {0: still_multiplicity(fitted, first, second)[0]} | told


def circle_of(angle, still):
    return lambda who, pose: torch.cat([3 * (a := angle(pose[:, :1])).cos(), 3 * a.sin(), still[who]], 1)


def warped(angle):
    return angle + 0.8 * angle.sin()


@pytest.mark.parametrize(("identities", "dim"), [(24, 64), (64, 64), (64, 200)])
@pytest.mark.parametrize("angle", [torch.clone, warped], ids=["turns evenly", "warped"])
def test_errors_of_directions_among_many_are_no_irreps(identities, dim, angle):
    """A warped circle has frequencies 2 and 3 in the plane of 1; of estimated directions one may not see it."""
    codes = [circle_of(angle, contents(identities, 4, 10 + seed)) for seed in range(6)]
    right = [few(code, identities, dim, seed) == {0: 4, 1: 1} for seed, code in enumerate(codes)]
    assert sum(right) >= 5


def test_errors_of_contents_are_no_further_contents():
    """Directions of noise that twelve images show let in a twelfth of their noise of each content."""
    codes = [circle_of(torch.clone, contents(24, 4, 10 + seed)) for seed in range(20)]
    assert sum(few(code, 24, 64, 100 + seed) == {0: 4, 1: 1} for seed, code in enumerate(codes)) >= 18


@pytest.mark.parametrize(("identities", "dim"), [(24, 64), (24, 100)])
def test_few_images_add_no_irreps(identities, dim):
    right = 0
    for seed in range(8):
        of = multiplicative(identities)
        right += few(lambda who, pose, f=of: 2 * f(who, pose), identities, dim, seed) == {0: 4, 1: 4, 2: 4}
    assert right >= 7


@pytest.mark.parametrize(("identities", "dim"), [(20, 64), (24, 300)])
def test_contents_that_do_not_turn_are_no_more_than_the_images_show(identities, dim):
    code = circle_of(torch.clone, contents(identities, 60, 0))
    assert few(code, identities, dim, 0) == {0: identities // 2 - 1, 1: 1}  # the mean of all is taken away
