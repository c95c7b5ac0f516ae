import math

import numpy as np
import pytest
import scipy.stats
import torch

from seqjepa.diagnostics import Ratio, difference_interval
from seqjepa.diagnostics.measures.bootstrap import (
    MOST_GROUPS,
    accelerated_interval,
    expanded,
    grouped,
    identity_weights,
    jackknife_draws,
    jackknife_ratio,
    percentile_interval,
    spread_freedom,
    without_bias,
)
from seqjepa.types import InputError


def ratio(identities, seed, shift=0.0):
    random = torch.Generator().manual_seed(seed)
    denominator = 1 + torch.rand(identities, generator=random, dtype=torch.float64)
    noise = torch.randn(identities, generator=random, dtype=torch.float64)
    return Ratio((0.5 + shift) * denominator + 0.3 * noise, denominator)


def test_the_value_is_the_ratio_of_sums_not_the_mean_of_ratios():
    assert Ratio(torch.tensor([1.0, 9.0]), torch.tensor([1.0, 3.0])).value == 2.5


def test_intervals_cover_as_often_as_they_say():
    hits = sum(low <= 0.5 <= high for low, high in (ratio(60, seed).interval(resamples=400) for seed in range(300)))
    assert 0.90 <= hits / 300 <= 0.985


@pytest.mark.parametrize("identities", [8, 40])
def test_accelerated_intervals_equal_scipys_as_far_out_as_student_says(identities):
    """Of skewed terms and the same resamples."""
    x = scipy.stats.lognorm(1.0).rvs(identities, random_state=1)
    freedom = min(identities - 1, max(2, 2 * identities / (scipy.stats.kurtosis(x, fisher=False) - 1)))
    reach = scipy.stats.t(freedom).ppf(0.95) * (identities / (identities - 1)) ** 0.5  # for a level of 0.9
    expected = scipy.stats.bootstrap(
        (x,),
        lambda x, axis: x.mean(axis),
        n_resamples=2000,
        method="BCa",
        confidence_level=2 * scipy.stats.norm.cdf(reach) - 1,
        rng=0,
    )
    terms = torch.from_numpy(x)
    draws = torch.from_numpy(expected.bootstrap_distribution)
    found = accelerated_interval(draws, float(terms.mean()), terms - terms.mean(), level=0.9)
    assert found == pytest.approx(tuple(expected.confidence_interval), rel=1e-6)


def test_beyond_the_pole_of_the_correction_it_ends_at_the_farthest_resample():
    """One term of six is not 0: as skewed as six can be, with Student's reach of two and a half and more."""
    terms = torch.tensor([1.0, 0, 0, 0, 0, 0], dtype=torch.float64)
    draws = identity_weights(6, 1000, 0) @ terms / 6
    _, high = accelerated_interval(draws, float(terms.mean()), terms - terms.mean(), level=0.99)
    assert high == float(draws.max())


def test_many_identities_are_summed_in_groups_and_few_stay_as_they_are():
    values = torch.arange(2 * MOST_GROUPS + 1, dtype=torch.float64)
    found = grouped(values)
    assert len(found) == MOST_GROUPS
    assert found[:2].tolist() == [3 * MOST_GROUPS, MOST_GROUPS + 2]
    assert float(found.sum()) == float(values.sum())
    assert torch.equal(grouped(values[:5]), values[:5])


def test_the_width_falls_with_the_square_root_of_the_identities():
    widths = []
    for identities in (50, 800):
        intervals = [ratio(identities, seed).interval() for seed in range(20)]
        widths.append(sum(high - low for low, high in intervals) / 20)
    assert widths[0] / widths[1] == pytest.approx(math.sqrt(800 / 50), rel=0.15)


@pytest.mark.parametrize("identities", [8, 16])
def test_expanded_resamples_cover_with_few_identities(identities):
    """Plain ones of eight cover in 90 % of draws, of sixteen in 92 %."""
    weights = identity_weights(identities, 1000, 0)
    plain = covered = 0
    for seed in range(400):
        values = torch.randn(identities, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        draws = weights @ values / identities
        value = float(values.mean())
        low, high = percentile_interval(draws)
        plain += low <= 0 <= high
        low, high = percentile_interval(expanded(draws, value, identities))
        covered += low <= 0 <= high
    assert covered > plain
    assert 0.93 <= covered / 400 <= 0.975
    assert float(expanded(draws, value, identities, 0.0).min()) == 0.0


def test_draws_of_a_jackknife_spread_by_its_standard_error_and_student():
    """Of eight groups, for which Student reaches a fifth farther than the normal; √(8/7) is within the tolerance."""
    reach = []
    for seed in range(50):
        x = torch.randn(8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        draws = jackknife_draws(float(x.mean()), (x.sum() - x) / 7)
        reach.append(float(draws.std() / (x.std() / 8**0.5)))
    expected = scipy.stats.t(7).ppf(0.975) / scipy.stats.norm.ppf(0.975)
    assert sum(reach) / 50 == pytest.approx(expected, rel=0.1)


def test_few_terms_that_hold_most_of_the_spread_leave_few_degrees_of_freedom():
    equal = torch.tensor([1.0, -1.0]).double().repeat(16)
    assert spread_freedom(equal) == 31
    one = torch.nn.functional.one_hot(torch.tensor(0), 32).double()
    assert spread_freedom(one - 1 / 32) == pytest.approx(2, abs=0.3)
    # Student's t of five degrees has a kurtosis of 9: the variance of so many is known as well as by a quarter of them.
    tailed = torch.from_numpy(scipy.stats.t.ppf((np.arange(20_000) + 0.5) / 20_000, 5))
    kurtosis = float(tailed.pow(4).mean() / tailed.square().mean() ** 2)
    assert spread_freedom(tailed) == pytest.approx(2 * 20_000 / (kurtosis - 1))


def test_a_ratio_of_which_few_identities_hold_the_error_is_covered():
    """Errors of log-normal sizes over totals that are nearly alike, as R² has: of 32 identities a few hold the most."""
    covered, count, spread = 0, 600, 1.0
    for seed in range(count):
        random = torch.Generator().manual_seed(seed)
        totals = 1 + 0.1 * torch.rand(32, generator=random, dtype=torch.float64)
        errors = (spread * torch.randn(32, generator=random, dtype=torch.float64) - spread**2 / 2).exp()
        low, high = Ratio(totals - errors / 10, totals).interval()
        covered += low <= 1 - 0.1 / 1.05 <= high
    assert 0.905 <= covered / count <= 0.96  # 0.897 with one degree less than there are identities


def test_the_bias_of_a_squared_mean_is_taken_away():
    x = torch.randn(30, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    left_out = ((x.sum() - x) / 29).square()
    expected = float(x.mean().square() - x.var() / 30)  # unbiased for the squared mean
    assert without_bias(float(x.mean().square()), left_out) == pytest.approx(expected, abs=1e-12)


def test_a_mean_has_no_bias_to_take_away():
    x = torch.randn(30, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    assert without_bias(float(x.mean()), (x.sum() - x) / 29) == pytest.approx(float(x.mean()), abs=1e-12)


def test_a_share_of_what_is_hardly_known_covers_and_stays_above_nothing():
    """The whole has three standard errors, the part is known well: taken to first order more intervals miss."""
    covered = plain = 0
    for seed in range(200):
        random = torch.Generator().manual_seed(seed)
        part, loud = torch.randn(2, 40, generator=random, dtype=torch.float64)
        part = 1 + 0.2 * part
        whole = part + 40**0.5 / 3 * loud
        if whole.sum() <= 0:
            continue
        left_out = (part.sum() - part) / 39, (whole.sum() - whole) / 39
        found = jackknife_ratio(float(part.mean()), float(whole.mean()), left_out)
        low, high = percentile_interval(found.draws)
        assert low > 0.2
        covered += low <= 1 <= high
        value = float(part.sum() / whole.sum())
        plain += percentile_interval(jackknife_draws(value, left_out[0] / left_out[1]))[1] >= 1
    assert plain < covered - 4
    assert 0.94 <= covered / 200 <= 0.99


def test_a_ratios_numerator_loses_its_bias_and_its_denominator_none():
    x = torch.randn(30, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    y = 2 + x.flip(0)
    left_out = ((x.sum() - x) / 29).square(), (y.sum() - y) / 29
    found = jackknife_ratio(float(x.mean().square()), float(y.mean()), left_out)
    assert found.value == pytest.approx(float((x.mean().square() - x.var() / 30) / y.mean()), abs=1e-12)
    assert found.draws.isfinite().all()


def test_pairing_takes_away_what_two_figures_share():
    a, b = ratio(60, 1), ratio(60, 1, shift=0.02)  # the same noise, another truth
    low, high = difference_interval(b, a)
    assert 0.019 < low <= high < 0.021
    assert a.interval()[1] - a.interval()[0] > 0.05


def test_resamples_are_a_pure_function_of_the_seed():
    assert ratio(20, 0).interval(seed=1) == ratio(20, 0).interval(seed=1) != ratio(20, 0).interval(seed=2)
    weights = identity_weights(20, 50, 0)
    assert (weights.sum(1) == 20).all()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: ratio(1, 0).interval(), "two or more identities"),
        (lambda: ratio(5, 0).interval(level=95.0), "level: 95"),
        (lambda: difference_interval(ratio(5, 0), ratio(6, 0)), "the same identities, not 5 and 6"),
    ],
)
def test_what_cannot_be_answered_is_said(call, says):
    with pytest.raises(InputError, match=says):
        call()
