"""Scores of the literature against their formulas, libraries and codes whose score is known."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from sklearn.feature_selection import r_regression
from sklearn.linear_model import Ridge
from sklearn.metrics import mutual_info_score, r2_score

import seqjepa as sj
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.measures.literature.axis_scores import (
    attribute_gap,
    binned,
    dci_completeness,
    dci_disentanglement,
    importances,
    information_gap,
    informativeness,
)
from seqjepa.diagnostics.measures.literature.group_scores import (
    d_lsbd,
    d_lsbd_by_chance,
    deviation_ratios,
    lie_derivative,
    linear_cka,
)
from seqjepa.diagnostics.measures.variance import sensitivity
from seqjepa.types import NotIdentifiable
from tests.ground_truths import FACTORS, additive, contents, multiplicative, noise, orthogonal

RANDOM = torch.Generator().manual_seed(0)
A, B, C = (torch.rand(3000, 1, generator=RANDOM, dtype=torch.float64) for _ in range(3))
NOISE = torch.randn(3000, 3, generator=RANDOM, dtype=torch.float64)
AXES = torch.cat([A, B, NOISE], 1)
FIRST = torch.arange(40) < 20


def test_sap_is_the_difference_of_squared_correlations():
    z = torch.cat([A + 0.3 * NOISE[:, :1], A + 0.5 * NOISE[:, 1:2], B], 1)
    scores = np.sort(r_regression(z.numpy(), A[:, 0].numpy()) ** 2)
    assert attribute_gap(z, A) == pytest.approx(scores[-1] - scores[-2])
    assert attribute_gap(AXES, A) == pytest.approx(1, abs=0.01)


def test_sap_of_levels_is_that_of_all_but_one_of_their_indicators():
    """The last indicator is one less the others: their matrix is singular."""
    level = torch.randint(4, (len(A),), generator=torch.Generator().manual_seed(0))
    targets = torch.nn.functional.one_hot(level, 4).double()
    z = torch.cat([targets[:, :2] @ torch.tensor([[1.0], [-2.0]]).double() + 0.3 * NOISE[:, :1], NOISE[:, 1:2], A], 1)
    plain = attribute_gap(z, targets[:, 1:])
    assert plain > 0.5
    assert attribute_gap(z, targets) == pytest.approx(plain, abs=1e-9)


def test_mig_is_made_of_mutual_information():
    z = torch.cat([A + 0.3 * NOISE[:, :1], A + 0.5 * NOISE[:, 1:2], B], 1)
    bins, of = binned(z), binned(A[:, 0])
    know = sorted(mutual_info_score(bins[:, d].numpy(), of.numpy()) for d in range(3))
    assert information_gap(bins, of) == pytest.approx((know[-1] - know[-2]) / mutual_info_score(of, of))
    edges = np.histogram_bin_edges(z[:, 0].numpy(), 20)
    assert (np.digitize(z[:, 0].numpy(), edges[1:-1]) == bins[:, 0].numpy()).all()
    assert information_gap(binned(AXES), of) > 0.95


def test_dci_is_made_of_entropies():
    importance = importances(AXES)({"a": A, "b": B})
    share = importance / importance.sum(1, keepdim=True)
    alone = 1 - scipy.stats.entropy(share.numpy(), axis=1, base=2)
    weight = importance.sum(1).numpy() / float(importance.sum())
    assert dci_disentanglement(importance) == pytest.approx(float((alone * weight).sum()))
    completeness = 1 - scipy.stats.entropy(importance[:, 0].numpy(), base=5)
    assert dci_completeness(importance[:, 0]) == pytest.approx(completeness)
    assert dci_disentanglement(torch.eye(5, 2, dtype=torch.float64)) == pytest.approx(1)
    assert dci_completeness(torch.tensor([1.0, 1.0, 0.0, 0.0]).double()) == pytest.approx(0.5)  # a circle in D = 4


def test_informativeness_is_r2_of_the_same_regression_on_held_out_identities():
    random = torch.Generator().manual_seed(3)
    z = torch.randn(40, 5, 6, generator=random, dtype=torch.float64) * torch.tensor([1.0, 5, 0.1, 2, 1, 1])
    weights = torch.randn(6, 2, generator=random, dtype=torch.float64)
    targets = z @ weights + torch.randn(40, 5, 2, generator=random, dtype=torch.float64)
    found = informativeness(z, FIRST)(targets)
    x, y = z[FIRST].flatten(0, 1), targets[FIRST].flatten(0, 1)
    scale = x.std(0, correction=0)
    ridge = Ridge(alpha=1e-3 * len(x)).fit((x / scale).numpy(), y.numpy())
    said = ridge.predict((z[~FIRST].flatten(0, 1) / scale).numpy())
    truth = targets[~FIRST].flatten(0, 1).numpy()
    assert found.value == pytest.approx(r2_score(truth, said, multioutput="variance_weighted"))
    lean = importances(x)({"a": y[:, :1]})
    assert torch.allclose(lean[:, 0], torch.tensor(ridge.coef_[0]).abs() / y[:, 0].std(correction=0))
    assert informativeness(torch.cat([z, targets], 2), FIRST)(targets).value > 0.999
    assert abs(informativeness(z, FIRST)(targets[torch.randperm(40, generator=random)]).value) < 0.1


def test_deviation_ratios_are_means_of_standard_deviations():
    z = torch.randn(7, 1, 9, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    z[..., 2] = z[:1, :, :, 2]  # the same for all images: as in a perfect circle's dimensions
    z[..., 3] = z[:, :, :1, 3]  # stands still
    array = z[:, 0].numpy()
    expected = [
        np.mean([np.std(array[i, :, d], ddof=1) for i in range(7)])
        / np.mean([np.std(array[:, g, d], ddof=1) for g in range(9)])
        for d in (0, 1)
    ]
    found = deviation_ratios(z)
    assert found[:2].tolist() == pytest.approx(expected)
    assert found[2] > 1e12
    assert found[3] == 0


@pytest.mark.parametrize("alike", [True, False])
def test_sensitivity_is_the_ratio_of_variances_and_theirs_that_of_deviations(alike):
    """With every value of the grid as reference in turn; the same where all images move by as much."""
    random = torch.Generator().manual_seed(1)
    size = torch.ones(30, 1) if alike else torch.rand(30, 1, generator=random)
    still = contents(30, 3, 0)
    z = swept(
        lambda who, pose: (
            still[who] + size[who] * torch.cat([pose[:, :1].sin(), pose[:, :1].cos(), 0 * pose[:, :1]], 1)
        ),
        12,
        30,
    )
    references = [sensitivity(z, g) for g in range(12)]
    ours = sum(of.value for of in references) / 12
    along, between = z.var(2).mean((0, 1)), z.var(0).mean((0, 1))
    assert ours == pytest.approx(float(along.sum() / between.sum()))
    squared = float((z.std(2).mean((0, 1)) ** 2).sum() / (z.std(0).mean((0, 1)) ** 2).sum())
    assert (squared == pytest.approx(ours)) is alike
    assert squared <= ours + 1e-9


def test_they_are_blind_to_a_rotation_of_a_perfect_code_and_ours_is_not():
    turned = AXES @ orthogonal(5, 3).T
    targets = {"a": A, "b": B}
    for score in (
        lambda z: attribute_gap(z, A),
        lambda z: information_gap(binned(z), binned(A[:, 0])),
        lambda z: dci_disentanglement(importances(z)(targets)),
    ):
        assert score(AXES) > 0.9
        assert score(turned) < 0.5
    assert linear_cka(AXES, A) == pytest.approx(linear_cka(turned, A))


def test_cka_is_that_of_centred_grams():
    x, y = torch.cat([A, B, NOISE], 1)[:200], torch.cat([A, A * B], 1)[:200]
    centring = torch.eye(200, dtype=torch.float64) - 1 / 200
    k, m = centring @ x @ x.T @ centring, centring @ y @ y.T @ centring
    assert linear_cka(x, y) == pytest.approx(float((k * m).sum() / (k.norm() * m.norm())))
    assert linear_cka(x, 3 * x @ orthogonal(5, 1) + 7) == pytest.approx(1)


def swept(f, steps=24, identities=40):
    return sj.Sweeps.from_function(f, FACTORS[:1], identities, steps=steps, joint=1).values["rotation"]


def test_d_lsbd_is_0_for_a_circle_of_any_frequency_and_1_for_noise():
    def turning(frequency):
        return lambda who, pose: torch.cat([(frequency * pose[:, :1]).sin(), 3 * (frequency * pose[:, :1]).cos()], 1)

    for frequency in (1, 3):
        assert d_lsbd(swept(turning(frequency)), FIRST).value == pytest.approx(0, abs=1e-12)
    assert d_lsbd(swept(noise(6)), FIRST).value > 0.9
    null = d_lsbd_by_chance(swept(noise(6)), FIRST)
    low, high = null.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    assert low <= d_lsbd(swept(noise(6)), FIRST).value <= high < 1  # against 1 noise was always told to turn a little
    assert float(d_lsbd_by_chance(swept(turning(1)), FIRST).min()) > 0.5
    # Blind to all planes but the leading one: of eight blocks it sees one, and a warped second plane changes nothing.
    blocks = multiplicative(40)
    warped = swept(lambda who, pose: torch.cat([9 * blocks(who, pose)[:, :2], 0.1 * (2 * pose[:, :1].sin()).tan()], 1))
    assert d_lsbd(warped, FIRST).value < 0.01
    with pytest.raises(NotIdentifiable):
        d_lsbd(swept(lambda who, pose: pose[:, :1].sin()), FIRST)


def test_the_lie_derivative_of_a_circle_is_its_radius_squared():
    still = contents(40, 3, 0)
    sweep = swept(lambda who, pose: torch.cat([2 * pose[:, :1].sin(), 2 * pose[:, :1].cos(), still[who]], 1), 25)
    step = 2 * math.pi / 25
    found = lie_derivative(sweep, 12, step)
    expected = (2 * math.sin(step) / step) ** 2 / float((still - still.mean(0)).square().sum() / 39)
    assert found.value == pytest.approx(expected)
    with pytest.raises(NotIdentifiable, match="end of the range"):
        lie_derivative(sweep, 0, step)


def test_the_block_answers_with_intervals_and_nulls():
    sweeps = sj.Sweeps.from_function(additive(64), FACTORS, 64, steps=9, base_poses=2, joint=10)
    alone = dict(skip=[name for name in BLOCKS if name != "literature"], ideals=False)
    found = sj.diagnose(sweeps, **alone)
    for name in ("cka", "sap", "mig", "dci_completeness"):
        estimate = found["axis_scores"][name, "translate_x"]
        assert estimate.interval[0] <= estimate.value <= estimate.interval[1]
        assert estimate.null_interval is not None
    informative = found["axis_scores"]["dci_informativeness", "translate_x"]
    assert informative.value > 0.99
    assert informative.null_interval[1] < 0.1
    assert informative.verdict == found["axis_scores"]["cka", "translate_x"].verdict == "above its null"
    assert found["d_lsbd"]["rotation"].value == pytest.approx(0, abs=1e-9)
    assert found["lie_derivative"]["rotation"].value > 0
    still = sj.Sweeps.from_function(noise(8), FACTORS, 64, steps=9, base_poses=2, joint=10)
    verdicts = [e.verdict for e in sj.diagnose(still, **alone)["axis_scores"].values()]
    assert verdicts.count("at its null") >= len(verdicts) - 2


@pytest.mark.parametrize("offset", [0.0, 0.1, 1e8])
def test_a_constant_has_no_score(offset):
    """It had a completeness of 1, from weights that were rounding."""
    sweeps = sj.Sweeps.from_function(
        lambda who, _: torch.full((len(who), 6), offset).double(), FACTORS, 24, steps=9, base_poses=1, joint=6
    )
    for of in sj.diagnose(
        sweeps, skip=[name for name in BLOCKS if name != "literature"], ideals=False
    ).estimates.values():
        assert {e.value for e in of.values()} == {None}
