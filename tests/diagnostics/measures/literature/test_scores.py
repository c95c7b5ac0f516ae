"""Scores of the literature against their formulas, libraries and codes whose score is known."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from sklearn.feature_selection import r_regression
from sklearn.metrics import mutual_info_score

import seqjepa as sj
from seqjepa.diagnostics.assembly import BLOCKS
from seqjepa.diagnostics.measures.literature.axis_scores import (
    attribute_gap,
    binned,
    dci_completeness,
    dci_disentanglement,
    importances,
    information_gap,
)
from seqjepa.diagnostics.measures.literature.group_scores import d_lsbd, d_lsbd_by_chance, lie_derivative, linear_cka
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
    found = sj.diagnose(sweeps, skip=[name for name in BLOCKS if name != "literature"])
    for name in ("cka", "sap", "mig", "dci_completeness"):
        estimate = found["axis_scores"][name, "translate_x"]
        assert estimate.interval[0] <= estimate.value <= estimate.interval[1]
        assert estimate.null_interval is not None
    assert found["axis_scores"]["cka", "translate_x"].verdict == "above its null"
    assert found["d_lsbd"]["rotation"].value == pytest.approx(0, abs=1e-9)
    assert found["lie_derivative"]["rotation"].value > 0
    still = sj.Sweeps.from_function(noise(8), FACTORS, 64, steps=9, base_poses=2, joint=10)
    verdicts = [
        e.verdict for e in sj.diagnose(still, skip=[n for n in BLOCKS if n != "literature"])["axis_scores"].values()
    ]
    assert verdicts.count("at its null") >= len(verdicts) - 2
