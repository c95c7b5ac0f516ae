import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.metrics import r2_score

from seqjepa.diagnostics import ridge_probe
from seqjepa.diagnostics.measures.ridge import PENALTIES, r2, solve_ridge
from seqjepa.types import InputError


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
    spread = float((x[train] - x[train].mean(0)).square().sum() / 30)
    both = torch.cat([x[train], x[validation]]).numpy()
    split = [(np.arange(20), np.arange(20, 40))]
    for column in range(2):
        target = torch.cat([y[train], y[validation]])[:, column].numpy()
        search = RidgeCV(alphas=[p * spread for p in PENALTIES], cv=split, scoring="neg_mean_squared_error").fit(
            both, target
        )
        assert search.alpha_ == pytest.approx(float(probe.penalty[column]) * spread)


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
