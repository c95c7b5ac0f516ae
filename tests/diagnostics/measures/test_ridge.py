import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression, Ridge, RidgeCV
from sklearn.metrics import r2_score

from seqjepa.diagnostics import ridge_probe
from seqjepa.diagnostics.measures.principal import rounding_of, without_rounding
from seqjepa.diagnostics.measures.ridge import PROBE_PENALTIES, r2, solve_ridge
from seqjepa.types import InputError
from tests.ground_truths import contents, orthogonal


def problem(rows=90, dim=7, noise=0.5, seed=0):
    random = torch.Generator().manual_seed(seed)
    x = (
        torch.randn(rows, dim, generator=random, dtype=torch.float64) * torch.linspace(0.2, 3, dim, dtype=torch.float64)
        + 4
    )
    y = x @ torch.randn(dim, 2, generator=random, dtype=torch.float64) + 1
    return x, y + noise * torch.randn(rows, 2, generator=random, dtype=torch.float64)


def thirds(rows=90):
    part = torch.arange(rows) % 3
    return part == 0, part == 1, part == 2


@pytest.mark.parametrize("penalty", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize("dim", [7, 120])
def test_weights_equal_scikit_learns(penalty, dim):
    x, y = problem(dim=dim)
    weights, intercept = solve_ridge(x, y, torch.tensor([penalty]))
    expected = Ridge(alpha=penalty).fit(x.numpy(), y.numpy())
    np.testing.assert_allclose(weights[0].T.numpy(), expected.coef_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(intercept[0].numpy(), expected.intercept_, rtol=1e-6)


def test_the_penalty_chosen_equals_that_of_ridgecv_on_the_same_split():
    x, y = problem(rows=60, dim=30, noise=4.0)
    train, validation, test = thirds(60)
    probe = ridge_probe(x, y, train, validation, test)
    variance = float((x[train] - x[train].mean(0)).square().sum() / 30)
    both = torch.cat([x[train], x[validation]]).numpy()
    split = [(np.arange(20), np.arange(20, 40))]
    alphas = [p * variance for p in PROBE_PENALTIES if 1e-8 < p < 1e6]
    chosen = []
    for column in range(2):
        target = torch.cat([y[train], y[validation]])[:, column].numpy()
        search = RidgeCV(alphas=alphas, cv=split, scoring="neg_mean_squared_error").fit(both, target)
        read = Ridge(alpha=search.alpha_).fit(x[train].numpy(), y[train][:, column].numpy()).predict(x[test].numpy())
        if not probe.penalty[column].isnan():  # on the representation's own directions
            chosen.append(column)
            assert search.alpha_ == pytest.approx(float(probe.penalty[column]) * variance)
            np.testing.assert_allclose(probe.predicted[:, column].numpy(), read, rtol=1e-6)
    assert chosen


def test_where_every_answer_is_worse_than_none_it_says_the_mean():
    x, y = problem()
    train, validation, test = thirds()
    y[validation] = 2 * y[train].mean(0) - y[validation]  # moves the other way
    probe = ridge_probe(x, y, train, validation, test)
    assert probe.penalty.isinf().all()
    torch.testing.assert_close(probe.predicted, y[train].mean(0).expand(30, -1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("loud", [1.0, 1e2, 1e4])
@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_a_quiet_direction_is_read_as_least_squares_reads_it(loud, offset):
    x, y = contents(90, 10, 0), contents(90, 2, 1)
    x = torch.cat([loud * x, y], 1) @ orthogonal(12, 2) + offset
    train, validation, test = thirds()
    expected = LinearRegression().fit(x[train].numpy(), y[train].numpy())
    least = r2_score(y[test].numpy(), expected.predict(x[test].numpy()))
    found = ridge_probe(x, y, train, validation, test)
    assert least > 0.999
    assert found.r2.min() > 0.999


def test_a_quiet_direction_among_more_dimensions_than_rows():
    """Penalties on the representation's own directions do not read it at all, on whitened ones in part."""
    who, spectrum = torch.arange(64 * 20) // 20, torch.arange(1, 513, dtype=torch.float64) ** -0.5
    y = contents(len(who), 8, 1)
    x = 5 * spectrum * (contents(64, 512, 0)[who] + 0.3 * contents(len(who), 512, 3))
    x[:, -8:] = 0.05 * y
    parts = who < 25, (who >= 25) & (who < 32), who >= 32
    assert int(parts[0].sum()) < 512
    mean = x[parts[0]].mean(0)
    plain = [Ridge(alpha=10.0**e).fit((x - mean)[parts[0]].numpy(), y[parts[0]].numpy()) for e in range(-8, 8)]
    best = max(r2_score(y[parts[2]].numpy(), fit.predict((x - mean)[parts[2]].numpy())) for fit in plain)
    assert best < 0.05
    assert ridge_probe(x, y, *parts).r2.mean() > 0.1


def test_the_path_ends_at_least_squares_and_at_the_constant():
    x, y = problem()
    train, validation, test = thirds()
    exact = ridge_probe(x, x[:, :2], train, validation, test)
    assert (exact.penalty < 1e-6).all()
    blind = ridge_probe(x * 0 + 1e8, y, train, validation, test)
    assert blind.penalty.isinf().all()
    torch.testing.assert_close(blind.predicted, y[train].mean(0).expand(len(blind.predicted), -1))


@pytest.mark.parametrize("dim", [6, 60])
def test_turning_the_representation_changes_nothing(dim):
    x, y = problem(dim=dim)
    there = ridge_probe(x, y, *thirds())
    turned = ridge_probe(x @ orthogonal(dim, 3), y, *thirds())
    torch.testing.assert_close(there.predicted, turned.predicted, atol=1e-9, rtol=0)


@pytest.mark.parametrize("offset", [0.0, 3.0, 1e8])
def test_rounding_is_not_read(offset):
    """The rest of a projection that leaves nothing, and a constant with an offset: the constant's answer."""
    pose = contents(90, 1, 1)
    codes = torch.cat([pose, torch.zeros(90, 5, dtype=torch.float64)], 1) @ orthogonal(6, 2)[:, :6] + offset
    u = torch.linalg.svd(codes - codes.mean(0)).Vh[:1].T
    rest = without_rounding((codes - codes @ u @ u.T)[:, None], rounding_of(codes))
    assert ridge_probe(rest[:, 0], pose, *thirds()).penalty.isinf().all()


def test_r2_equals_scikit_learns_and_is_not_a_number_for_a_constant():
    x, y = problem()
    train, validation, test = thirds()
    probe = ridge_probe(x, y, train, validation, test)
    expected = r2_score(y[test].numpy(), probe.predicted.numpy(), multioutput="raw_values")
    np.testing.assert_allclose(probe.r2.numpy(), expected, rtol=1e-6)
    constant = torch.cat([y, torch.ones(90, 1)], 1)
    assert ridge_probe(x, constant, train, validation, test).r2[2].isnan()
    assert r2(torch.zeros(4, 1), torch.ones(4, 1)).isnan().all()


def test_noise_is_not_readable():
    x, y = problem()
    y = torch.randn(y.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    assert ridge_probe(x, y, *thirds()).r2.max() < 0.1


def test_a_split_by_view_flatters():
    """Mutation: split by view for split by identity. Targets that belong to the identity look readable."""
    random = torch.Generator().manual_seed(1)
    who = torch.arange(240) // 8
    x = torch.randn(30, 40, generator=random)[who] + 0.01 * torch.randn(240, 40, generator=random)
    y = torch.randn(30, 1, generator=random)[who]
    by_identity = [who % 3 == part for part in range(3)]
    by_view = [torch.arange(240) % 3 == part for part in range(3)]
    assert ridge_probe(x, y, *by_view).r2 > 0.9
    assert ridge_probe(x, y, *by_identity).r2 < 0.3


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ([[1, 1, 0], [1, 0, 0], [0, 0, 1]], "different ones"),
        ([[1, 1, 0], [0, 0, 0], [0, 0, 1]], "to train, to validate and to test"),
    ],
)
def test_parts_must_be_apart(parts, says):
    with pytest.raises(InputError, match=says):
        ridge_probe(torch.randn(3, 2), torch.randn(3, 1), *torch.tensor(parts).bool())


def test_a_quiet_factor_between_loud_content_and_quieter_noise_needs_a_small_penalty():
    """Least squares fits the noise, and a penalty of a millionth of the mean variance hides the factor."""
    random = torch.Generator().manual_seed(0)
    factor, loud = torch.randn(2, 460, 1, generator=random, dtype=torch.float64)
    noise = torch.randn(460, 40, generator=random, dtype=torch.float64)
    target = factor + 0.5 * torch.randn(460, 1, generator=random, dtype=torch.float64)
    rows = torch.arange(460)
    codes = torch.cat([loud, 1e-4 * factor, 1e-6 * noise], 1)
    found = ridge_probe(codes, target, rows < 60, (rows >= 60) & (rows < 160), rows >= 160)
    assert found.r2.item() > 0.7  # 0.8 is what the target's own noise leaves
    assert 1e-13 < found.penalty.item() < 1e-7
