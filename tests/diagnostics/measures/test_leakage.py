"""Probes and the leakage matrix, against representations whose answer is known and scikit-learn."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from seqjepa.diagnostics import probe_class, probe_factors
from seqjepa.diagnostics.context import split_identities
from seqjepa.diagnostics.measures.bootstrap import Ratio
from seqjepa.diagnostics.measures.leakage import between_identities, doubted, readable_drop
from seqjepa.diagnostics.measures.probes import INVERSE_PENALTIES, PROBES, Rows, probe_classes, probe_values
from seqjepa.sweeps import Sweeps
from seqjepa.types import Factor, NotIdentifiable
from tests.ground_truths import FACTORS, additive, contents, noise

I, J = 100, 10  # noqa: E741
PARTS = split_identities(I, 0)


def joint_of(f):
    sweeps = Sweeps.from_function(f, FACTORS, I, steps=5, base_poses=1, joint=J)
    targets = {x.name: x.kind.target(sweeps.joint_values[..., i : i + 1]) for i, x in enumerate(FACTORS)}
    return sweeps.joint, targets


def test_identities_are_split_40_10_50_and_no_identity_twice():
    train, validation, test = split_identities(200, 3)
    assert (train.sum(), validation.sum(), test.sum()) == (80, 20, 100)
    assert ((train.int() + validation.int() + test.int()) == 1).all()
    assert not torch.equal(train, split_identities(200, 4)[0])


@pytest.mark.parametrize("probe_name", PROBES)
def test_s1_every_factor_is_read_from_the_whole_code(probe_name):
    joint, targets = joint_of(additive(I, content_dim=2))
    results = probe_factors(joint, targets, PARTS, probe_name)
    least = {"linear": 0.999, "knn": 0.3, "mlp": 0.8}[probe_name]
    assert all(result.score.value > least for result in results.values())


@pytest.mark.parametrize("probe_name", PROBES)
def test_s3_and_s4_nothing_is_read_from_content_or_noise(probe_name):
    still = contents(I, 6, 0)
    for f in (lambda who, pose: still[who], noise(6)):
        joint, targets = joint_of(f)
        for result in probe_factors(joint, targets, PARTS, probe_name).values():
            assert result.score.interval()[0] < float(result.null.quantile(0.975))
            assert result.score.value < 0.03


def test_the_null_is_what_permuted_identities_score():
    joint, targets = joint_of(noise(6))
    for result in probe_factors(joint, targets, PARTS, "linear").values():
        assert -0.1 < result.null.median() < 0
        assert result.null.quantile(0.975) < 0.05


def test_splitting_by_view_would_flatter():
    """Mutation: rows of one identity on both sides. The factor follows the identity, so memory passes for result."""
    random = torch.Generator().manual_seed(0)
    codes = contents(I, 60, 1)[:, None] + 0.1 * torch.randn(I, J, 60, generator=random, dtype=torch.float64)
    target = contents(I, 1, 2)[:, None].expand(I, J, 1)
    by_identity = probe_factors(codes, {"factor": target}, PARTS, "linear")["factor"].score.value
    view = torch.arange(I * J) % J
    rows = Rows(view < 4, view == 4, view > 4)
    read = probe_values("linear", codes.flatten(0, 1), target.flatten(0, 1), rows)
    true = target.flatten(0, 1)[rows.test]
    by_view = 1 - float((read - true).square().sum() / (true - true.mean(0)).square().sum())
    assert by_view > 0.4
    assert by_identity < 0.1


@pytest.mark.parametrize("probe_name", PROBES)
def test_the_class_is_read_where_it_is_and_at_chance_where_it_is_not(probe_name):
    labels = torch.randint(4, (I,), generator=torch.Generator().manual_seed(1))
    means, random = 6 * torch.eye(4, dtype=torch.float64), torch.Generator().manual_seed(3)
    codes = means[labels][:, None] + torch.randn(I, J, 4, generator=random, dtype=torch.float64)
    assert probe_class(codes, labels, PARTS, probe_name).score.value > 0.95
    blind = probe_class(torch.randn(I, J, 4, generator=random, dtype=torch.float64), labels, PARTS, probe_name)
    assert blind.score.value == pytest.approx(0.25, abs=0.1)
    assert blind.null.median() == pytest.approx(float(labels[PARTS[2]].bincount().max()) / 50)


@pytest.mark.parametrize("size", [1.0, 0.2, 0.05, 0.02])
def test_a_class_in_one_quiet_dimension_is_read_as_scikit_learn_reads_it(size):
    codes, random = contents(400, 20, 6), torch.Generator().manual_seed(5)
    labels = (torch.rand(400, generator=random) > 0.5).long()
    codes[:, 0] = (2.0 * labels - 1) * size
    rows = Rows(
        torch.arange(400) < 200, (torch.arange(400) >= 200) & (torch.arange(400) < 250), torch.arange(400) >= 250
    )
    unpenalised = LogisticRegression(C=1e6, max_iter=1000).fit(codes[rows.train].numpy(), labels[rows.train].numpy())
    expected = unpenalised.score(codes[rows.test].numpy(), labels[rows.test].numpy())
    assert expected > 0.99
    assert (probe_classes("linear", codes, labels, rows) == labels[rows.test]).double().mean() >= expected


def test_linear_classes_are_as_good_as_scikit_learns_best_penalty():
    labels, random = torch.arange(400) % 3, torch.Generator().manual_seed(4)
    codes = contents(3, 5, 5)[labels] + torch.randn(400, 5, generator=random, dtype=torch.float64)
    parts = split_identities(400, 0)
    read = probe_classes("linear", codes, labels, parts)
    x = codes.numpy()
    fits = [LogisticRegression(C=c, max_iter=1000).fit(x[parts.train], labels[parts.train]) for c in INVERSE_PENALTIES]
    best = max(fit.score(x[parts.test], labels[parts.test]) for fit in fits)
    assert (read == labels[parts.test]).double().mean() > best - 0.02


def test_s12_values_that_follow_the_identities_are_seen():
    free = contents(I * J, 1, 0).reshape(I, J, 1)
    assert between_identities(free) == pytest.approx(1 / J, abs=0.05)
    bound = contents(I, 1, 1)[:, None].expand(I, J, 1)
    assert between_identities(bound) == pytest.approx(1)


def test_targets_of_a_circle_and_of_a_ratio():
    angle = Factor("rotation", -180, 180, "deg", 360.0).kind.target(torch.tensor([[[0.0], [90.0]]]))
    torch.testing.assert_close(angle, torch.tensor([[[0.0, 1.0], [1.0, 0.0]]]).double(), atol=1e-9, rtol=0)
    ratio = Factor("scale", 0.5, 2, "ratio", None, True).kind.target(torch.tensor([[[1.0], [2.0]]]))
    torch.testing.assert_close(ratio, torch.tensor([[[0.0], [0.6931471806]]]).double())


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: probe_class(torch.randn(I, J, 3), torch.full((I,), -1), PARTS, "linear"), "no labels"),
        (lambda: probe_class(torch.randn(I, J, 3), torch.zeros(I).long(), PARTS, "linear"), "all the same one"),
        (lambda: probe_class(torch.randn(I, 0, 3), torch.arange(I), PARTS, "linear"), "no joint design"),
        (lambda: probe_factors(torch.randn(I, 0, 3), {}, PARTS, "linear"), "no joint design"),
    ],
)
def test_what_cannot_be_answered_is_said(call, says):
    with pytest.raises(NotIdentifiable, match=says):
        call()


@pytest.mark.parametrize("accuracy", [0.7, 0.95])
def test_the_interval_of_an_accuracy_of_few_identities_covers(accuracy):
    random = torch.Generator().manual_seed(0)
    covered = 0
    for _ in range(100):
        right = (torch.rand(12, generator=random) < accuracy).double()
        low, high = doubted(Ratio(right, torch.ones(12))).interval()
        covered += low <= accuracy <= high
    assert covered >= 90


def test_no_more_is_lost_than_was_read_in_any_resample():
    """A rest that predicts worse than the mean, R² −3, has nothing, and not less than nothing."""
    random = torch.Generator().manual_seed(0)
    total = 1 + torch.rand(32, generator=random, dtype=torch.float64)
    whole = Ratio((0.4 + 0.2 * torch.rand(32, generator=random, dtype=torch.float64)) * total, total)
    found = readable_drop(whole, Ratio(-3 * total, total))
    assert found.value == pytest.approx(whole.value)
    assert torch.allclose(found.draws, readable_drop(whole, Ratio(0 * total, total)).draws)
    assert float(found.draws.max()) < 1
