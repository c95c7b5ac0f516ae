import pytest
import torch

from seqjepa.diagnostics import sensitivity, variance_shares
from seqjepa.sweeps import Sweeps
from seqjepa.sweeps.design import neutral_index
from seqjepa.types import InputError
from tests.ground_truths import FACTORS, additive, contents, multiplicative, noise

I, STEPS = 60, 36  # noqa: E741
ROTATION = FACTORS[0]


def rotation_sweep(f, identities=I):
    sweeps = Sweeps.from_function(f, [ROTATION], identities, steps=STEPS)
    identity = neutral_index(ROTATION, sweeps.grids["rotation"])
    return sweeps.values["rotation"], identity


def split(z, periodic=True):
    grid = torch.arange(z.shape[2]).double()
    return variance_shares(z, grid, float(len(grid)) if periodic else None)


def values(shares):
    return [getattr(shares, name).value for name in ("content", "factor", "smooth", "residual")]


def test_s1_an_additive_factor_has_no_interaction():
    z, _ = rotation_sweep(additive(I))
    content, factor, smooth, residual = values(split(z, True))
    # Content: 8 dimensions of variance 1; rotation: a circle of radius 3.
    assert factor == pytest.approx(9 / (9 + 8), abs=0.06)
    assert content == pytest.approx(1 - factor, abs=1e-9)
    assert smooth == pytest.approx(0, abs=1e-9)
    assert residual == pytest.approx(0, abs=1e-9)


def test_s2_a_multiplicative_factor_is_all_smooth_interaction():
    torch.manual_seed(0)
    content = torch.view_as_complex(contents(I, 16, 0).reshape(I, 8, 2))  # mean-free in the population, not exactly
    frequencies = torch.arange(8) % 2 + 1

    def f(who, pose):
        return torch.view_as_real(content[who] * torch.exp(1j * frequencies * pose[:, :1])).flatten(1)

    z, _ = rotation_sweep(f)
    _, factor, smooth, residual = values(split(z, True))
    assert factor / (factor + smooth + residual) == pytest.approx(1 / I, rel=0.5)
    assert smooth > 0.95
    assert residual < 0.001


def test_s3_an_invariant_code():
    still, random = contents(I, 6, 0), torch.Generator().manual_seed(1)

    def f(who, pose):
        return still[who] + 1e-3 * torch.randn(len(who), 6, generator=random, dtype=torch.float64)

    z, identity = rotation_sweep(f)
    assert sensitivity(z, identity).value < 1e-5
    assert split(z, True).content.value > 0.999


@pytest.mark.parametrize("periodic", [True, False])
def test_s4_noise_is_at_its_nulls(periodic):
    z, identity = rotation_sweep(noise(8))
    assert sensitivity(z, identity).value == pytest.approx(1, abs=0.1)
    shares = split(z, periodic)
    content, factor, smooth, residual = values(shares)
    assert factor == pytest.approx(float(shares.factor_null.median()), rel=0.2)
    assert content == pytest.approx((I - 1) / (I * STEPS - 1), rel=0.2)
    assert residual == pytest.approx(1 - content - factor, abs=0.03)
    assert abs(smooth) < 0.03


def test_noise_upon_a_smooth_interaction_is_told_apart():
    random = torch.Generator().manual_seed(2)
    base = multiplicative(I)

    def f(who, pose):
        codes = base(who, pose)
        return codes + 0.5 * torch.randn(codes.shape, generator=random, dtype=torch.float64)

    clean, _ = rotation_sweep(base)
    noisy, _ = rotation_sweep(f)
    total = (clean - clean.mean((0, 2), keepdim=True)).square().sum(-1).mean()
    variance = 0.25 * clean.shape[-1]
    expected = variance * (1 - 1 / I) * (1 - 1 / STEPS) / (total + variance)  # what is left of noise in an interaction
    assert split(noisy, True).residual.value == pytest.approx(float(expected), rel=0.04)


def test_shares_sum_to_1_and_do_not_see_rotations_of_the_code():
    z, identity = rotation_sweep(multiplicative(I))
    q = torch.linalg.qr(torch.randn(z.shape[-1], z.shape[-1], generator=torch.Generator().manual_seed(0)).double()).Q
    plain, turned = split(z, True), split(z @ q, True)
    assert sum(values(plain)) == pytest.approx(1)
    assert values(plain) == pytest.approx(values(turned), abs=1e-9)
    assert sensitivity(z, identity).value == pytest.approx(sensitivity(z @ q, identity).value)


def test_sensitivity_by_hand():
    z = torch.tensor([[[[0.0], [1.0]]], [[[2.0], [5.0]]]])  # two identities, moved by 1 and by 3
    between = ((2 - 0) ** 2 / 2 + (5 - 1) ** 2 / 2) / 2
    assert sensitivity(z, 0).value == pytest.approx((1 + 9) / 2 / (2 * between))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: sensitivity(torch.randn(1, 1, 5, 3), 0), "needs two or more"),
        (lambda: sensitivity(torch.ones(4, 1, 5, 3), 0), "all identities have the same representation"),
        (lambda: split(torch.randn(4, 1, 4, 3)), "4 identities and 4 grid values"),
        (lambda: split(torch.ones(4, 1, 6, 3)), "the representation never changes"),
    ],
)
def test_what_cannot_be_answered_is_said(call, says):
    with pytest.raises(InputError, match=says):
        call()
