import math

import pytest
import torch

from seqjepa.diagnostics import effective_rank
from seqjepa.diagnostics.measures.health import RANKS

KINDS = ("sigma_participation", "rankme", "eigen_entropy", "participation", "stable")


def with_singular_values(sigma, rows=50):
    """Centred codes with these singular values, in random directions."""
    random = torch.Generator().manual_seed(0)
    k = len(sigma)
    ones = torch.ones(rows, 1, dtype=torch.float64)
    left = torch.linalg.qr(torch.cat([ones, torch.randn(rows, k, generator=random, dtype=torch.float64)], 1)).Q[:, 1:]
    right = torch.linalg.qr(torch.randn(k + 3, k, generator=random, dtype=torch.float64)).Q
    return left @ torch.diag(torch.tensor(sigma, dtype=torch.float64)) @ right.T


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 4, 9])
def test_k_equal_directions_have_rank_k(kind, k):
    assert effective_rank(with_singular_values([2.5] * k), kind) == pytest.approx(k)


def test_each_kind_by_hand():
    z = with_singular_values([3.0, 1.0])
    assert effective_rank(z, "sigma_participation") == pytest.approx(16 / 10)
    assert effective_rank(z, "participation") == pytest.approx(100 / 82)
    assert effective_rank(z, "stable") == pytest.approx(10 / 9)
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert effective_rank(z, "rankme") == pytest.approx(math.exp(entropy))
    entropy = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    assert effective_rank(z, "eigen_entropy") == pytest.approx(math.exp(entropy))


@pytest.mark.parametrize("kind", KINDS)
def test_a_mean_offset_counts_only_without_centring(kind):
    z = with_singular_values([1.0, 1.0, 1.0])
    moved = z + 1000
    assert effective_rank(moved, kind, centre=True) == pytest.approx(3, rel=1e-6)
    assert effective_rank(moved, kind, centre=False) < 1.02


@pytest.mark.parametrize("kind", KINDS)
def test_rankme_alone_is_not_centred_unless_told(kind):
    moved = with_singular_values([1.0, 1.0, 1.0]) + 1000
    assert effective_rank(moved, kind) == effective_rank(moved, kind, centre=kind != "rankme")
    assert RANKS[kind] == (kind != "rankme")


@pytest.mark.parametrize("kind", KINDS)
def test_scale_and_orthogonal_maps_change_nothing(kind):
    z = with_singular_values([3.0, 2.0, 0.5])
    q = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)).Q
    assert effective_rank(7 * z @ q, kind) == pytest.approx(effective_rank(z, kind))


def test_a_collapsed_code_has_rank_0():
    assert effective_rank(torch.full((20, 5), 0.3)) == 0
    assert effective_rank(torch.zeros(20, 5), centre=False) == 0


def test_an_unknown_kind_is_named():
    with pytest.raises(Exception, match="sigma_participation"):
        effective_rank(torch.randn(5, 3), "entropy")
